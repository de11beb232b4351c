"""Manual spans: the program's own steps, in the same tree as the automatic spans."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextvars import Token
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

    __slots__ = ("_attributes", "_call", "_entered", "_name")

    def __init__(self, name: str, attributes: Mapping[str, Any] | None) -> None:
        self._name = name
        self._attributes: Mapping[str, Any] | None = attributes
        self._call: Call | None = None
        self._entered: list[tuple[Token[Any], Call | None]] = []
        """The token of each block that was entered and not left, and the call of the block around it."""

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute on the span. `value` may be any object; it is copied now. No effect after the block."""
        if self._call is None:
            return
        try:
            text = _text(key)
            if text is not None:
                self._call.set_attribute(text, value)
            else:
                _say_wrong(f"Span.set_attribute(): key: expected a str, got {_kind(key)}", "The attribute is ignored")
        except Exception as exc:  # a failure of ours
            diagnostics.failed("set an attribute of a span", exc)

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        """Raise `TypeError`: a span is not a decorator."""
        name = _text(self._name)
        call = f"autotrace.span({'…' if name is None else repr(name)})"
        raise TypeError(f"{call} is not a decorator and cannot be called; use `with {call}:` inside the function")

    def __enter__(self) -> Span:
        outer, self._call = self._call, None
        if settings.enabled and not context.is_suppressed("autotrace"):
            try:
                self._call = _begin(self._name, self._attributes)
            except Exception as exc:  # a failure of ours: the block runs without a span
                diagnostics.failed("begin a span", exc)
        token = context.current.set(context.current.get() if self._call is None else self._call.context)
        self._entered.append((token, outer))
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if not self._entered:
            return
        token, outer = self._entered.pop()
        call, self._call = self._call, outer
        context.reset(context.current, token)
        if call is None:
            return
        if exc is None:
            call.finish()
        else:
            call.fail(exc)


def _text(value: Any) -> str | None:
    """`value` as a plain text if it is a text; else ``None``. No method of its class runs."""
    kind: Any = type(value)
    return value if kind is str else str.__str__(value) if issubclass(kind, str) else None


def _kind(value: object) -> str:
    name: str = _NAME_OF_TYPE.__get__(type(value))
    return name


_NAME_OF_TYPE: Any = type.__dict__["__name__"]


def _usable_name(name: object) -> str | None:
    """`name`, or ``None`` for the default name. A mistake must not raise: the code may be one that only a failure reaches."""
    text = _text(name)
    if text is None:
        _say_wrong(f"autotrace.span(): name: expected a str, got {_kind(name)}", "The span is recorded as 'span'")
    return text


def _usable_attributes(given: object) -> dict[str, Any] | None:
    """Those of the attributes `given` that have a name."""
    if given is None:
        return None
    where, kind = "autotrace.span(): attributes: expected a dict with str keys", _kind(given)
    if not issubclass(type(given), Mapping):
        _say_wrong(f"{where}, got {kind}", "They are ignored")
        return None
    try:
        held = _copied(given)
    except Exception as exc:  # of the program's own mapping
        _say_wrong(f"{where}, got {kind}, which raised {_kind(exc)}", "They are ignored")
        return None
    wrong = [key for key in held if _text(key) is None]
    if wrong:
        _say_wrong(f"{where}, got a key of type {_kind(wrong[0])}", "The attributes with other keys are ignored")
    return {text: value for key, value in held.items() if (text := _text(key)) is not None}


def _copied(given: Any) -> dict[Any, Any]:
    """A dict is copied in one step of C, as another thread may be changing it. Any other mapping was given to be read."""
    if type(given) is dict:
        return given.copy()
    return dict(dict.items(given) if issubclass(type(given), dict) else given)


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
