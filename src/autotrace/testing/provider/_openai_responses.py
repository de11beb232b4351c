"""OpenAI Responses: items in, items out, and the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrace.testing.provider._openai_chat import chosen, reasons, served, tokens_of
from autotrace.testing.provider.script import Ask, Said, Tool, cached, deltas, say, text_of, tokens
from autotrace.testing.provider.wire import CREATED, Answer, Call, Json, json_answer, sse, sse_answer

__all__ = ["FAILED", "INCOMPLETE", "answer", "ask_of", "input_tokens"]

INCOMPLETE = {"length": "max_output_tokens", "filter": "content_filter"}
FAILED = {"code": "server_error", "message": "The model produced an error."}


def answer(call: Call) -> Answer:
    ask = ask_of(call.json)
    said = say(ask)
    if call.json.get("stream"):
        return sse_answer(_numbered(_events(call, ask, said)))
    return json_answer(_finished(call, ask, said))


def input_tokens(call: Call) -> Answer:
    return json_answer({"object": "response.input_tokens", "input_tokens": ask_of(call.json).input_tokens})


def ask_of(body: Json) -> Ask:
    given = body.get("input")
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else list(given or ())
    last = items[-1] if items and isinstance(items[-1], dict) else {}
    words = [str(body.get("instructions") or ""), *(text_of(item) for item in items)]
    return Ask(
        model=str(body.get("model")),
        text=text_of(last),
        input_tokens=sum(4 + tokens(text) for text in words if text) + tokens_of(body.get("tools")),
        from_tool=last.get("type") == "function_call_output",
        tools=chosen(tuple(_tools(body)), body.get("tool_choice")),
        schema=_schema((body.get("text") or {}).get("format")),
        limit=body.get("max_output_tokens"),
        thinks=reasons(body),
    )


def _tools(body: Json) -> Iterator[Tool]:
    for tool in body.get("tools") or ():
        if isinstance(tool, dict) and tool.get("type") == "function":
            yield Tool(str(tool.get("name")), tool.get("parameters"))


def _schema(wanted: Any) -> Any:
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    return wanted.get("schema") or {} if kind == "json_schema" else {} if kind == "json_object" else None


def _response(call: Call, status: str) -> Json:
    """The response before it has output."""
    body = call.json
    return {
        "id": call.id("resp_"),
        "object": "response",
        "created_at": CREATED,
        "completed_at": CREATED + 1 if status == "completed" else None,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "frequency_penalty": 0.0,
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": served(call.model),
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "presence_penalty": 0.0,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None, **(body.get("reasoning") or {})},
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": body.get("metadata") or {},
    }


def _finished(call: Call, ask: Ask, said: Said) -> Json:
    if call.model == "fault-failed":
        return {**_response(call, "failed"), "error": FAILED}
    reason = INCOMPLETE.get(said.finish)
    response = _response(call, "incomplete" if reason else "completed")
    response["incomplete_details"] = {"reason": reason} if reason else None
    response["output"] = list(_items(call, said))
    response["usage"] = {
        "input_tokens": ask.input_tokens,
        "input_tokens_details": {"cached_tokens": cached(ask.input_tokens), "cache_write_tokens": 0},
        "output_tokens": said.output_tokens,
        "output_tokens_details": {"reasoning_tokens": said.thinking_tokens},
        "total_tokens": ask.input_tokens + said.output_tokens,
    }
    return response


def _items(call: Call, said: Said) -> Iterator[Json]:
    if said.thinking:
        summary = [{"type": "summary_text", "text": said.thinking}] if (call.json.get("reasoning") or {}).get("summary") else []
        yield {"id": call.id("rs_"), "type": "reasoning", "summary": summary}
    if not said.calls:
        status = "incomplete" if said.finish in INCOMPLETE else "completed"
        yield {"id": call.id("msg_"), "type": "message", "status": status, "role": "assistant", "content": [_part(said)]}
    for i, tool in enumerate(said.calls):
        ids = {"id": call.id("fc_", i), "type": "function_call", "status": "completed", "call_id": call.id("call_", i)}
        yield {**ids, "name": tool.name, "arguments": tool.json}


def _part(said: Said) -> Json:
    if said.finish == "refusal":
        return {"type": "refusal", "refusal": said.text}
    return {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}


def _numbered(events: Iterator[Json]) -> Iterator[bytes]:
    for number, event in enumerate(events):
        yield sse({"type": event["type"], "sequence_number": number, **event}, event["type"])


def _events(call: Call, ask: Ask, said: Said) -> Iterator[Json]:
    yield {"type": "response.created", "response": _response(call, "in_progress")}
    yield {"type": "response.in_progress", "response": _response(call, "in_progress")}
    response = _finished(call, ask, said)
    for index, item in enumerate(response["output"]):
        where = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": _empty(item)}
        if item["type"] == "message":
            yield from _part_events(item["content"][0], where)
        elif item["type"] == "function_call":
            yield from _argument_events(item, where)
        else:
            yield from _summary_events(item, where)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response." + response["status"], "response": response}


def _empty(item: Json) -> Json:
    """An item as the stream announces it, still empty."""
    if item["type"] == "message":
        return {**item, "status": "in_progress", "content": []}
    if item["type"] == "function_call":
        return {**item, "status": "in_progress", "arguments": ""}
    return {**item, "summary": []}


def _part_events(part: Json, where: Json) -> Iterator[Json]:
    where = {**where, "content_index": 0}
    kind = part["type"]
    field = "refusal" if kind == "refusal" else "text"
    more: Json = {} if kind == "refusal" else {"logprobs": []}
    yield {"type": "response.content_part.added", **where, "part": {**part, field: ""}}
    for text in deltas(part[field]):
        yield {"type": f"response.{kind}.delta", **where, "delta": text, **more}
    yield {"type": f"response.{kind}.done", **where, field: part[field], **more}
    yield {"type": "response.content_part.done", **where, "part": part}


def _argument_events(item: Json, where: Json) -> Iterator[Json]:
    for text in deltas(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **where, "delta": text}
    yield {"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]}


def _summary_events(item: Json, where: Json) -> Iterator[Json]:
    for index, part in enumerate(item["summary"]):
        here = {**where, "summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **here, "part": {**part, "text": ""}}
        for text in deltas(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **here, "delta": text}
        yield {"type": "response.reasoning_summary_text.done", **here, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **here, "part": part}
