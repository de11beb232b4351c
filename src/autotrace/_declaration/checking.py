"""Checks of declarations: keywords, functions, mappings, and names of older versions of autotrace."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from autotrace._system import os
from autotrace.errors import DeclarationError, nearest

Init = TypeVar("Init", bound=Callable[..., None])

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Renamed(NamedTuple):
    """A keyword of a declaration, or a name in `autotrace.plugin`, that has a new name."""

    instead: str
    """The new name."""
    since: str
    """The version of autotrace that renamed it."""
    until: str
    """The version that removes the old name: at least two minor versions later."""


renamed: dict[tuple[str, str], Renamed] = {}
"""By class and old keyword, ``("Operation", "prompt")``, or by module and old name, ``("autotrace.plugin", "Op")``."""

in_program: ContextVar[bool] = ContextVar("autotrace_in_program", default=False)
"""True while a plugin is loaded because a program has imported its library.

Users of the program cannot fix the plugin, so they see no warning that they would not see without autotrace."""


def checked(init: Init) -> Init:
    """Decorate the ``__init__`` of a declaration to check its keywords.

    An unknown keyword raises a `DeclarationError` that names the closest known one. A `renamed` keyword is passed under its new
    name, with a `DeprecationWarning` at the line outside of autotrace that uses it.
    """
    known = list(inspect.signature(init).parameters)[1:]
    keywords = frozenset(known)

    @functools.wraps(init)
    def check(self: Any, *args: Any, **given: Any) -> None:
        if not given.keys() <= keywords:
            given = _current(type(self).__name__, given, known)
        init(self, *args, **given)

    return check  # type: ignore[return-value]


def _current(kind: str, given: Mapping[str, Any], known: list[str]) -> dict[str, Any]:
    """`given` under the current names."""
    current: dict[str, Any] = {}
    for name, value in given.items():
        change = renamed.get((kind, name))
        if change is not None:
            deprecated(f"{kind}({name}=…)", f"{kind}({change.instead}=…)", change.since, change.until)
        elif name not in known:
            raise DeclarationError(f"{kind}: {name}= is not a known keyword{nearest(name, known)}")
        new_name = name if change is None else change.instead
        if new_name in current:
            raise DeclarationError(f"{kind}: {new_name}= is given twice")
        current[new_name] = value
    return current


def deprecated(what: str, instead: str, since: str, until: str) -> None:
    """Issue a `DeprecationWarning` for `what` at the line outside of autotrace that uses it, except while `in_program`."""
    if in_program.get():
        return
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    warnings.warn_explicit(
        f"{what} is deprecated since autotrace {since} and will be removed in {until}; use {instead}",
        DeprecationWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__", "<unknown>"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def function(what: str, value: object, *arguments: str) -> None:
    """Check that `value` is a function that accepts as many positional arguments as `arguments` names.

    Raises `DeclarationError`, with a message that begins with `what`, for anything else. A class or a C function without a
    signature passes.
    """
    wanted = f"expected a function of {len(arguments)} argument{'s' * (len(arguments) != 1)} ({', '.join(arguments)})"
    if not callable(value):
        raise DeclarationError(f"{what}: {wanted}, got {value!r}")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        name = getattr(value, "__qualname__", repr(value))
        raise DeclarationError(f"{what}: {wanted}, got {name}{signature}") from None


def mapping(what: str, value: object) -> None:
    """Check that `value` is ``None`` or a mapping with strings as keys.

    Raises `DeclarationError`, with a message that begins with `what`, for anything else.
    """
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise DeclarationError(f"{what}: expected a mapping, got {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise DeclarationError(f"{what}: keys must be strings, got {key!r}")
