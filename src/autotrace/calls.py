"""One replaced function: what stands in a library's place while it is instrumented.

The telemetry is synchronous and shared; only ``await`` is written twice. What a call turns out to be (a value, a coroutine,
a generator, a stream object) is seen from what came back, never guessed from the function's declaration.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import CoroutineType, FunctionType
from typing import Any

from autotrace import context, diagnostics, recording, streams
from autotrace.operation import UNSET, Invocation, Operation, StreamSeam, Target
from autotrace.paths import Getter
from autotrace.recording import Call
from autotrace.translation import Origin

_current = context.current


class TracedTarget:
    """A target of a plugin, as the replaced function needs it.

    `active` is read at every call: a library that keeps the replaced function somewhere goes on calling it after it
    was taken off. After `FAILURES_ALLOWED` failures of ours the target switches itself off, and says so once.
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
        self.failures = 0

    def bind(self, function: Any, method: bool) -> None:
        """Learn the parameter names of `function`; a `method`'s first one is the instance."""
        try:
            names = tuple(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # a C function without a signature
            names = ()
        self.method = method
        self.names = names[1:] if method else names

    def failed(self, exc: Exception) -> None:
        """Count and report a failure of ours."""
        self.failures += 1
        if self.failures >= self.FAILURES_ALLOWED and self.active:
            self.active = False
            diagnostics.say("circuit", f"{self.origin.name}: {self.name} failed {self.failures} times and is switched off.")
        diagnostics.failed(f"{self.origin.name} {self.name}", exc)

    def prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Pending | None:
        """What is to be recorded of a call with these arguments; ``None``: nothing."""
        if not self.active or context.is_suppressed(self.origin.library or ""):
            return None
        try:
            invocation = Invocation(self.names, self.method, args, kwargs)
            given = invocation.args
            target = self.target
            operation = target if isinstance(target, Operation) else target(invocation)
            if operation is None:
                return None
            if invocation.args is not given:
                args = (invocation.instance, *invocation.args) if self.method else invocation.args
            return Pending(self, operation, invocation, args)
        except Exception as exc:  # a plugin's route on a call it was not made for
            self.failed(exc)
            return None


class Pending:
    """A call that is about to be made: what it is, and what the library's function is called with."""

    __slots__ = ("args", "invocation", "operation", "target")

    def __init__(self, target: TracedTarget, operation: Operation, invocation: Invocation, args: tuple[Any, ...]) -> None:
        self.args = args
        self.target = target
        self.operation = operation
        self.invocation = invocation

    def begin(self) -> Call:
        """Begin the span."""
        target, invocation = self.target, self.invocation
        try:
            return recording.begin(
                self.operation,
                target.origin,
                invocation.arguments() if invocation.request is UNSET else invocation.request,
                provider=invocation.provider,
                server=invocation.server,
                attributes=invocation.attributes,
                errors=target.errors,
            )
        except Exception as exc:  # ours; the call goes on without a span
            target.failed(exc)
            return recording.inert(self.operation)

    def settle(self, call: Call, result: Any) -> Any:
        """Give `result` back, once it is arranged how the call ends; or end it now, for a value."""
        wire = self.invocation.wire
        try:
            if streams.is_generator(result):
                call.postpone()
                if wire is not None:
                    call.begin_stream(lambda _: wire)
                return streams.replace_generator(result, call.resume)
            seams = self.operation.stream if self.invocation.stream is None else self.invocation.stream
            for seam in seams:
                if streams.attach(seam, result, call) if isinstance(seam, StreamSeam) else seam(result, call):
                    return result
            call.finish(wire[-1] if wire else result)
        except Exception as exc:  # a plugin's seam; the program gets its result
            self.target.failed(exc)
            call.finish()
        return result


def replacement(original: Callable[..., Any], target: TracedTarget) -> Callable[..., Any]:
    """A function that does what `original` does and records it as `target` says; the same kind of function."""
    prepare = target.prepare

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            pending = prepare(args, kwargs)
            if pending is None:
                return await original(*args, **kwargs)
            call = pending.begin()
            token = _current.set(call.context)
            try:
                result = await original(*pending.args, **kwargs)
            except BaseException as exc:
                call.fail(exc)
                raise
            finally:
                context.reset(_current, token)
            return pending.settle(call, result)

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            pending = prepare(args, kwargs)
            if pending is None:
                return original(*args, **kwargs)
            call = pending.begin()
            token = _current.set(call.context)
            try:
                result = original(*pending.args, **kwargs)
            except BaseException as exc:
                call.fail(exc)
                raise
            finally:
                _current.reset(token)
            if type(result) is CoroutineType:
                return _awaited(result, pending, call)
            return pending.settle(call, result)

    return replaced


def _awaited(inner: Any, pending: Pending, call: Call) -> Any:
    """A coroutine in place of `inner`, which a plain function returned. The call begins when it is awaited."""
    call.postpone()

    async def outer() -> Any:
        call.resume()
        token = _current.set(call.context)
        try:
            result = await inner
        except BaseException as exc:
            call.fail(exc)
            raise
        finally:
            context.reset(_current, token)
        return pending.settle(call, result)

    coroutine: Any = outer()
    coroutine.__name__, coroutine.__qualname__ = inner.__name__, inner.__qualname__
    return coroutine


def replace(raw: Any, target: TracedTarget, owner_is_class: bool) -> Any:
    """What to put in place of the class or module attribute `raw`: of the same kind where that is a function."""
    if isinstance(raw, (staticmethod, classmethod)):
        function = raw.__func__
        target.bind(function, isinstance(raw, classmethod))
        return type(raw)(replacement(function, target))
    target.bind(raw, owner_is_class)
    if isinstance(raw, FunctionType):
        return replacement(raw, target)
    return _wrapped(raw, target)


def _wrapped(raw: Any, target: TracedTarget) -> Any:
    """A proxy, for what is no Python function: C callables, descriptors, callable objects."""
    import wrapt

    def wrapper(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return replacement(lambda *a, **k: wrapped(*a[1:], **k), target)(instance, *args, **kwargs)

    target.method = True
    return wrapt.FunctionWrapper(raw, wrapper)
