"""Converts contents, parts and tools of the Gemini API to messages and tool definitions.

Source: the Gemini API reference (``Content``, ``Part``, ``Tool``). The API accepts ``camelCase`` and ``snake_case``, and
programs mix the two; it answers in ``camelCase``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message, Part

__all__ = ["camel", "message", "messages", "snake", "system", "tools", "without_secrets"]

_UNDERSCORE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")
_SECRET = frozenset({"apiKey", "api_key", "apiAuth", "api_auth", "authConfig", "auth_config", "headers"})


def camel(value: object) -> dict[str, Any]:
    """A copy of an object with the names of its fields in ``camelCase``. The names in nested objects are not changed."""
    fields: dict[str, Any] = {}
    for key, field in plain.mapping(value).items():
        name = _UNDERSCORE.sub(lambda match: match[1].upper(), key)
        fields[name if name not in fields else key] = field
    return fields


def snake(name: str) -> str:
    """The name in ``snake_case``."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def system(value: object) -> list[Part] | None:
    """The parts of the system instruction: a content, a list of parts, or a text."""
    if not isinstance(value, dict) or "parts" not in value:
        return _parts(value) or None
    # These roles have no meaning in a system instruction, so they are not kept.
    others = parts.rest(value, "parts", *(("role",) if value.get("role") in _SPEAKERS else ()))
    return [*_parts(value["parts"]), *([{"type": "unknown", "content": others}] if others else [])] or None


def messages(contents: object) -> list[Message] | None:
    """One message for each content of a request."""
    return [message(one, "user") for one in plain.listed(contents)] or None


def message(value: object, role: str, finish_reason: str | None = None, **more: Any) -> Message:
    """A content as a message. Other fields of the content, and those of `more`, are kept beside role and parts."""
    wire = camel(value)
    if not wire.keys() & {"parts", "role"}:
        return parts.extended_message(parts.message(role, _parts(value), finish_reason=finish_reason), more)
    own_role = plain.string(wire.get("role"))
    role = own_role or role
    converted = parts.message(_ROLES.get(role, role), _parts(wire.get("parts")), finish_reason=finish_reason)
    return parts.extended_message(converted, {**parts.rest(wire, "parts", *(("role",) if own_role else ())), **more})


_SPEAKERS = ("system", "user", "model")
_ROLES = {"model": "assistant", "function": "tool"}


def _parts(value: object) -> list[Part]:
    return [part for one in plain.listed(value) for part in (*_hidden(one), _part(one)) if part is not None]


def _hidden(value: object) -> list[Part]:
    """A part for thoughts that are not shown: a part of the answer has their signature, their encrypted form."""
    wire = camel(value)
    signature = wire.get("thoughtSignature")
    shown = wire.get("thought") is True and plain.string(wire.get("text"))
    return parts.hidden([], signature) if isinstance(signature, (str, bytes)) and signature and not shown else []


def _part(value: object) -> Part | None:
    """Convert one part. None if it has no content, but only a signature."""
    wire = camel(value)
    if not wire:
        return None if value == {} else parts.kept(value)
    for field, convert in _PARTS.items():
        if isinstance(wire.get(field), (dict, str)):
            part = convert(wire, camel(wire[field]))
            if part is not None:
                return part
    return parts.kept(value) if parts.rest(wire, *(("text", "thought") if wire.get("text") in ("", None) else ())) else None


def _text(wire: dict[str, Any], _: dict[str, Any]) -> Part | None:
    text = wire["text"]
    if not isinstance(text, str) or not (text or parts.rest(wire, "text", "thought")):
        return None
    thought = wire.get("thought") is True
    part = parts.reasoning(text) if thought else parts.text(text)
    return parts.extended(part, wire, "text", *(("thought",) if isinstance(wire.get("thought"), bool) else ()))


def _inline_data(wire: dict[str, Any], blob: dict[str, Any]) -> Part | None:
    data, mime_type = blob.get("data"), plain.string(blob.get("mimeType"))
    if not isinstance(data, (str, bytes)):
        return None
    rest = parts.rest(blob, "data", *(("mimeType",) if mime_type else ()))
    return parts.extended(parts.binary(data, None, mime_type), wire, "inlineData", nested=rest)


def _file_data(wire: dict[str, Any], file: dict[str, Any]) -> Part | None:
    uri, mime_type = plain.string(file.get("fileUri")), plain.string(file.get("mimeType"))
    if uri is None:
        return None
    rest = parts.rest(file, "fileUri", *(("mimeType",) if mime_type else ()))
    return parts.extended(parts.uri(uri, None, mime_type), wire, "fileData", nested=rest)


def _function_call(wire: dict[str, Any], call: dict[str, Any]) -> Part | None:
    if not call or not isinstance(call.get("name") or "", str):
        return None
    part = parts.tool_call(call.get("id"), call.get("name"), parts.parsed(call.get("args")))
    return parts.extended(part, wire, "functionCall", nested=parts.rest(call, "id", "name", "args"))


def _function_response(wire: dict[str, Any], answer: dict[str, Any]) -> Part | None:
    if not answer:
        return None
    part = parts.tool_call_response(answer.get("id"), parts.without_binary(answer.get("response")))
    return parts.extended(part, wire, "functionResponse", nested=parts.rest(answer, "id", "response"))


def _server_call(field: str, name: str | None = None) -> Callable[[dict[str, Any], dict[str, Any]], Part | None]:
    """A converter of calls that the provider runs itself: of the tool `name`, or if None, of the tool in ``toolType``."""

    def convert(wire: dict[str, Any], call: dict[str, Any]) -> Part | None:
        tool = name or plain.string(call.get("toolType"))
        if not call or tool is None:
            return None
        rest = parts.rest(call, "id", *(() if name else ("toolType",)))
        return parts.extended(parts.server_tool_call(call.get("id"), tool, {"type": tool.lower(), **rest}), wire, field)

    return convert


def _server_answer(field: str, name: str | None = None) -> Callable[[dict[str, Any], dict[str, Any]], Part | None]:
    """A converter of the results of such calls."""

    def convert(wire: dict[str, Any], answer: dict[str, Any]) -> Part | None:
        tool = name or plain.string(answer.get("toolType"))
        if not answer or tool is None:
            return None
        response = {"type": tool.lower(), **parts.rest(answer, "id", *(() if name else ("toolType",)))}
        return parts.extended(parts.server_tool_call_response(answer.get("id"), response), wire, field)

    return convert


_PARTS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Part | None]] = {
    "text": _text,
    "functionCall": _function_call,
    "functionResponse": _function_response,
    "inlineData": _inline_data,
    "fileData": _file_data,
    "executableCode": _server_call("executableCode", "code_execution"),
    "codeExecutionResult": _server_answer("codeExecutionResult", "code_execution_result"),
    "toolCall": _server_call("toolCall"),
    "toolResponse": _server_answer("toolResponse"),
}
"""Converters by the field that shows a part's kind. They get the part and the value of that field."""


def tools(value: object) -> list[dict[str, Any]] | None:
    """The offered tools as flat objects: each declared function, and Google's own with their field's name as type."""
    definitions: list[dict[str, Any]] = []
    for tool in plain.listed(value):
        wire = camel(tool)
        if not wire:
            definitions.append(parts.definition("unknown", parts.kept(tool)))
        definitions += [_declared(one) for one in plain.listed(wire.pop("functionDeclarations", None))]
        for kind, config in wire.items():
            shown = without_secrets(config)
            definitions.append(parts.definition(kind, shown if isinstance(shown, dict) else {"content": shown}))
    return definitions or None


def _declared(function: object) -> dict[str, Any]:
    wire = plain.known(camel(function))
    if not wire:
        return parts.definition("unknown", parts.kept(function))
    if "parametersJsonSchema" in wire:
        wire.setdefault("parameters", wire.pop("parametersJsonSchema"))
    return parts.definition("function", parts.without_binary(wire))


def without_secrets(value: Any, _depth: int = 0) -> Any:
    """A copy of a tool's settings without keys, and without headers for other servers."""
    if isinstance(value, dict) and _depth < 32:
        return {key: without_secrets(field, _depth + 1) for key, field in value.items() if key not in _SECRET}
    if isinstance(value, list) and _depth < 32:
        return [without_secrets(one, _depth + 1) for one in value]
    return parts.without_binary(value)
