"""Converts steps and contents of the Interactions API to messages.

Source: the Gemini API reference (``Step``, ``Content``, ``Tool``). The input is a text, contents, steps, or turns
(``{role, content}``, in earlier versions). The output is a list of steps, which become one message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message, Part
from autotrace_google_genai.dialects.content import without_secrets

__all__ = ["answer", "asked", "system", "tools"]

_USERS = frozenset({"user_input", "function_result"})
"""Types of steps that the program creates."""


def system(value: object) -> list[Part] | None:
    """The parts of the system instruction: a text, or contents."""
    return [_content(one) for one in plain.listed(value)] or None


def asked(value: object) -> list[Message] | None:
    """The messages of an input. Consecutive contents and steps with the same role are one message."""
    converted: list[Message] = []
    for one in plain.listed(value):
        wire = plain.mapping(one)
        if isinstance(wire.get("role"), str):
            converted.append(_turn(wire))
            continue
        role = "user" if not _is_step(wire) or wire.get("type") in _USERS else "assistant"
        content = _step(wire) if _is_step(wire) else [_content(one)]
        if converted and converted[-1]["role"] == role:
            converted[-1]["parts"] += content
        elif content:
            converted.append(parts.message(role, content))
    return converted or None


def answer(steps: object, finish_reason: str | None) -> list[Message] | None:
    """The steps of an interaction as one message. None if there are no steps."""
    content = [part for one in plain.listed(steps) for part in (_step(one) if isinstance(one, dict) else [parts.kept(one)])]
    return [parts.message("assistant", content, finish_reason=finish_reason)] if content or plain.listed(steps) else None


def _turn(wire: dict[str, Any]) -> Message:
    role = "assistant" if wire["role"] == "model" else wire["role"]
    content = [_content(one) for one in plain.listed(wire.get("content"))]
    return parts.extended_message(parts.message(role, content), parts.rest(wire, "role", "content"))


def _is_step(wire: dict[str, Any]) -> bool:
    kind = wire.get("type")
    return isinstance(kind, str) and (kind in _STEPS or kind.endswith(("_call", "_result")))


def _step(wire: dict[str, Any]) -> list[Part]:
    """The parts of one step. A step of an unknown kind is kept unchanged."""
    kind = wire.get("type")
    convert = _STEPS.get(kind) if isinstance(kind, str) else None
    if convert is None and isinstance(kind, str):
        convert = _server_call if kind.endswith("_call") else _server_answer if kind.endswith("_result") else None
    return (convert(wire) if convert else None) or ([parts.kept(wire)] if parts.rest(wire) else [])


def _contents(wire: dict[str, Any]) -> list[Part]:
    others = parts.rest(wire, "content")
    content = [_content(one) for one in plain.listed(wire.get("content"))]
    return [*content, *([{"type": "unknown", "content": others}] if others else [])]


def _thought(wire: dict[str, Any]) -> list[Part]:
    others = parts.rest(wire, "summary")
    content = [_thinking(one) for one in plain.listed(wire.get("summary"))]
    if not content and plain.string(wire.get("signature")):
        content = parts.hidden([], wire["signature"])
    return [*content, *([{"type": "unknown", "content": others}] if others else [])]


def _thinking(content: object) -> Part:
    wire = plain.mapping(content)
    text = wire.get("text")
    return parts.extended(parts.reasoning(text), wire, "text") if isinstance(text, str) else _content(content)


def _function_call(wire: dict[str, Any]) -> list[Part] | None:
    if not isinstance(wire.get("name") or "", str):
        return None
    part = parts.tool_call(wire.get("id"), wire.get("name"), parts.parsed(wire.get("arguments")))
    return [parts.extended(part, wire, "id", "name", "arguments")]


def _function_result(wire: dict[str, Any]) -> list[Part]:
    result = wire.get("result")
    content = [_content(one) for one in result] if isinstance(result, list) else parts.without_binary(result)
    return [parts.extended(parts.tool_call_response(wire.get("call_id"), content), wire, "call_id", "result")]


def _server_call(wire: dict[str, Any]) -> list[Part] | None:
    if not isinstance(wire.get("name") or "", str):
        return None
    name = plain.string(wire.get("name")) or str(wire["type"]).removesuffix("_call")
    call = {"type": name, **parts.rest(wire, "id", "name")}
    return [parts.server_tool_call(wire.get("id"), name, call)]


def _server_answer(wire: dict[str, Any]) -> list[Part]:
    answer = {"type": wire["type"], **parts.rest(wire, "call_id")}
    return [parts.server_tool_call_response(wire.get("call_id"), answer)]


_STEPS: dict[str, Callable[[dict[str, Any]], list[Part] | None]] = {
    "user_input": _contents,
    "model_output": _contents,
    "thought": _thought,
    "function_call": _function_call,
    "function_result": _function_result,
}
_MEDIA = frozenset({"image", "audio", "video", "document"})


def _content(value: object) -> Part:
    """Convert one content: a text, or media as bytes or as a URI."""
    wire = plain.mapping(value)
    kind, mime_type = wire.get("type"), plain.string(wire.get("mime_type"))
    used = ["mime_type"] if mime_type else []
    if kind == "text" and isinstance(wire.get("text"), str):
        return parts.extended(parts.text(wire["text"]), wire, "text")
    if kind in _MEDIA and isinstance(wire.get("data"), (str, bytes)):
        return parts.extended(parts.binary(wire["data"], str(kind), mime_type), wire, "data", *used)
    if kind in _MEDIA and plain.string(wire.get("uri")):
        return parts.extended(parts.uri(wire["uri"], str(kind), mime_type), wire, "uri", *used)
    return parts.kept(value)


def tools(value: object) -> list[dict[str, Any]] | None:
    """The offered tools, unchanged but without secrets."""
    definitions = []
    for tool in plain.listed(value):
        fields = plain.known(without_secrets(tool))
        kind = plain.string(fields.get("type"))
        definitions.append(parts.definition(kind or "unknown", fields if kind else parts.kept(without_secrets(tool))))
    return definitions or None
