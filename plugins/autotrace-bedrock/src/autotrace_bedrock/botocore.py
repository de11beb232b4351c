"""Targets and streams of the clients that botocore (and boto3) makes from a service's description.

Every call of every service passes ``botocore.client:BaseClient._make_api_call``, or the same method in aiobotocore, the port
for asyncio. It returns a plain dictionary. In it, a streamed answer is an ``EventStream``, and a body that the program reads is
a ``StreamingBody``. Read in botocore 1.43 and 1.44, aiobotocore 3.10.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from autotrace.dialects import plain
from autotrace.plugin import Call, Invocation, Observer, Operation, Route, StreamSeam, Target, observe_close, observe_stream
from autotrace_bedrock import streaming_body

__all__ = ["ERRORS", "Body", "Events", "Routes", "body", "credentials", "event_stream", "events", "operation_of", "targets"]

ERRORS = {
    "http_status": "response.ResponseMetadata.HTTPStatusCode",
    "request_id": "response.ResponseMetadata.RequestId",
    "error_code": "response.Error.Code",
    "headers": "response.ResponseMetadata.HTTPHeaders",
}
"""Where the fields of botocore's exceptions (``ClientError`` and its subclasses) are, for ``Instrumentor(errors=…)``."""

_FIELDS = ("secret_key", "token", "access_key")


def credentials(call: Invocation) -> list[Any]:
    """The keys and tokens of a client, for ``Instrumentor(credentials=…)``.

    Credentials that are refreshed have properties that ask a server. The fields behind them are empty before the first call.
    """
    signer = getattr(call.instance, "_request_signer", None)
    found: list[Any] = []
    for held in (getattr(signer, "_credentials", None), getattr(signer, "_auth_token", None)):
        fields = getattr(held, "__dict__", None) or {}
        found += [fields.get(name) or fields.get(f"_{name}") for name in _FIELDS]
        frozen = fields.get("_frozen_token")
        found.append(getattr(frozen, "token", None))
    return [value for value in found if type(value) is str]


Routes = Mapping[str, Route]
"""By the service's name: the route, which gets the call with `request` set to its API parameters."""

Events = Callable[[list[Any]], list[Any]]
"""A pure function that converts the events of a stream (see `events`) to plain chunks."""

Body = Callable[[list[bytes], Mapping[str, str]], Any]
"""A pure function that converts the pieces of a body, and the answer's headers (names in lower case), to the plain response."""


_SYNC = (
    "botocore.client:BaseClient._make_api_call",
    "botocore.endpoint:Endpoint._get_response",
    # The retry mode legacy, and the modes standard and adaptive. They return the seconds for which the caller then waits.
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
    """The targets for the services in `routes`, in botocore, or in aiobotocore if `asynchronous`.

    A call of another service is not recorded. It costs a check of the client's service.
    """

    def api_call(call: Invocation) -> Operation | None:
        meta = call.instance.meta  # type: ignore[union-attr]  # a method has an instance
        route = routes.get(meta.service_model.service_name)
        if route is None:
            return None
        call.request = call.argument("api_params")
        call.server = meta.endpoint_url
        call.attributes = {"cloud.region": meta.region_name} if meta.region_name else None
        operation = route(call)
        if operation is not None and not operation.stream:
            call.stream = (_finish_with_bytes,)
        return operation

    def attempted(call: Call, invocation: Invocation, result: Any) -> None:
        answer, _ = result
        model = invocation.argument("operation_model")
        if answer is None or not _is_of(routes, model):
            return
        response, parsed = answer
        call.answered(response.status_code, parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
        if response.status_code < 300 and not model.has_streaming_output and not model.has_event_stream_output:
            # The bytes are read by now. In aiobotocore, `content` is awaitable.
            call.begin_stream(_json).append(response._content)

    def retried(call: Call, invocation: Invocation, wait: Any) -> None:
        if wait is not None and wait is not False and _is_of(routes, invocation.kwargs.get("operation")):
            call.retry(float(wait), invocation.argument("caught_exception"))

    functions = (api_call, Observer(attempted), Observer(retried), Observer(retried))
    return dict(zip(_ASYNC if asynchronous else _SYNC, functions, strict=True))


def _finish_with_bytes(_result: Any, call: Call) -> bool:
    """The seam of an answer that is not streamed: finish the call with the bytes that an attempt has recorded, if any.

    The result of the library lacks the fields that are missing in its description of the service.
    """
    if not call.received:
        return False
    call.finish()
    return True


def _json(pieces: list[bytes]) -> Any:
    return plain.decoded(b"".join(pieces))


def _is_of(routes: Routes, operation: Any) -> bool:
    """Whether `operation` is of one of the services in `routes`. Others are inner calls, for credentials for instance."""
    return operation is not None and operation.service_model.service_name in routes


def operation_of(call: Invocation) -> str:
    """The name of the service's operation (``Converse``)."""
    return str(call.argument("operation_name"))


def event_stream(key: str, decode: Events | None = None) -> Callable[[Any, Call], bool]:
    """The seam of an answer that has an ``EventStream`` under `key`.

    The chunks are the stream's `events`, converted by `decode` if given.
    """

    def chunks(messages: list[Any]) -> list[Any]:
        return events(messages) if decode is None else decode(events(messages))

    def observe(result: Any, call: Call) -> bool:
        stream = result.get(key) if isinstance(result, dict) else None
        if stream is None or not observe_stream(stream, _EVENTS, call):
            return False
        observe_close(stream, "close", call)
        call.begin_stream(chunks)
        _watch_exceptions(stream, call)
        return True

    return observe


_EVENTS = StreamSeam("_event_generator")


def events(messages: list[Any]) -> list[Any]:
    """The events in the messages of a stream. Each is an object with one field: the event's type, with the event's JSON.

    `messages` have `headers` and a `payload`, as they were sent (*Amazon event stream encoding*). Messages with an exception
    are left out, because reading them raises it.
    """
    decoded: list[Any] = []
    for message in messages:
        kind = message.headers.get(":event-type")
        payload = plain.decoded(message.payload)
        if payload is None:  # not JSON: the program gets the bytes, too
            payload = message.payload
        if kind is not None:
            decoded.append({kind: payload})
    return decoded


def _watch_exceptions(stream: Any, call: Call) -> None:
    """Fail the call if parsing an event raises: an exception of the server is a message, and parsing the message raises it."""
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

    async def _parse_event_async(event: Any) -> Any:
        try:
            return await parse(stream_ref(), event)
        except Exception as exc:
            failed(exc)
            raise

    stream._parse_event = _parse_event_async if inspect.iscoroutinefunction(parse) else _parse_event


def body(key: str, decode: Body) -> Callable[[Any, Call], bool]:
    """The seam of an answer that has a ``StreamingBody`` under `key`. It is recorded while the program reads it, never earlier.

    `decode` converts the pieces if the content type is JSON. Other bodies are not kept.
    """

    def observe(result: Any, call: Call) -> bool:
        stream: Any = result.get(key) if isinstance(result, dict) else None
        headers = result.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if stream is not None else {}
        if not streaming_body.observe(stream, call):
            return False
        if "json" in str(headers.get("content-type", "json")):
            call.begin_stream(lambda pieces: decode(pieces, headers))
        else:
            call.forget_chunks()
        return True

    return observe
