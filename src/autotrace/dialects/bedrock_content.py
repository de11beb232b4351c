"""Bedrock's content blocks: objects with one field, whose name says what they are.

Source: the API reference of Bedrock runtime (``ContentBlock``) as botocore 1.44 has it. Bytes come as such through the SDK, and
in base64 over the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Part

__all__ = ["content"]

_DOCUMENTS = {"pdf": "application/pdf", "csv": "text/csv", "html": "text/html", "txt": "text/plain", "md": "text/markdown"}
"""Media types of the formats of documents; of the others their format is kept."""


def content(value: object) -> list[Part]:
    """The parts of a message's content blocks."""
    return parts.texts(value) if isinstance(value, str) else [_block(block) for block in plain.listed(value)]


def _block(block: object) -> Part:
    """One content block. Kinds that are not known are kept under their own name."""
    wire = plain.mapping(block)
    kind = next((name for name in _BLOCKS if name in wire), None)
    if kind is not None:
        held = wire[kind]
        part = _BLOCKS[kind](kind, held if isinstance(held, str) else plain.mapping(held))
        return parts.kept(block) if part is None else parts.extended(part, wire, kind)
    if len(wire) == 1:
        [(name, held)] = wire.items()
        return parts.kept({"type": name, "content": held})
    return parts.kept(block)


def _text(_: str, held: Any) -> Part | None:
    return parts.text(held) if isinstance(held, str) else None


def _media(kind: str, held: Any) -> Part | None:
    """An image, a document, a video or a sound: its bytes, a text, or a place in S3."""
    source = plain.mapping(plain.mapping(held).get("source"))
    form = plain.string(held.get("format")) if source else None
    mime_type = (_DOCUMENTS.get(form) if kind == "document" else f"{kind}/{form}") if form else None
    place = plain.mapping(source.get("s3Location"))
    if isinstance(source.get("bytes"), (str, bytes)):
        found, used = parts.binary(source["bytes"], kind, mime_type), "bytes"
    elif isinstance(source.get("text"), str):
        found, used = parts.text(source["text"]), "text"
    elif (text := _joined(source.get("content"))) is not None:
        found, used = parts.text(text), "content"
    elif plain.string(place.get("uri")):
        found, used = parts.uri(place["uri"], kind, mime_type), "s3Location"
    else:
        return None
    given = ("source", *(("format",) if found.get("mime_type") else ()))
    beside = {**parts.rest(source, used), **parts.rest(place if used == "s3Location" else None, "uri")}
    return parts.extended(found, held, *given, nested=beside)


def _tool_use(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    if not wire or not isinstance(wire.get("name") or "", str):
        return None
    id, name, given = wire.get("toolUseId"), wire.get("name"), parts.parsed(wire.get("input"))
    if wire.get("type") == "server_tool_use":
        call = {"type": plain.string(name) or "server_tool_use", "input": given}
        return parts.extended(parts.server_tool_call(id, name, plain.known(call)), wire, "toolUseId", "name", "input")
    return parts.extended(parts.tool_call(id, name, given), wire, "toolUseId", "name", "input")


def _tool_result(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    if not wire:
        return None
    answer = wire.get("content")
    said = answer if isinstance(answer, str) else [_inside(block) for block in plain.listed(answer)]
    if plain.string(wire.get("type")):  # the answer of a tool that ran at the provider
        response = {"type": wire["type"], "content": said, **parts.rest(wire, "toolUseId", "content")}
        return parts.server_tool_call_response(wire.get("toolUseId"), response)
    return parts.extended(parts.tool_call_response(wire.get("toolUseId"), said), wire, "toolUseId", "content")


def _inside(block: object) -> Part:
    # a result holds JSON, texts, media and search results, never another result
    wire = plain.mapping(block)
    if len(wire) == 1 and "json" in wire:
        return {"type": "json", "content": parts.without_binary(wire["json"])}
    return parts.kept(block) if "toolResult" in wire else _block(block)


def _reasoning(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    thought = plain.mapping(wire.get("reasoningText"))
    if isinstance(thought.get("text"), str):
        return parts.extended(parts.reasoning(thought["text"]), wire, "reasoningText", nested=parts.rest(thought, "text"))
    redacted = wire.get("redactedContent")
    if isinstance(redacted, (str, bytes)):
        hashed = {**parts.binary(redacted), "type": "redacted_reasoning"}
        return parts.extended(hashed, wire, "redactedContent")
    return None


def _guarded(_: str, held: Any) -> Part | None:
    """Content that a guardrail is to look at."""
    wire = plain.mapping(held)
    said = plain.mapping(wire.get("text"))
    if isinstance(said.get("text"), str):
        return parts.extended(parts.text(said["text"]), wire, "text", nested=parts.rest(said, "text"))
    image = _media("image", wire.get("image")) if isinstance(wire.get("image"), dict) else None
    return parts.extended(image, wire, "image") if image else None


def _cited(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    text = _joined(wire.get("content"))
    return None if text is None else parts.extended(parts.text(text), wire, "content")


def _joined(blocks: object) -> str | None:
    """The text of blocks that are nothing but text."""
    said = plain.listed(blocks)
    texts = [one["text"] for one in said if isinstance(one, dict) and len(one) == 1 and isinstance(one.get("text"), str)]
    return "".join(texts) if texts and len(texts) == len(said) else None


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
