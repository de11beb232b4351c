"""The Ollama SDK as the plugins' tests see it."""

from __future__ import annotations

from importlib.metadata import version
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import ollama

PACKAGE = "ollama"
VERSION = version("ollama")
MODEL = "llama3.2"
REQUEST_ID = ""
TARGETS = ["ollama._client:Client._request", "ollama._client:AsyncClient._request"]
OPERATIONS = {
    "/api/chat": "chat",
    "/api/generate": "text_completion",
    "/api/embed": "embeddings",
    "/api/embeddings": "embeddings",
}


def client(asynchronous: bool, url: str, **options: Any) -> Any:
    return (ollama.AsyncClient if asynchronous else ollama.Client)(host=url, **options)


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


def tool(name: str, description: str, city: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"type": "string", "enum": [city]}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def value(client: Any, text: str, **more: Any) -> Any:
    return client.chat(**chat(text, **more))


def stream(client: Any, text: str, **more: Any) -> Any:
    return value(client, text, stream=True, **more)


async def _chat(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    return await world.value(stream(client, text, **more))


async def _generate(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    return await world.value(client.generate(**{"model": MODEL, "prompt": text, "stream": True, **more}))


FORMS = {"create": _chat, "generate": _generate}
"""The ways to a stream."""

MANAGED: set[str] = set()
"""Those in which a context manager holds the stream: it cannot be dropped inside it."""

TYPES = dict.fromkeys(FORMS, (GeneratorType, AsyncGeneratorType))


def text_of(item: Any) -> str:
    """The text that one item of a stream brings."""
    return item.message.content if isinstance(item, ollama.ChatResponse) else item.response


def expected(exchange: Any) -> dict[str, Any]:
    """What a record has to say, read from the request and the bytes of the answer."""
    asked, said = exchange.request, exchange.said
    said = _whole(said) if isinstance(said, list) else said
    system = asked.get("system")
    return {
        "gen_ai.operation.name": OPERATIONS[exchange.call.path],
        "gen_ai.request.model": asked["model"],
        "gen_ai.request.max_tokens": asked.get("options", {}).get("num_predict"),
        "gen_ai.request.stop_sequences": asked.get("options", {}).get("stop"),
        "gen_ai.system_instructions": [{"type": "text", "content": system}] if system else None,
        "gen_ai.tool.definitions": [tool["function"]["name"] for tool in asked.get("tools") or ()] or None,
        "gen_ai.input.messages": _asked(asked),
        "gen_ai.output.messages": _parts(
            said.get("message") or {"role": "assistant", "content": said.get("response"), "thinking": said.get("thinking")}
        ),
        "gen_ai.response.model": said.get("model"),
        "gen_ai.response.finish_reasons": [said["done_reason"]] if "done_reason" in said else None,
        "gen_ai.usage.input_tokens": said.get("prompt_eval_count"),
        "gen_ai.usage.output_tokens": said.get("eval_count"),
    }


def _asked(asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    if "messages" in asked:
        return [part for message in asked["messages"] for part in _parts(message)]
    given = asked.get("input", asked.get("prompt"))
    return [("user", "text", text) for text in ([given] if isinstance(given, str) else given)]


def _parts(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    role = message["role"]
    if role == "tool":
        return [(role, "tool_call_response", None, message["content"])]
    flat: list[tuple[Any, ...]] = []
    if message.get("thinking"):
        flat.append((role, "reasoning", message["thinking"]))
    if message.get("content"):
        flat.append((role, "text", message["content"]))
    for call in message.get("tool_calls") or ():
        flat.append((role, "tool_call", call.get("id"), call["function"]["name"], call["function"]["arguments"]))  # noqa: PERF401
    return flat


def _whole(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that lines add up to, written again and only for what the provider sends."""
    whole = dict(lines[-1])
    if "response" in whole:
        thinking = "".join(line.get("thinking") or "" for line in lines)
        whole["message"] = {"role": "assistant", "content": "".join(line["response"] for line in lines), "thinking": thinking}
        return whole
    messages = [line["message"] for line in lines]
    whole["message"] = {
        "role": "assistant",
        "content": "".join(message["content"] for message in messages),
        "thinking": "".join(message.get("thinking") or "" for message in messages),
        "tool_calls": [call for message in messages for call in message.get("tool_calls") or ()],
    }
    return whole
