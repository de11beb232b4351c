"""Reduce the events of a streamed response to the response.

Source: the OpenAI API reference (``ResponseStreamEvent``). The last event has the whole response. If the stream was cut,
the response is rebuilt from the events that were received.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import endings, plain
from autotrace.dialects.plain import Pieces

__all__ = ["response"]

_STARTED = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDED = frozenset({"completed", "incomplete", "failed", "cancelled"})

_ERRORS = ("error", "response.error")
_ANSWER = ("type", "choices", "response", "delta", "usage")
"""Fields of an event without a type that is not an error."""

_NESTED = {
    "response.output_text": ("message", "content", "content_index", "output_text", "text"),
    "response.refusal": ("message", "content", "content_index", "refusal", "refusal"),
    "response.reasoning_text": ("reasoning", "content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text": ("reasoning", "summary", "summary_index", "summary_text", "text"),
}
"""Text in a part of an item: the item's type, the list in it, the index in the list, the part's type and its text field."""

_FLAT = {
    "response.function_call_arguments": ("function_call", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "input"),
    "response.mcp_call_arguments": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code": ("code_interpreter_call", "code"),
}
"""Text in a field of an item: the item's type and the field."""

_PARTS = {
    "response.content_part": ("content", "content_index"),
    "response.reasoning_summary_part": ("summary", "summary_index"),
}
"""Parts that arrive whole: the list in the item, and the index in the list."""


def response(events: list[Any]) -> dict[str, Any]:
    """The response that the events of a stream make up."""
    base: dict[str, Any] = {}
    final: dict[str, Any] | None = None
    items: list[tuple[int, _Item]] = []
    for event in plain.mappings(events):
        kind, held = event.get("type"), plain.mapping(event.get("response"))
        if not isinstance(kind, str) or kind in _ERRORS:
            base = {**base, **_error(event)}
        elif kind in _STARTED:
            plain.update(base, held)
        elif held:
            final = _sound(held) if held.get("status") in list(_ENDED) or kind.removeprefix("response.") in _ENDED else final
        else:
            # an event without output_index belongs to the newest item
            index = plain.number(event.get("output_index"), max((at for at, _ in items), default=0))
            item = plain.newest(items, index, _Item)
            if kind == "response.output_item.added" and (item.announced or item.done):  # another item with the same index
                items.append((index, item := _Item()))
            item.add(kind, event)
    rebuilt = [whole for _, item in sorted(items, key=lambda entry: entry[0]) if (whole := item.whole())]
    if final and (plain.sequence(final.get("output")) or not rebuilt):
        return final
    # ChatGPT's own backend (Codex) completes with an empty output; its items were sent only as events
    return {**(final or base), "output": rebuilt} if rebuilt or final or base else {}


def _sound(response: dict[str, Any]) -> dict[str, Any]:
    items = [plain.sound(item) if isinstance(item, dict) else item for item in plain.sequence(response.get("output"))]
    return {**plain.sound(response), **({"output": items} if items else {})}


def _error(event: dict[str, Any]) -> dict[str, Any]:
    error = event.get("error") if event.get("error") is not True else None
    if not error and event.get("type") in _ERRORS:
        error = {key: value for key, value in event.items() if key not in ("type", "sequence_number", "error")}
    error = error or endings.bare_error(event, _ANSWER)
    return {"status": "failed", "error": error} if error else {}


class _Item:
    """One output item: its announcement and the deltas since, or the whole item once it is done."""

    __slots__ = ("announced", "commands", "done", "kind", "lists", "pieces", "results", "values")

    def __init__(self) -> None:
        self.announced: dict[str, Any] = {}
        self.done: dict[str, Any] | None = None
        self.kind = "message"
        self.pieces: Pieces = {}
        self.values: dict[str, Any] = {}
        self.lists: dict[str, dict[int, dict[str, Any]]] = {}
        """Parts of the item, by their field and their index. Their texts are in `pieces`."""
        self.commands: dict[int, str] = {}
        self.results: dict[int, list[Any]] = {}

    def add(self, kind: str, event: dict[str, Any]) -> None:
        what, _, step = kind.rpartition(".")
        if kind == "response.output_item.done":
            self.done = plain.sound(event.get("item")) or self.done
        elif kind == "response.output_item.added":
            self.announced = plain.sound(event.get("item"))
        elif what in _PARTS:
            field, counter = _PARTS[what]
            self._add_part(field, plain.number(event.get(counter), 0), event, step == "done")
        elif what in _NESTED:
            self.kind, field, counter, part, text = _NESTED[what]
            index = plain.number(event.get(counter), 0)
            self._part(field, index).setdefault("type", part)
            self._grow((field, index, text), event, step, text)
        elif what in _FLAT:
            self.kind, field = _FLAT[what]
            self._grow(field, event, step, field)
        elif kind == "response.output_text.annotation.added":
            held = self._part("content", plain.number(event.get("content_index"), 0))
            held["annotations"] = [*plain.sequence(held.get("annotations")), event.get("annotation")]
        elif what.startswith("response.shell_call_"):
            self._add_shell(what, step, event)
        elif kind == "response.image_generation_call.partial_image":
            self.kind = "image_generation_call"
            more = ("output_format", "quality", "size", "background")
            self.values.update({key: event[key] for key in more if event.get(key) is not None})
            self.values["result"] = event.get("partial_image_b64")
        elif what == "response.audio":
            return  # audio, which a whole response does not contain either
        elif step == "delta":  # an unknown kind
            self._grow(what.removeprefix("response."), event, step, "")

    def _grow(self, key: Any, event: dict[str, Any], step: str, text: str) -> None:
        if step == "delta":
            plain.grow(self.pieces, key, event.get("delta"))
        elif step == "done" and isinstance(event.get(text), str):
            self.pieces[key] = [event[text]]  # the whole text again

    def _part(self, field: str, index: int) -> dict[str, Any]:
        return self.lists.setdefault(field, {}).setdefault(index, {})

    def _add_part(self, field: str, index: int, event: dict[str, Any], done: bool) -> None:
        part = plain.sound(event.get("part"))
        held = self._part(field, index)
        held.update(part if done else {key: value for key, value in part.items() if key not in held})

    def _add_shell(self, what: str, step: str, event: dict[str, Any]) -> None:
        index = plain.number(event.get("command_index"), 0)
        if what == "response.shell_call_command":
            self.kind = "shell_call"
            plain.grow(self.pieces, ("commands", index), event.get("delta") if step == "delta" else None)
            if step == "done" and isinstance(event.get("command"), str):
                self.pieces["commands", index] = [event["command"]]
        else:
            self.kind = "shell_call_output"
            for stream, piece in plain.mapping(event.get("delta")).items():
                plain.grow(self.pieces, ("output", index, stream), piece)
            if step == "done":
                self.results[index] = plain.sequence(event.get("output"))

    def whole(self) -> dict[str, Any] | None:
        if self.done is not None:
            return self.done
        if not (self.announced or self.pieces or self.values or self.lists or self.results):
            return None
        item: dict[str, Any] = {"type": self.kind, **self.announced, **plain.known(self.values)}
        lists = {field: {index: dict(part) for index, part in held.items()} for field, held in self.lists.items()}
        outputs: dict[int, dict[str, Any]] = {}
        for key, text in plain.grown(self.pieces).items():
            if isinstance(key, str):
                item[key] = text
            elif key[0] == "commands":
                self.commands[key[1]] = text
            elif key[0] == "output":
                outputs.setdefault(key[1], {})[key[2]] = text
            else:
                field, index, name = key
                lists[field][index][name] = text
        for field, held in lists.items():
            item[field] = [held[index] for index in sorted(held)]
        if self.commands:
            commands = [self.commands[index] for index in sorted(self.commands)]
            item["action"] = {**plain.mapping(item.get("action")), "commands": commands}
        if outputs or self.results:
            whole = {**{index: [output] for index, output in outputs.items()}, **self.results}
            item["output"] = [output for index in sorted(whole) for output in whole[index]]
        return item
