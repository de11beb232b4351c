"""Reading plain data of which nothing is known: wire JSON may hold any value in any place.

What has the wrong type reads as if it were absent; nothing in here raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace import paths
from autotrace.paths import Getter, Where

Pieces = dict[Any, list[str]]
"""Texts that arrive in deltas: joined once at the end, since adding string to string is quadratic in the length of a stream."""


class _Of:
    __slots__ = ("convert", "getter", "roots")

    def __init__(self, where: Where, convert: Callable[[Any], Any]) -> None:
        self.getter = paths.compile(where)
        self.convert = convert
        self.roots = paths.roots((self.getter,))

    def __call__(self, source: Any) -> Any:
        value = self.getter(source)
        return None if value is None else self.convert(value)


def of(where: Where, convert: Callable[[Any], Any]) -> Getter:
    """A getter of what `convert` makes of the value at `where`; unlike a function of the whole body it says what it reads."""
    return _Of(where, convert)


def mapping(value: object) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """`value` if it is an array, else an empty one."""
    return value if isinstance(value, list) else list(value) if isinstance(value, tuple) else []


def mappings(value: object) -> list[dict[str, Any]]:
    """The objects in an array."""
    return [element for element in sequence(value) if isinstance(element, dict)]


def strings(value: object) -> list[str] | None:
    """One string or an array of them as a list; ``None`` when there is none."""
    found = [value] if isinstance(value, str) else [one for one in sequence(value) if isinstance(one, str)]
    return found or None


def string(value: object) -> str | None:
    """`value` if it is a string with something in it."""
    return value if isinstance(value, str) and value else None


def number(value: object, default: int) -> int:
    """`value` if it is a whole number (an ``index``), else `default`."""
    return value if isinstance(value, int) else default


def true(value: object) -> bool | None:
    """``True`` or nothing: for attributes that are only set when they are true."""
    return True if value is True else None


def known(source: object) -> dict[str, Any]:
    """The fields of an object that are not null."""
    return {key: value for key, value in mapping(source).items() if value is not None}


def grow(pieces: Pieces, key: object, value: object) -> None:
    """Adds the text of one delta to what grows under `key`."""
    if isinstance(value, str):
        pieces.setdefault(key, []).append(value)


def grown(pieces: Pieces) -> dict[Any, str]:
    """What the deltas added up to."""
    return {key: "".join(texts) for key, texts in pieces.items()}
