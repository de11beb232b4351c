"""Combines the events of a streamed interaction.

Source: the Gemini API reference (``InteractionSseEvent``). Each step has an index; it starts, is continued by deltas, and
stops. The last event has the interaction without its steps. A delta is a content (``text``, ``image``, …), a piece of the
step's ``arguments``, or an object with fields of the step.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import parts, plain

__all__ = ["interaction"]


def interaction(events: list[Any]) -> dict[str, Any]:
    """Combine a stream's events into one interaction."""
    whole: dict[str, Any] = {}
    steps: list[tuple[int, _Step]] = []
    for event in plain.mappings(events):
        kind = event.get("event_type")
        at = plain.number(event.get("index"), max((at for at, _ in steps), default=0))
        if kind == "step.start":
            steps.append((at, _Step(plain.sound(event.get("step")))))
        elif kind == "step.delta":
            plain.newest(steps, at, lambda: _Step({})).add(plain.sound(event.get("delta")))
        elif kind == "interaction.status_update":
            plain.update(whole, {"id": event.get("interaction_id"), "status": event.get("status")})
        elif event.get("error") is not None:
            whole["error"] = event["error"]
        plain.update(whole, event.get("interaction"))
        plain.update(whole, {"usage": plain.mapping(event.get("metadata")).get("usage")})
    if steps and not plain.listed(whole.get("steps")):
        whole["steps"] = [step.whole() for _, step in sorted(steps, key=lambda entry: entry[0])]
    return whole


class _Step:
    """Combines the start and the deltas of one step."""

    __slots__ = ("contents", "fields", "pieces", "texts")

    def __init__(self, start: dict[str, Any]) -> None:
        self.fields = plain.known(start)
        self.contents: list[Any] = list(plain.listed(self.fields.get(self._name)))
        self.texts: list[list[str]] = [[] for _ in self.contents]
        self.pieces: list[str] = []

    @property
    def _name(self) -> str:
        return "summary" if self.fields.get("type") == "thought" else "content"

    def add(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "thought_summary":
            self._add_content(delta.get("content"))
        elif kind in ("text", "image", "audio", "video", "document"):
            self._add_content(delta)
        elif isinstance(delta.get("annotations"), list) and self.contents and isinstance(self.contents[-1], dict):
            before = plain.sequence(self.contents[-1].get("annotations"))
            self.contents[-1] = {**self.contents[-1], "annotations": [*before, *delta["annotations"]]}
        else:
            self._add_fields(delta)

    def _add_content(self, content: Any) -> None:
        """Append a content. A text is joined with the text before it."""
        last = plain.mapping(self.contents[-1] if self.contents else None)
        wire = plain.mapping(content)
        text = wire.get("text")
        grows = wire.keys() <= {"type", "text"} and wire.get("type") == last.get("type") == "text"
        if grows and isinstance(text, str) and isinstance(last.get("text"), str):
            self.texts[-1].append(text)
        elif content is not None:
            self.contents.append(content)
            self.texts.append([])

    def _add_fields(self, delta: dict[str, Any]) -> None:
        for key, value in plain.known(delta).items():
            if key == "arguments" and isinstance(value, str):
                self.pieces.append(value)
            elif isinstance(value, list):
                self.fields[key] = [*plain.sequence(self.fields.get(key)), *value]
            elif isinstance(value, dict):
                self.fields[key] = {**plain.mapping(self.fields.get(key)), **value}
            elif key != "type":
                self.fields[key] = value

    def whole(self) -> dict[str, Any]:
        step = dict(self.fields)
        if self.contents:
            step.setdefault("type", "model_output")  # missing if the program joined the stream late
            grown = zip(self.contents, self.texts, strict=True)
            step[self._name] = [{**one, "text": one["text"] + "".join(more)} if more else one for one, more in grown]
        if self.pieces:
            step["arguments"] = parts.parsed("".join(self.pieces))
        return step
