"""The SDKs that Stainless generates from an OpenAPI description: one choke point, one kind of stream, one kind of raw response.

All calls go through ``<package>._base_client:SyncAPIClient.request`` or ``AsyncAPIClient.request``: create, parse,
``.stream()`` helpers, ``with_raw_response``, ``with_streaming_response``, tool runners, module-level calls, Azure and other
subclasses, and clients that existed before activation. Checked with openai 2.54 and 3.54, anthropic 2.12, groq 1.7, together
3.1 and fireworks-ai 1.2.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from autotrace._capture.call import Call
from autotrace._capture.seams import observe_stream
from autotrace._credentials.names import is_headers, is_strong
from autotrace._declaration.invocation import Continues, Invocation, Observer, Route, Target
from autotrace._declaration.operation import Operation, Seam, StreamSeam
from autotrace._declaration.paths import Getter
from autotrace.dialects import endings
from autotrace.families import raw_response, sse
from autotrace.families._stainless_paths import (
    UNSET,
    absolute,
    by_path,
    path_of,
    plain,
    provider_of,
    provider_of_client,
    query_of,
)

__all__ = [
    "ERRORS",
    "by_path",
    "credentials",
    "error_code",
    "helpers",
    "hiding",
    "is_raw",
    "path_of",
    "plain",
    "provider_of",
    "provider_of_client",
    "send_also",
    "surface",
    "targets",
]


def error_code(*names: str) -> Getter:
    """A getter of the provider's code in an exception, from the first of the fields `names` of the error that has one.

    The body of an exception is the error, or an object with the error, depending on the SDK. That of an exception about a good
    answer is the answer, whose fields may have the same names.
    """

    def read(exc: Any) -> str | None:
        body = getattr(exc, "body", None)
        failure = endings.failure_in(body, *names)
        if _refuses(exc):
            return failure and failure["code"]
        failure = failure or endings.failure(body, *names)
        own = (getattr(exc, name, None) for name in names)
        return next((code for code in (failure and failure["code"], *own) if code), None)

    return read


def _refuses(exc: Any) -> bool:
    """Whether the SDK raises `exc` because a good answer does not fit its types."""
    return any(kind.__name__ == "APIResponseValidationError" for kind in type(exc).__mro__)


ERRORS: dict[str, str | Getter] = {
    "http_status": "status_code",
    "request_id": "request_id",
    "error_code": error_code("code", "type"),  # many errors of OpenAI have no code, only a type
    "headers": "response.headers",
    "credentials": "request.headers",
}
"""Where the exceptions of the family (``APIStatusError`` and subclasses) have their fields, for ``Instrumentor(errors=…)``."""

_STREAM = StreamSeam("_iterator", close=("response.close", "response.aclose"))


def targets(package: str, route: Route, *responses: str, reads: Route | None = None) -> dict[str, Target]:
    """The targets of an SDK of this family, by module and qualified name.

    `route` gets each POST request, whose `request` is the JSON body and whose `instance` is the client, and returns the
    operation; see `path_of`. `responses` are the classes of raw responses, by module in the package
    (``"_response:BaseAPIResponse"``). The SDK creates one of them for every good answer. `reads` gets each GET request. If it
    returns an operation, the `request` is the query and, as ``path``, the path. Without it, requests that read stored objects,
    or poll for them, are not recorded.
    """

    def of_family(call: Invocation) -> Operation | None:
        options = call.argument("options")
        method = getattr(options, "method", "")
        method = method.lower() if isinstance(method, str) else ""
        if method == "post":
            call.request = _body_of(options)
        elif method != "get" or reads is None or (read := reads(call)) is None:
            return None
        else:
            call.request = {**query_of(options), "path": path_of(call)}
        call.server = absolute(options) or getattr(call.instance, "_base_url", None)
        call.stream = _SEAMS
        return route(call) if method == "post" else read

    result: dict[str, Target] = {
        f"{package}._base_client:{client}.request": of_family for client in ("SyncAPIClient", "AsyncAPIClient")
    }
    # Plain functions of the common base class of both clients. They do not raise, so no traceback shows our frame.
    result[f"{package}._base_client:BaseClient._should_retry"] = Observer(_attempt_refused)
    result[f"{package}._base_client:BaseClient._calculate_retry_timeout"] = Observer(_attempt_failed)
    for kind in responses:
        result[f"{package}.{kind}.__init__"] = Observer(_answered)
    return result


_HELPER = StreamSeam("_iterator", close=("close",))


def helpers(module: str, classes: Iterable[str], *answers: str) -> dict[str, Target]:
    """The targets of the stream helpers `classes` in `module`: objects made with a ``raw_stream``, whose methods `answers`
    return the answer that its events add up to. What a helper raises is a failure of the stream's call."""
    names = tuple(classes)
    return {
        **{f"{module}:{name}.__init__": Continues(_raw_stream, seam=_HELPER) for name in names},
        **{f"{module}:{name}.{answer}": Continues() for name in names for answer in answers},
    }


def _raw_stream(call: Invocation) -> Any:
    return call.argument("raw_stream")


_fields: dict[type, tuple[str, ...]] = {}
"""By class of client: the attributes that hold what the client sends as credentials, or headers. The SDKs set all attributes of
a client when they make it."""


def credentials(call: Invocation) -> list[Any]:
    """The credentials of a client of this family, for ``Instrumentor(credentials=…)``: its keys and tokens, and the headers and
    parameters that the program has added to it or to this call."""
    client, given = call.instance, call.args
    options = given[1] if len(given) > 1 else call.kwargs.get("options")
    names = _fields.get(type(client))
    if names is None:
        names = _learn_fields(client)
    held = client.__dict__ if names else {}
    found: list[Any] = []
    for name in names:  # this function costs every call, so it has no calls of its own
        value = held.get(name)
        if value:
            found.append(value if type(value) is str else _items(value))
    headers, parameters = getattr(options, "headers", None), getattr(options, "params", None)
    if headers or parameters:
        found += (_items(headers), _items(parameters))
    return found


def _items(value: Any) -> Any:
    """A mapping as pairs, which no longer refer to it; ``None`` for anything that holds no text."""
    return tuple(value.items()) if isinstance(value, Mapping) else value if isinstance(value, str) else None


def _learn_fields(client: Any) -> tuple[str, ...]:
    if len(_fields) > 200:  # a program that makes classes of clients
        _fields.clear()
    held = getattr(client, "__dict__", ())
    names = tuple(name for name in held if is_strong(name) or is_headers(name) or name == "_custom_query")
    return _fields.setdefault(type(client), names)


def _sent(response: Any) -> Any:
    """The headers that a response was the answer to."""
    return getattr(getattr(response, "_request", None), "headers", None)


def _attempt_refused(call: Call, invocation: Invocation, _retry: bool) -> None:
    response = invocation.argument("response")
    call.answered(response.status_code, response.headers)
    call.redact(_sent(response))


def _attempt_failed(call: Call, _invocation: Invocation, wait: float) -> None:
    # It is called while the exception of an attempt without an answer is being handled.
    call.retry(wait, sys.exc_info()[1])


def _answered(call: Call, invocation: Invocation, _none: None) -> None:
    response = invocation.argument("raw")
    call.answered(response.status_code, response.headers, raw_response.body_of(response), sse.decode)
    call.redact(_sent(response))


def _body_of(options: Any) -> Any:
    """The JSON body that will be sent, as far as it is known at this point."""
    body = options.json_data
    if not isinstance(body, Mapping):
        return body
    # Some resource methods pass one-shot iterators, which the SDK reads when it encodes the body. They are read here instead.
    lists = {name: _listed(value) for name, value in body.items() if isinstance(value, Iterator) and not hasattr(value, "read")}
    if lists:
        options.json_data = body = {**body, **lists}
    extra = options.extra_json  # the `extra_body` of the caller, which the SDK merges into the body later
    if extra:
        body = {**body, **extra}
    return {name: value for name, value in body.items() if type(value).__name__ not in UNSET}


def _listed(iterator: Iterator[Any]) -> Any:
    """The elements of `iterator`. If it raises, the result is an iterator that raises the same exception at the same place."""
    elements: list[Any] = []
    try:
        elements.extend(iterator)
    except Exception as exc:
        return _raising(elements, exc)
    return elements


def _raising(elements: list[Any], exc: Exception) -> Iterator[Any]:
    yield from elements
    raise exc


def _stream(result: Any, call: Call) -> bool:
    return observe_stream(result, _STREAM, call)


_raw = raw_response.seam(_STREAM)
_SEAMS = (_stream, _raw)


def hiding(hide: Callable[[Any], bool]) -> tuple[Seam, ...]:
    """The seams of this family, with a stream that hides from the program the chunks for which `hide` returns true."""
    seam = StreamSeam("_iterator", close=_STREAM.close, hide=hide)
    return (lambda result, call: observe_stream(result, seam, call), _raw)


def is_raw(call: Invocation) -> bool:
    """Whether the program asks for the raw response instead of the parsed result."""
    return any(
        str(name).lower() == "x-stainless-raw-response" for name in getattr(call.argument("options"), "headers", None) or ()
    )


def send_also(call: Invocation, **fields: Any) -> None:
    """Send `fields` with the JSON body of this call, without changing the program's own options."""
    options = call.argument("options")
    changed = copy.copy(options)
    changed.json_data = {**options.json_data, **fields}
    call.replace("options", changed)


def surface(package: str) -> Iterator[Any]:
    """The ways to make a call with an SDK of this family, for ``Instrumentor(surface=…)``.

    They are each resource method that posts, with the arguments of `request`, and each that opens a web socket, which calls
    none of the targets.
    """
    from autotrace import surface as source

    for function in source.functions(package):
        if not function.is_public:
            continue
        side = "Async" if function.name.startswith("Async") else "Sync"
        for path in source.posted(function):
            options = source.Record(url=path, method="post", json_data={}, extra_json=None, headers={})
            call = Invocation(("cast_to", "options"), True, (source.Record(_base_url=""), None, options), {})
            yield source.Way(function, f"{package}._base_client:{side}APIClient.request", call, path)
        if function.name.endswith(".connect"):
            yield source.Way(function, "", None, "web socket")
