"""Streams: observed chunk by chunk, ended once, and still the object that the library made.

A bare generator is replaced by a generator around it. A stream object keeps its identity: the iterator inside it is
replaced by an observing one, and the methods that close it early are watched on that instance. What a chunk costs
is an append, and one context variable set around the library's own step, so that what it calls becomes a child; it is never
left set while the consumer's code runs.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture import context
from autotrace._capture.call import Call
from autotrace._declaration.operation import StreamSeam
from autotrace._declaration.paths import Path

_current = context.current
Begin = Callable[[], Call]


class _Step:
    """Around one step of the library's own iterator: the span is current in it, and a close in it is no early one."""

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
    """Around a whole stream: whatever leaves it ends the call. What says that the iterator is exhausted goes no further."""

    __slots__ = ("_call", "_thrown", "value")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._thrown: BaseException | None = None
        self.value: Any = None

    def __enter__(self) -> _Ending:
        return self

    def __exit__(self, _kind: object, exc: BaseException | None, _tb: object) -> bool:
        if isinstance(exc, (StopIteration, StopAsyncIteration)):
            self.value = getattr(exc, "value", None)
            self._call.finish()
            return True
        if exc is None or exc is self._thrown or isinstance(exc, GeneratorExit):
            self._call.abandon()
        else:
            self._call.fail(exc)
        return False

    def throwing(self, inner: Any, name: str, exc: BaseException) -> Callable[[], Any]:
        """The step that throws `exc`, which the consumer threw in, into `inner`. If it comes out again it is the consumer's."""
        self._thrown = exc
        method = getattr(inner, name, None)
        if method is None:
            raise exc
        return _sending(method, exc)


def observe(inner: Iterator[Any], begin: Begin, step_of: Any = _Step) -> Generator[Any, Any, Any]:
    """A generator that hands on what `inner` yields and records it as the chunks of the call that `begin` gives.

    `begin` is asked at the first step, before `inner` runs. What is sent or thrown into the generator goes to `inner`.
    `step_of` makes, of the call, what each step of `inner` runs in.
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
            try:
                sent = yield keep(taken.pop())  # no variable holds the chunk while the consumer has it
                step = advance if sent is None else _sending(inner.send, sent)  # type: ignore[attr-defined]
            except GeneratorExit:
                call.abandon()  # now: what goes wrong in closing is no failure of the call
                if hasattr(inner, "close"):
                    inner.close()
                raise
            except BaseException as exc:
                step = ending.throwing(inner, "throw", exc)
    return ending.value


async def observe_async(inner: AsyncIterator[Any], begin: Begin, step_of: Any = _Step) -> AsyncGenerator[Any, Any]:
    """`observe` for an asynchronous iterator."""
    call = begin()
    call.begin_stream()
    taken: list[Any] = []
    advance, inside, keep = inner.__anext__, step_of(call), call.chunk
    step: Callable[[], Any] = functools.partial(_unregistered, advance) if isinstance(inner, AsyncGeneratorType) else advance
    with _Ending(call) as ending:
        while True:
            with inside:
                taken.append(await step())
            try:
                sent = yield keep(taken.pop())
                step = advance if sent is None else _sending(inner.asend, sent)  # type: ignore[attr-defined]
            except GeneratorExit:
                call.abandon()
                if hasattr(inner, "aclose"):
                    await inner.aclose()
                raise
            except BaseException as exc:
                step = ending.throwing(inner, "athrow", exc)


def _unregistered(step: Callable[[], Any]) -> Any:
    """What the first `step` of an asynchronous generator gives, of which the event loop does not hear.

    The loop closes the generators that it knows, all at once when it ends and each when it is collected. It knows ours, which
    closes the library's: were that closed by the loop as well, one of the two would find it "already running".
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None, finalizer=_nothing)
    try:
        return step()
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _sending(method: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: method(value)


def is_generator(value: Any) -> bool:
    """Whether `value` is a bare generator, of either kind."""
    return type(value) in (GeneratorType, AsyncGeneratorType)


def replace_generator(inner: Any, begin: Begin, step_of: Any = _Step) -> Any:
    """A generator of the same kind around a bare one. The call begins with the first step: before that nothing was sent."""
    outer: Any = (observe if isinstance(inner, GeneratorType) else observe_async)(inner, begin, step_of)
    outer.__name__, outer.__qualname__ = inner.__name__, inner.__qualname__
    return outer


def attach(seam: StreamSeam, stream: Any, call: Call) -> bool:
    """Observe `stream` through `seam`, in place. False if it has no such seam: it is then not a stream."""
    if not _holds(stream, seam.iterator):
        return False
    inner = getattr(stream, seam.iterator)
    if hasattr(inner, "__anext__"):
        observer: Any = observe_async(inner, lambda: call)
        observer = observer if seam.hide is None else _without_async(observer, seam.hide)
    elif hasattr(inner, "__next__"):
        observer = observe(inner, lambda: call)
        observer = observer if seam.hide is None else _without(observer, seam.hide)
    else:
        return False
    call.begin_stream()
    setattr(stream, seam.iterator, observer)
    for path in seam.close:
        watch_close(stream, path, call, hasattr(inner, "__anext__"))
    return True


def _without(inner: Generator[Any, Any, Any], hide: Callable[[Any], bool]) -> Generator[Any, Any, None]:
    """What `inner` yields, but for what is to be hidden."""
    with contextlib.closing(inner):
        for item in inner:
            if not hide(item):
                yield item


async def _without_async(inner: AsyncGenerator[Any, Any], hide: Callable[[Any], bool]) -> AsyncGenerator[Any, Any]:
    """`_without` for an asynchronous generator, of which the event loop does not hear: this one closes it."""
    step: Callable[[], Any] = functools.partial(_unregistered, inner.__anext__)
    try:
        while True:
            try:
                item = await step()
            except StopAsyncIteration:
                return
            step = inner.__anext__
            if not hide(item):
                yield item
    finally:
        await inner.aclose()


def _holds(value: Any, name: str) -> bool:
    # Not by asking for the attribute: a pydantic model takes 2 µs to say that it has none.
    kind: Any = type(value)
    return name in getattr(value, "__dict__", ()) or _class_holds(kind, name)


@functools.lru_cache(maxsize=512)
def _class_holds(kind: type, name: str) -> bool:
    return any(name in vars(base) for base in kind.__mro__)


def watch_close(stream: Any, path: str, call: Call, asynchronous: bool) -> None:
    """Have the method at `path` of `stream` end the call when the program closes the stream early.

    Only a method of the stream's own kind: an `asynchronous` one is closed by a coroutine function. The replacement is an
    attribute of that one instance and goes with its first use.
    """
    owner_path, _, name = path.rpartition(".")
    owner = Path(owner_path)(stream) if owner_path else stream
    method = getattr(type(owner), name, None)
    if owner is None or method is None or inspect.iscoroutinefunction(method) != asynchronous:
        return
    try:
        kept = _Kept(owner)
        setattr(owner, name, _closer(method, name, kept, weakref.ref(call), vars(owner).get(name)))
        if owner is stream:
            call._until_read(kept.release)
    except (AttributeError, TypeError) as exc:  # an object without a __dict__ or weak references
        text = "A stream that is closed early is recorded only when it is garbage-collected."
        diagnostics.say("stream", f"{type(owner).__qualname__}.{name} cannot be watched: {exc}. {text}")


class _Kept:
    """A reference to the owner of a replaced method, as that is no bound method: in ``client.chat(…).close()`` nothing else
    keeps the owner until it runs.

    Where the owner is the stream itself it turns weak with the first chunk: else a stream that is dropped half read would be a
    cycle and wait for the garbage collector. Where it is part of the stream (its response) it stays strong: a dropped stream
    closes that, which takes the replacement off, and a collector may have cleared weak references by then.
    """

    __slots__ = ("_strong", "_weak")

    def __init__(self, owner: Any) -> None:
        self._strong: Any = owner
        self._weak = weakref.ref(owner)

    def release(self) -> None:
        self._strong = None

    def owner(self) -> Any:
        return self._strong if self._strong is not None else self._weak()


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    return


def _closer(method: Any, name: str, kept: _Kept, call_ref: Any, before: Any) -> Any:
    """A stand-in for the bound `method`, or for what stood `before` it on the instance."""

    def original() -> Any:
        owner = kept.owner()
        if owner is not None:
            vars(owner).pop(name, None)
            if before is not None:
                setattr(owner, name, before)
        if before is not None or owner is not None:
            return before if before is not None else method.__get__(owner)
        return _nothing  # collected in a cycle of the library's own, whose end it is

    def ended() -> None:
        call = call_ref()
        if call is not None and not call._reading:
            call.abandon()

    if inspect.iscoroutinefunction(method):

        async def aclose(*args: Any, **kwargs: Any) -> Any:
            try:
                return await original()(*args, **kwargs)
            finally:
                ended()

        return aclose

    def close(*args: Any, **kwargs: Any) -> Any:
        try:
            return original()(*args, **kwargs)
        finally:
            ended()

    return close
