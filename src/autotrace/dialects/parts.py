"""Messages and their parts, as the semantic conventions define them.

Source: the input-messages and output-messages schemas of open-telemetry/semantic-conventions-genai. A message is
``{role, parts, name?, finish_reason?}``; a part has a ``type`` and the fields that this type requires. More fields are
allowed. Any other ``type`` is a *generic part*, which keeps content that a dialect does not know.

Binary content never enters a record. It becomes a ``uri`` part with the ``size`` of the bytes, whose ``uri`` is
``sha256:<hex>`` of them. This is enough to recognize an image that was sent twice, and shows nothing of the image.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from autotrace._declaration import conventions
from autotrace.dialects import plain

__all__ = [
    "Message",
    "Part",
    "binary",
    "definition",
    "extended",
    "extended_message",
    "file",
    "finish",
    "hidden",
    "kept",
    "message",
    "parsed",
    "read_message",
    "reasoning",
    "refusal",
    "rest",
    "server_tool_call",
    "server_tool_call_response",
    "text",
    "texts",
    "tool_call",
    "tool_call_response",
    "uri",
    "user_messages",
    "without_binary",
]

Part = dict[str, Any]
Message = dict[str, Any]

_REQUIRED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "text": {"content": str},
    "reasoning": {"content": str},
    "tool_call": {"name": str},
    "tool_call_response": {"response": object},
    "server_tool_call": {"name": str, "server_tool_call": dict},
    "server_tool_call_response": {"server_tool_call_response": dict},
    "uri": {"modality": str, "uri": str},
    "file": {"modality": str, "file_id": str},
    "blob": {"modality": str, "content": bytes},
}
"""The required fields of the schema's own types. Content of such a type without them cannot be kept under that type."""

_SILENT = frozenset(
    {
        *("type", "signature", "thoughtSignature", "thought_signature", "cache_control", "prompt_cache_breakpoint"),
        *("logprobs", "top_logprobs", "token_id", "token_ids", "prompt_token_ids", "obfuscation"),
        *("parsed", "parsed_arguments"),  # added by a helper of the SDK: the content again, as an object
    }
)
"""Fields that are not content. They are dropped from parts of known types."""
_DEEPEST = 64
_LONG = 1024
_OPAQUE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_MIME_TYPES = ("media_type", "mime_type", "mimeType", "format")
"""Fields that show that the ``data`` in the same object is base64."""
_BINARY_FIELDS = frozenset(
    {
        *("file_data", "b64_json", "partial_image_b64", "encrypted_content", "redactedContent"),
        *("thoughtSignature", "thought_signature"),
    }
)


def message(role: object, parts: list[Part], **more: Any) -> Message:
    """A message. Fields that are ``None`` are omitted."""
    return {"role": plain.string(role) or "user", "parts": parts, **plain.known(more)}


def extended_message(found: Message, fields: dict[str, Any]) -> Message:
    """The message with the additional `fields` of the wire. Those with a name that a message defines go into a part of it."""
    taken = {key: fields[key] for key in fields if key in _OF_MESSAGES}
    said = [*found["parts"], {"type": "unknown", "content": taken}] if taken else found["parts"]
    return {**{key: value for key, value in fields.items() if key not in taken}, **found, "parts": said}


_OF_MESSAGES = frozenset({"role", "parts", "name", "finish_reason"})


def read_message(wire: object, role: str, content: Callable[[object], list[Part]], finish_reason: str | None = None) -> Message:
    """The message ``{role, content, …}``; `role` is its default role, and `content` converts its content to parts."""
    if not isinstance(wire, dict):
        return message(role, [kept(wire)], finish_reason=finish_reason)
    result = message(plain.string(wire.get("role")) or role, content(wire.get("content")), finish_reason=finish_reason)
    return extended_message(result, rest(wire, "content", *(("role",) if isinstance(wire.get("role"), str) else ())))


def user_messages(value: object) -> list[Message] | None:
    """One user message for each text of a prompt or of an embedding input; token ids become a ``token_ids`` part."""
    if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
        value = [value]
    return [message("user", [_given(one)]) for one in plain.listed(value)] or None


def _given(value: object) -> Part:
    if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
        return {"type": "token_ids", "content": value}
    return kept(value)


def text(content: str, **more: Any) -> Part:
    """A text part. `more` are additional fields (citations, annotations), omitted if empty."""
    return {"type": "text", "content": content, **{key: value for key, value in more.items() if value}}


def texts(content: object) -> list[Part]:
    """A list with a text part for a string that is not empty; an empty list for any other value."""
    return [text(content)] if isinstance(content, str) and content else []


def reasoning(content: str, **more: Any) -> Part:
    """A reasoning part: the model's reasoning, as far as the provider returns it."""
    return {"type": "reasoning", "content": content, **plain.known(more)}


def hidden(shown: list[Part], data: object, **more: Any) -> list[Part]:
    """The reasoning parts `shown`, of which `data` is the encrypted form; without any, one part with no content.

    The form is the same for all providers: the first part has size and hash of `data` under ``encrypted``. `more` are fields
    of the part with no content.
    """
    first = shown[0] if shown else reasoning("", **more)
    if isinstance(data, (str, bytes)) and data:
        held = binary(data)
        first = {**first, "encrypted": {"uri": held["uri"], "size": held["size"]}}
    return [first, *shown[1:]]


def definition(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The definition of a tool of the type `kind`. A provider's own tool that has no name is named after its server or type."""
    names = (fields.get(field) for field in ("name", "server_label", "mcp_server_name"))
    name = next(filter(None, map(plain.string, names)), kind)
    return {"type": kind, "name": name, **{key: value for key, value in fields.items() if key not in ("type", "name")}}


def refusal(content: str) -> Part:
    """A generic part for a refusal by the model, for which the conventions have no type."""
    return {"type": "refusal", "content": content}


def rest(wire: object, *used: str) -> dict[str, Any]:
    """The fields of `wire` that were not converted: all except `used`, empty ones, and fields that are not content."""
    if not isinstance(wire, dict):
        return {}
    fields = {
        key: value
        for key, value in wire.items()
        if key not in used and key not in _SILENT and isinstance(key, str) and plain.says(value)
    }
    return without_binary(fields) if fields else fields


def extended(part: Part, wire: dict[str, Any], *used: str, nested: object = None) -> Part:
    """`part` with the `rest` of the wire's part and of the object `nested` in it, so that unknown fields are kept.

    If a name would have two meanings, the wire's part is kept as it is instead.
    """
    outer, inner = rest(wire, *used), rest(nested, *used)
    if outer.keys() & inner.keys() or part.keys() & (outer.keys() | inner.keys()):
        return kept(wire)
    return {**part, **outer, **inner}


def tool_call(id: object, name: object, arguments: object) -> Part:
    """A tool call that the model requests from the program."""
    call: Part = {"type": "tool_call", "name": name if isinstance(name, str) else ""}
    if id is not None:
        call["id"] = id
    if arguments is not None:
        call["arguments"] = arguments
    return call


def parsed(arguments: object) -> object:
    """Tool arguments as an object or array, if they are a string of valid JSON. Any other string, or a cut one, is kept.

    A string with another JSON value is kept too, because a number that was cut is still a number.
    """
    if not isinstance(arguments, str):
        return without_binary(arguments)
    try:
        value: object = msgspec.json.decode(arguments)
    except (ValueError, RecursionError):
        return arguments
    return without_binary(value) if isinstance(value, (dict, list)) else arguments


def tool_call_response(id: object, response: object, **more: Any) -> Part:
    """The response of a tool of the program."""
    part: Part = {"type": "tool_call_response", "response": response, **plain.known(more)}
    if id is not None:
        part["id"] = id
    return part


def server_tool_call(id: object, name: object, call: Part) -> Part:
    """A call of a tool that the provider ran itself. `call` has the ``type`` and the other fields."""
    part: Part = {"type": "server_tool_call", "name": name if isinstance(name, str) else "", "server_tool_call": call}
    return {**part, "id": id} if id is not None else part


def server_tool_call_response(id: object, response: Part) -> Part:
    """The response of a tool of the provider."""
    part: Part = {"type": "server_tool_call_response", "server_tool_call_response": response}
    return {**part, "id": id} if id is not None else part


def file(file_id: str, modality: str = "document", mime_type: object = None, **more: Any) -> Part:
    """A reference to an uploaded file."""
    part = {"type": "file", "modality": modality, "file_id": file_id, "mime_type": plain.string(mime_type), **more}
    return plain.known(part)


def uri(url: str, modality: str | None = None, mime_type: object = None, **more: Any) -> Part:
    """A reference by URL. A ``data:`` URL is content, not a reference, and becomes a `binary` part."""
    if url[:5].lower() == "data:":
        head, _, body = url[5:].partition(",")
        declared = plain.string(head.split(";")[0]) or mime_type
        encoded = head.lower().endswith(";base64")
        return binary(body if encoded else unquote_to_bytes(body), modality, declared, **more)
    mime_type = plain.string(mime_type)
    part = {"type": "uri", "modality": modality or _modality(mime_type), "mime_type": mime_type, "uri": url, **more}
    return plain.known(part)


def binary(data: str | bytes, modality: str | None = None, mime_type: object = None, **more: Any) -> Part:
    """The size and hash of bytes, or of the bytes that a base64 text encodes; of the text itself if it is not base64."""
    content = _decoded(data) if isinstance(data, str) else bytes(data)
    mime_type = plain.string(mime_type)
    return plain.known(
        {
            "type": "uri",
            "modality": modality or _modality(mime_type),
            "mime_type": mime_type,
            "uri": "sha256:" + hashlib.sha256(content).hexdigest(),
            "size": len(content),
            **more,
        }
    )


def _modality(mime_type: str | None) -> str:
    kind = (mime_type or "").partition("/")[0].lower()
    return kind if kind in ("image", "audio", "video") else "document"


def _decoded(data: str) -> bytes:
    compact = "".join(data.split()).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), b"-_" if "-" in compact or "_" in compact else None, True)
    except (binascii.Error, ValueError):
        return data.encode("utf-8", "surrogatepass")


def kept(part: object) -> Part:
    """A part of an unknown type: under its own type and as it is, except for binary content."""
    if isinstance(part, str):
        return text(part)
    content = without_binary(part)
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        return {"type": "unknown", "content": content}
    required = _REQUIRED.get(content["type"], {})
    if all(field in content and isinstance(content[field], expected) for field, expected in required.items()):
        return content
    return {"type": "unknown", "content": content}


def without_binary(value: Any, _depth: int = 0) -> Any:
    """A copy of `value` with size and hash instead of bytes, ``data:`` URLs, and text that is marked as or must be base64."""
    if _depth > _DEEPEST:
        return "…"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return binary(bytes(value))
    if isinstance(value, str):
        return _text_without_binary(value)
    if isinstance(value, dict):
        mime_type = next((value[name] for name in _MIME_TYPES if value.get(name)), None)
        if mime_type and isinstance(value.get("data"), str):
            value = {**value, "data": binary(value["data"], None, mime_type)}
        return {
            key: binary(held)
            if key in _BINARY_FIELDS and isinstance(held, str) and held[:5] != "data:"
            else without_binary(held, _depth + 1)
            for key, held in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_binary(element, _depth + 1) for element in value]
    return value


def _text_without_binary(value: str) -> Any:
    if value[:5].lower() == "data:" and "," in value:
        return uri(value)
    # No language has words of a thousand letters, so this is encrypted reasoning, a thumbnail, an archive.
    return binary(value) if len(value) >= _LONG and _OPAQUE.fullmatch(value) else value


def finish(reason: object) -> str | None:
    """The conventions' word for a provider's finish reason; an unknown reason is returned as it is."""
    return conventions.FINISH_REASONS.get(reason, reason) if isinstance(reason, str) and reason else None
