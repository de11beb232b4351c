"""Answers of Gemini's Interactions API: steps, whole or as the events of a stream, and decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from autotrace.testing.provider.script import Ask, Said, Tool, cached, deltas, say, text_of, tokens
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, json_answer, sse, sse_answer

__all__ = ["answer", "error"]

_STATUS = {
    "stop": "completed",
    "length": "incomplete",
    "tool": "requires_action",
    "refusal": "completed",
    "filter": "incomplete",
}
_CODES = {
    "rate_limit": "rate_limit_exceeded",
    "overloaded": "service_unavailable",
    "authentication": "authentication_error",
    "permission": "permission_denied",
    "not_found": "not_found",
    "server": "internal_error",
}


def answer(call: Call) -> Answer:
    """The answer to a request for an interaction or for decisions."""
    if call.path.endswith("/decisions"):
        return _decide(call)
    ask = _ask_of(call.json)
    said = say(ask)
    if call.json.get("stream"):
        return sse_answer(_events(call, ask, said))
    return json_answer({**_interaction(call, ask, said), "steps": list(_steps(call, said))})


def _ask_of(body: Json) -> Ask:
    given = body.get("input")
    items = [one if isinstance(one, dict) else {"type": "text", "text": str(one)} for one in _listed(given)]
    results = [one for one in items if one.get("type") == "function_result"]
    texts = [text_of(body.get("system_instruction")), *(text_of(one) or text_of(one.get("result")) for one in items)]
    config = body.get("generation_config") or {}
    tools = body.get("tools") or ()
    form = body.get("response_format")
    return Ask(
        model=str(body.get("model") or body.get("agent")),
        text=" ".join(text_of(one.get("result")) for one in results) or texts[-1],
        input_tokens=sum(4 + tokens(text) for text in texts if text) + (tokens(str(tools)) if tools else 0),
        from_tool=bool(results),
        tools=tuple(Tool(str(one.get("name")), one.get("parameters")) for one in tools if one.get("type") == "function"),
        schema=form.get("schema", form) if isinstance(form, dict) else None,
        limit=config.get("max_output_tokens"),
        thinks=config.get("thinking_summaries") == "auto",
    )


def _decide(call: Call) -> Answer:
    """Answers to all questions of a request. They are all the same."""
    ask = _ask_of(call.json)
    usage = {"total_input_tokens": ask.input_tokens, "total_output_tokens": len(call.json["questions"])}
    return json_answer({"answers": {name: {} for name in call.json["questions"]}, "usage": usage})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _interaction(call: Call, ask: Ask, said: Said) -> Json:
    made = said.output_tokens - said.thinking_tokens
    return {
        "id": call.id("v1_"),
        "object": "interaction",
        "status": _STATUS[said.finish],
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:00Z",
        **{key: call.json[key] for key in ("model", "agent") if key in call.json},
        "usage": {
            "total_tokens": ask.input_tokens + said.output_tokens,
            "total_input_tokens": ask.input_tokens,
            "input_tokens_by_modality": [{"modality": "text", "tokens": ask.input_tokens}],
            "total_cached_tokens": cached(ask.input_tokens),
            "total_output_tokens": made,
            "total_tool_use_tokens": 0,
            "total_thought_tokens": said.thinking_tokens,
        },
    }


def _steps(call: Call, said: Said) -> Iterator[Json]:
    if said.thinking:
        yield {"type": "thought", "signature": "c2lnbmF0dXJl", "summary": [{"type": "text", "text": said.thinking}]}
    if said.text:
        yield {"type": "model_output", "content": [{"type": "text", "text": said.text}]}
    for i, tool in enumerate(said.calls):
        yield {"type": "function_call", "id": call.id("call_", i), "name": tool.name, "arguments": tool.arguments}


def _events(call: Call, ask: Ask, said: Said) -> Iterator[bytes]:
    whole = _interaction(call, ask, said)
    begun = {key: whole[key] for key in ("id", "object", "model", "agent") if key in whole}
    yield _event("interaction.created", interaction={**begun, "status": "in_progress"})
    for index, step in enumerate(_steps(call, said)):
        empty = {key: {} if key == "arguments" else value for key, value in step.items() if key not in _GROWING}
        yield _event("step.start", index=index, step=empty)
        for delta in _deltas(step):
            yield _event("step.delta", index=index, delta=delta)
        yield _event("step.stop", index=index)
    yield _event("interaction.completed", interaction=whole)
    yield b"event: done\ndata: [DONE]\n\n"


_GROWING = ("content", "summary", "signature")


def _deltas(step: Json) -> Iterator[Json]:
    if step["type"] == "thought":
        for text in deltas(step["summary"][0]["text"]):
            yield {"type": "thought_summary", "content": {"type": "text", "text": text}}
        yield {"type": "thought_signature", "signature": step["signature"]}
    elif step["type"] == "model_output":
        yield from ({"type": "text", "text": text} for text in deltas(step["content"][0]["text"]))
    else:
        written = json.dumps(step["arguments"], ensure_ascii=False)
        yield from ({"type": "arguments_delta", "arguments": text} for text in deltas(written))


def _event(kind: str, **fields: Any) -> bytes:
    return sse({"event_type": kind, **fields}, kind)


def error(failure: Failure) -> Json:
    """The body of the answer for a failure."""
    code = _CODES.get(failure.kind, "invalid_request")
    return {"error": {"code": code, "message": f"The interaction failed: {code}."}}
