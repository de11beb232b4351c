"""botocore's ``StreamingBody``, and aiobotocore's over aiohttp: what the program reads of it is recorded, and nothing else.

The raw stream inside it is replaced by a proxy. Not by functions on the instances: they would make cycles of them, and a body
that is dropped could not close its connection until the garbage collector comes by.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import wrapt

from autotrace._capture.call import Call

__all__ = ["observe"]


def observe(body: Any, call: Call) -> bool:
    """Have `call` end as `body` does, with the pieces that were read as its chunks. False if it is no such body."""
    raw = getattr(body, "_raw_stream", None)
    if raw is None:
        return False
    length = str(getattr(body, "_content_length", None))
    reading = _Reading(call, int(length) if length.isdecimal() else None)
    if not hasattr(type(body), "__anext__"):
        body._raw_stream = _Raw(raw, reading)
    elif hasattr(raw, "content"):
        body._raw_stream = _AsyncRaw(raw, reading)
    else:
        return False  # aiobotocore over httpx
    return True


_Errors = Mapping[tuple[str, str], tuple[str, str]]

_SYNC: _Errors = {
    ("urllib3.exceptions", "ReadTimeoutError"): ("botocore.exceptions", "ReadTimeoutError"),
    ("urllib3.exceptions", "ProtocolError"): ("botocore.exceptions", "ResponseStreamingError"),
}
"""What the body makes of the exceptions of the HTTP library: they, not these, are what the program sees."""

_ASYNC: _Errors = {
    ("builtins", "TimeoutError"): ("aiobotocore.response", "AioReadTimeoutError"),
    ("asyncio.exceptions", "TimeoutError"): ("aiobotocore.response", "AioReadTimeoutError"),
    ("aiohttp.client_exceptions", "ClientConnectionError"): ("botocore.exceptions", "ResponseStreamingError"),
}


class _Reading:
    """How far one body has been read, and what that means for its call."""

    __slots__ = ("call", "length", "taken")

    def __init__(self, call: Call, length: int | None) -> None:
        self.call = call
        self.length = length
        self.taken = 0

    def take(self, piece: Any, ended: bool) -> Any:
        """Record `piece`, and give it back. With `ended` there is nothing after it."""
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
        """The call ends with what the body makes of `exc`."""
        found = next((errors[key] for kind in type(exc).__mro__ if (key := (kind.__module__, kind.__name__)) in errors), None)
        if found is not None:
            module, name = found
            more = {"endpoint_url": getattr(exc, "url", url)} if name.endswith("TimeoutError") else {}
            exc = getattr(sys.modules[module], name)(**more, error=exc)
        self.call.fail(exc)


class _Raw(wrapt.ObjectProxy):  # type: ignore[type-arg]  # generic for its type checkers only
    """In the place of the raw stream, which a ``with`` hands out."""

    def __init__(self, raw: Any, reading: _Reading) -> None:
        super().__init__(raw)
        self._self_reading = reading

    def read(self, amt: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """As that of the raw stream. All is read when no amount is asked for, or when nothing comes."""
        piece = self._step(self.__wrapped__.read, amt, *args, **kwargs)
        return self._self_reading.take(piece, amt is None or (not piece and amt > 0))

    def readinto(self, buffer: Any) -> Any:
        """As that of the raw stream."""
        count = self._step(self.__wrapped__.readinto, buffer)
        self._self_reading.take(bytes(memoryview(buffer)[:count]), not count and len(buffer) > 0)
        return count

    def readlines(self, *args: Any) -> Any:
        """As that of the raw stream."""
        lines = self._step(self.__wrapped__.readlines, *args)
        self._self_reading.take(b"".join(lines), not args)
        return lines

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As that of the raw stream."""
        pieces = self.__wrapped__.stream(*args, **kwargs)
        while (piece := self._step(next, pieces, None)) is not None:
            yield self._self_reading.take(piece, False)
        self._self_reading.take(b"", True)

    def __iter__(self) -> Iterator[Any]:
        return self.stream()

    def close(self) -> None:
        """As that of the raw stream, and an early end of the call."""
        try:
            self.__wrapped__.close()
        finally:
            self._self_reading.call.abandon()

    def _step(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except BaseException as exc:
            self._self_reading.fail(exc, _SYNC, None)
            raise


class _AsyncRaw(wrapt.ObjectProxy):  # type: ignore[type-arg]  # as above
    """In the place of aiohttp's response, whose ``content`` is read."""

    def __init__(self, raw: Any, reading: _Reading) -> None:
        super().__init__(raw)
        self._self_reading = reading
        self._self_content = _AsyncContent(raw.content, reading, raw.url)

    @property
    def content(self) -> Any:
        """As that of the raw response."""
        return self._self_content

    def close(self) -> None:
        """As that of the raw response, and an early end of the call."""
        try:
            self.__wrapped__.close()
        finally:
            self._self_reading.call.abandon()


class _AsyncContent(wrapt.ObjectProxy):  # type: ignore[type-arg]  # as above
    """In the place of the reader inside aiohttp's response."""

    def __init__(self, content: Any, reading: _Reading, url: object) -> None:
        super().__init__(content)
        self._self_reading = reading
        self._self_url = url

    async def read(self, n: int = -1) -> Any:
        """As that of the reader. All is read when no number is asked for, or when nothing comes."""
        try:
            piece = await self.__wrapped__.read(n)
        except BaseException as exc:
            self._self_reading.fail(exc, _ASYNC, self._self_url)
            raise
        return self._self_reading.take(piece, n < 0 or (not piece and n > 0))
