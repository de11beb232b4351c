"""For libraries that report calls by callbacks: calls that a plugin's own code begins, and that are current while they run.

One callback reports that a call begins and another that it ends; the function that runs in between knows neither. `start`
begins the call. A target that is declared `RunsInside` makes that call the current span while the library carries it out, so
that spans which begin there become its children. For a generator the call is current only during its steps.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Any, Optional, TypeVar, cast

from autotrace import _diagnostics as diagnostics
from autotrace._capture import context, open_calls, recording, streams, transparency
from autotrace._capture.call import Call
from autotrace._capture.context import SpanContext
from autotrace._declaration.invocation import UNSET
from autotrace._declaration.operation import Operation
from autotrace._record.origin import Origin
from autotrace.errors import DeclarationError

_current = context.current
_F = TypeVar("_F", bound=Callable[..., Any])


def start(
    operation: Operation,
    request: Any = UNSET,
    *,
    parent: Any = None,
    key: Any = None,
    name: str | None = None,
    provider: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Call:
    """Begin a span from a plugin's own code: a callback, an event handler, a web socket.

    The span belongs to the plugin whose module makes this call. `request` is what the operation's request getters read.
    `parent` is a `SpanContext`, an open `Call`, or the `key` of one; if the current span is inside that call, the current span
    is the parent instead. Without `parent`, the parent is the current span, or the call that `Instrumentor.enclosing` names.
    With `key` (hashable), `open_call` returns the call while it is open. `name` overrides the span name of the conventions,
    `provider` that of the Instrumentor; `attributes` are additional ones, by full name. While the plugin is disabled or
    suppressed the returned call records nothing; it is safe to use.

    Raises `DeclarationError` if `operation` is not an `Operation`.
    """
    if not isinstance(operation, Operation):
        raise DeclarationError(f"start: {operation!r} is not an Operation")
    origin, errors = _plugin_of(sys._getframe(1))
    if origin is None or context.is_suppressed(origin.library or origin.name):
        return recording.inert(operation)
    call = recording.begin(
        operation,
        origin,
        request,
        parent=parent,
        key=key,
        name=name,
        provider=provider,
        attributes=attributes,
        errors=errors,
    )
    scope = _scope.get()
    if scope is not None and not scope.carried and scope.origin is origin:
        scope.carried.append(call)
        _current.set(call.context)
    return call


def open_call(key: Any) -> Optional[Call]:
    """The open call that was started with `key`; ``None`` once it has ended, or if there is no such call.

    If several open calls have the key, it is the one that began in this context.
    """
    call: Optional[Call] = open_calls.find(key)
    return call


def running_call() -> Optional[Call]:
    """The open model call of the calling plugin that the library is carrying out here; ``None`` if there is none.

    For code that the library runs inside of a call, such as a class that it creates its answers with.
    """
    origin, _ = _plugin_of(sys._getframe(1))
    call: Optional[Call] = None if origin is None else open_calls.current(origin)
    return call


def options() -> Mapping[str, Any]:
    """The calling plugin's own options: those that its `Instrumentor` declares, with the values given to `enable()`."""
    origin, _ = _plugin_of(sys._getframe(1))
    return _NO_OPTIONS if origin is None else origin.options


_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def _plugin_of(frame: Any) -> tuple[Origin | None, Mapping[str, Any]]:
    module = frame.f_globals.get("__name__", "").partition(".")[0]
    return recording.origins.get(module, (None, _NO_OPTIONS))


def safe_callback(function: _F) -> _F:
    """Wrap a plugin's function that its library calls: an exception in it is counted and reported, and not raised."""
    where = f"{function.__module__} {function.__qualname__}"

    @functools.wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as exc:  # a plugin's own code, given whatever the library passes
            diagnostics.failed(where, exc)
            return None

    return cast("_F", calling)


_NOTHING = Operation("nothing", kind="INTERNAL")


class Scope(Call):
    """The calls that a function declared `RunsInside` carries out, once there are any. It records nothing itself.

    A generator treats it as its call, and tells it how the consumer leaves.
    """

    __slots__ = ("carried", "origin")

    def __init__(self, origin: Origin, carried: list[Call]) -> None:
        super().__init__(recording.inert(_NOTHING)._draft)
        self.forget_chunks()
        self.origin = origin
        self.carried = carried

    def abandon(self, may_wait: bool = True) -> None:
        """Called twice when the consumer closes the generator: before and after the library ends the calls it carries out."""
        for call in self.carried:
            if call._left:
                call.abandon(may_wait)
            call._left = True

    def fail(self, exc: BaseException) -> None:
        """Cancel the calls if they are interrupted: a library that gathers tasks, or catches `Exception`, may not report it."""
        for call in self.carried if not isinstance(exc, Exception) else ():
            call.fail(exc)


_scope: ContextVar[Optional[Scope]] = ContextVar("autotrace.scope", default=None)


class _Step:
    """Makes the call that is carried out current, around a function declared `RunsInside` or one step of its generator."""

    __slots__ = ("_scope", "_tokens")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __enter__(self) -> None:
        carried = [call.context for call in self._scope.carried]
        here: SpanContext | None = transparency.together(carried) if carried else _current.get()
        self._tokens: tuple[Token[Any], Token[Any]] = _current.set(here), _scope.set(self._scope)

    def __exit__(self, _kind: object, exc: BaseException | None, _tb: object) -> None:
        current, scope = self._tokens
        context.reset(_current, current)
        context.reset(_scope, scope)
        if exc is not None:
            self._scope.fail(exc)


def carrying_out(original: Callable[..., Any], scope_of: Callable[..., Scope | None]) -> Callable[..., Any]:
    """A function that does what `original` does, with the call that it carries out current. `scope_of` gets its arguments."""

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            scope = scope_of(args, kwargs)
            if scope is None:
                return await original(*args, **kwargs)
            with _Step(scope):
                return await original(*args, **kwargs)

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            scope = scope_of(args, kwargs)
            if scope is None:
                return original(*args, **kwargs)
            with _Step(scope):
                result = original(*args, **kwargs)
            return streams.replace_generator(result, lambda: scope, _Step) if streams.is_generator(result) else result

    return replaced
