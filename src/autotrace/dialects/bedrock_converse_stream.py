"""How the events of ConverseStream add up, and those of Amazon Nova in InvokeModelWithResponseStream, which are the same.

Source: the API reference of Bedrock runtime (``ConverseStreamOutput``). An event is an object with one field, whose name
says what it is. What a delta continues is named by the index of its block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autotrace.dialects import parts, plain

__all__ = ["converse_response"]

_PADDING = "p"
"""Letters in an event that hide from the network how long it is."""


def converse_response(events: list[Any]) -> dict[str, Any]:
    """The response of Converse that a stream's events add up to."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    blocks: dict[int, _Block] = {}
    for event in plain.mappings(events):
        for kind, value in event.items():
            held = {name: field for name, field in plain.known(value).items() if name != _PADDING}
            index = plain.number(held.get("contentBlockIndex"), max(blocks, default=0))
            if kind == "messageStart":
                message.update(held)
            elif kind == "contentBlockStart":
                blocks.setdefault(index, _Block()).begin(plain.mapping(held.get("start")))
            elif kind == "contentBlockDelta":
                blocks.setdefault(index, _Block()).add(plain.mapping(held.get("delta")))
            elif kind in ("messageStop", "metadata"):
                whole.update(held)
            elif kind != "contentBlockStop" and plain.says(value):
                whole[kind] = value
    if message or blocks:
        content = [*plain.listed(message.get("content")), *_joined(blocks[index].whole() for index in sorted(blocks))]
        whole["output"] = {"message": {"role": "assistant", **message, "content": content}}
    return whole


def _joined(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that say something, texts that follow each other as one: Nova begins a new block with each delta."""
    found: list[dict[str, Any]] = []
    texts: list[str] = []
    for block in [*(block for block in blocks if block), {}]:
        if list(block) == ["text"]:
            texts.append(block["text"])
            continue
        if texts:
            found.append({"text": "".join(texts)})
            texts = []
        if block:
            found.append(block)
    return found


class _Block:
    """One content block: as it started, with its deltas.

    Text comes under ``text``, all else in an object under the name of the block's kind, texts in it in pieces.
    """

    __slots__ = ("citations", "others", "pieces", "start")

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.pieces: plain.Pieces = {}
        self.citations: list[Any] = []
        self.others: dict[str, Any] = {}

    def begin(self, start: dict[str, Any]) -> None:
        self.start = start

    def add(self, delta: dict[str, Any]) -> None:
        for kind, value in plain.known(delta).items():
            if kind == "text":
                plain.grow(self.pieces, kind, value)
            elif kind == "citation":
                self.citations.append(value)
            elif isinstance(value, dict):
                self._add_fields(kind, value)
            elif isinstance(value, list):  # the content of a tool's result
                held = self.others.setdefault(kind, {})
                held["content"] = [*held.get("content", ()), *value]
            else:
                plain.grow(self.pieces, kind, value)

    def _add_fields(self, kind: str, fields: dict[str, Any]) -> None:
        held = self.others.setdefault(kind, {})
        for name, value in fields.items():
            if isinstance(value, str):
                plain.grow(self.pieces, (kind, name), value)
            else:
                held[name] = value

    def whole(self) -> dict[str, Any]:
        found: dict[str, Any] = {**self.start}
        for kind, fields in self.others.items():
            found[kind] = {**plain.mapping(found.get(kind)), **fields}
        for key, text in plain.grown(self.pieces).items():
            if isinstance(key, tuple):
                kind, name = key
                found[kind] = {**plain.mapping(found.get(kind)), name: text}
            else:
                found[key] = text
        return self._shaped(found)

    def _shaped(self, found: dict[str, Any]) -> dict[str, Any]:
        """In the shape of a block that came whole."""
        call = found.get("toolUse")
        if isinstance(call, dict) and isinstance(call.get("input", ""), str):
            found["toolUse"] = {**call, "input": parts.parsed(call.get("input") or "{}")}
        thought = found.get("reasoningContent")
        if isinstance(thought, dict) and isinstance(thought.get("text"), str):
            said = {name: thought[name] for name in ("text", "signature") if name in thought}
            others = {name: value for name, value in thought.items() if name not in said}
            found["reasoningContent"] = {**others, "reasoningText": said}
        if self.citations and isinstance(found.get("text"), str):
            found["citationsContent"] = {"content": [{"text": found.pop("text")}], "citations": self.citations}
        elif self.citations:
            found["citations"] = self.citations
        return found
