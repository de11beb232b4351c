"""Combines the chunks of ``streamGenerateContent`` into one response.

Source: the Gemini API reference. Every chunk is a response. Its parts follow those of earlier chunks, consecutive texts are
joined, and usage is cumulative. A call's arguments may come in pieces (``streamFunctionCallArguments`` of Vertex AI):
``partialArgs`` contain values and their paths.
"""

from __future__ import annotations

import re
from typing import Any

from autotrace.dialects import plain

__all__ = ["response"]


def response(chunks: list[Any]) -> dict[str, Any]:
    """Combine a stream's chunks into one response. All fields except the candidates' parts keep the last value."""
    whole: dict[str, Any] = {}
    candidates: dict[int, _Candidate] = {}
    for chunk in plain.mappings(chunks):
        for position, one in enumerate(plain.mappings(chunk.get("candidates"))):
            candidates.setdefault(plain.number(one.get("index"), position), _Candidate()).add(one)
        usage = plain.later(plain.mapping(whole.get("usageMetadata")), chunk.get("usageMetadata"))
        plain.update(whole, {key: value for key, value in chunk.items() if key not in ("candidates", "usageMetadata")})
        if usage:
            whole["usageMetadata"] = usage
    if candidates:
        whole["candidates"] = [candidates[index].whole() for index in sorted(candidates)]
    return whole


class _Candidate:
    """Combines the chunks of one candidate."""

    __slots__ = ("content", "fields", "runs")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.content: dict[str, Any] = {}
        self.runs: list[_Run] = []

    def add(self, wire: dict[str, Any]) -> None:
        for key, value in plain.sound(wire).items():
            if key == "content" and isinstance(value, dict):
                self._add_content(value)
            elif key == "citationMetadata" and isinstance(value, dict):
                self.fields[key] = _joined(plain.mapping(self.fields.get(key)), value)
            elif isinstance(value, dict):
                self.fields[key] = {**plain.mapping(self.fields.get(key)), **value}
            elif key != "content":
                self.fields[key] = value

    def _add_content(self, content: dict[str, Any]) -> None:
        plain.update(self.content, {key: value for key, value in content.items() if key != "parts"})
        for part in plain.listed(content.get("parts")):
            if not (self.runs and self.runs[-1].is_continued_by(part)):
                self.runs.append(_Run())
            self.runs[-1].add(part)

    def whole(self) -> dict[str, Any]:
        content = {**self.content, **({"parts": [run.whole() for run in self.runs]} if self.runs else {})}
        return {**({"content": content} if content else {}), **self.fields}


def _joined(before: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """The fields of both. Lists of citations are joined, without those that are already there."""
    joined = dict(before)
    for key, field in value.items():
        known = plain.sequence(joined.get(key)) if isinstance(field, list) else []
        joined[key] = [*known, *(one for one in field if one not in known)] if isinstance(field, list) else field
    return joined


_CONTINUED = frozenset({"text", "thought", "thoughtSignature"})


class _Run:
    """Consecutive parts that are combined into one: texts of one kind, or the pieces of one call."""

    __slots__ = ("first", "last", "texts")

    def __init__(self) -> None:
        self.first: Any = None
        self.last: dict[str, Any] = {}
        self.texts: list[str] = []

    def is_continued_by(self, part: Any) -> bool:
        """Whether `part` continues the parts here."""
        if not isinstance(part, dict) or not isinstance(self.first, dict):
            return False
        if self.texts and isinstance(part.get("text"), str):
            return part.get("thought") == self.first.get("thought") and part.keys() | self.first.keys() <= _CONTINUED
        call = self.last.get("functionCall")
        return isinstance(call, dict) and call.get("willContinue") is True and isinstance(part.get("functionCall"), dict)

    def add(self, part: Any) -> None:
        if self.first is None:
            self.first = part
        if not isinstance(part, dict):
            return
        if isinstance(part.get("text"), str):
            self.texts.append(part["text"])
        call, more = self.last.get("functionCall"), part.get("functionCall")
        self.last = {**self.last, **part}
        if isinstance(call, dict) and isinstance(more, dict):
            pieces = [*plain.sequence(call.get("partialArgs")), *plain.sequence(more.get("partialArgs"))]
            continued = {"willContinue": more.get("willContinue")}
            self.last["functionCall"] = {**call, **plain.known(more), "partialArgs": pieces, **continued}

    def whole(self) -> Any:
        if not isinstance(self.first, dict):
            return self.first
        if self.texts:
            return {**self.last, "text": "".join(self.texts)}
        call = self.last.get("functionCall")
        return {**self.last, "functionCall": _call(call)} if isinstance(call, dict) and call.get("partialArgs") else self.last


_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\['([^']*)'\]")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """The call with its arguments combined from the pieces. It is returned unchanged if a piece has no valid path."""
    if call.get("args"):
        return call
    whole: dict[str, Any] = {"args": {}}
    for piece in plain.sequence(call["partialArgs"]):
        path = plain.mapping(piece).get("jsonPath")
        steps = [name or quoted or int(index) for name, index, quoted in _STEP.findall(path)] if isinstance(path, str) else []
        value = next((piece[key] for key in _VALUES if key in piece), None) if steps else None
        if not steps or not _put(whole, ["args", *steps], value):
            return call
    return {key: value for key, value in call.items() if key not in ("partialArgs", "willContinue")} | whole


def _put(target: Any, steps: list[Any], value: Any) -> bool:
    """Put `value` at the path, appended to the text there, if any. Returns False if the path does not fit `target`."""
    for step, next_step in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, int) and isinstance(target, list) and step <= len(target):
            target.extend([None] * (step == len(target)))
        elif not isinstance(step, str) or not isinstance(target, dict):
            return False
        present = target.get(step) if isinstance(target, dict) else target[step]
        if next_step is None:
            target[step] = present + value if isinstance(present, str) and isinstance(value, str) else value
        elif present is None:
            target[step] = [] if isinstance(next_step, int) else {}
        target = target[step]
    return True
