"""Steps and contents of the Interactions API, as messages.

Source: the Gemini API reference (``Step``, ``Content``, ``Tool``). What a program asks is a text, contents, steps, or turns
(``{role, content}``, of earlier versions); what it gets are steps, which are one message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.gemini_content import without_secrets
from autotrace.dialects.parts import Message, Part

__all__ = ["answer", "asked", "system", "tools"]

_USERS = frozenset({"user_input", "function_result"})
"""Steps that the program makes."""


def system(value: object) -> list[Part] | None:
    """The parts of the system instruction: a text, or contents."""
    return [_content(one) for one in plain.listed(value)] or None


def asked(value: object) -> list[Message] | None:
    """The messages of an input: contents and steps that follow one another and have one role are one."""
    found: list[Message] = []
    for one in plain.listed(value):
        wire = plain.mapping(one)
        if isinstance(wire.get("role"), str):
            found.append(_turn(wire))
            continue
        role = "user" if not _is_step(wire) or wire.get("type") in _USERS else "assistant"
        said = _step(wire) if _is_step(wire) else [_content(one)]
        if found and found[-1]["role"] == role:
            found[-1]["parts"] += said
        elif said:
            found.append(parts.message(role, said))
    return found or None


def answer(steps: object, finish_reason: str | None) -> list[Message] | None:
    """The one message that the steps of an interaction are; ``None`` where there are none."""
    said = [part for one in plain.listed(steps) for part in (_step(one) if isinstance(one, dict) else [parts.kept(one)])]
    return [parts.message("assistant", said, finish_reason=finish_reason)] if said or plain.listed(steps) else None


def _turn(wire: dict[str, Any]) -> Message:
    role = "assistant" if wire["role"] == "model" else wire["role"]
    said = [_content(one) for one in plain.listed(wire.get("content"))]
    return parts.extended_message(parts.message(role, said), parts.rest(wire, "role", "content"))


def _is_step(wire: dict[str, Any]) -> bool:
    kind = wire.get("type")
    return isinstance(kind, str) and (kind in _STEPS or kind.endswith(("_call", "_result")))


def _step(wire: dict[str, Any]) -> list[Part]:
    """The parts of one step; those of kinds that are not known are kept as they came."""
    kind = wire.get("type")
    convert = _STEPS.get(kind) if isinstance(kind, str) else None
    if convert is None and isinstance(kind, str):
        convert = _server_call if kind.endswith("_call") else _server_answer if kind.endswith("_result") else None
    return (convert(wire) if convert else None) or ([parts.kept(wire)] if parts.rest(wire) else [])


def _said(wire: dict[str, Any]) -> list[Part]:
    others = parts.rest(wire, "content")
    said = [_content(one) for one in plain.listed(wire.get("content"))]
    return [*said, *([{"type": "unknown", "content": others}] if others else [])]


def _thought(wire: dict[str, Any]) -> list[Part]:
    others = parts.rest(wire, "summary")
    said = [_thinking(one) for one in plain.listed(wire.get("summary"))]
    return [*said, *([{"type": "unknown", "content": others}] if others else [])]


def _thinking(content: object) -> Part:
    wire = plain.mapping(content)
    text = wire.get("text")
    return parts.extended(parts.reasoning(text), wire, "text") if isinstance(text, str) else _content(content)


def _function_call(wire: dict[str, Any]) -> list[Part] | None:
    if not isinstance(wire.get("name") or "", str):
        return None
    found = parts.tool_call(wire.get("id"), wire.get("name"), parts.parsed(wire.get("arguments")))
    return [parts.extended(found, wire, "id", "name", "arguments")]


def _function_result(wire: dict[str, Any]) -> list[Part]:
    result = wire.get("result")
    held = [_content(one) for one in result] if isinstance(result, list) else parts.without_binary(result)
    return [parts.extended(parts.tool_call_response(wire.get("call_id"), held), wire, "call_id", "result")]


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
    "user_input": _said,
    "model_output": _said,
    "thought": _thought,
    "function_call": _function_call,
    "function_result": _function_result,
}
_MEDIA = frozenset({"image", "audio", "video", "document"})


def _content(value: object) -> Part:
    """One content: a text, or media as bytes or by their address."""
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
    """The tools that were offered, as they came but for their secrets."""
    found = []
    for tool in plain.listed(value):
        fields = plain.known(tool)
        found.append(without_secrets(fields) if isinstance(fields.get("type"), str) else parts.kept(without_secrets(tool)))
    return found or None
