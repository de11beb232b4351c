"""Read the beginning of a JSON value whose end is missing, or which is damaged from some place on."""

from __future__ import annotations

import json
import re
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\r\n]*")
_END = re.compile(r"[ \t\r\n,\]}]")
_CUT = -1
_MISSING: Any = object()

DEPTH = 30
"""How deep objects and arrays are read. Each level reads the rest of the text once more, so a text must not choose how many."""

TEXTS = frozenset({"arguments", "content", "reasoning", "reasoning_content", "refusal", "text", "thinking", "transcript"})
"""The fields of which the beginning is recorded. Of an id, a name or a word of a list, the beginning is another one."""


def beginning(text: str) -> Any:
    """The object or the array that `text` begins with, up to where it is cut or damaged; ``None`` if it begins with neither.

    What follows its end is ignored. A number at the very end of the text is left out, because digits may be missing, and so is
    a text without its end, except in the fields `TEXTS`.
    """
    at = _after_space(text, 0)
    return _read(text, at, "", DEPTH)[0] if text[at : at + 1] in ("{", "[") else None


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _read(text: str, at: int, field: str, depth: int) -> tuple[Any, int]:
    """The value at this place and where it ends: `_CUT` if nothing after it can be read."""
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return _read_cut(text, at, field, depth)
    whole = type(value) not in (int, float) or _END.match(text, end) is not None  # of 1.5, cut after the point, 1 is decoded
    return (value, end) if whole else (_MISSING, _CUT)


def _read_cut(text: str, at: int, field: str, depth: int) -> tuple[Any, int]:
    first = text[at : at + 1]
    if first == '"':
        return (_without_end(text[at:]) if field in TEXTS else _MISSING), _CUT
    if first == "{" and depth:
        return _members(text, at + 1, depth - 1), _CUT
    if first == "[" and depth:
        return _elements(text, at + 1, field, depth - 1), _CUT
    return _MISSING, _CUT


def _members(text: str, at: int, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while at != _CUT:
        at = _next(text, at)
        if text[at : at + 1] != '"':
            break
        try:
            name, at = _DECODER.raw_decode(text, at)
        except ValueError:
            break
        at = _after_space(text, at)
        if text[at : at + 1] != ":":
            break
        value, at = _read(text, _after_space(text, at + 1), name, depth)
        if value is not _MISSING:
            found[name] = value
    return found


def _elements(text: str, at: int, field: str, depth: int) -> list[Any]:
    found: list[Any] = []
    while at != _CUT:
        value, at = _read(text, _next(text, at), field, depth)
        if value is not _MISSING:
            found.append(value)
    return found


def _next(text: str, at: int) -> int:
    at = _after_space(text, at)
    return _after_space(text, at + 1) if text[at : at + 1] == "," else at


_HALF = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$")
"""An escape at the end that is incomplete, after those that are complete."""


def _without_end(text: str) -> Any:
    """The text of the JSON string that `text` begins."""
    try:
        return _DECODER.decode(_HALF.sub(r"\1", text) + '"')
    except ValueError:  # an escape that JSON does not have
        return _MISSING
