"""Manual spans: the program's own steps, in the same tree as the automatic spans."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import Any, NoReturn, cast

from autotrace import _diagnostics as diagnostics
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
        if self._call is None:
            return
        if isinstance(key, str):
            self._call.set_attribute(key, value)
        else:
            _say_wrong(f"Span.set_attribute(): key: expected a str, got {type(key).__name__}", "The attribute is ignored")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        """Raise `TypeError`: a span is not a decorator."""
        call = f"autotrace.span({self._name!r})"
        raise TypeError(f"{call} is not a decorator and cannot be called; use `with {call}:` inside the function")

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


def _usable_name(name: object) -> str | None:
    """`name`, or ``None`` for the default name. A mistake must not raise: the code may be one that only a failure reaches."""
    if isinstance(name, str):
        return name
    _say_wrong(f"autotrace.span(): name: expected a str, got {type(name).__name__}", "The span is recorded as 'span'")
    return None


def _usable_attributes(given: object) -> dict[str, Any] | None:
    """Those of the attributes `given` that have a name."""
    if given is None:
        return None
    where = "autotrace.span(): attributes: expected a dict with str keys"
    if not isinstance(given, Mapping):
        _say_wrong(f"{where}, got {type(given).__name__}", "They are ignored")
        return None
    try:
        attributes = dict(given)
    except Exception as exc:  # of the program's own mapping
        _say_wrong(f"{where}, got {type(given).__name__}, which raised {type(exc).__name__}", "They are ignored")
        return None
    wrong = [key for key in attributes if not isinstance(key, str)]
    if wrong:
        _say_wrong(f"{where}, got a key of type {type(wrong[0]).__name__}", "The attributes with other keys are ignored")
    return {key: value for key, value in attributes.items() if isinstance(key, str)}


def _say_wrong(problem: str, consequence: str) -> None:
    """Report a mistake in a call of the program's, with the place of that call."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    at = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    diagnostics.say("argument", f"{problem}. {consequence}; correct the call at {at}.", at=at)


def _begin(name: str, attributes: Mapping[str, Any] | None) -> Call | None:
    """The call of a manual span; ``None`` if this interpreter cannot record."""
    recording = availability.recording()
    arguments = {"name": _usable_name(name), "attributes": _usable_attributes(attributes)}
    if recording is None:
        return None
    operation, origin = _manual()
    origin.content = settings.current.valid("content")
    return cast("Call", recording.begin(operation, origin, **arguments))


@cache
def _manual() -> tuple[Any, Any]:
    from autotrace._declaration.operation import Operation
    from autotrace._record.origin import Origin

    return Operation("span", kind="INTERNAL"), Origin("autotrace")


def span(name: str, attributes: Mapping[str, Any] | None = None) -> Span:
    """A span around a ``with`` block: ``with autotrace.span("plan_trip", attributes={"city": "Rome"}) as span: …``.

    Spans that start inside the block are its children. Nothing is recorded while autotrace is not enabled. An exception that
    leaves the block marks the span as failed and is raised unchanged. An argument of a wrong type is reported on stderr and
    ignored.
    """
    return Span(name, attributes)
