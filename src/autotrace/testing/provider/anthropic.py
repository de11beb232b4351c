"""Anthropic messages: content blocks, the events of a stream with cumulative usage, and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from autotrace.testing.provider.script import Ask, Said, Tool, deltas, say, text_of, tokens
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, json_answer, sse, sse_answer

__all__ = ["ANTHROPIC", "answer"]

_SNAPSHOTS = {
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
}
_STOP = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "refusal": "refusal", "filter": "refusal"}
_ERRORS = {
    "rate_limit": (
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 30,000 input tokens per minute.",
    ),
    "server": ("api_error", "Internal server error"),
    "overloaded": ("overloaded_error", "Overloaded"),
    "context": ("invalid_request_error", "prompt is too long: 200042 tokens > 200000 maximum"),
    "authentication": ("authentication_error", "invalid x-api-key"),
    "permission": ("permission_error", "Your API key does not have permission to use the specified resource."),
    "not_found": ("not_found_error", "Not found"),
    "invalid": ("invalid_request_error", "The request body is not valid JSON."),
}


def _served(model: str) -> str:
    return _SNAPSHOTS.get(model, model if model[-8:].isdigit() else model.removesuffix("-latest") + "-20260101")


def _owns(call: Call) -> bool:
    return (call.path.startswith(("/v1/messages", "/v1/complete")) and not call.path.startswith("/v1/completions")) or (
        call.path.startswith("/v1/models") and "anthropic-version" in call.headers
    )


def answer(call: Call) -> Answer | None:
    """Anthropic's answer to `call`; ``None`` for an unknown path. Also used by other formats that carry Anthropic's bodies."""
    result = _answer(call)
    return result and result.under(*_headers(call))


def _answer(call: Call) -> Answer | None:
    if call.method == "GET" and call.path == "/v1/models":
        return json_answer(_models())
    if call.method != "POST":
        return None
    if call.path == "/v1/messages/count_tokens":
        return json_answer({"input_tokens": _ask_of(call.json).input_tokens})
    if call.path != "/v1/messages":
        return None
    ask = _ask_of(call.json)
    said = say(ask)
    if call.json.get("stream"):
        return sse_answer(_events(call, ask, said))
    return json_answer(_message(call, ask, said))


def _headers(call: Call) -> tuple[tuple[str, str], ...]:
    organization = ("anthropic-organization-id", "00000000-0000-4000-8000-000000000001")
    limits = (("anthropic-ratelimit-requests-limit", "4000"), ("anthropic-ratelimit-requests-remaining", "3999"))
    return ("request-id", call.id("req_")), organization, *limits


def _ask_of(body: Json) -> Ask:
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    content = messages[-1].get("content") if messages else ""
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
    words = [text_of(body.get("system")), *(text_of(message.get("content")) for message in messages)]
    tools = body.get("tools") or ()
    return Ask(
        model=str(body.get("model")),
        text=text_of(results or blocks),
        input_tokens=sum(4 + tokens(text) for text in words if text) + (tokens(str(tools)) if tools else 0),
        from_tool=bool(results),
        tools=_chosen(tools, body.get("tool_choice")),
        schema=_schema(body),
        limit=body.get("max_tokens"),
        thinks=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
    )


def _chosen(tools: Any, choice: Any) -> tuple[Tool, ...]:
    wanted = choice if isinstance(choice, dict) else {}
    if wanted.get("type") == "none":
        return ()
    offered = tuple(Tool(str(tool.get("name")), tool.get("input_schema")) for tool in tools if isinstance(tool, dict))
    return tuple(tool for tool in offered if tool.name == wanted.get("name")) or offered


def _schema(body: Json) -> Any:
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format")
    return wanted.get("schema") if isinstance(wanted, dict) else None


def _usage(call: Call, ask: Ask) -> Json:
    """The tokens of the input. `input_tokens` excludes those that were read from a cache or written to it."""
    caches = "cache_control" in str(call.json)
    read, written = (ask.input_tokens // 2, ask.input_tokens // 4) if caches else (0, 0)
    return {
        "input_tokens": ask.input_tokens - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
    }


def _message(call: Call, ask: Ask, said: Said) -> Json:
    used = {**_usage(call, ask), "output_tokens": said.output_tokens, "service_tier": "standard", "inference_geo": "global"}
    if said.thinking:
        used["output_tokens_details"] = {"thinking_tokens": said.thinking_tokens}
    return {
        "id": call.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": _served(call.model),
        "content": list(_blocks(call, said)),
        "stop_reason": _STOP[said.finish],
        "stop_sequence": None,
        "stop_details": None,
        "usage": used,
    }


def _blocks(call: Call, said: Said) -> Iterator[Json]:
    if said.thinking:
        yield {"type": "thinking", "thinking": said.thinking, "signature": call.id("sig")}
    if said.text:
        yield {"type": "text", "text": said.text}
    for i, tool in enumerate(said.calls):
        yield {
            "type": "tool_use",
            "id": call.id("toolu_", i),
            "name": tool.name,
            "input": tool.arguments,
            "caller": {"type": "direct"},
        }


def _events(call: Call, ask: Ask, said: Said) -> Iterator[bytes]:
    message = _message(call, ask, said)
    used = {**_usage(call, ask), "output_tokens": 1, "service_tier": "standard", "inference_geo": "global"}
    begun = {**message, "content": [], "stop_reason": None, "usage": used}
    yield _event("message_start", message=begun)
    for index, block in enumerate(message["content"]):
        yield _event("content_block_start", index=index, content_block=_empty(block))
        if index == 0:
            yield _event("ping")
        for delta in _deltas(block):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    total = {
        key: value for key, value in message["usage"].items() if key not in ("service_tier", "inference_geo", "cache_creation")
    }
    yield _event(
        "message_delta", delta={"stop_reason": message["stop_reason"], "stop_sequence": None, "stop_details": None}, usage=total
    )
    yield _event("message_stop")


def _event(kind: str, **fields: Any) -> bytes:
    return sse({"type": kind, **fields}, kind)


def _empty(block: Json) -> Json:
    if block["type"] == "tool_use":
        return {**block, "input": {}}
    return {"type": "text", "text": ""} if block["type"] == "text" else {"type": "thinking", "thinking": "", "signature": ""}


def _deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": text} for text in deltas(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": text} for text in deltas(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        written = json.dumps(block["input"], ensure_ascii=False)
        yield from ({"type": "input_json_delta", "partial_json": text} for text in deltas(written))


def _models() -> Json:
    data = [
        {"type": "model", "id": snapshot, "display_name": alias, "created_at": "2026-01-01T00:00:00Z"}
        for alias, snapshot in _SNAPSHOTS.items()
    ]
    return {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}


def _error(call: Call, kind: str) -> Json:
    name, message = _ERRORS.get(kind, _ERRORS["server"])
    return {"type": "error", "error": {"type": name, "message": message}, "request_id": call.id("req_")}


def _failure(call: Call, failure: Failure) -> Answer:
    wait = (("retry-after-ms", "20"), ("retry-after", "1")) if failure.kind == "rate_limit" else ()
    return json_answer(_error(call, failure.kind), failure.status).under(*_headers(call), *wait)


def _error_event(call: Call) -> bytes:
    return sse(_error(call, "overloaded"), "error")


_MALFORMED = b'event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n'


def _environment(url: str) -> dict[str, str]:
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-ant-embedded"}


ANTHROPIC = WireFormat("anthropic", answer, _failure, _error_event, _MALFORMED, _owns, environment=_environment)
