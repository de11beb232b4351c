"""The SDKs that Stainless generates from an OpenAPI description: one choke point, one kind of stream, one kind of raw response.

All calls go through ``<package>._base_client:SyncAPIClient.request`` or ``AsyncAPIClient.request``: create, parse,
``.stream()`` helpers, ``with_raw_response``, ``with_streaming_response``, tool runners, module-level calls, Azure and other
subclasses, and clients that existed before activation. Checked with openai 2.54 and 3.54, anthropic 2.12, groq 1.7, together
3.1 and fireworks-ai 1.2.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from autotrace._capture import streams
from autotrace._capture.call import Call
from autotrace._credentials.names import is_headers, is_strong
from autotrace._declaration.invocation import Invocation, Observer, Route, Target
from autotrace._declaration.operation import Operation, Seam, StreamSeam
from autotrace._declaration.paths import Getter, first
from autotrace.families import raw_response

__all__ = [
    "ERRORS",
    "by_path",
    "credentials",
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

ERRORS: dict[str, str | Getter] = {
    "http_status": "status_code",
    "request_id": "request_id",
    "error_code": first("code", "type"),  # many errors of OpenAI have no code, only a type
    "headers": "response.headers",
    "credentials": "request.headers",
}
"""Where the exceptions of the family (``APIStatusError`` and subclasses) have their fields, for ``Instrumentor(errors=…)``."""

_STREAM = StreamSeam("_iterator", close=("response.close", "response.aclose"))


def targets(package: str, route: Route, *responses: str) -> dict[str, Target]:
    """The targets of an SDK of this family, by module and qualified name.

    `route` gets the call, whose `request` is the JSON body and whose `instance` is the client, and returns the operation; see
    `path_of`. `responses` are the classes of raw responses, by module in the package (``"_response:BaseAPIResponse"``). The
    SDK creates one of them for every good answer.
    """

    def of_family(call: Invocation) -> Operation | None:
        options = call.argument("options")
        method = getattr(options, "method", "")
        if not isinstance(method, str) or method.lower() != "post":
            return None  # reads stored objects, or polls for them
        call.request = _body_of(options)
        call.server = _absolute(options) or getattr(call.instance, "_base_url", None)
        call.stream = _SEAMS
        return route(call)

    result: dict[str, Target] = {
        f"{package}._base_client:{client}.request": of_family for client in ("SyncAPIClient", "AsyncAPIClient")
    }
    # Plain functions of the common base class of both clients. They do not raise, so no traceback shows our frame.
    result[f"{package}._base_client:BaseClient._should_retry"] = Observer(_attempt_refused)
    result[f"{package}._base_client:BaseClient._calculate_retry_timeout"] = Observer(_attempt_failed)
    for kind in responses:
        result[f"{package}.{kind}.__init__"] = Observer(_answered)
    return result


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
    call.answered(response.status_code, response.headers)
    call.redact(_sent(response))


_UNSET = ("NotGiven", "Omit")
"""Classes of the marks for an omitted parameter. Some of these SDKs remove them only when they send."""


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
    return {name: value for name, value in body.items() if type(value).__name__ not in _UNSET}


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


def _absolute(options: Any) -> str | None:
    """The URL of a call that does not go to the client's base URL: together 3.1 has another host for chat."""
    url = str(options.url)
    return url if url.startswith(("https://", "http://")) else None


def path_of(call: Invocation) -> str:
    """The path of the call's URL as the resource method gave it, relative to the base URL (``/chat/completions``); of an
    absolute URL, its whole path."""
    options = call.argument("options")
    absolute = _absolute(options)
    return urlsplit(absolute).path if absolute is not None else str(options.url).partition("?")[0]


def plain(name: str) -> Operation:
    """An operation called `name` that records model, id and usage, but no content."""
    return Operation(
        name,
        request={"model": "model"},
        response={"id": "id", "model": "model"},
        usage={
            "input_tokens": first("usage.input_tokens", "usage.prompt_tokens"),
            "output_tokens": first("usage.output_tokens", "usage.completion_tokens"),
            "raw": "usage",
        },
        reduce=_last,
    )


def _last(chunks: list[Any]) -> Any:
    """The last event of a stream (``transcript.text.done``, ``image_generation.completed``), which has the usage."""
    return chunks[-1]


def by_path(
    operations: Mapping[str, Operation],
    *,
    base: str = "/v1",
    other: Callable[[str], Operation] | None = plain,
    clients: Mapping[str, str] = MappingProxyType({}),
) -> Route:
    """A route that selects the operation in `operations` by the call's path (`path_of`), without the prefix `base`.

    Any other path is an operation named after its first part, which `other` creates once per name; if `other` is ``None``, it
    is not recorded. `clients` maps the names of client classes to the providers that they call (`provider_of`).
    """
    others: dict[str, Operation] = {}

    def route(call: Invocation) -> Operation | None:
        call.provider = provider_of(call, clients)
        path = path_of(call).removeprefix(base)
        operation = operations.get(path)
        if operation is None and other is not None:
            name = path.strip("/").partition("/")[0] or "request"
            operation = others.get(name) or others.setdefault(name, other(name))
        return operation

    return route


def provider_of(call: Invocation, classes: Mapping[str, str]) -> str | None:
    """The provider of the client: that of its class, or of the first base class, that `classes` names; else ``None``."""
    return provider_of_client(call.instance, classes)


def provider_of_client(client: Any, classes: Mapping[str, str]) -> str | None:
    """`provider_of` for a client instead of a call."""
    for kind in type(client).__mro__:
        if kind.__name__ in classes:
            return classes[kind.__name__]
    return None


def _stream(result: Any, call: Call) -> bool:
    return streams.attach(_STREAM, result, call)


_raw = raw_response.seam(_STREAM)
_SEAMS = (_stream, _raw)


def hiding(hide: Callable[[Any], bool]) -> tuple[Seam, ...]:
    """The seams of this family, with a stream that hides from the program the chunks for which `hide` returns true."""
    return (StreamSeam("_iterator", close=_STREAM.close, hide=hide), _raw)


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
