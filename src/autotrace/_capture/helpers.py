"""Helpers of libraries: objects and functions that make events, or a whole answer, of what a call with its own target received.

When a helper raises, its call has failed, though its exchange was in order; when the program raises between two steps of a
helper, it has not. So what a helper raises is caught where it comes out of the helper: in the steps of its iterator, and in the
functions that are declared `Continues`. A call whose answer has been read to the end stays open until its helper has returned,
or is closed or collected, because only then is it known that the helper has made something of the answer.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Optional

from autotrace._capture import closing, context, streams
from autotrace._capture.call import Call
from autotrace._declaration.invocation import Continues
from autotrace._declaration.operation import StreamSeam

_calls: dict[int, tuple[weakref.ref[Any], Callable[[], Call | None]]] = {}
"""The calls of streams and helpers that exist, by the object's id. The reference to the object removes the entry."""


def know(owner: Any, call: Call, keep: bool = False) -> None:
    """Remember that `owner`, a stream or a helper, belongs to `call`. With `keep`, it keeps the call alive."""
    key = id(owner)
    try:
        # The table is a default argument because a module's globals are cleared before its last objects are.
        reference = weakref.ref(owner, lambda _, calls=_calls: calls.pop(key, None))  # type: ignore[misc]
    except TypeError:  # no weak references: what its helper raises is not seen
        return
    _calls[key] = reference, (lambda: call) if keep else weakref.ref(call)


def call_of(owner: Any) -> Call | None:
    """The call that `owner` belongs to, if it is known and has not been collected."""
    known = _calls.get(id(owner))
    return known[1]() if known is not None and known[0]() is owner else None


def attach(seam: StreamSeam, helper: Any, call: Call) -> None:
    """Have `call` end with `helper`, whose iterator and close methods are where `seam` says."""
    inner = getattr(helper, seam.iterator)
    asynchronous = hasattr(inner, "__anext__")
    call._wait_for_helper(_Idle)
    know(helper, call, keep=True)
    steps: Any = _Steps(call)
    observe: Any = streams.observe_async if asynchronous else streams.observe
    setattr(helper, seam.iterator, observe(inner, lambda: steps, lambda _: _nothing))
    for path in seam.close:
        closing.watch(helper, path, call, asynchronous)


_nothing = contextlib.nullcontext()


class _Idle:
    """The state of a helper that holds the stream itself, which its own exceptions do not close."""

    runs = False


class _Steps:
    """Takes the place of a call in `streams.observe`: what the helper makes of the call's chunks is not recorded again."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def begin_stream(self) -> None:
        """Do nothing: the chunks are recorded where they arrive."""

    def chunk(self, item: Any) -> Any:
        """Return `item`."""
        return item

    def finish(self) -> None:
        """Do nothing: the call ends when the helper is closed or collected."""

    def abandon(self, may_wait: bool = True) -> None:
        """Do nothing, as in `finish`."""

    def fail(self, exc: BaseException) -> None:
        """End the call with `exc`, and remove our frame from its traceback."""
        self._call.fail(exc)
        forget_frame(exc)


def forget_frame(exc: BaseException) -> None:
    """Remove the frame that has just caught `exc` from its traceback.

    A bare ``raise`` adds no frame. Before Python 3.11 it takes the traceback from elsewhere, and the frame stays.
    """
    if exc.__traceback__ is not None:
        exc.__traceback__ = exc.__traceback__.tb_next


def continuing(original: Callable[..., Any], target: Any, declared: Continues) -> Callable[..., Any]:
    """The replacement for `original`, a function of `target` (a `TracedTarget`) that `Continues` a call."""
    if declared.inside:
        return _surrounding(original, lambda: Around(target.origin) if target.active else None)

    def call_for(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        if not target.active:
            return None
        try:
            invocation = target.invocation(args, kwargs)
            return call_of(invocation.instance if declared.of is None else declared.of(invocation))
        except Exception as exc:  # a plugin's function, given a call that it was not written for
            target.failed(exc)
            return None

    def made(call: Call | None, args: tuple[Any, ...]) -> None:
        if call is None or declared.seam is None:
            return
        try:
            attach(declared.seam, args[0], call)
        except Exception as exc:  # a helper of another shape than the plugin says
            target.failed(exc)

    return _continued(original, call_for, made)


def _continued(
    original: Callable[..., Any], call_for: Callable[..., Call | None], made: Callable[..., None]
) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            call = call_for(args, kwargs)
            try:
                result = await original(*args, **kwargs)
            except BaseException as exc:
                if call is not None:
                    call.fail(exc)
                forget_frame(exc)
                raise
            made(call, args)
            return result

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            call = call_for(args, kwargs)
            try:
                result = original(*args, **kwargs)
            except BaseException as exc:
                if call is not None:
                    call.fail(exc)
                forget_frame(exc)
                raise
            made(call, args)
            return result

    return replaced


class Around:
    """The first call of a plugin that begins inside a function of its library, which makes its result of the answer.

    For a generator, it takes the place of a call in `streams.observe`.
    """

    __slots__ = ("call", "origin", "runs")

    def __init__(self, origin: Any) -> None:
        self.origin = origin
        self.runs = False
        self.call: Call | None = None

    def begin_stream(self) -> None:
        """Do nothing: the chunks are recorded where they arrive."""

    def chunk(self, item: Any) -> Any:
        """Return `item`."""
        return item

    def finish(self) -> None:
        """End the call if its answer has been read. Else it ends with its stream."""
        if self.call is not None:
            self.call._leave_helper()

    def abandon(self, may_wait: bool = True) -> None:
        """Do what `finish` does."""
        self.finish()

    def fail(self, exc: BaseException) -> None:
        """End the call with `exc`, and remove our frame from its traceback."""
        if self.call is not None:
            self.call.fail(exc)
        forget_frame(exc)


_around: ContextVar[Optional[Around]] = ContextVar("autotrace.helper", default=None)


def began(call: Call) -> None:
    """Let a call that begins inside of a function of its library end with that function."""
    around = _around.get()
    # Tasks that the library starts keep the variable, and may begin calls after the function has returned.
    if around is None or not around.runs or around.call is not None or around.origin is not call._draft.origin:
        return
    if call.operation.kind == "CLIENT":
        call._wait_for_helper(around)
        around.call = call


class _Inside:
    """Makes a call that begins during one step of a function's generator known to `around`."""

    __slots__ = ("_around", "_token")

    def __init__(self, around: Around) -> None:
        self._around = around

    def __enter__(self) -> None:
        self._token = _around.set(self._around)
        self._around.runs = True

    def __exit__(self, *_: object) -> None:
        self._around.runs = False
        context.reset(_around, self._token)


def _surrounding(original: Callable[..., Any], around_of: Callable[[], Around | None]) -> Callable[..., Any]:
    """A function that does what `original` does, and fails the call that begins inside it if it raises, also in a step of the
    generator that it returns."""

    def settle(around: Around, result: Any) -> Any:
        if streams.is_generator(result):
            scope: Any = around
            return streams.replace_generator(result, lambda: scope, _Inside)
        around.finish()
        return result

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            around = around_of()
            if around is None:
                return await original(*args, **kwargs)
            try:
                with _Inside(around):
                    result = await original(*args, **kwargs)
            except BaseException as exc:
                around.fail(exc)
                raise
            return settle(around, result)

    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            around = around_of()
            if around is None:
                return original(*args, **kwargs)
            try:
                with _Inside(around):
                    result = original(*args, **kwargs)
            except BaseException as exc:
                around.fail(exc)
                raise
            return settle(around, result)

    return replaced
