"""Dialect of Cohere's chat API, version 1, which Command R on Bedrock speaks.

Source: the Cohere API reference (``POST /v1/chat``) and the Bedrock user guide. The last message is not part of the history. If
the numbers of billed and consumed tokens differ, the billed ones are recorded.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message, Part
from autotrace.plugin import Dialect, first

__all__ = ["chat_response", "cohere_chat"]

_ROLES = {"CHATBOT": "assistant", "SYSTEM": "system", "USER": "user", "TOOL": "tool"}


def _content(wire: dict[str, Any], field: str) -> list[Part]:
    """The parts of a message or an answer that has its text under `field`."""
    text = wire.get(field)
    content = parts.texts(text) if isinstance(text, str) else [parts.kept(one) for one in plain.listed(text)]
    results = [_tool_result(one) for one in plain.listed(wire.get("tool_results"))]
    return [*content, *(_tool_call(one) for one in plain.listed(wire.get("tool_calls"))), *results]


def _tool_call(call: object) -> Part:
    wire = plain.mapping(call)
    if not isinstance(wire.get("name"), str):
        return parts.kept(call)
    part = parts.tool_call(wire.get("id"), wire["name"], parts.parsed(wire.get("parameters")))
    return parts.extended(part, wire, "id", "name", "parameters")


def _tool_result(result: object) -> Part:
    wire = plain.mapping(result)
    if "outputs" not in wire:
        return parts.kept(result)
    answer = parts.without_binary(wire["outputs"])
    return parts.extended(parts.tool_call_response(None, answer), wire, "outputs")


def _turn(value: object) -> Message:
    wire = plain.mapping(value)
    if not wire:
        return parts.message("user", [parts.kept(value)])
    role = plain.string(wire.get("role"))
    content = _content(wire, "message")
    others = parts.rest(wire, "message", "tool_calls", "tool_results", *(("role",) if role else ()))
    if others:
        content.append({"type": "unknown", "content": others})
    return parts.message(_ROLES.get(role, role) if role else "user", content)


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    last = parts.message("user", _content(request, "message"))
    return [*map(_turn, plain.listed(request.get("chat_history"))), *([last] if last["parts"] else ())] or None


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    content = _content(body, "text")
    if not content and not isinstance(body.get("text"), str):
        return None
    if body.get("citations") and content and content[0]["type"] == "text":
        content[0]["citations"] = parts.without_binary(body["citations"])
    return [parts.message("assistant", content, finish_reason=parts.finish(body.get("finish_reason")))]


def _tools(tools: object) -> list[dict[str, Any]] | None:
    """The offered tools. ``parameter_definitions`` are not a JSON Schema, so they keep their name."""
    definitions = [
        parts.definition("function", parts.without_binary(plain.known(tool)))
        if isinstance(tool, dict)
        else parts.definition("unknown", parts.kept(tool))
        for tool in plain.listed(tools)
    ]
    return definitions or None


def chat_response(events: list[Any]) -> dict[str, Any]:
    """Combine a stream's events into one response. Fields in the response of ``stream-end`` take precedence."""
    whole: dict[str, Any] = {}
    text: plain.Pieces = {}
    for event in plain.mappings(events):
        kind = event.get("event_type")
        if kind == "stream-end":
            plain.update(whole, event.get("response"))
        for key, value in plain.known(event).items():
            if key == "text":
                plain.grow(text, key, value)
            elif key in ("tool_calls", "citations", "documents") and isinstance(value, list):
                whole.setdefault(key, value)
            elif key not in ("event_type", "is_finished", "response"):
                plain.update(whole, {key: value})
    for key, value in plain.grown(text).items():
        whole.setdefault(key, value)
    return whole


def _failure(body: dict[str, Any]) -> Failure | None:
    """The error in the body, or a finish reason that means one (``ERROR``, ``ERROR_LIMIT``)."""
    return endings.failure_in(body, "code", "type") or endings.failure_of_reasons([body.get("finish_reason")])


def _outcome(body: dict[str, Any]) -> Outcome | None:
    return endings.outcome([body.get("finish_reason")])


cohere_chat = Dialect(
    "cohere_chat",
    request={
        "model": "model",
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "p",
        "top_k": "k",
        "frequency_penalty": "frequency_penalty",
        "presence_penalty": "presence_penalty",
        "seed": "seed",
        "stop_sequences": plain.of("stop_sequences", plain.strings),
        "system_instructions": plain.of("preamble", lambda preamble: parts.texts(preamble) or None),
        "input_messages": plain.reading(_input_messages, "chat_history", "message", "tool_results", "tool_calls"),
        "tool_definitions": plain.of("tools", _tools),
        "parameters": plain.fields("prompt_truncation", "search_queries_only", "citation_quality", "force_single_step"),
    },
    response={
        "id": first("response_id", "generation_id"),
        "finish_reasons": plain.of("finish_reason", plain.strings),
        "output_messages": plain.reading(_output_messages, "text", "tool_calls", "tool_results", "citations", "finish_reason"),
        "details": plain.fields("is_search_required", "search_queries"),
    },
    usage=ledger.usage(
        {
            "input_tokens": first("meta.billed_units.input_tokens", "meta.tokens.input_tokens"),
            "output_tokens": first("meta.billed_units.output_tokens", "meta.tokens.output_tokens"),
        },
        raw="meta",
    ),
    reduce=chat_response,
    failure=plain.reading(_failure, *endings.ERROR_FIELDS, "finish_reason"),
    not_content={"prompt_truncation": ("OFF", "AUTO_PRESERVE_ORDER"), "citation_quality": ("accurate", "fast", "off")},
    outcome=plain.reading(_outcome, "finish_reason"),
)
