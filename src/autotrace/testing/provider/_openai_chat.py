"""OpenAI chat completions: what a request asks, the answer, and its chunks in a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrace.testing.provider.script import Ask, Said, Tool, ToolCall, cached, deltas, say, text_of, tokens
from autotrace.testing.provider.wire import CREATED, Answer, Call, Json, json_answer, sse, sse_answer

__all__ = ["FINISH", "SAFE", "SNAPSHOTS", "answer", "ask_of", "chosen", "reasons", "served", "tokens_of", "usage"]

SNAPSHOTS = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "o3": "o3-2025-04-16",
    "o4-mini": "o4-mini-2025-04-16",
}
FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls", "refusal": "stop", "filter": "content_filter"}
SAFE = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}


def served(model: str) -> str:
    """The dated model that serves a model's name."""
    return SNAPSHOTS.get(model, model if model[-2:].isdigit() and model.count("-") > 2 else f"{model}-2026-01-01")


def reasons(body: Json) -> bool:
    """Whether the model reasons before it answers."""
    model = str(body.get("model"))
    return bool(body.get("reasoning_effort") or body.get("reasoning")) or model.startswith(("o1", "o3", "o4", "gpt-5"))


def answer(call: Call) -> Answer:
    ask = ask_of(call.json)
    choices = [say(ask, i) for i in range(call.json.get("n") or 1)]
    if call.json.get("stream"):
        return sse_answer(_events(call, ask, choices))
    value = _envelope(call, "chat.completion")
    value["choices"] = [_choice(call, i, said) for i, said in enumerate(choices)]
    value["usage"] = usage(ask, choices)
    if call.json.get("azure"):
        value["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": SAFE}]
    return json_answer(value)


def ask_of(body: Json) -> Ask:
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    last = messages[-1] if messages else {}
    return Ask(
        model=str(body.get("model")),
        text=text_of(last.get("content")),
        input_tokens=sum(4 + tokens(text_of(message.get("content"))) for message in messages) + tokens_of(body.get("tools")),
        from_tool=last.get("role") in ("tool", "function"),
        tools=chosen(tuple(_tools(body)), body.get("tool_choice")),
        schema=_schema(body.get("response_format")),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        thinks=reasons(body),
    )


def tokens_of(tools: Any) -> int:
    return tokens(str(tools)) if tools else 0


def _tools(body: Json) -> Iterator[Tool]:
    for tool in body.get("tools") or ():
        if isinstance(tool, dict) and isinstance(tool.get("function"), dict):
            yield Tool(str(tool["function"].get("name")), tool["function"].get("parameters"))


def chosen(tools: tuple[Tool, ...], choice: Any) -> tuple[Tool, ...]:
    """The tools that the request's `tool_choice` allows."""
    if choice == "none":
        return ()
    if isinstance(choice, dict):
        name = choice.get("name") or (choice.get("function") or {}).get("name")
        return tuple(tool for tool in tools if tool.name == name) or tools
    return tools


def _schema(wanted: Any) -> Any:
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_schema":
        return (wanted.get("json_schema") or {}).get("schema") or {}
    return {} if kind == "json_object" else None


def usage(ask: Ask, choices: list[Said]) -> Json:
    output = sum(said.output_tokens for said in choices)
    return {
        "prompt_tokens": ask.input_tokens,
        "completion_tokens": output,
        "total_tokens": ask.input_tokens + output,
        "prompt_tokens_details": {"cached_tokens": cached(ask.input_tokens), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sum(said.thinking_tokens for said in choices),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _envelope(call: Call, kind: str) -> Json:
    tier = call.json.get("service_tier") or "default"
    return {
        "id": call.id("chatcmpl-"),
        "object": kind,
        "created": CREATED,
        "model": served(call.model),
        "service_tier": "default" if tier == "auto" else tier,
        "system_fingerprint": "fp_embedded01",
        "choices": [],
    }


def _choice(call: Call, index: int, said: Said) -> Json:
    refused = said.finish == "refusal"
    message: Json = {"role": "assistant", "content": None if refused or said.calls else said.text}
    message.update(refusal=said.text if refused else None, annotations=[])
    if said.calls:
        message["tool_calls"] = [_tool_call(call, index, i, tool) for i, tool in enumerate(said.calls)]
    choice: Json = {"index": index, "message": message, "logprobs": None, "finish_reason": FINISH[said.finish]}
    if call.json.get("azure"):
        choice["content_filter_results"] = SAFE
    return choice


def _tool_call(call: Call, choice: int, index: int, tool: ToolCall) -> Json:
    function = {"name": tool.name, "arguments": tool.json}
    return {"id": call.id("call_", (choice, index)), "type": "function", "function": function}


def _events(call: Call, ask: Ask, choices: list[Said]) -> Iterator[bytes]:
    wants_usage = bool((call.json.get("stream_options") or {}).get("include_usage"))
    chunk = _envelope(call, "chat.completion.chunk")
    if wants_usage:
        chunk["usage"] = None
    if call.json.get("azure"):
        # Azure begins with a chunk that has no choice, no id and no model.
        empty = {"id": "", "model": "", "object": "", "created": 0}
        yield sse({**chunk, **empty, "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]})
    for index, said in enumerate(choices):
        for delta in _deltas(call, index, said):
            yield sse({**chunk, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]})
    for index, said in enumerate(choices):
        yield sse({**chunk, "choices": [{"index": index, "delta": {}, "logprobs": None, "finish_reason": FINISH[said.finish]}]})
    if wants_usage:
        yield sse({**chunk, "usage": usage(ask, choices)})
    yield b"data: [DONE]\n\n"


def _deltas(call: Call, index: int, said: Said) -> Iterator[Json]:
    field = "refusal" if said.finish == "refusal" else "content"
    yield {"role": "assistant", "content": None if said.calls else "", "refusal": None}
    for text in deltas(said.text):
        yield {field: text}
    for i, tool in enumerate(said.calls):
        first = _tool_call(call, index, i, tool)
        yield {"tool_calls": [{"index": i, **first, "function": {"name": tool.name, "arguments": ""}}]}
        for text in deltas(tool.json):
            yield {"tool_calls": [{"index": i, "function": {"arguments": text}}]}
