"""The state of the current context: the current span, the suppressed libraries, and the attributes to add.

It is in context variables, so threads and tasks each have their own. The context never keeps a span alive: it holds only the
span's pair of ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, NamedTuple, Optional

from autotrace import _diagnostics as diagnostics


class SpanContext(NamedTuple):
    """The identity of a span: 128-bit trace id and 64-bit span id, as integers."""

    trace_id: int
    span_id: int

    @property
    def traceparent(self) -> str:
        """These ids as a ``traceparent`` header for another process (W3C *Trace Context*, version 00, sampled)."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"

    @staticmethod
    def from_traceparent(text: object) -> SpanContext | None:
        """The ids in a ``traceparent`` header; ``None`` if `text` is not a valid one."""
        match = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
        ids = (0, 0) if match is None else (int(match[1], 16), int(match[2], 16))
        return SpanContext(*ids) if all(ids) else None


_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


current: ContextVar[Optional[SpanContext]] = ContextVar("autotrace.current", default=None)
_suppressed: ContextVar[frozenset[str]] = ContextVar("autotrace.suppressed", default=frozenset())
_attributes: ContextVar[Optional[dict[str, Any]]] = ContextVar("autotrace.attributes", default=None)

_EVERYTHING = "*"


enclosing: dict[str, Callable[[], Any]] = {}
"""`Instrumentor.enclosing` of the active plugins, by package: each returns the call that its library is carrying out here."""


def library_call() -> Any:
    """The key of the call, or the `Call`, that one of the libraries is carrying out here; ``None`` if there is none."""
    for ask in tuple(enclosing.values()):
        try:
            call = ask()
        except Exception as exc:  # a plugin's own function
            diagnostics.failed("ask a plugin for the enclosing call", exc)
            continue
        if call is not None:
            return call
    return None


def is_suppressed(library: str) -> bool:
    """Whether recording of `library` (an import package) is suppressed here."""
    suppressed = _suppressed.get()
    return bool(suppressed) and (_EVERYTHING in suppressed or library in suppressed)


def added() -> dict[str, Any] | None:
    """The attributes that every span started here gets. Do not change the dict."""
    return _attributes.get()


def reset(variable: ContextVar[Any], token: Token[Any]) -> None:
    """Reset `variable`, or leave it if the block is left in another context than it was entered in.

    That happens to a block around the ``yield`` of an async generator that another task finishes; the context
    in which the value was set no longer exists then.
    """
    try:
        variable.reset(token)
    except ValueError:
        return


class _Block:
    """A ``with`` block during which one context variable has another value."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Any], value: Any) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        reset(self._variable, self._token)


def suppress(*libraries: str) -> _Block:
    """Record nothing inside this ``with`` block; if `libraries` (import packages) are named, nothing of those."""
    return _Block(_suppressed, _suppressed.get() | (frozenset(libraries) or frozenset((_EVERYTHING,))))


def attributes(**values: Any) -> _Block:
    """Set `values` as attributes on every span that starts inside this ``with`` block. Blocks nest; the inner value wins.

    ``session`` and ``user`` become ``session.id`` and ``user.id``, their names in the conventions.
    """
    names = {"session": "session.id", "user": "user.id"}
    return _Block(
        _attributes, {**(_attributes.get() or {}), **{names.get(name, name): value for name, value in values.items()}}
    )
