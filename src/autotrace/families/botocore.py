"""The clients that botocore makes of a service's description, boto3's among them: one choke point for all operations.

``botocore.client:BaseClient._make_api_call`` sees every call of every service, and so does its twin in aiobotocore, which has
all of it once more for asyncio. What is returned is a plain dictionary, in which a streamed answer is an ``EventStream``, and a
body that the program reads itself a ``StreamingBody``. Seen in botocore 1.43 and 1.44, aiobotocore 3.10.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from autotrace._capture import streams
from autotrace._capture.call import Call
from autotrace._declaration.invocation import Invocation, Observer, Route, Target
from autotrace._declaration.operation import Operation, StreamSeam
from autotrace.families import streaming_body

__all__ = ["ERRORS", "Body", "Events", "Routes", "body", "event_stream", "events", "operation_of", "targets"]

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


_SYNC = (
    "botocore.client:BaseClient._make_api_call",
    "botocore.endpoint:Endpoint._get_response",
    # Legacy, and the modes standard and adaptive: they say how long is waited, and whoever calls them waits.
    "botocore.retryhandler:RetryHandler.__call__",
    "botocore.retries.standard:RetryHandler.needs_retry",
)
_ASYNC = (
    "aiobotocore.client:AioBaseClient._make_api_call",
    "aiobotocore.endpoint:AioEndpoint._get_response",
    "aiobotocore.retryhandler:AioRetryHandler._call",
    "aiobotocore.retries.standard:AioRetryHandler.needs_retry",
)


def targets(routes: Routes, asynchronous: bool = False) -> dict[str, Target]:
    """The targets of the services in `routes`, in botocore or, for `asynchronous`, in aiobotocore.

    A call of another service is let go after a look at the client's service.
    """

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
            call.begin_stream(_json).append(response._content)  # read by now, in aiobotocore behind an awaitable

    def retried(call: Call, invocation: Invocation, wait: Any) -> None:
        if wait is not None and wait is not False and _is_of(routes, invocation.kwargs.get("operation")):
            call.retry(float(wait), invocation.argument("caught_exception"))

    functions = (of_family, Observer(attempted), Observer(retried), Observer(retried))
    return dict(zip(_ASYNC if asynchronous else _SYNC, functions, strict=True))


def _whole(_result: Any, call: Call) -> bool:
    """The seam of an answer that came in one piece: its own bytes, where an attempt has left them. What the library makes of
    them lacks the fields that its description of the service lacks."""
    if not call._chunks:
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
        streams.watch_close(stream, "close", call, asynchronous=False)  # nor is it in aiobotocore
        call.begin_stream(chunks)
        _watch_exceptions(stream, call)
        return True

    return observe


_EVENTS = StreamSeam("_event_generator")


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

    def failed(exc: Exception) -> None:
        open_call = call_ref()
        if open_call is not None:
            open_call.fail(exc)

    def _parse_event(event: Any) -> Any:
        try:
            return parse(stream_ref(), event)
        except Exception as exc:
            failed(exc)
            raise

    async def _parse_event_later(event: Any) -> Any:
        try:
            return await parse(stream_ref(), event)
        except Exception as exc:
            failed(exc)
            raise

    stream._parse_event = _parse_event_later if inspect.iscoroutinefunction(parse) else _parse_event


def body(key: str, decode: Body) -> Callable[[Any, Call], bool]:
    """The seam of an answer that holds a ``StreamingBody`` under `key`: recorded as the program reads it, never ahead of it."""

    def observe(result: Any, call: Call) -> bool:
        held: Any = result.get(key) if isinstance(result, dict) else None
        headers = result.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if held is not None else {}
        if not streaming_body.observe(held, call):
            return False
        if "json" in str(headers.get("content-type", "json")):
            call.begin_stream(lambda pieces: decode(pieces, headers))
        else:
            call.forget_chunks()
        return True

    return observe
