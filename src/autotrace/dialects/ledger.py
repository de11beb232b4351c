"""The token ledger: token counts with the same meaning for all providers (`autotrace._declaration.conventions.USAGE`).

Input includes what was read from or written to a cache, output includes reasoning, every detail is a part of its total, and an
unknown count is absent. A count is a whole number that is not negative; any other value is ignored. Totals are not corrected.
A detail above its total is dropped: servers that imitate an API send such details, and it is unknown which of the two is
wrong. ``autotrace.usage.raw`` keeps all values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from autotrace._declaration import paths
from autotrace._declaration.paths import Getter, Where
from autotrace.dialects import plain

__all__ = ["listed", "usage", "whole"]

_TOTALS = ("input_tokens", "output_tokens")
_CACHE_READ, _CACHE_WRITE = "cache_read_input_tokens", "cache_write_input_tokens"


def usage(counts: Mapping[str, Where], raw: Where = "usage") -> dict[str, Where]:
    """The ``usage`` of a dialect: `counts` by their short field names, checked, and the fields ``raw`` and ``missing``."""
    getters: dict[str, Where] = {}
    for name, where in counts.items():
        getters[name] = _Count(where, [counts[total] for total in _totals_of(name) if total in counts])
    tokens = [getter for name, getter in getters.items() if name.endswith("_tokens")]
    return {**getters, "raw": raw, "missing": _Missing(tokens)}


def _totals_of(name: str) -> Iterable[str]:
    """The totals that the detail `name` is a part of."""
    if name in _TOTALS or not name.endswith("_tokens"):
        return
    yield "output_tokens" if name.endswith("output_tokens") else "input_tokens"
    for whole in (_CACHE_READ, _CACHE_WRITE):
        if name != whole and whole.split("_input")[0] in name:
            yield whole


class _Count:
    __slots__ = ("getter", "needs", "roots", "totals")

    def __init__(self, where: Where, totals: Iterable[Where]) -> None:
        self.getter = paths.compile(where)
        self.totals = [paths.compile(total) for total in totals]
        self.roots = paths.roots((self.getter, *self.totals))
        self.needs = paths.needs((self.getter,))

    def __call__(self, source: Any) -> int | None:
        held = plain.count(self.getter(source))
        if held is None:
            return None
        # A detail of 0 is a part of any total, and most details are 0.
        for total in self.totals if held else ():
            whole = plain.count(total(source))
            if whole is not None and held > whole:
                return None
        return held


class _Missing:
    __slots__ = ("getters", "roots")

    def __init__(self, counts: Iterable[Where]) -> None:
        self.getters: list[Getter] = [paths.compile(count) for count in counts]
        self.roots = paths.roots(self.getters)

    def __call__(self, source: Any) -> bool | None:
        if self.roots is not None and type(source) is dict and self.roots.isdisjoint(source):
            return True
        return None if any(getter(source) is not None for getter in self.getters) else True


class _Whole:
    """A total that the provider reports in parts."""

    __slots__ = ("first", "more", "needs", "roots")

    def __init__(self, first: Where, more: Iterable[Where]) -> None:
        self.first = paths.compile(first)
        self.more = [paths.compile(where) for where in more]
        self.roots = paths.roots((self.first, *self.more))
        self.needs = paths.needs((self.first,))

    def __call__(self, source: Any) -> int | None:
        held = plain.count(self.first(source))
        return None if held is None else held + sum(plain.count(getter(source)) or 0 for getter in self.more)


def whole(first: Where, *more: Where) -> Getter:
    """A getter of a total: the count at `first` plus the known ones of `more`; ``None`` without a count at `first`."""
    return _Whole(first, more)


def listed(usage: str, count: str, modality: str, *fields: str) -> Getter:
    """A getter of the tokens of one modality, if the lists `fields` of the object `usage` have a `count` per modality."""

    def read(body: dict[str, Any]) -> int | None:
        held = plain.mapping(body.get(usage))
        counts = [
            tokens
            for field in fields
            for one in plain.mappings(held.get(field))
            if one.get("modality") == modality and (tokens := plain.count(one.get(count))) is not None
        ]
        return sum(counts) if counts else None

    return plain.reading(read, usage)
