"""Converts Bedrock's content blocks to parts. A block is an object with one field, whose name is the block's kind.

Source: the API reference of Bedrock runtime (``ContentBlock``), as in botocore 1.44. Bytes are ``bytes`` in the SDK, and base64
on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Part

__all__ = ["content"]

_DOCUMENTS = {"pdf": "application/pdf", "csv": "text/csv", "html": "text/html", "txt": "text/plain", "md": "text/markdown"}
"""Media types of document formats. Other formats are kept unchanged."""


def content(value: object) -> list[Part]:
    """The parts of a message's content: a text, or content blocks."""
    return parts.texts(value) if isinstance(value, str) else [_block(block) for block in plain.listed(value)]


def _block(block: object) -> Part:
    """Convert one content block. A block of an unknown kind is kept, with its kind as type."""
    wire = plain.mapping(block)
    kind = next((name for name in _BLOCKS if name in wire), None)
    if kind is not None:
        value = wire[kind]
        part = _BLOCKS[kind](kind, value if isinstance(value, str) else plain.mapping(value))
        return parts.kept(block) if part is None else parts.extended(part, wire, kind)
    if len(wire) == 1:
        [(name, value)] = wire.items()
        return parts.kept({"type": name, "content": value})
    return parts.kept(block)


def _text(_: str, value: Any) -> Part | None:
    return parts.text(value) if isinstance(value, str) else None


def _media(kind: str, value: Any) -> Part | None:
    """Convert an image, a document, a video or audio. Its source is bytes, a text, or a location in S3."""
    source = plain.mapping(plain.mapping(value).get("source"))
    form = plain.string(value.get("format")) if source else None
    mime_type = (_DOCUMENTS.get(form) if kind == "document" else f"{kind}/{form}") if form else None
    location = plain.mapping(source.get("s3Location"))
    if isinstance(source.get("bytes"), (str, bytes)):
        part, used = parts.binary(source["bytes"], kind, mime_type), "bytes"
    elif isinstance(source.get("text"), str):
        part, used = parts.text(source["text"]), "text"
    elif (text := _joined(source.get("content"))) is not None:
        part, used = parts.text(text), "content"
    elif plain.string(location.get("uri")):
        part, used = parts.uri(location["uri"], kind, mime_type), "s3Location"
    else:
        return None
    given = ("source", *(("format",) if part.get("mime_type") else ()))
    others = {**parts.rest(source, used), **parts.rest(location if used == "s3Location" else None, "uri")}
    return parts.extended(part, value, *given, nested=others)


def _tool_use(_: str, value: Any) -> Part | None:
    wire = plain.mapping(value)
    if not wire or not isinstance(wire.get("name") or "", str):
        return None
    id, name, given = wire.get("toolUseId"), wire.get("name"), parts.parsed(wire.get("input"))
    if wire.get("type") == "server_tool_use":
        call = {"type": plain.string(name) or "server_tool_use", "input": given}
        return parts.extended(parts.server_tool_call(id, name, plain.known(call)), wire, "toolUseId", "name", "input")
    return parts.extended(parts.tool_call(id, name, given), wire, "toolUseId", "name", "input")


def _tool_result(_: str, value: Any) -> Part | None:
    wire = plain.mapping(value)
    if not wire:
        return None
    answer = wire.get("content")
    content = answer if isinstance(answer, str) else [_result_block(block) for block in plain.listed(answer)]
    if plain.string(wire.get("type")):  # a tool that the provider ran
        response = {"type": wire["type"], "content": content, **parts.rest(wire, "toolUseId", "content")}
        return parts.server_tool_call_response(wire.get("toolUseId"), response)
    return parts.extended(parts.tool_call_response(wire.get("toolUseId"), content), wire, "toolUseId", "content")


def _result_block(block: object) -> Part:
    # A result contains JSON, texts, media and search results, never another result.
    wire = plain.mapping(block)
    if len(wire) == 1 and "json" in wire:
        return {"type": "json", "content": parts.without_binary(wire["json"])}
    return parts.kept(block) if "toolResult" in wire else _block(block)


def _reasoning(_: str, value: Any) -> Part | None:
    wire = plain.mapping(value)
    thought = plain.mapping(wire.get("reasoningText"))
    text = thought.get("text")
    if isinstance(text, str) and text:
        return parts.extended(parts.reasoning(text), wire, "reasoningText", nested=parts.rest(thought, "text"))
    data = wire.get("redactedContent") or thought.get("signature") or wire.get("signature")
    if isinstance(data, (str, bytes)) or isinstance(text, str):
        used = ("redactedContent", *(("reasoningText",) if thought else ()))
        others = parts.rest(thought, "signature", *(("text",) if isinstance(text, str) else ()))
        return parts.extended(parts.hidden([], data)[0], wire, *used, nested=others)
    return None


def _guarded(_: str, value: Any) -> Part | None:
    """Convert content that a guardrail checks."""
    wire = plain.mapping(value)
    text = plain.mapping(wire.get("text"))
    if isinstance(text.get("text"), str):
        return parts.extended(parts.text(text["text"]), wire, "text", nested=parts.rest(text, "text"))
    image = _media("image", wire.get("image")) if isinstance(wire.get("image"), dict) else None
    return parts.extended(image, wire, "image") if image else None


def _cited(_: str, value: Any) -> Part | None:
    wire = plain.mapping(value)
    text = _joined(wire.get("content"))
    return None if text is None else parts.extended(parts.text(text), wire, "content")


def _joined(blocks: object) -> str | None:
    """The joined text of `blocks`. None if any of them is not just text."""
    every = plain.listed(blocks)
    texts = [one["text"] for one in every if isinstance(one, dict) and len(one) == 1 and isinstance(one.get("text"), str)]
    return "".join(texts) if texts and len(texts) == len(every) else None


_BLOCKS: dict[str, Callable[[str, Any], Part | None]] = {
    "text": _text,
    "image": _media,
    "document": _media,
    "video": _media,
    "audio": _media,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
    "guardContent": _guarded,
    "citationsContent": _cited,
}
