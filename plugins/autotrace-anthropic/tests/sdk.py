"""The Anthropic SDK as the plugins' tests see it."""

from __future__ import annotations

import json
from typing import Any

import anthropic

PACKAGE = "anthropic"
PROVIDER = None  # unknown: the tests' provider is at a host that is in no table
VERSION = anthropic.__version__
MODEL = "claude-haiku-4-5"
REQUEST_ID = "request-id"
TARGETS = [
    "anthropic._base_client:SyncAPIClient.request",
    "anthropic._base_client:AsyncAPIClient.request",
    "anthropic.lib.tools._beta_runner:BaseSyncToolRunner.__run__",
    "anthropic.lib.tools._beta_runner:BaseAsyncToolRunner.__run__",
    "anthropic.lib.tools._beta_runner:BaseSyncToolRunner._run_tool",
    "anthropic.lib.tools._beta_runner:BaseAsyncToolRunner._run_tool",
]


def client(asynchronous: bool, url: str, **options: Any) -> Any:
    make = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
    return make(**{"base_url": url, "api_key": "sk-ant-test", "max_retries": 0, **options})


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}


def tool(name: str, description: str, city: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"enum": [city]}}, "required": ["city"]}
    return {"name": name, "description": description, "input_schema": schema}


def value(client: Any, text: str, **more: Any) -> Any:
    return client.messages.create(**chat(text, **more))


def stream(client: Any, text: str, **more: Any) -> Any:
    return value(client, text, stream=True, **more)


async def _create(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    return await world.value(stream(client, text, **more))


async def _helper(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    return await stack.enter_async_context(world.entered(client.messages.stream(**chat(text, **more))))


async def _beta_helper(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    return await stack.enter_async_context(world.entered(client.beta.messages.stream(**chat(text, **more))))


async def _text(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    return (await _helper(world, stack, client, text, **more)).text_stream


async def _raw(world: Any, _: Any, client: Any, text: str, **more: Any) -> Any:
    raw = await world.value(client.messages.with_raw_response.create(**chat(text, stream=True, **more)))
    return await world.value(raw.parse())


async def _streaming(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    manager = client.messages.with_streaming_response.create(**chat(text, stream=True, **more))
    return await world.value((await stack.enter_async_context(world.entered(manager))).parse())


async def _lines(world: Any, stack: Any, client: Any, text: str, **more: Any) -> Any:
    manager = client.messages.with_streaming_response.create(**chat(text, stream=True, **more))
    return (await stack.enter_async_context(world.entered(manager))).iter_lines()


FORMS = {
    "create": _create,
    "helper": _helper,
    "beta-helper": _beta_helper,
    "text": _text,
    "raw": _raw,
    "streaming": _streaming,
    "lines": _lines,
}
"""The ways to a stream."""

MANAGED = {"helper", "beta-helper", "text", "streaming", "lines"}
"""Those in which a context manager holds the stream: it cannot be dropped inside it."""

PLAIN = anthropic.Stream, anthropic.AsyncStream
TYPES = {
    "create": PLAIN,
    "helper": (anthropic.MessageStream, anthropic.AsyncMessageStream),
    "beta-helper": (anthropic.BetaMessageStream, anthropic.BetaAsyncMessageStream),
    "raw": PLAIN,
    "streaming": PLAIN,
}


def text_of(item: Any) -> str:
    """The text that one item of a stream, of whatever form, brings."""
    if isinstance(item, str):  # a line, or a text
        if item.startswith(("event:", "data:")) or not item:
            event = json.loads(item[6:]) if item.startswith("data: {") else {}
            return (event.get("delta") or {}).get("text") or ""
        return item
    return getattr(item.delta, "text", "") if item.type == "content_block_delta" else ""


def expected(exchange: Any) -> dict[str, Any]:
    """What a record has to say, read from the request and the bytes of the answer."""
    asked = exchange.request
    path = exchange.call.path
    base = {
        "gen_ai.operation.name": "count_tokens" if path.endswith("/count_tokens") else "chat",
        "gen_ai.request.model": asked["model"],
    }
    if path.endswith("/count_tokens"):
        return {**base, "gen_ai.input.messages": [], "gen_ai.output.messages": []}
    said = _whole(exchange.said) if isinstance(exchange.said, list) else exchange.said
    usage = said["usage"]
    read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    system = asked.get("system")
    return {
        **base,
        "gen_ai.request.max_tokens": asked["max_tokens"],
        "gen_ai.request.stop_sequences": asked.get("stop_sequences"),
        "gen_ai.system_instructions": [{"type": "text", "content": system}] if system else None,
        "gen_ai.tool.definitions": [tool["name"] for tool in asked.get("tools", ())] or None,
        "gen_ai.input.messages": [part for one in asked["messages"] for part in _parts(one["role"], one["content"])],
        "gen_ai.output.messages": _parts("assistant", said["content"]),
        "gen_ai.response.id": said["id"],
        "gen_ai.response.model": said["model"],
        "gen_ai.response.finish_reasons": [said["stop_reason"]],
        "gen_ai.usage.input_tokens": usage["input_tokens"] + read + written,
        "gen_ai.usage.output_tokens": usage["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_write.input_tokens": written,
        "gen_ai.usage.reasoning.output_tokens": usage.get("output_tokens_details", {}).get("thinking_tokens"),
    }


def _parts(role: str, content: Any) -> list[tuple[Any, ...]]:
    flat: list[tuple[Any, ...]] = []
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if block["type"] == "tool_use":
            flat.append((role, "tool_call", block["id"], block["name"], block["input"]))
        elif block["type"] == "tool_result":
            answer = block["content"]
            if isinstance(answer, list):
                answer = [{"type": "text", "content": one["text"]} for one in answer]
            flat.append((role, "tool_call_response", block["tool_use_id"], answer))
        elif block["type"] == "thinking":
            flat.append((role, "reasoning", block["thinking"]))
        else:
            flat.append((role, "text", block["text"]))
    return flat


def _whole(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that events add up to, written again and only for what the provider sends."""
    whole: dict[str, Any] = {}
    for event in events:
        if event["type"] == "message_start":
            whole = {**event["message"], "content": []}
        elif event["type"] == "content_block_start":
            whole["content"].append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            block, delta = whole["content"][event["index"]], event["delta"]
            for key, into in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
                if key in delta:
                    block[into] += delta[key]
        elif event["type"] == "message_delta":
            whole.update(event["delta"])
            whole["usage"] = {**whole["usage"], **event["usage"]}
    for block in whole["content"]:
        if block["json"]:
            block["input"] = json.loads(block["json"])
    return whole
