"""The functions that replace a library's own while it is instrumented.

The recording code is synchronous and shared; only ``await`` is written twice. Whether a call returns a value, a coroutine, a
generator or a stream object is decided by the returned object, never guessed from the function's declaration.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import CoroutineType, FunctionType
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture import callbacks, context, open_calls, overhead, recording, streams
from autotrace._capture.call import Call
from autotrace._declaration.invocation import UNSET, Invocation, Observation, Observer, RunsInside, Target
from autotrace._declaration.operation import Operation, StreamSeam
from autotrace._declaration.paths import Getter
from autotrace._record.origin import Origin
from autotrace._system import perf_counter_ns
from autotrace.errors import DeclarationError

_current = context.current

_NOTHING = Operation("nothing")


class TracedTarget:
    """A target of a plugin, as its replaced function needs it.

    `active` is read at every call, because a library that keeps a reference to the replaced function goes on calling it after
    it was removed. After `FAILURES_ALLOWED` failures of ours the target switches itself off and reports that once.
    """

    FAILURES_ALLOWED = 10

    def __init__(self, name: str, target: Target, origin: Origin, errors: Mapping[str, Getter]) -> None:
        self.name = name
        self.target = target
        self.origin = origin
        self.errors = errors
        self.active = True
        self.names: tuple[str, ...] = ()
        self.method = False
        self.failures = diagnostics.Counter()
        self.tripped: str | None = None
        """Why the target was switched off; ``None`` while it is on."""

    def bind(self, function: Any, method: bool) -> None:
        """Read the parameter names of `function`. The first parameter of a `method` is the instance."""
        try:
            names = tuple(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # a C function without a signature
            names = ()
        self.method = method
        self.names = names[1:] if method else names

    def failed(self, exc: Exception) -> None:
        """Count and report a failure of ours."""
        if self.failures.add() + 1 == self.FAILURES_ALLOWED:  # true on one thread only
            self.active = False
            self.tripped = f"failed {self.FAILURES_ALLOWED} times, most recently with {type(exc).__name__}"
            diagnostics.say(
                "circuit",
                f"{self.origin.name}: {self.name} {self.tripped}. It is switched off; call enable() to switch it on again.",
            )
        diagnostics.failed(f"{self.origin.name} {self.name}", exc)

    def restore(self) -> None:
        """Switch the target on again if its failures switched it off."""
        if self.tripped is not None:
            self.tripped = None
            self.failures.reset()
            self.active = True

    def prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Invocation | None:
        """The invocation for a call with these arguments; ``None`` if the call is not to be recorded."""
        if not self.active or context.is_suppressed(self.origin.library or ""):
            return None
        since = perf_counter_ns() if overhead.is_timed() else 0
        try:
            invocation = self.invocation(args, kwargs)
            given = invocation.args
            target = self.target
            operation = target if isinstance(target, Operation) else target(invocation)  # type: ignore[operator]
            if operation is None:
                return None
            if not isinstance(operation, Operation):
                raise DeclarationError(f"the route of {self.name} returned {operation!r}; it must return an Operation or None")
            if invocation.args is not given:
                invocation._call_args = (invocation.instance, *invocation.args) if self.method else invocation.args
            invocation._operation, invocation._nanoseconds = operation, -since
            return invocation
        except Exception as exc:  # a plugin's route, given a call that it was not written for
            self.failed(exc)
            return None

    def begin(self, invocation: Invocation) -> Call:
        """Begin the span of a prepared call."""
        operation: Any = invocation._operation
        try:
            call = recording.begin(
                operation,
                self.origin,
                invocation.arguments() if invocation.request is UNSET else invocation.request,
                parent=invocation.parent,
                key=invocation.key,
                provider=invocation.provider,
                server=invocation.server,
                attributes=invocation.attributes,
                errors=self.errors,
            )
        except Exception as exc:  # a failure of ours: the call goes on without a span
            self.failed(exc)
            invocation._operation, invocation.stream = _NOTHING, ()  # so that the same call does not fail again
            call = recording.inert(_NOTHING)
        if invocation._nanoseconds:
            invocation._nanoseconds += perf_counter_ns()
        return call

    def settle(self, invocation: Invocation, call: Call, result: Any) -> Any:
        """Return `result`. A value ends the call now; a generator or a stream is first arranged to end it later."""
        if not invocation._nanoseconds:
            return self._settle(invocation, call, result)
        since = perf_counter_ns()
        result = self._settle(invocation, call, result)
        overhead.timed.append(invocation._nanoseconds + perf_counter_ns() - since)
        return result

    def _settle(self, invocation: Invocation, call: Call, result: Any) -> Any:
        wire = invocation.wire
        try:
            if streams.is_generator(result):
                if wire is not None:
                    call.begin_stream(lambda _: wire)
                if invocation.lazy:
                    call._postpone()
                    return streams.replace_generator(result, call._resume)
                call.begin_stream()
                return streams.replace_generator(result, lambda: call)
            seams = call.operation.stream if invocation.stream is None else invocation.stream
            for seam in seams:
                if streams.attach(seam, result, call) if isinstance(seam, StreamSeam) else seam(result, call):
                    return result
            call.finish(wire[-1] if wire else result)
        except Exception as exc:  # a plugin's seam: the program still gets its result
            self.failed(exc)
            call.finish()
        return result

    def invocation(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Invocation:
        """The `Invocation` of a call with these arguments, for the plugin's functions."""
        return Invocation(self.names, self.method, args, kwargs, self.origin.options)

    def tell(self, observe: Observation, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Pass `call` to the function of an `Observer`."""
        try:
            observe(call, self.invocation(args, kwargs), result)
        except Exception as exc:  # a plugin's function, given a call that it was not written for
            self.failed(exc)


def replacement(original: Callable[..., Any], target: TracedTarget) -> Callable[..., Any]:
    """A function of the same kind as `original` that calls it and records the call as `target` says."""
    prepare, begin, settle = target.prepare, target.begin, target.settle

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            invocation = prepare(args, kwargs)
            if invocation is None:
                try:
                    return await original(*args, **kwargs)
                except BaseException as exc:
                    _forget_frame(exc)
                    raise
            call = begin(invocation)
            token = _current.set(call.context)
            try:
                result = await original(*invocation._call_args, **kwargs)
            except BaseException as exc:
                call.fail(exc)
                raise
            finally:
                context.reset(_current, token)
            return settle(invocation, call, result)

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            invocation = prepare(args, kwargs)
            if invocation is None:
                try:
                    return original(*args, **kwargs)
                except BaseException as exc:
                    _forget_frame(exc)
                    raise
            call = begin(invocation)
            token = _current.set(call.context)
            try:
                result = original(*invocation._call_args, **kwargs)
            except BaseException as exc:
                call.fail(exc)
                raise
            finally:
                _current.reset(token)
            if type(result) is CoroutineType:
                return _awaited(result, target, invocation, call)
            return settle(invocation, call, result)

    return replaced


def _forget_frame(exc: BaseException) -> None:
    """Remove the frame that has just caught `exc` from its traceback, for a call that is not recorded.

    A bare ``raise`` adds no frame. Before Python 3.11 it takes the traceback from elsewhere, and the frame stays.
    """
    if exc.__traceback__ is not None:
        exc.__traceback__ = exc.__traceback__.tb_next


def _observed(original: Callable[..., Any], target: TracedTarget, observe: Observation) -> Callable[..., Any]:
    """A function that does what `original` does and passes the call inside which it ran to `observe`."""

    def tell(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        call = open_calls.current(target.origin) if target.active else None
        if call is not None:
            target.tell(observe, call, args, kwargs, result)
        return result

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            return tell(args, kwargs, await original(*args, **kwargs))

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            return tell(args, kwargs, original(*args, **kwargs))

    return replaced


def _scope(target: TracedTarget, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> callbacks.Scope | None:
    """The scope in which a target that is `RunsInside` runs; ``None`` if it runs without one."""
    if not target.active or context.is_suppressed(target.origin.library or ""):
        return None
    try:
        keys = [] if key is None else key(target.invocation(args, kwargs))
        calls = map(callbacks.open_call, keys if isinstance(keys, list) else [keys])
        carried = [call for call in calls if call is not None]
        return callbacks.Scope(target.origin, carried) if carried or key is None else None
    except Exception as exc:  # a plugin's function, given a call that it was not written for
        target.failed(exc)
        return None


class _ClosesInner:
    """Closes a coroutine together with the one that replaces it: if neither is awaited, only one must warn about it."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def __del__(self) -> None:
        self.coroutine.close()


def _awaited(inner: Any, target: TracedTarget, invocation: Invocation, call: Call) -> Any:
    """A coroutine that replaces `inner`, which a plain function returned. The call begins when it is awaited."""
    call._postpone()
    held = _ClosesInner(inner)

    async def outer() -> Any:
        call._resume()
        token = _current.set(call.context)
        try:
            result = await held.coroutine
        except BaseException as exc:
            call.fail(exc)
            raise
        finally:
            context.reset(_current, token)
        return target.settle(invocation, call, result)

    coroutine: Any = outer()
    coroutine.__name__, coroutine.__qualname__ = inner.__name__, inner.__qualname__
    return coroutine


def replace(raw: Any, target: TracedTarget, owner_is_class: bool) -> Any:
    """The replacement for the class or module attribute `raw`; of the same kind if that is a function."""
    # Not by isinstance: proxies of other agents claim to be functions, and have to be bound.
    kind = type(raw)
    if kind in (staticmethod, classmethod):
        function = raw.__func__
        target.bind(function, kind is classmethod)
        return kind(_replaced(function, target))
    target.bind(raw, owner_is_class)
    return _replaced(raw, target) if kind is FunctionType else _wrapped(raw, target)


def _replaced(function: Any, target: TracedTarget) -> Any:
    declared = target.target
    if isinstance(declared, RunsInside):
        return callbacks.carrying_out(function, functools.partial(_scope, target, declared.key))
    return _observed(function, target, declared.function) if isinstance(declared, Observer) else replacement(function, target)


def _wrapped(raw: Any, target: TracedTarget) -> Any:
    """A proxy for anything that is not a Python function: C callables, descriptors, callable objects."""
    import wrapt

    def wrapper(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _replaced(lambda *a, **k: wrapped(*a[1:], **k), target)(instance, *args, **kwargs)

    target.method = True
    return wrapt.FunctionWrapper(raw, wrapper)
