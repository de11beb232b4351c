"""Getters: how a declaration says where a field is.

A getter is a dotted path such as ``"choices.*.message.content"`` or any function of one argument. A path goes through
mapping keys and attributes alike, ``*`` through each element of a list, a number to one element. What is not there is
``None``; a path never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from autotrace._declaration import checking
from autotrace.errors import DeclarationError

Getter = Callable[[Any], Any]
Where = Union[str, Getter]
"""How a field is declared: a dotted path, or a function of the request, the response or the chunk list."""


class Path:
    """A compiled dotted path. Call it with an object; the answer is what is there, or ``None``.

    ``*`` gives a list that leaves out what is missing: ``choices.*.finish_reason`` of two choices of which one has no
    reason yet is a list of one.
    """

    __slots__ = ("names", "needs", "roots", "steps", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text or not all(text.split(".")):
            raise DeclarationError(f"path {text!r}: expected names separated by dots, such as 'choices.*.message.content'")
        if "[" in text or "]" in text:
            raise DeclarationError(f"path {text!r}: an element of a list is a step of its own, as in 'choices.0.message'")
        self.text = text
        self.steps: tuple[str, ...] = tuple(text.split("."))
        self.names: tuple[str, ...] = self.steps[: self.steps.index("*")] if "*" in self.steps else self.steps
        self.roots: frozenset[str] | None = None if self.steps[0] == "*" else frozenset(self.steps[:1])
        self.needs = self.roots

    def __call__(self, source: Any) -> Any:
        for name in self.names:
            # Nearly always, of the wire's JSON; what else may be a mapping is dear to find out.
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
            return [found for element in value if (found := _walk(element, rest)) is not None]
        value = _step(value, step)
    return value


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, (list, tuple)):
        return value[int(step)] if step.isdecimal() and int(step) < len(value) else None
    try:
        return getattr(value, step, None)
    except Exception:  # a property of somebody else's object may raise anything; what it guards is then not there
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
    """The first of several places that holds something."""
    return _Combined(wheres, lambda values: next((value for value in values if value is not None), None))


def total(*wheres: Where) -> Getter:
    """The sum of the counts that are known, ``None`` when none is.

    For providers that report parts where the conventions want the whole: Anthropic's ``input_tokens`` leave out what
    came from the cache, ``gen_ai.usage.input_tokens`` includes it.
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
    """A getter that is always `value`."""
    return _Constant(value)


def compile(where: Where) -> Getter:
    """A getter from its declaration. Raises `DeclarationError` for what is neither a path nor callable."""
    if isinstance(where, str):
        return Path(where)
    if not callable(where):
        raise DeclarationError(f"getter {where!r}: expected a dotted path or a function of one argument")
    checking.function("getter", where, "source")
    return where


def roots(getters: Iterable[Getter]) -> frozenset[str] | None:
    """The top-level names that `getters` read, ``None`` when one of them may read anything."""
    return _names(getters, "roots")


def needs(getters: Iterable[Getter]) -> frozenset[str] | None:
    """The top-level names without which none of `getters` finds anything, ``None`` when that is not known."""
    return _names(getters, "needs")


def _names(getters: Iterable[Getter], kind: str) -> frozenset[str] | None:
    names: frozenset[str] = frozenset()
    for getter in getters:
        of_one: frozenset[str] | None = getattr(getter, kind, None)
        if of_one is None:
            return None
        names |= of_one
    return names
