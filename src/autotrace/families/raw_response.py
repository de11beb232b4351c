"""The raw responses of generated SDKs: objects around an httpx response, which the program parses, reads or drops.

Stainless and Speakeasy generate the same shape: ``http_response`` is the httpx response, and ``parse()`` calls ``_parse``.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

from autotrace._capture import closing, streams
from autotrace._capture.call import Call
from autotrace._declaration.operation import SeamFunction, StreamSeam
from autotrace.families import sse

__all__ = ["body_of", "seam"]


def seam(stream: StreamSeam) -> SeamFunction:
    """The seam of an SDK's raw responses. `stream` is the seam of the streams that their ``parse()`` returns.

    The bytes of the body are the answer: at once if they have been read, else when the program reads them. A stream is
    observed when the raw response creates it.
    """
    return functools.partial(_observe, stream)


def body_of(response: Any) -> Callable[[], bytes | None]:
    """A function that returns the body of an httpx response, decompressed; ``None`` if it has not been read, or if the response
    is gone. It does not keep the response, for `Call.answered`."""
    return functools.partial(_read_body, weakref.ref(response))


def _read_body(response: weakref.ref[Any]) -> bytes | None:
    return getattr(response(), "_content", None)


def _observe(stream: StreamSeam, result: Any, call: Call) -> bool:
    response = getattr(result, "__dict__", {}).get("http_response")
    if response is None or not callable(getattr(result, "_parse", None)):
        return False
    if hasattr(response, "_content"):
        call.finish_decoded([response.content], sse.decode)
        return True
    _watch_parse(stream, result, response, call)
    _watch_body(response, call)
    return True


def _watch_parse(stream: StreamSeam, result: Any, response: Any, call: Call) -> None:
    """Observe the stream that the first ``result.parse()`` returns."""
    method, result_ref, response_ref = type(result)._parse, weakref.ref(result), weakref.ref(response)

    def parsed(made: Any) -> Any:
        if streams.attach(stream, made, call):
            vars(result_ref()).pop("_parse", None)
            for name in _BODY:
                vars(response_ref()).pop(name, None)
        return made

    def _parse(*args: Any, **kwargs: Any) -> Any:
        return parsed(method(result_ref(), *args, **kwargs))

    async def _parse_async(*args: Any, **kwargs: Any) -> Any:
        return parsed(await method(result_ref(), *args, **kwargs))

    result._parse = _parse_async if inspect.iscoroutinefunction(method) else _parse


_BODY = ("iter_bytes", "aiter_bytes")
"""The methods of an httpx response from which all others (read, json, iter_lines, …) get the decoded body."""


def _watch_body(response: Any, call: Call) -> None:
    """Record the body of `response` while the program reads it."""
    response_ref = weakref.ref(response)
    asynchronous = hasattr(response.stream, "__aiter__")
    name = _BODY[asynchronous]
    method = getattr(type(response), name)
    observe: Callable[..., Any] = streams.observe_async if asynchronous else streams.observe
    call.begin_stream()

    def body(*args: Any, **kwargs: Any) -> Any:
        owner = response_ref()
        vars(owner).pop(name, None)
        if _is_text(owner):
            call.begin_stream(sse.decode)
        else:
            call.forget_chunks()
        return observe(method(owner, *args, **kwargs), lambda: call)

    setattr(response, name, body)
    closing.watch(response, "aclose" if asynchronous else "close", call, asynchronous)


def _is_text(response: Any) -> bool:
    kind = str(response.headers.get("content-type", ""))
    return "json" in kind or "event-stream" in kind
