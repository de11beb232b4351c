"""Observes streams chunk by chunk, ends their calls once, and returns the library's own stream object to the program.

A bare generator is replaced by a generator around it. A stream object keeps its identity: the iterator inside it is replaced by
an observing one, and the methods that close it early are watched on that instance. A chunk costs one append, and one context
variable that is set around the library's own step, so that spans which begin there become children. The variable is never set
while the consumer's code runs.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from autotrace._capture import closing, context
from autotrace._capture.call import Call
from autotrace._declaration.operation import StreamSeam

_current = context.current
Begin = Callable[[], Call]


class _Step:
    """Makes the span current during one step of the library's own iterator. A close within the step is not an early close."""

    __slots__ = ("_call", "_own", "_token")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._own = call.context

    def __enter__(self) -> None:
        self._token = _current.set(self._own)
        self._call._reading = True

    def __exit__(self, *_: object) -> None:
        self._call._reading = False
        context.reset(_current, self._token)


class _Ending:
    """Ends the call when its stream is left, in whatever way. The exception that marks an exhausted iterator stops here."""

    __slots__ = ("_call", "_thrown", "is_left", "value")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._thrown: BaseException | None = None
        self.is_left = False
        """Whether the call has already been told that its stream was left."""
        self.value: Any = None

    def __enter__(self) -> _Ending:
        return self

    def __exit__(self, _kind: object, exc: BaseException | None, _tb: object) -> bool:
        if isinstance(exc, (StopIteration, StopAsyncIteration)):
            self.value = getattr(exc, "value", None)
            self._call.finish()
            return True
        if self.is_left:
            return False
        if exc is None or exc is self._thrown or isinstance(exc, GeneratorExit):
            self._call.abandon()
        else:
            self._call.fail(exc)
        return False

    def throwing(self, inner: Any, name: str, exc: BaseException) -> Callable[[], Any]:
        """The step that throws the consumer's `exc` into `inner`. If `exc` comes out again, it is not a failure of the call."""
        self._thrown = exc
        method = getattr(inner, name, None)
        if method is None:
            raise exc
        return _sending(method, exc)


def observe(
    inner: Iterator[Any], begin: Begin, step_of: Any = _Step, hide: Callable[[Any], bool] | None = None
) -> Generator[Any, Any, Any]:
    """A generator that yields what `inner` yields and records it as the chunks of the call that `begin` returns.

    `begin` is called at the first step, before `inner` runs. Values and exceptions sent into the generator go on to `inner`.
    `step_of` takes the call and returns the context manager for each step of `inner`. Items that `hide` selects are recorded
    and not yielded.
    """
    call = begin()
    call.begin_stream()
    taken: list[Any] = []
    step: Callable[[], Any] = inner.__next__
    advance, inside, keep = step, step_of(call), call.chunk
    with _Ending(call) as ending:
        while True:
            with inside:
                taken.append(step())
            if hide is not None and hide(taken[-1]):
                step = advance
                keep(taken.pop())
                continue
            try:
                sent = yield keep(taken.pop())  # so that no variable holds the chunk while the consumer has it
                step = advance if sent is None else _sending(inner.send, sent)  # type: ignore[attr-defined]
            except GeneratorExit:
                call.abandon()  # before closing: an error there is not a failure of the call
                if hasattr(inner, "close"):
                    inner.close()
                raise
            except BaseException as exc:
                step = ending.throwing(inner, "throw", exc)
    return ending.value


def observe_async(
    inner: AsyncIterator[Any], begin: Begin, step_of: Any = _Step, hide: Callable[[Any], bool] | None = None
) -> AsyncGenerator[Any, Any]:
    """`observe` for an asynchronous iterator.

    The event loop knows only `inner`, as it would without us, and closes that one itself: at its end, and when it is dropped. A
    generator of ours that passed a close on would not do what the loop does: CPython closes what a generator awaits when it
    gets the exit through another generator, and not when it gets it from the loop.
    """
    dropped: list[bool] = []
    outer = _observe_async(inner, begin, step_of, hide, dropped)

    def drop(outer: Any) -> None:
        dropped.append(True)
        _run(outer.aclose())

    _start_unregistered(outer, drop)
    return outer


def _start_unregistered(generator: AsyncGenerator[Any, Any], drop: Callable[[Any], None] | None) -> None:
    """Take the first step of an asynchronous generator, which awaits nothing in it. The event loop does not learn of it, and
    `drop` is called when it is garbage-collected."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None, finalizer=drop)
    try:
        _run(generator.asend(None))  # at its first step, a generator takes its hooks from its thread
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _run(step: Any) -> None:
    try:
        step.send(None)
    except StopIteration:
        return


def _at_end_of_loop(call: Call, over: list[bool]) -> Any:
    """Abandon `call` when the event loop closes the streams that are open at its end. Holds until the result is dropped, which
    does nothing if the stream is `over` by then: a helper may still make something of what was read."""
    firstiter = sys.get_asyncgen_hooks().firstiter
    if firstiter is None:
        return None
    registered = _abandon_when_closed(call, over)
    _start_unregistered(registered, None)
    firstiter(registered)
    return registered


async def _abandon_when_closed(call: Call, over: list[bool]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        if not over:
            call.abandon(may_wait=False)


async def _observe_async(
    inner: Any, begin: Begin, step_of: Any, hide: Callable[[Any], bool] | None, dropped: list[bool]
) -> AsyncGenerator[Any, Any]:
    try:
        sent = yield
    except BaseException:  # nothing was read
        if not dropped and hasattr(inner, "aclose"):
            await inner.aclose()
        raise
    call = begin()
    call.begin_stream()
    over: list[bool] = []
    _registered = _at_end_of_loop(call, over)
    taken: list[Any] = []
    advance, inside, keep = inner.__anext__, step_of(call), call.chunk
    step: Callable[[], Any] = advance if sent is None else _sending(inner.asend, sent)
    with _Ending(call) as ending:
        while True:
            with inside:
                taken.append(await step())
            if hide is not None and hide(taken[-1]):
                step = advance
                keep(taken.pop())
                continue
            try:
                sent = yield keep(taken.pop())
                step = advance if sent is None else _sending(inner.asend, sent)
            except GeneratorExit:
                # Whoever drops it may hold any lock; and the loop closes `inner`, which nothing else holds.
                call.abandon(may_wait=not dropped)
                if dropped:
                    over.append(True)
                    ending.is_left = True  # the library may say more when the loop closes `inner`
                elif hasattr(inner, "aclose"):
                    await inner.aclose()
                raise
            except BaseException as exc:
                step = ending.throwing(inner, "athrow", exc)
    over.append(True)


def _sending(method: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: method(value)


def is_generator(value: Any) -> bool:
    """Whether `value` is a bare generator, synchronous or asynchronous."""
    return type(value) in (GeneratorType, AsyncGeneratorType)


def replace_generator(inner: Any, begin: Begin, step_of: Any = _Step) -> Any:
    """A generator of the same kind around a bare one. The call begins with the first step: nothing is sent before it."""
    outer: Any = (observe if isinstance(inner, GeneratorType) else observe_async)(inner, begin, step_of)
    outer.__name__, outer.__qualname__ = inner.__name__, inner.__qualname__
    return outer


def attach(seam: StreamSeam, stream: Any, call: Call) -> bool:
    """Observe `stream` through `seam`, in place. False if it has no such iterator, and so is not a stream."""
    if not _holds(stream, seam.iterator):
        return False
    inner = getattr(stream, seam.iterator)
    if hasattr(inner, "__anext__"):
        observer: Any = observe_async(inner, lambda: call, hide=seam.hide)
    elif hasattr(inner, "__next__"):
        observer = observe(inner, lambda: call, hide=seam.hide)
    else:
        return False
    call.begin_stream()
    setattr(stream, seam.iterator, observer)
    for path in seam.close:
        closing.watch(stream, path, call, hasattr(inner, "__anext__"))
    return True


def _holds(value: Any, name: str) -> bool:
    # Not by `hasattr`: on a pydantic model that lacks the attribute it takes 2 µs.
    kind: Any = type(value)
    return name in getattr(value, "__dict__", ()) or _class_holds(kind, name)


@functools.lru_cache(maxsize=512)
def _class_holds(kind: type, name: str) -> bool:
    return any(name in vars(base) for base in kind.__mro__)
