"""The way out for libraries that call back: calls that a plugin's own code begins, and being inside of them meanwhile.

A callback says that a call begins and another one that it ends; what lies between runs in a function that knows nothing of
either. `start` begins the call. A target that is declared `Inside` makes it the current span while the library carries it
out: there, what begins becomes its child. A generator is inside in each of its steps and nowhere else.
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

    The plugin is the one whose module calls. `request` is what the operation's request getters read. `parent` is a
    `SpanContext`, or a `Call` or the `key` of an open one: if the current span is inside that call, it is the parent itself.
    Where none is given it is where the program is. With `key` (hashable), the call can be found again with `open_call`. `name`
    is the span's, over the conventions' rule; `provider` is over the Instrumentor's; `attributes` are extra ones, by full name.
    While the plugin is disabled or suppressed the call records nothing; using it is safe.
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
    """The call that was started with `key`, until it ends; then, and for a key that nobody knows, ``None``."""
    call: Optional[Call] = open_calls.keyed.get(key)
    return call


def options() -> Mapping[str, Any]:
    """The calling plugin's own options, as `Instrumentor` declares them and `enable()` was given them."""
    origin, _ = _plugin_of(sys._getframe(1))
    return _NO_OPTIONS if origin is None else origin.options


_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def _plugin_of(frame: Any) -> tuple[Origin | None, Mapping[str, Any]]:
    module = frame.f_globals.get("__name__", "").partition(".")[0]
    return recording.origins.get(module, (None, _NO_OPTIONS))


def guarded(function: _F) -> _F:
    """A plugin's function that its library calls: what it raises is counted and reported, and goes no further."""
    where = f"{function.__module__} {function.__qualname__}"

    @functools.wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as exc:  # a plugin's own code, on what a library gives it
            diagnostics.failed(where, exc)
            return None

    return cast("_F", calling)


_NOTHING = Operation("nothing", kind="INTERNAL")


class Scope(Call):
    """What a function that is `Inside` stands in: the calls that it carries out, once there are any. It records nothing itself.

    A generator takes it for its call, and says to it how its consumer leaves.
    """

    __slots__ = ("carried", "origin")

    def __init__(self, origin: Origin, carried: list[Call]) -> None:
        super().__init__(recording.inert(_NOTHING)._draft)
        self.forget_chunks()
        self.origin = origin
        self.carried = carried

    def abandon(self, may_wait: bool = True) -> None:
        """The consumer closes the generator: twice, before and after the library ends what it carries out."""
        for call in self.carried:
            if call._left:
                call.abandon(may_wait)
            call._left = True

    def fail(self, exc: BaseException) -> None:
        """Interrupted, its calls are cancelled: a library that gathers tasks, or looks for exceptions, may say nothing."""
        for call in self.carried if not isinstance(exc, Exception) else ():
            call.fail(exc)


_scope: ContextVar[Optional[Scope]] = ContextVar("autotrace.scope", default=None)


class _Step:
    """Around a function that is `Inside`, or one step of its generator: the call that is carried out is current."""

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
    """A function that does what `original` does, inside the call that it carries out. `scope_of` gets its arguments."""

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
