"""How the events of a streamed response add up.

Source: the OpenAI API reference (``ResponseStreamEvent``). The last event carries the whole response. A stream that was cut has
none: then the response is rebuilt from what was received.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import plain
from autotrace.dialects.plain import Pieces

_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_BEGUN = frozenset({"response.created", "response.queued", "response.in_progress"})

_NESTED = {
    "response.output_text.delta": ("message", "content", "content_index", "output_text", "text"),
    "response.refusal.delta": ("message", "content", "content_index", "refusal", "refusal"),
    "response.reasoning_text.delta": ("reasoning", "content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary", "summary_index", "summary_text", "text"),
}
"""Deltas of a part inside an item: the item's type, the list in it, what counts there, the part's type and its text."""

_FLAT = {
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code"),
}
"""Deltas of a field of an item: the item's type and the field."""


def response(events: list[Any]) -> dict[str, Any]:
    """The response that a stream's events add up to."""
    base: dict[str, Any] = {}
    final: dict[str, Any] | None = None
    items: dict[int, _Item] = {}
    for event in plain.mappings(events):
        kind, held = event.get("type"), plain.mapping(event.get("response"))
        if not isinstance(kind, str):
            continue
        if kind in _FINAL:
            final = held
        elif kind in _BEGUN:
            base = held or base
        elif kind == "error":
            base = {**base, "status": "failed", "error": plain.mapping(event.get("error")) or _without_type(event)}
        elif kind in _NESTED or kind in _FLAT or kind.startswith("response.output_item."):
            # an event without its output_index goes to the newest item
            index = plain.number(event.get("output_index"), max(items, default=0))
            items.setdefault(index, _Item()).add(kind, event)
    rebuilt = [whole for index in sorted(items) if (whole := items[index].whole())]
    if final and (final.get("output") or not rebuilt):
        return final
    # ChatGPT's own backend (Codex) completes with an empty output: the items went by as events
    return {**(final or base), "output": rebuilt}


def _without_type(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("type", "sequence_number")}


class _Item:
    """One output item: as it was announced, with the deltas since; or as it was when it was done."""

    __slots__ = ("announced", "done", "kind", "pieces")

    def __init__(self) -> None:
        self.announced: dict[str, Any] = {}
        self.done: dict[str, Any] | None = None
        self.kind = "message"
        self.pieces: Pieces = {}

    def add(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "response.output_item.done":
            self.done = plain.mapping(event.get("item")) or self.done
        elif kind == "response.output_item.added":
            self.announced = plain.mapping(event.get("item"))
        elif kind in _FLAT:
            self.kind, field = _FLAT[kind]
            plain.grow(self.pieces, field, event.get("delta"))
        elif kind in _NESTED:
            self.kind, field, counter, part, text = _NESTED[kind]
            plain.grow(self.pieces, (field, plain.number(event.get(counter), 0), part, text), event.get("delta"))

    def whole(self) -> dict[str, Any] | None:
        if self.done is not None:
            return self.done
        if not self.announced and not self.pieces:
            return None
        found: dict[str, Any] = {"type": self.kind, **self.announced}
        nested: dict[str, dict[Any, dict[str, Any]]] = {}
        for key, text in plain.grown(self.pieces).items():
            if isinstance(key, str):
                found[key] = text
            else:
                field, index, part, name = key
                nested.setdefault(field, {})[index, part] = {"type": part, name: text}
        for field, held in nested.items():
            found[field] = [part for _, part in sorted(held.items(), key=lambda entry: entry[0])]
        return found
