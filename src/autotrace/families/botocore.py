"""The clients that botocore makes of a service's description, boto3's among them: one choke point for all operations.

``botocore.client:BaseClient._make_api_call`` sees every call of every service. What is returned is a plain dictionary, in
which a streamed answer is an ``EventStream``, and a body that the program reads itself a ``StreamingBody``. Seen in 1.44.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import wrapt

from autotrace import streams
from autotrace.invocation import Invocation, Observer, Route, Target
from autotrace.operation import Operation, StreamSeam
from autotrace.recording import Call

ERRORS = {
    "http_status": "response.ResponseMetadata.HTTPStatusCode",
    "request_id": "response.ResponseMetadata.RequestId",
    "error_code": "response.Error.Code",
    "headers": "response.ResponseMetadata.HTTPHeaders",
}
"""Where the family's exceptions (`ClientError` and below) hold what: for ``Instrumentor(errors=…)``."""

Routes = Mapping[str, Route]
"""By the service's name: what names the operation of a call, given with `request` set to the call's own parameters."""

Events = Callable[[list[Any]], list[Any]]
"""Pure: the events of a stream (see `events`) to plain chunks."""

Body = Callable[[list[bytes], Mapping[str, str]], Any]
"""Pure: the pieces of a body and the answer's headers (names in lower case) to the plain response."""


def targets(routes: Routes) -> dict[str, Target]:
    """The targets of the services in `routes`. A call of another service is let go after a look at the client's service."""

    def of_family(call: Invocation) -> Operation | None:
        meta = call.instance.meta  # type: ignore[union-attr]  # a method: there is one
        route = routes.get(meta.service_model.service_name)
        if route is None:
            return None
        call.request = call.argument("api_params")
        call.server = meta.endpoint_url
        call.attributes = {"cloud.region": meta.region_name} if meta.region_name else None
        operation = route(call)
        if operation is not None and not operation.stream:
            call.stream = (_whole,)
        return operation

    def attempted(call: Call, invocation: Invocation, result: Any) -> None:
        answer, _ = result
        model = invocation.argument("operation_model")
        if answer is None or not _is_of(routes, model):
            return
        response, parsed = answer
        call.answered(response.status_code, parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
        if response.status_code < 300 and not model.has_streaming_output and not model.has_event_stream_output:
            call.begin_stream(_json).append(response.content)

    def retried(call: Call, invocation: Invocation, wait: Any) -> None:
        if wait is not None and wait is not False and _is_of(routes, invocation.kwargs.get("operation")):
            call.retry(float(wait), invocation.argument("caught_exception"))

    return {
        "botocore.client:BaseClient._make_api_call": of_family,
        "botocore.endpoint:Endpoint._get_response": Observer(attempted),
        # Legacy, and the modes standard and adaptive: they say how long is waited, and whoever calls them waits.
        "botocore.retryhandler:RetryHandler.__call__": Observer(retried),
        "botocore.retries.standard:RetryHandler.needs_retry": Observer(retried),
    }


def _whole(_result: Any, call: Call) -> bool:
    """The seam of an answer that came in one piece: its own bytes, where an attempt has left them. What the library makes of
    them lacks the fields that its description of the service lacks."""
    if not call.chunks:
        return False
    call.finish()
    return True


def _json(pieces: list[bytes]) -> Any:
    try:
        return msgspec.json.decode(b"".join(pieces))
    except ValueError:
        return None


def _is_of(routes: Routes, operation: Any) -> bool:
    """Not a call that was made for this one: for credentials, say."""
    return operation is not None and operation.service_model.service_name in routes


def operation_of(call: Invocation) -> str:
    """The name of the service's operation (``Converse``)."""
    return str(call.argument("operation_name"))


def event_stream(key: str, decode: Events | None = None) -> Callable[[Any, Call], bool]:
    """The seam of an answer that holds an ``EventStream`` under `key`. Its chunks are its `events`, or what `decode` makes of
    them."""

    def chunks(messages: list[Any]) -> list[Any]:
        return events(messages) if decode is None else decode(events(messages))

    def observe(result: Any, call: Call) -> bool:
        stream = result.get(key) if isinstance(result, dict) else None
        if stream is None or not streams.attach(_EVENTS, stream, call):
            return False
        call.begin_stream(chunks)
        _watch_exceptions(stream, call)
        return True

    return observe


_EVENTS = StreamSeam("_event_generator", close=("close",))


def events(messages: list[Any]) -> list[Any]:
    """The events in the messages of a stream: each an object with one field, the event's type, that holds its JSON.

    `messages` have `headers` and a `payload`, as they came over the wire (*Amazon event stream encoding*). Those that are an
    exception are left out: it is raised where they are read.
    """
    found: list[Any] = []
    for message in messages:
        kind = message.headers.get(":event-type")
        try:
            payload = msgspec.json.decode(message.payload)
        except ValueError:  # what is no JSON, as the program gets it
            payload = message.payload
        if kind is not None:
            found.append({kind: payload})
    return found


def _watch_exceptions(stream: Any, call: Call) -> None:
    """An exception that the server sends is a message like any other: it becomes one where the message is parsed."""
    parse, stream_ref, call_ref = type(stream)._parse_event, weakref.ref(stream), weakref.ref(call)

    def _parse_event(event: Any) -> Any:
        try:
            return parse(stream_ref(), event)
        except Exception as exc:
            open_call = call_ref()
            if open_call is not None:
                open_call.fail(exc)
            raise

    stream._parse_event = _parse_event


def body(key: str, decode: Body) -> Callable[[Any, Call], bool]:
    """The seam of an answer that holds a ``StreamingBody`` under `key`: recorded as the program reads it, never ahead of it."""

    def observe(result: Any, call: Call) -> bool:
        held: Any = result.get(key) if isinstance(result, dict) else None
        raw = getattr(held, "_raw_stream", None)
        if raw is None:
            return False
        headers = result.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if "json" in str(headers.get("content-type", "json")):
            call.begin_stream(lambda pieces: decode(pieces, headers))
        else:
            call.forget_chunks()
        length = str(getattr(held, "_content_length", None))
        held._raw_stream = _Tee(raw, call, int(length) if length.isdecimal() else None)
        return True

    return observe


class _Tee(wrapt.ObjectProxy):  # type: ignore[type-arg]  # generic for its type checkers only
    """In the place of the raw stream inside a ``StreamingBody``, and to whoever asks that very stream: records what is read.

    Not functions on the instances: they would make cycles of them, and a body that is dropped could not close its connection
    until the garbage collector comes by.
    """

    def __init__(self, raw: Any, call: Call, length: int | None) -> None:
        super().__init__(raw)
        self._self_call = call
        self._self_length = length
        self._self_taken = 0

    def read(self, amt: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """As that of the raw stream. All is read when no amount is asked for, or when nothing comes."""
        piece = self._step(self.__wrapped__.read, amt, *args, **kwargs)
        return self._take(piece, amt is None or (not piece and amt > 0))

    def readinto(self, buffer: Any) -> Any:
        """As that of the raw stream."""
        count = self._step(self.__wrapped__.readinto, buffer)
        self._take(bytes(memoryview(buffer)[:count]), not count and len(buffer) > 0)
        return count

    def readlines(self, *args: Any) -> Any:
        """As that of the raw stream."""
        lines = self._step(self.__wrapped__.readlines, *args)
        self._take(b"".join(lines), not args)
        return lines

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As that of the raw stream, which a ``with`` hands out."""
        pieces = self.__wrapped__.stream(*args, **kwargs)
        while (piece := self._step(next, pieces, None)) is not None:
            yield self._take(piece, False)
        self._take(b"", True)

    def __iter__(self) -> Iterator[Any]:
        return self.stream()

    def close(self) -> None:
        """As that of the raw stream, and an early end of the call."""
        try:
            self.__wrapped__.close()
        finally:
            self._self_call.abandon()

    def _step(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except BaseException as exc:
            self._self_call.fail(_as_raised(exc))
            raise

    def _take(self, piece: Any, ended: bool) -> Any:
        call, length = self._self_call, self._self_length
        if piece:
            call.chunk(piece)
            self._self_taken += len(piece)
        if ended and length is not None and self._self_taken != length:
            call.fail(_incomplete(self._self_taken, length))
        elif ended or self._self_taken == length:
            call.finish()
        return piece


def _as_raised(exc: BaseException) -> BaseException:
    """What ``StreamingBody`` makes of an exception of the HTTP library, which is what the program sees."""
    errors: Any = sys.modules["botocore.exceptions"]
    for kind in type(exc).__mro__:
        if kind.__module__ == "urllib3.exceptions" and kind.__name__ == "ReadTimeoutError":
            return errors.ReadTimeoutError(endpoint_url=getattr(exc, "url", None), error=exc)  # type: ignore[no-any-return]
        if kind.__module__ == "urllib3.exceptions" and kind.__name__ == "ProtocolError":
            return errors.ResponseStreamingError(error=exc)  # type: ignore[no-any-return]
    return exc


def _incomplete(taken: int, length: int) -> BaseException:
    """What ``StreamingBody`` raises for a body that has ended before its length."""
    errors: Any = sys.modules["botocore.exceptions"]
    return errors.IncompleteReadError(actual_bytes=taken, expected_bytes=length)  # type: ignore[no-any-return]
