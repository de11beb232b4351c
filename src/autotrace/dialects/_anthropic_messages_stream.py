"""Reduce the events of a streamed Anthropic message to the message.

Source: the Anthropic API reference (``RawMessageStreamEvent``). Usage is cumulative: of each field, the last value
that is not null counts. ``message_start`` reports output tokens too, but not those of the answer (usually 1); ``message_delta``
replaces them.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.plain import Pieces

__all__ = ["UNCOUNTED", "message"]

UNCOUNTED = "uncounted"
"""The field of a message, beside those of the wire, that is true if its output tokens were not counted yet when it was left."""


def message(events: list[Any]) -> dict[str, Any]:
    """The message that the events of a stream make up."""
    whole: dict[str, Any] = {}
    blocks: list[tuple[int, _Block]] = []
    counted = False
    for event in plain.mappings(events):
        kind = event.get("type")
        index = plain.number(event.get("index"), blocks[-1][0] if blocks else 0)
        if kind == "message_start":
            plain.update(whole, event.get("message"))
        elif kind == "content_block_start":
            blocks.append((index, _Block(plain.sound(event.get("content_block")))))
        elif kind == "content_block_delta":
            plain.newest(blocks, index, lambda: _Block({})).add(plain.mapping(event.get("delta")))
        elif kind == "message_delta":
            _add_delta(whole, event)
            counted = counted or plain.count(plain.mapping(event.get("usage")).get("output_tokens")) is not None
        elif kind == "error" or event.get("error"):
            whole["error"] = event.get("error") or event
        counted = counted or kind == "message_stop"
    if whole.get("usage") and not counted:
        whole[UNCOUNTED] = True
    if blocks or whole:
        # Content that message_start already has (a continued turn) comes first. Servers that imitate the API may give every
        # block index 0. The sort is stable, so such blocks keep the order of their starts.
        in_order = sorted(blocks, key=lambda block: block[0])
        whole["content"] = [*plain.listed(whole.get("content")), *(block.whole() for _, block in in_order)]
    return whole


def _add_delta(whole: dict[str, Any], event: dict[str, Any]) -> None:
    usage = plain.later(plain.mapping(whole.get("usage")), event.get("usage"))
    if usage:
        whole["usage"] = usage
    plain.update(whole, event.get("delta"))  # stop_reason, stop_sequence, stop_details, container
    others = {key: value for key, value in plain.known(event).items() if key not in ("type", "usage", "delta")}
    whole.update(others)  # context_management


class _Block:
    """One content block: its start, and its deltas.

    Every delta names the field that it continues, except ``partial_json``, which is the text of ``input``. So unknown kinds of
    deltas can be reduced as well: strings and lists are joined, and of objects the last one counts.
    """

    __slots__ = ("citations", "others", "pieces", "start")

    def __init__(self, start: dict[str, Any]) -> None:
        self.start = start
        self.pieces: Pieces = {}
        self.citations: list[Any] = []
        self.others: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            if key == "citation":
                self.citations.append(value)
            elif key == "type":
                continue
            elif isinstance(value, list):
                self.others[key] = [*plain.sequence(self.others.get(key)), *value]
            elif isinstance(value, dict):
                self.others[key] = value
            else:
                plain.grow(self.pieces, key, value)

    def whole(self) -> dict[str, Any]:
        block = {**self.start, **self.others}
        texts = plain.grown(self.pieces)
        arguments = texts.pop("partial_json", "")
        if arguments:
            block["input"] = parts.parsed(arguments)
            block.setdefault("type", "tool_use")
        for key, text in texts.items():
            block.setdefault("type", key)  # a stream without the start of a block; the field has the name of the type
            block[key] = (plain.string(block.get(key)) or "") + text
        if self.citations:
            block["citations"] = [*plain.listed(block.get("citations")), *self.citations]
        return block
