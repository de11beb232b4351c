"""Read wire JSON of unknown shape, which may have any value in any place.

A value of the wrong type is read as absent. No function of this module raises.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from autotrace._declaration import paths
from autotrace._declaration.paths import Getter, Where

__all__ = [
    "Pieces",
    "count",
    "decoded",
    "fields",
    "grow",
    "grown",
    "known",
    "later",
    "listed",
    "mapping",
    "mappings",
    "newest",
    "number",
    "of",
    "reading",
    "says",
    "sequence",
    "sound",
    "string",
    "strings",
    "true",
    "update",
]

_Entry = TypeVar("_Entry")
Pieces = dict[Any, list[str]]
"""Texts that arrive in deltas. They are joined once at the end, because repeated concatenation of strings is quadratic."""


class _Of:
    __slots__ = ("convert", "getter", "needs", "roots")

    def __init__(self, where: Where, convert: Callable[[Any], Any]) -> None:
        self.getter = paths.compile(where)
        self.convert = convert
        self.roots = paths.roots((self.getter,))
        self.needs = paths.needs((self.getter,))

    def __call__(self, source: Any) -> Any:
        value = self.getter(source)
        return None if value is None else self.convert(value)


def of(where: Where, convert: Callable[[Any], Any]) -> Getter:
    """A getter that returns `convert` of the value at `where`. Unlike a function of the body, it declares what it reads."""
    return _Of(where, convert)


class _Reading:
    __slots__ = ("convert", "needs", "roots")

    def __init__(self, convert: Callable[[dict[str, Any]], Any], names: Iterable[str]) -> None:
        self.convert = convert
        self.roots = frozenset(names)
        self.needs = self.roots if convert({}) is None else None

    def __call__(self, source: Any) -> Any:
        return self.convert(mapping(source))


def reading(convert: Callable[[dict[str, Any]], Any], *names: str) -> Getter:
    """A getter that returns `convert` of the body, of which it reads only the top-level fields `names`."""
    return _Reading(convert, names)


def fields(*names: str) -> Getter:
    """A getter of those top-level fields `names` that have a value (`says`), as an object; ``None`` if none has."""
    return reading(lambda body: {name: body[name] for name in names if says(body.get(name))} or None, *names)


def decoded(text: str | bytes) -> Any:
    """The value of JSON text; ``None`` if it is not valid. What only Python's own `json` takes, as SDKs do, is valid: halves of
    surrogate pairs, numbers without an end, and bytes that are not UTF-8, which are replaced."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def says(value: object) -> bool:
    """Whether a value carries information: null and empty values do not, ``0`` and ``false`` do."""
    return bool(value) or isinstance(value, (int, float))


def mapping(value: object) -> dict[str, Any]:
    """`value` if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """`value` as a list if it is an array, else an empty list."""
    return value if isinstance(value, list) else list(value) if isinstance(value, tuple) else []


def listed(value: object) -> list[Any]:
    """The elements of an array. A single value, which some servers accept instead of an array, is a list of one."""
    return sequence(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def mappings(value: object) -> list[dict[str, Any]]:
    """The objects in an array."""
    return [element for element in sequence(value) if isinstance(element, dict)]


def strings(value: object) -> list[str] | None:
    """A string or the strings of an array, as a list; ``None`` if there are none."""
    texts = [value] if isinstance(value, str) else [one for one in sequence(value) if isinstance(one, str)]
    return texts or None


def string(value: object) -> str | None:
    """`value` if it is a string that is not empty, else ``None``."""
    return value if isinstance(value, str) and value else None


def number(value: object, default: int) -> int:
    """`value` if it is a whole number (an ``index``), else `default`."""
    return value if type(value) is int else default


def count(value: object) -> int | None:
    """`value` if it is a whole number that is not negative, else ``None``. ``12.0`` is one: JSON has one type of number."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None


def true(value: object) -> bool | None:
    """``True`` or ``None``, for attributes that are set only if they are true."""
    return True if value is True else None


def known(source: object) -> dict[str, Any]:
    """The fields of an object that are not null; empty if it is not an object."""
    return {key: value for key, value in mapping(source).items() if value is not None}


def newest(entries: list[tuple[int, _Entry]], index: int, make: Callable[[], _Entry]) -> _Entry:
    """The newest entry with this `index`, or a new one at the end. Some servers give all blocks of an answer one index."""
    for at, entry in reversed(entries):
        if at == index:
            return entry
    entries.append((index, make()))
    return entries[-1][1]


_TEXTS = frozenset(
    """
    type role name model object status system_fingerprint service_tier created_at modelVersion model_version
    finish_reason finishReason stop_reason stopReason stop_sequence done_reason completionReason
    """.split()
)
_IDS = frozenset(
    "id call_id tool_call_id item_id response_id responseId generation_id toolUseId interaction_id previous_response_id".split()
)


def sound(source: object) -> dict[str, Any]:
    """The fields of an object that are not null, without those whose type cannot be right: names, types and reasons that are
    not text, and ids that are neither text nor a whole number."""
    return {key: value for key, value in known(source).items() if _is_sound(key, value)}


def _is_sound(key: object, value: object) -> bool:
    if key in _TEXTS:
        return isinstance(value, str)
    return key not in _IDS or isinstance(value, str) or type(value) is int


def update(whole: dict[str, Any], source: object) -> None:
    """Update `whole` with the `sound` fields of an object, except for those that a better value is there of (`later`)."""
    whole.update(later(whole, sound(source)))


def later(held: dict[str, Any], source: object) -> dict[str, Any]:
    """The fields of `held`, and those of an object that came later, as they came. Only a number replaces a number, and only its
    like a container; but a count replaces anything else. Null replaces nothing."""
    return {**held, **{key: value for key, value in mapping(source).items() if _replaces(value, held.get(key), key)}}


def _replaces(value: object, held: object, key: str) -> bool:
    if held is None or value is None:
        return held is None
    if _is_number(held):
        return _is_number(value)
    return not isinstance(held, (dict, list)) or type(value) is type(held) or key.lower().endswith(_COUNTS)


_COUNTS = ("tokens", "count")
"""The ends of the names of counts."""


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def grow(pieces: Pieces, key: object, value: object) -> None:
    """Append the text of one delta to the text of `key`."""
    if isinstance(value, str):
        pieces.setdefault(key, []).append(value)


def grown(pieces: Pieces) -> dict[Any, str]:
    """The joined texts, by key."""
    return {key: "".join(texts) for key, texts in pieces.items()}
