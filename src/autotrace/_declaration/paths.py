"""Getters: how a declaration says where a field is.

A getter is a dotted path such as ``"choices.*.message.content"``, or a function of one argument. A step of a path is a mapping
key or an attribute, ``*`` is each element of a list, and a number is one element. A missing value is ``None``. A path never
raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from autotrace._declaration import checking
from autotrace.errors import DeclarationError

Getter = Callable[[Any], Any]
Where = Union[str, Getter]
"""How a field is declared: a dotted path, or a function of the request, the response or the list of chunks."""


class Path:
    """A compiled dotted path. Call it with an object to get the value at the path, or ``None``.

    ``*`` returns a list without the missing values: if one of two choices has no finish reason yet, ``choices.*.finish_reason``
    is a list of one.
    """

    __slots__ = ("names", "needs", "roots", "steps", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text or not all(text.split(".")):
            raise DeclarationError(f"path {text!r}: expected names separated by dots, such as 'choices.*.message.content'")
        if "[" in text or "]" in text:
            raise DeclarationError(f"path {text!r}: write a list index as a separate step, as in 'choices.0.message'")
        self.text = text
        self.steps: tuple[str, ...] = tuple(text.split("."))
        self.names: tuple[str, ...] = self.steps[: self.steps.index("*")] if "*" in self.steps else self.steps
        self.roots: frozenset[str] | None = None if self.steps[0] == "*" else frozenset(self.steps[:1])
        self.needs = self.roots

    def __call__(self, source: Any) -> Any:
        for name in self.names:
            # Nearly always a dict, from the JSON on the wire. Checking for other mappings is expensive.
            if type(source) is dict:
                source = source.get(name)
            elif source is None:
                return None
            else:
                source = _step(source, name)
        return source if self.names is self.steps else _walk(source, self.steps[len(self.names) :])

    def __repr__(self) -> str:
        return f"Path({self.text!r})"


def _walk(value: Any, steps: tuple[str, ...]) -> Any:
    for position, step in enumerate(steps):
        if value is None:
            return None
        if step == "*":
            if not isinstance(value, (list, tuple)):
                return None
            rest = steps[position + 1 :]
            return [item for element in value if (item := _walk(element, rest)) is not None]
        value = _step(value, step)
    return value


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, (list, tuple)):
        return value[int(step)] if step.isdecimal() and int(step) < len(value) else None
    try:
        return getattr(value, step, None)
    except Exception:  # a property of foreign code may raise anything; its value then counts as missing
        return None


class _Combined:
    __slots__ = ("combine", "getters", "needs", "roots")

    def __init__(self, wheres: Iterable[Where], combine: Callable[[Iterable[Any]], Any]) -> None:
        self.getters = tuple(compile(where) for where in wheres)
        self.combine = combine
        self.roots = roots(self.getters)
        self.needs = needs(self.getters)

    def __call__(self, source: Any) -> Any:
        return self.combine(getter(source) for getter in self.getters)


def first(*wheres: Where) -> Getter:
    """A getter for the first of several places that holds a value."""
    return _Combined(wheres, lambda values: next((value for value in values if value is not None), None))


def total(*wheres: Where) -> Getter:
    """A getter for the sum of the known counts, ``None`` if none is known.

    For providers that report parts where the conventions want the whole: Anthropic's ``input_tokens`` excludes cached tokens,
    ``gen_ai.usage.input_tokens`` includes them.
    """
    return _Combined(wheres, _sum)


def _sum(values: Iterable[Any]) -> Any:
    known = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return sum(known) if known else None


class _Constant:
    __slots__ = ("value",)
    roots: frozenset[str] = frozenset()

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, source: Any) -> Any:
        return self.value


def constant(value: Any) -> Getter:
    """A getter that always returns `value`."""
    return _Constant(value)


class _Identity:
    __slots__ = ("getter", "needs", "roots")

    def __init__(self, getter: Getter) -> None:
        self.getter = getter
        self.roots = roots((getter,))
        self.needs = needs((getter,))

    def __call__(self, source: Any) -> Any:
        value = self.getter(source)
        return str(value) if type(value) is int else value


def identity(getter: Getter) -> Getter:
    """A getter of an id: a whole number becomes its text."""
    return _Identity(getter)


def constant_of(getter: Getter) -> Any:
    """The value of a getter made by `constant`; ``None`` for any other."""
    return getter.value if isinstance(getter, _Constant) else None


def compile(where: Where) -> Getter:
    """The getter for a declaration. Raises `DeclarationError` if it is neither a valid path nor a function of one argument."""
    if isinstance(where, str):
        return Path(where)
    if not callable(where):
        raise DeclarationError(f"getter {where!r}: expected a dotted path or a function of one argument")
    checking.function("getter", where, "source")
    return where


def roots(getters: Iterable[Getter]) -> frozenset[str] | None:
    """The top-level names that `getters` read, ``None`` if one of them may read anything."""
    return _names(getters, "roots")


def needs(getters: Iterable[Getter]) -> frozenset[str] | None:
    """The top-level names of which `getters` need at least one to return a value, ``None`` if that is not known."""
    return _names(getters, "needs")


def _names(getters: Iterable[Getter], kind: str) -> frozenset[str] | None:
    names: frozenset[str] = frozenset()
    for getter in getters:
        own: frozenset[str] | None = getattr(getter, kind, None)
        if own is None:
            return None
        names |= own
    return names
