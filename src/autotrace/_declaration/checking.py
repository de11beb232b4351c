"""How declarations are checked: keywords, functions, and what an older version of autotrace knew by another name."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from autotrace.errors import DeclarationError, nearest

Init = TypeVar("Init", bound=Callable[..., None])

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Renamed(NamedTuple):
    """A keyword of a declaration, or a name of `autotrace.plugin`, that is called otherwise now."""

    instead: str
    """What it is called now."""
    since: str
    """The version of autotrace that has renamed it."""
    until: str
    """The version that will know it no more: at least two minor versions later."""


renamed: dict[tuple[str, str], Renamed] = {}
"""By class and old keyword, ``("Operation", "prompt")``, or by module and old name, ``("autotrace.plugin", "Op")``."""

in_program: ContextVar[bool] = ContextVar("autotrace_in_program", default=False)
"""True while a plugin is loaded because a program has imported its library. Who runs the program cannot mend the plugin, and
sees no warning that was not there without autotrace."""


def checked(init: Init) -> Init:
    """Decorates the ``__init__`` of a declaration: an unknown keyword is a `DeclarationError` that names the nearest right one,
    a `renamed` one is taken for the new, with a `DeprecationWarning` at the line outside of autotrace that has it."""
    known = list(inspect.signature(init).parameters)[1:]
    keywords = frozenset(known)

    @functools.wraps(init)
    def check(self: Any, *args: Any, **given: Any) -> None:
        if not given.keys() <= keywords:
            given = _current(type(self).__name__, given, known)
        init(self, *args, **given)

    return check  # type: ignore[return-value]


def _current(kind: str, given: Mapping[str, Any], known: list[str]) -> dict[str, Any]:
    """`given` under the names of today."""
    current: dict[str, Any] = {}
    for name, value in given.items():
        change = renamed.get((kind, name))
        if change is not None:
            deprecated(f"{kind}({name}=…)", f"{kind}({change.instead}=…)", change.since, change.until)
        elif name not in known:
            raise DeclarationError(f"{kind}: there is no {name}={nearest(name, known)}")
        today = name if change is None else change.instead
        if today in current:
            raise DeclarationError(f"{kind}: {today}= is given twice")
        current[today] = value
    return current


def deprecated(what: str, instead: str, since: str, until: str) -> None:
    """Warn of `what` at the line, outside of autotrace, that uses it: a `DeprecationWarning`. Not `in_program`."""
    if in_program.get():
        return
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    warnings.warn_explicit(
        f"{what} is deprecated since autotrace {since} and goes in {until}; use {instead}",
        DeprecationWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__", "<unknown>"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def function(what: str, value: object, *arguments: str) -> None:
    """Check that `value` is a function that can be called with as many arguments by position as `arguments` names.

    Raises `DeclarationError`, beginning with `what`, for anything else. A class or a C function without a signature passes.
    """
    wanted = f"expected a function of {len(arguments)} argument{'s' * (len(arguments) != 1)} ({', '.join(arguments)})"
    if not callable(value):
        raise DeclarationError(f"{what}: {value!r} is no function; {wanted}")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        name = getattr(value, "__qualname__", repr(value))
        raise DeclarationError(f"{what}: {name}{signature} does not fit; {wanted}") from None


def mapping(what: str, value: object) -> None:
    """Check that `value` is a mapping with texts as keys, or ``None``. Raises `DeclarationError`, beginning with `what`."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise DeclarationError(f"{what}: {value!r} is no mapping")
    for key in value:
        if not isinstance(key, str):
            raise DeclarationError(f"{what}: key {key!r} is no text")
