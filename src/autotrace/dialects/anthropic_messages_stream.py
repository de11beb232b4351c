"""How the events of a streamed Anthropic message add up.

Source: the Anthropic API reference (``RawMessageStreamEvent``). Usage is cumulative: the last value of each field that is not
null counts. ``message_start`` reports output tokens of its own, which ``message_delta`` replaces.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.plain import Pieces


def message(events: list[Any]) -> dict[str, Any]:
    """The message that a stream's events add up to."""
    whole: dict[str, Any] = {}
    blocks: dict[int, _Block] = {}
    for event in plain.mappings(events):
        kind = event.get("type")
        index = plain.number(event.get("index"), max(blocks, default=0))
        if kind == "message_start":
            whole = {**whole, **plain.mapping(event.get("message"))}
        elif kind == "content_block_start":
            blocks[index] = _Block(plain.mapping(event.get("content_block")))
        elif kind == "content_block_delta":
            blocks.setdefault(index, _Block({})).add(plain.mapping(event.get("delta")))
        elif kind == "message_delta":
            _add_delta(whole, event)
        elif kind == "error":
            whole["error"] = event.get("error")
    if blocks or whole:
        # a content that message_start already had (a continued turn) comes first
        whole["content"] = [*plain.sequence(whole.get("content")), *(blocks[index].whole() for index in sorted(blocks))]
    return whole


def _add_delta(whole: dict[str, Any], event: dict[str, Any]) -> None:
    usage = {**plain.mapping(whole.get("usage")), **plain.known(event.get("usage"))}
    if usage:
        whole["usage"] = usage
    whole.update(plain.known(event.get("delta")))  # stop_reason, stop_sequence, stop_details, container
    others = {key: value for key, value in plain.known(event).items() if key not in ("type", "usage", "delta")}
    whole.update(others)  # context_management


class _Block:
    """One content block: as it started, with its deltas.

    Every delta names the field that it continues, except ``partial_json``, which is the text of ``input``; so deltas of
    kinds that do not exist yet add up as well.
    """

    __slots__ = ("citations", "pieces", "start")

    def __init__(self, start: dict[str, Any]) -> None:
        self.start = start
        self.pieces: Pieces = {}
        self.citations: list[Any] = []

    def add(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            if key == "citation":
                self.citations.append(value)
            elif key != "type":
                plain.grow(self.pieces, key, value)

    def whole(self) -> dict[str, Any]:
        found = dict(self.start)
        texts = plain.grown(self.pieces)
        json = texts.pop("partial_json", "")
        if json:
            found["input"] = parts.parsed(json)
            found.setdefault("type", "tool_use")
        for key, text in texts.items():
            found.setdefault("type", key)  # a stream that was joined late has no start: the field is called like the type
            found[key] = (plain.string(found.get(key)) or "") + text
        if self.citations:
            found["citations"] = [*plain.sequence(found.get("citations")), *self.citations]
        return found
