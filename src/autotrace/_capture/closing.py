"""The close methods of a stream: they end its call when the program closes it early."""

from __future__ import annotations

import inspect
import weakref
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture.call import Call
from autotrace._declaration.paths import Path


def watch(stream: Any, path: str, call: Call, asynchronous: bool) -> None:
    """Make the method at `path` of `stream` end the call when the program closes the stream early.

    Only a method of the stream's own kind is watched: an `asynchronous` stream is closed by a coroutine function. The
    replacement is an attribute of that one instance and is removed at its first use.
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
    """A reference to the owner of a replaced method. The replacement is not a bound method, so in ``client.chat(…).close()``
    nothing else keeps the owner alive until it runs.

    If the owner is the stream itself, the reference becomes weak with the first chunk. Otherwise a stream that is dropped half
    read would be a cycle and wait for the garbage collector. If the owner is part of the stream (its response), the reference
    stays strong: a dropped stream closes that part, which removes the replacement, and the collector may have cleared weak
    references by then.
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
    """The replacement for the bound `method`, or for the attribute `before` that the instance had under that name."""

    def original() -> Any:
        owner = kept.owner()
        if owner is not None:
            vars(owner).pop(name, None)
            if before is not None:
                setattr(owner, name, before)
        if before is not None or owner is not None:
            return before if before is not None else method.__get__(owner)
        return _nothing  # the owner was collected in a cycle of the library's own, and closed with it

    def ended(exc: BaseException | None) -> None:
        call = call_ref()
        if call is None or call._reading:
            return
        if exc is None:
            call.abandon()
        else:
            call.fail(exc)

    if inspect.iscoroutinefunction(method):

        async def aclose(*args: Any, **kwargs: Any) -> Any:
            try:
                result = await original()(*args, **kwargs)
            except BaseException as exc:
                ended(exc)
                raise
            ended(None)
            return result

        return aclose

    def close(*args: Any, **kwargs: Any) -> Any:
        try:
            result = original()(*args, **kwargs)
        except BaseException as exc:
            ended(exc)
            raise
        ended(None)
        return result

    return close
