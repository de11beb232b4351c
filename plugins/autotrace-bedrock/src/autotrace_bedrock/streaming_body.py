"""Records what the program reads of a ``StreamingBody`` of botocore, or of aiobotocore with aiohttp.

A proxy replaces the raw stream inside the body. Functions set on the instances would create reference cycles, so a body that is
dropped would not close its connection until the garbage collector runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import wrapt

from autotrace.plugin import Call

__all__ = ["observe"]


def observe(body: Any, call: Call) -> bool:
    """Make `call` end when `body` ends, with the pieces that the program reads as its chunks.

    Returns False if `body` is not a supported body.
    """
    raw = getattr(body, "_raw_stream", None)
    if raw is None:
        return False
    length = str(getattr(body, "_content_length", None))
    progress = _ReadProgress(call, int(length) if length.isdecimal() else None)
    if not hasattr(type(body), "__anext__"):
        body._raw_stream = _Raw(raw, progress)
    elif hasattr(raw, "content"):
        body._raw_stream = _AsyncRaw(raw, progress)
    else:
        return False  # aiobotocore over httpx
    return True


_Errors = Mapping[tuple[str, str], tuple[str, str]]

_SYNC: _Errors = {
    ("urllib3.exceptions", "ReadTimeoutError"): ("botocore.exceptions", "ReadTimeoutError"),
    ("urllib3.exceptions", "ProtocolError"): ("botocore.exceptions", "ResponseStreamingError"),
}
"""The exceptions into which the body translates those of the HTTP library. The program sees the translated ones."""

_ASYNC: _Errors = {
    ("builtins", "TimeoutError"): ("aiobotocore.response", "AioReadTimeoutError"),
    ("asyncio.exceptions", "TimeoutError"): ("aiobotocore.response", "AioReadTimeoutError"),
    ("aiohttp.client_exceptions", "ClientConnectionError"): ("botocore.exceptions", "ResponseStreamingError"),
}


class _ReadProgress:
    """How much of a body has been read. Ends the call accordingly."""

    __slots__ = ("call", "length", "taken")

    def __init__(self, call: Call, length: int | None) -> None:
        self.call = call
        self.length = length
        self.taken = 0

    def take(self, piece: Any, ended: bool) -> Any:
        """Record `piece` and return it. `ended`: it is the last one."""
        if piece:
            self.call.chunk(piece)
            self.taken += len(piece)
        if ended and self.length is not None and self.taken != self.length:
            errors: Any = sys.modules["botocore.exceptions"]
            self.call.fail(errors.IncompleteReadError(actual_bytes=self.taken, expected_bytes=self.length))
        elif ended or self.taken == self.length:
            self.call.finish()
        return piece

    def fail(self, exc: BaseException, errors: _Errors, url: object) -> None:
        """Fail the call with the exception into which the body translates `exc`."""
        target = next((errors[key] for kind in type(exc).__mro__ if (key := (kind.__module__, kind.__name__)) in errors), None)
        if target is not None:
            module, name = target
            more = {"endpoint_url": getattr(exc, "url", url)} if name.endswith("TimeoutError") else {}
            exc = getattr(sys.modules[module], name)(**more, error=exc)
        self.call.fail(exc)


class _Raw(wrapt.ObjectProxy):  # type: ignore[type-arg]  # generic only for type checkers
    """Stands in for the raw stream. A ``with`` statement on the body returns it."""

    def __init__(self, raw: Any, progress: _ReadProgress) -> None:
        super().__init__(raw)
        self._self_progress = progress

    def read(self, amt: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """Like the raw stream's. The stream has ended if no amount was requested, or if no bytes come."""
        piece = self._step(self.__wrapped__.read, amt, *args, **kwargs)
        return self._self_progress.take(piece, amt is None or (not piece and amt > 0))

    def readinto(self, buffer: Any) -> Any:
        """Like the raw stream's."""
        count = self._step(self.__wrapped__.readinto, buffer)
        self._self_progress.take(bytes(memoryview(buffer)[:count]), not count and len(buffer) > 0)
        return count

    def readlines(self, *args: Any) -> Any:
        """Like the raw stream's."""
        lines = self._step(self.__wrapped__.readlines, *args)
        self._self_progress.take(b"".join(lines), not args)
        return lines

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Like the raw stream's."""
        pieces = self.__wrapped__.stream(*args, **kwargs)
        while (piece := self._step(next, pieces, None)) is not None:
            yield self._self_progress.take(piece, False)
        self._self_progress.take(b"", True)

    def __iter__(self) -> Iterator[Any]:
        return self.stream()

    def close(self) -> None:
        """Like the raw stream's. A call that has not ended is abandoned."""
        try:
            self.__wrapped__.close()
        finally:
            self._self_progress.call.abandon()

    def _step(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except BaseException as exc:
            self._self_progress.fail(exc, _SYNC, None)
            raise


class _AsyncRaw(wrapt.ObjectProxy):  # type: ignore[type-arg]  # as above
    """Stands in for aiohttp's response, whose ``content`` the body reads."""

    def __init__(self, raw: Any, progress: _ReadProgress) -> None:
        super().__init__(raw)
        self._self_progress = progress
        self._self_content = _AsyncContent(raw.content, progress, raw.url)

    @property
    def content(self) -> Any:
        """Like the raw response's."""
        return self._self_content

    def close(self) -> None:
        """Like the raw response's. A call that has not ended is abandoned."""
        try:
            self.__wrapped__.close()
        finally:
            self._self_progress.call.abandon()


class _AsyncContent(wrapt.ObjectProxy):  # type: ignore[type-arg]  # as above
    """Stands in for the reader inside aiohttp's response."""

    def __init__(self, content: Any, progress: _ReadProgress, url: object) -> None:
        super().__init__(content)
        self._self_progress = progress
        self._self_url = url

    async def read(self, n: int = -1) -> Any:
        """Like the reader's. The stream has ended if no number was requested, or if no bytes come."""
        try:
            piece = await self.__wrapped__.read(n)
        except BaseException as exc:
            self._self_progress.fail(exc, _ASYNC, self._self_url)
            raise
        return self._self_progress.take(piece, n < 0 or (not piece and n > 0))
