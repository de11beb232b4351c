"""Manual spans: the program's own steps, in the same tree as the automatic ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from autotrace import context, recording, settings
from autotrace.operation import Operation
from autotrace.translation import Origin

_ORIGIN = Origin("autotrace")
_OPERATION = Operation("span", kind="INTERNAL")


class ManualSpan:
    """The ``with`` block of `span`. Entered once; also usable in ``async`` code."""

    __slots__ = ("_attributes", "_call", "_name", "_token")

    def __init__(self, name: str, attributes: Mapping[str, Any] | None) -> None:
        self._name = name
        self._attributes = attributes
        self._call = recording.inert(_OPERATION)

    def set_attribute(self, key: str, value: Any) -> None:
        """Put one attribute on the span. `value` may be any object; it is frozen now. No effect after the block."""
        self._call.set_attribute(key, value)

    def __enter__(self) -> ManualSpan:
        if settings.enabled and not context.is_suppressed("autotrace"):
            self._call = recording.begin(_OPERATION, _ORIGIN, name=self._name, attributes=self._attributes)
            self._token = context.current.set(self._call.context)
        else:
            self._token = context.current.set(context.current.get())
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        context.reset(context.current, self._token)
        if exc is None:
            self._call.finish()
        else:
            self._call.fail(exc)


def span(name: str, attributes: Mapping[str, Any] | None = None) -> ManualSpan:
    """A span around a ``with`` block: ``with autotrace.span("plan_trip", attributes={"city": "Rome"}) as span: …``.

    What starts inside is its child. Nothing is recorded while autotrace is not enabled. An exception that leaves
    the block makes it a failure and goes on unchanged.
    """
    return ManualSpan(name, attributes)
