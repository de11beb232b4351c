"""Try a pure function on invented data: prefixes of streams, in all shapes of JSON.

The names that the function looks up are read from its code. The data has them absent, null, and with values of every type.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

_TRIES = 300
_ODD: tuple[Any, ...] = (None, "", "text", 0, 7, 1.5, True, [], ["text"], [None], {}, [{}])


class Fault(NamedTuple):
    """What is wrong with a function. It is likely if the data was absent or null, not if a value had another type."""

    what: str
    likely: bool


def faults_of_reduce(reduce: Callable[[list[Any]], Any]) -> Iterator[Fault]:
    """What is wrong with `reduce`: it raises on some chunks, changes them, or returns different results for the same chunks."""
    for chunks, likely in _streams(_names(reduce)):
        given = copy.deepcopy(chunks)
        try:
            first = reduce(chunks)
            second = reduce(copy.deepcopy(given))
        except Exception as exc:  # any exception is a fault
            yield Fault(f"reduce raises {type(exc).__name__}: {exc} on {_smallest(reduce, given)!r}", likely)
            return
        if chunks != given:
            yield Fault(f"reduce changes the chunks that it is given: {given!r:.200} became {chunks!r:.200}", True)
            return
        if first != second:
            yield Fault(f"reduce returns {first!r:.100} and then {second!r:.100} for the same chunks {given!r:.200}", True)
            return


def fault_of_getter(getter: Callable[[Any], Any]) -> str:
    """How a getter fails on an empty answer; an empty string if it does not."""
    try:
        getter({})
    except Exception as exc:  # any exception is a fault
        return f"raises {type(exc).__name__}: {exc} on an empty answer"
    return ""


def _streams(names: list[str]) -> Iterator[tuple[list[Any], bool]]:
    """Lists of chunks, and whether they are likely: first empty and null ones, then random ones with a fixed seed."""
    yield [{}], True
    yield [{}, {}], True
    yield [dict.fromkeys(names)], True
    yield [{name: None} for name in names] or [{}], True
    source = random.Random(0)
    for _ in range(_TRIES):
        yield [_value(source, names, 3) for _ in range(source.randint(1, 4))], False


def _value(source: random.Random, names: list[str], depth: int) -> Any:
    """A chunk: an object with some of the names, and with any values at the bottom."""
    chunk = {}
    for name in source.sample(names, min(len(names), source.randint(0, 5))):
        kind = source.random()
        if depth and kind < 0.35:
            chunk[name] = _value(source, names, depth - 1)
        elif depth and kind < 0.6:
            chunk[name] = [_value(source, names, depth - 1) for _ in range(source.randint(0, 2))]
        else:
            chunk[name] = source.choice(_ODD)
    return chunk


def _smallest(reduce: Callable[[list[Any]], Any], chunks: list[Any]) -> list[Any]:
    """A shorter list, of smaller chunks, on which `reduce` still raises."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _reductions(chunks):
            if _raises(reduce, candidate):
                chunks, smaller = candidate, True
                break
    return chunks


def _reductions(value: Any) -> Iterator[Any]:
    """Copies of `value`, each without one element of it or of a nested value."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            if len(value) > 1:
                yield value[:number] + value[number + 1 :]
            yield from ([*value[:number], reduced, *value[number + 1 :]] for reduced in _reductions(one))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield from ({**value, key: reduced} for reduced in _reductions(one))


def _raises(reduce: Callable[[list[Any]], Any], chunks: list[Any]) -> bool:
    try:
        reduce(copy.deepcopy(chunks))
    except Exception:  # any exception is a fault
        return True
    return False


def _names(function: Any) -> list[str]:
    """The strings in the code of `function`, and of the functions and classes of its module that it may use."""
    names: dict[str, None] = {}
    seen: set[int] = set()
    _collect(function, names, seen)
    return list(names)


def _collect(function: Any, names: dict[str, None], seen: set[int]) -> None:
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                codes.append(constant)
            for text in constant if isinstance(constant, (tuple, frozenset)) else (constant,):
                if isinstance(text, str) and text.isidentifier():
                    names.setdefault(text)
        for name in code.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, type):
                for member in vars(value).values():
                    _collect(member, names, seen)
            else:
                _collect(value, names, seen)
