"""Manual spans: the program's own steps, in the same tree as the automatic spans."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import Any

from autotrace import _settings as settings
from autotrace._capture import availability, context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._capture.call import Call


class Span:
    """A span of the program's own: the context manager that `span` returns. Enter it once; it also works in ``async`` code."""

    __slots__ = ("_attributes", "_call", "_name", "_token")

    def __init__(self, name: str, attributes: Mapping[str, Any] | None) -> None:
        self._name = name
        self._attributes = attributes
        self._call: Call | None = None

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute on the span. `value` may be any object; it is copied now. No effect after the block."""
        if self._call is not None:
            self._call.set_attribute(key, value)

    def __enter__(self) -> Span:
        if settings.enabled and not context.is_suppressed("autotrace"):
            self._call = _begin(self._name, self._attributes)
        self._token = context.current.set(context.current.get() if self._call is None else self._call.context)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        context.reset(context.current, self._token)
        if self._call is None:
            return
        if exc is None:
            self._call.finish()
        else:
            self._call.fail(exc)


def _begin(name: str, attributes: Mapping[str, Any] | None) -> Call | None:
    """The call of a manual span; ``None`` if this interpreter cannot record."""
    recording = availability.recording()
    return None if recording is None else recording.begin(*_manual(), name=name, attributes=attributes)


@cache
def _manual() -> tuple[Any, Any]:
    from autotrace._declaration.operation import Operation
    from autotrace._record.origin import Origin

    return Operation("span", kind="INTERNAL"), Origin("autotrace")


def span(name: str, attributes: Mapping[str, Any] | None = None) -> Span:
    """A span around a ``with`` block: ``with autotrace.span("plan_trip", attributes={"city": "Rome"}) as span: …``.

    Spans that start inside the block are its children. Nothing is recorded while autotrace is not enabled. An exception that
    leaves the block marks the span as failed and is raised unchanged.
    """
    return Span(name, attributes)
