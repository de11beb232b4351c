"""The functions that replace a library's own while it is instrumented.

The recording code is synchronous and shared; only ``await`` is written twice. Whether a call returns a value, a coroutine, a
generator or a stream object is decided by the returned object, never guessed from the function's declaration.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import CoroutineType, FunctionType
from typing import Any

from autotrace._capture import callbacks, context, helpers, open_calls
from autotrace._capture.call import Call
from autotrace._capture.helpers import forget_frame
from autotrace._capture.traced_target import TracedTarget
from autotrace._declaration.invocation import Continues, Invocation, Observation, Observer, RunsInside

_current = context.current


def replacement(original: Callable[..., Any], target: TracedTarget) -> Callable[..., Any]:
    """A function of the same kind as `original` that calls it and records the call as `target` says."""
    prepare, begin, settle, fail = target.prepare, target.begin, target.settle, target.fail

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            invocation = prepare(args, kwargs)
            if invocation is None:
                try:
                    return await original(*args, **kwargs)
                except BaseException as exc:
                    forget_frame(exc)
                    raise
            call = begin(invocation)
            token = _current.set(call.context)
            try:
                result = await original(*invocation._call_args, **kwargs)
            except BaseException as exc:
                fail(invocation, call, exc)
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
                    forget_frame(exc)
                    raise
            call = begin(invocation)
            token = _current.set(call.context)
            try:
                result = original(*invocation._call_args, **kwargs)
            except BaseException as exc:
                fail(invocation, call, exc)
                raise
            finally:
                _current.reset(token)
            if type(result) is CoroutineType:
                return _awaited(result, target, invocation, call)
            return settle(invocation, call, result)

    return replaced


def _observed(original: Callable[..., Any], target: TracedTarget, observer: Observer) -> Callable[..., Any]:
    """A function that does what `original` does and passes the call inside which it ran to the functions of `observer`."""

    def tell(observe: Observation | None, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        call = open_calls.current(target.origin) if target.active and observe is not None else None
        if call is not None and observe is not None:
            target.tell(observe, call, args, kwargs, result)
        return result

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            try:
                result = await original(*args, **kwargs)
            except Exception as exc:
                tell(observer.raised, args, kwargs, exc)
                forget_frame(exc)
                raise
            return tell(observer.function, args, kwargs, result)

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            try:
                result = original(*args, **kwargs)
            except Exception as exc:
                tell(observer.raised, args, kwargs, exc)
                forget_frame(exc)
                raise
            return tell(observer.function, args, kwargs, result)

    return replaced


def _scope(target: TracedTarget, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> callbacks.Scope | None:
    """The scope in which a target that is `RunsInside` runs; ``None`` if it runs without one."""
    if not target.active or context.is_suppressed(target.origin.library or ""):
        return None
    try:
        invocation = target.invocation(args, kwargs)
        keys = [] if key is None else key(invocation)
        calls = map(callbacks.open_call, keys if isinstance(keys, list) else [keys])
        carried = [call for call in calls if call is not None]
        if target.credentials is not None:
            for call in carried:
                call.redact(*target._picked_up(invocation))
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
            target.fail(invocation, call, exc)
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
    if isinstance(declared, Continues):
        return helpers.continuing(function, target, declared)
    if isinstance(declared, RunsInside):
        return callbacks.carrying_out(function, functools.partial(_scope, target, declared.key))
    return _observed(function, target, declared) if isinstance(declared, Observer) else replacement(function, target)


def _wrapped(raw: Any, target: TracedTarget) -> Any:
    """A proxy for anything that is not a Python function: C callables, descriptors, callable objects."""
    import wrapt

    def wrapper(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _replaced(lambda *a, **k: wrapped(*a[1:], **k), target)(instance, *args, **kwargs)

    target.method = True
    return wrapt.FunctionWrapper(raw, wrapper)
