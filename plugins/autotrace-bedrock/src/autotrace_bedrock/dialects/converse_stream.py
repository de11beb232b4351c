"""Combines the events of ConverseStream, and the same events of Amazon Nova in InvokeModelWithResponseStream.

Source: the API reference of Bedrock runtime (``ConverseStreamOutput``). An event is an object with one field, whose name is the
event's type. A delta has the index of the block that it continues.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from autotrace.dialects import parts, plain

__all__ = ["converse_response"]

_REDACTED = "redactedContent"
"""The field with encrypted reasoning. Each delta is base64 with its own padding, so each piece is decoded separately."""
_PADDING = "p"
"""The field with letters that pad an event, to hide its length on the network."""


def converse_response(events: list[Any]) -> dict[str, Any]:
    """Combine a stream's events into one response of Converse."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    blocks: list[tuple[int, _Block]] = []
    for event in plain.mappings(events):
        for kind, value in event.items():
            fields = {name: field for name, field in plain.known(value).items() if name != _PADDING}
            index = plain.number(fields.get("contentBlockIndex"), max((at for at, _ in blocks), default=0))
            if kind == "messageStart":
                plain.update(message, fields)
            elif kind == "contentBlockStart":
                block = plain.newest(blocks, index, _Block)
                if plain.known(fields.get("start")) and not block.is_new():  # another block with the same index
                    blocks.append((index, block := _Block()))
                block.begin(fields.get("start"))
            elif kind == "contentBlockDelta":
                plain.newest(blocks, index, _Block).add(plain.mapping(fields.get("delta")))
            elif kind in ("messageStop", "metadata"):
                plain.update(whole, fields)
            elif kind != "contentBlockStop" and plain.says(value):
                whole[kind] = value
    if message or blocks:
        in_order = sorted(blocks, key=lambda entry: entry[0])
        content = [*plain.listed(message.get("content")), *_joined(block.whole() for _, block in in_order)]
        whole["output"] = {"message": {"role": "assistant", **message, "content": content}}
    return whole


def _joined(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that are not empty, with consecutive texts joined: Nova begins a new block with each delta."""
    joined: list[dict[str, Any]] = []
    texts: list[str] = []
    for block in [*(block for block in blocks if block), {}]:
        if list(block) == ["text"]:
            texts.append(block["text"])
            continue
        if texts:
            joined.append({"text": "".join(texts)})
            texts = []
        if block:
            joined.append(block)
    return joined


def _decoded(piece: object) -> bytes:
    try:
        return base64.b64decode(piece) if isinstance(piece, str) else piece if isinstance(piece, bytes) else b""
    except (binascii.Error, ValueError):
        return b""


class _Block:
    """Combines the start and the deltas of one content block.

    A delta has text under ``text``, and anything else in an object under the block's kind. Texts in such an object are pieces.
    """

    __slots__ = ("citations", "others", "pieces", "redacted", "start")

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.redacted: list[bytes] = []
        self.pieces: plain.Pieces = {}
        self.citations: list[Any] = []
        self.others: dict[str, Any] = {}

    def is_new(self) -> bool:
        return not (self.start or self.pieces or self.others or self.citations)

    def begin(self, start: object) -> None:
        kinds = plain.known(start).items()
        self.start = {kind: plain.sound(value) if isinstance(value, dict) else value for kind, value in kinds} or self.start

    def add(self, delta: dict[str, Any]) -> None:
        for kind, value in plain.known(delta).items():
            if kind == "text":
                plain.grow(self.pieces, kind, value)
            elif kind == "citation":
                self.citations.append(value)
            elif isinstance(value, dict):
                self._add_fields(kind, value)
            elif isinstance(value, list):  # the content of a tool result
                fields = self.others.setdefault(kind, {})
                fields["content"] = [*plain.sequence(fields.get("content")), *value]
            else:
                plain.grow(self.pieces, kind, value)

    def _add_fields(self, kind: str, fields: dict[str, Any]) -> None:
        target = self.others.setdefault(kind, {})
        for name, value in plain.sound(fields).items():
            if name == _REDACTED:
                self.redacted.append(_decoded(value))
            elif isinstance(value, str):
                plain.grow(self.pieces, (kind, name), value)
            elif name != "input" or isinstance(value, dict):
                target[name] = value

    def whole(self) -> dict[str, Any]:
        block: dict[str, Any] = {**self.start}
        for kind, fields in self.others.items():
            block[kind] = {**plain.mapping(block.get(kind)), **fields}
        for key, text in plain.grown(self.pieces).items():
            if isinstance(key, tuple):
                kind, name = key
                block[kind] = {**plain.mapping(block.get(kind)), name: text}
            elif not isinstance(block.get(key), dict):
                block[key] = text
        return self._shaped(block)

    def _shaped(self, block: dict[str, Any]) -> dict[str, Any]:
        """Convert `block` to the shape of a block that was not streamed."""
        call = block.get("toolUse")
        if isinstance(call, dict) and isinstance(call.get("input", ""), str):
            block["toolUse"] = {**call, "input": parts.parsed(call.get("input") or "{}")}
        thought = block.get("reasoningContent")
        if isinstance(thought, dict) and isinstance(thought.get("text"), str):
            shown = {name: thought[name] for name in ("text", "signature") if name in thought}
            others = {name: value for name, value in thought.items() if name not in shown}
            block["reasoningContent"] = {**others, "reasoningText": shown}
        if self.redacted:
            block["reasoningContent"] = {**plain.mapping(thought), _REDACTED: b"".join(self.redacted)}
        if self.citations and isinstance(block.get("text"), str):
            block["citationsContent"] = {"content": [{"text": block.pop("text")}], "citations": self.citations}
        elif self.citations:
            block["citations"] = self.citations
        return block
