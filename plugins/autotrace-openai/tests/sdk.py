"""The OpenAI SDK as the plugins' tests see it."""

from __future__ import annotations

import json
from typing import Any

import openai
from openai.lib.streaming.chat import AsyncChatCompletionStream, ChatCompletionStream
from openai.lib.streaming.responses import AsyncResponseStream, ResponseStream

PACKAGE = "openai"
PROVIDER = None  # unknown: the tests' provider is at a host that is in no table
VERSION = openai.__version__
MODEL = "gpt-4o"
REQUEST_ID = "x-request-id"
TARGETS = ["openai._base_client:SyncAPIClient.request", "openai._base_client:AsyncAPIClient.request"]
OPERATIONS = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
    "/moderations": "moderation",
    "/images/generations": "image_generation",
    "/audio/speech": "speech",
    "/audio/transcriptions": "transcription",
    "/files": "files",
    "/batches": "batches",
    "/responses/input_tokens": "count_tokens",
}


def client(asynchronous: bool, url: str, **options: Any) -> Any:
    make = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    return make(**{"base_url": url + "/v1", "api_key": "sk-test", "max_retries": 0, **options})


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


def tool(name: str, description: str, city: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"enum": [city]}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def value(client: Any, text: str, **more: Any) -> Any:
    return client.chat.completions.create(**chat(text, **more))


def stream(client: Any, text: str, **more: Any) -> Any:
    return value(client, text, stream=True, **more)


async def _create(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    return await world.value(stream(client, text, **more))


async def _helper(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    return await stack.enter_async_context(world.entered(client.chat.completions.stream(**chat(text, **more))))


async def _raw(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    raw = await world.value(client.chat.completions.with_raw_response.create(**chat(text, stream=True, **more)))
    return await world.value(raw.parse())


async def _streaming(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    manager = client.chat.completions.with_streaming_response.create(**chat(text, stream=True, **more))
    return await world.value((await stack.enter_async_context(world.entered(manager))).parse())


async def _lines(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    manager = client.chat.completions.with_streaming_response.create(**chat(text, stream=True, **more))
    return (await stack.enter_async_context(world.entered(manager))).iter_lines()


def _responses(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "input": text, **more}


async def _responses_create(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    return await world.value(client.responses.create(**_responses(text, stream=True, **more)))


async def _responses_helper(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    return await stack.enter_async_context(world.entered(client.responses.stream(**_responses(text, **more))))


FORMS = {
    "create": _create,
    "helper": _helper,
    "raw": _raw,
    "streaming": _streaming,
    "lines": _lines,
    "responses": _responses_create,
    "responses-helper": _responses_helper,
}
"""The ways to a stream."""

MANAGED = {"helper", "streaming", "lines", "responses-helper"}
"""Those in which a context manager holds the stream: it cannot be dropped inside it."""

PLAIN = openai.Stream, openai.AsyncStream
TYPES = {
    "create": PLAIN,
    "helper": (ChatCompletionStream, AsyncChatCompletionStream),
    "raw": PLAIN,
    "streaming": PLAIN,
    "responses": PLAIN,
    "responses-helper": (ResponseStream, AsyncResponseStream),
}


def text_of(item: Any) -> str:
    """The text that one item of a stream, of whatever form, brings."""
    if isinstance(item, str):  # a line
        item = json.loads(item[6:]) if item.startswith("data: {") else {}
        return "".join(choice["delta"].get("content") or "" for choice in item.get("choices", ()))
    kind = getattr(item, "type", "")
    if kind == "chunk" or getattr(item, "choices", None):
        chunk = getattr(item, "chunk", item)
        return "".join(choice.delta.content or "" for choice in chunk.choices)
    return item.delta if kind == "response.output_text.delta" else ""


def expected(exchange: Any) -> dict[str, Any]:
    """What a record has to say, read from the request and the bytes of the answer."""
    path = exchange.call.path.removeprefix("/v1").rsplit("?")[0]
    if "/deployments/" in path:
        path = "/" + path.split("/", 4)[4]
    asked, said = exchange.request, exchange.said
    base = {
        "gen_ai.operation.name": OPERATIONS[path],
        "gen_ai.request.model": asked.get("model"),
        "gen_ai.input.messages": _asked(asked) if path in INFERENCES or path == "/embeddings" else [],
        "gen_ai.output.messages": [],
    }
    if path == "/responses":
        return {**base, **_response(asked, said[-1]["response"] if isinstance(said, list) else said)}
    if path in INFERENCES:
        return {**base, **_completion(asked, _whole(said) if isinstance(said, list) else said)}
    said = (said[-1] if isinstance(said, list) else said) or {}
    usage = said.get("usage") or {}
    return {
        **base,
        "gen_ai.response.id": said.get("id"),
        "gen_ai.response.model": said.get("model"),
        "gen_ai.usage.input_tokens": usage.get("input_tokens", usage.get("prompt_tokens")),
        "gen_ai.usage.output_tokens": usage.get("output_tokens", usage.get("completion_tokens")),
    }


INFERENCES = ("/chat/completions", "/responses", "/completions")


def _asked(asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    flat: list[tuple[Any, ...]] = []
    given = asked.get("messages", asked.get("input", asked.get("prompt")))
    for one in [given] if isinstance(given, str) else given:
        message = {"role": "user", "content": one} if isinstance(one, str) else one
        if message["role"] == "tool":
            flat.append(("tool", "tool_call_response", message["tool_call_id"], message["content"]))
        elif message.get("content"):
            flat.append((message["role"], "text", message["content"]))
        flat += [("assistant", *_call(call)) for call in message.get("tool_calls", ())]
    return flat


def _call(call: dict[str, Any]) -> tuple[Any, ...]:
    held = call.get("function", call)
    return "tool_call", call.get("call_id", call["id"]), held["name"], json.loads(held["arguments"])


def _completion(asked: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    spoken: list[tuple[Any, ...]] = []
    for choice in said["choices"]:
        message = choice.get("message", {"content": choice.get("text")})
        spoken += [("assistant", "text", message["content"])] if message.get("content") else []
        spoken += [("assistant", *_call(call)) for call in message.get("tool_calls") or ()]
    usage = said.get("usage") or {}
    return {
        "gen_ai.request.max_tokens": asked.get("max_completion_tokens", asked.get("max_tokens")),
        "gen_ai.request.choice.count": asked.get("n"),
        "gen_ai.tool.definitions": [tool["function"]["name"] for tool in asked.get("tools", ())] or None,
        "gen_ai.response.id": said["id"],
        "gen_ai.response.model": said["model"],
        "gen_ai.response.finish_reasons": [choice["finish_reason"] for choice in said["choices"]],
        "gen_ai.usage.input_tokens": usage.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": usage.get("completion_tokens"),
        "gen_ai.usage.cache_read.input_tokens": usage.get("prompt_tokens_details", {}).get("cached_tokens"),
        "gen_ai.usage.reasoning.output_tokens": usage.get("completion_tokens_details", {}).get("reasoning_tokens"),
        "gen_ai.output.messages": spoken,
    }


def _whole(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The completion that chunks add up to, written again and only for what the provider sends."""
    choices: dict[int, dict[str, Any]] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            new = {"message": {"content": "", "tool_calls": []}, "finish_reason": None}
            whole = choices.setdefault(choice["index"], new)
            delta = choice.get("delta", {"content": choice.get("text")})
            whole["message"]["content"] += delta.get("content") or ""
            for call in delta.get("tool_calls", ()):
                calls = whole["message"]["tool_calls"]
                if "id" in call:
                    calls.append({**call, "function": dict(call["function"])})
                else:
                    calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
            whole["finish_reason"] = choice["finish_reason"] or whole["finish_reason"]
    return {"id": chunks[-1]["id"], "model": chunks[-1]["model"], "choices": list(choices.values()), "usage": usage}


def _response(asked: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    spoken: list[tuple[Any, ...]] = []
    for item in said["output"]:
        if item["type"] == "message":
            spoken += [("assistant", "text", part["text"]) for part in item["content"]]
        elif item["type"] == "reasoning":
            spoken += [("assistant", "reasoning", part["text"]) for part in item["summary"] or [{"text": ""}]]
        else:
            spoken.append(("assistant", *_call(item)))
    instructions = asked.get("instructions")
    return {
        "gen_ai.request.max_tokens": asked.get("max_output_tokens"),
        "gen_ai.system_instructions": [{"type": "text", "content": instructions}] if instructions else None,
        "gen_ai.tool.definitions": [tool["name"] for tool in asked.get("tools", ())] or None,
        "gen_ai.response.id": said["id"],
        "gen_ai.response.model": said["model"],
        "gen_ai.response.finish_reasons": [_reason(said)],
        "gen_ai.usage.input_tokens": said["usage"]["input_tokens"],
        "gen_ai.usage.output_tokens": said["usage"]["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": said["usage"]["input_tokens_details"]["cached_tokens"],
        "gen_ai.usage.cache_write.input_tokens": said["usage"]["input_tokens_details"]["cache_write_tokens"],
        "gen_ai.usage.reasoning.output_tokens": said["usage"]["output_tokens_details"]["reasoning_tokens"],
        "gen_ai.output.messages": spoken,
    }


def _reason(said: dict[str, Any]) -> str:
    """Why a Responses answer ended: one that calls tools is completed for them."""
    reason = (said["incomplete_details"] or {}).get("reason") or said["status"]
    calls = any(item["type"].endswith("_call") for item in said["output"])
    return "tool_calls" if reason == "completed" and calls else reason
