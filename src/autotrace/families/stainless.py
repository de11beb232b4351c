"""The SDKs that Stainless generates from an OpenAPI description: one choke point, one kind of stream, one kind of raw response.

All calls go through ``<package>._base_client:SyncAPIClient.request`` or ``AsyncAPIClient.request``: create, parse,
``.stream()`` helpers, ``with_raw_response``, ``with_streaming_response``, tool runners, module-level calls, Azure and other
subclasses, and clients that existed before activation. Checked with openai 2.54 and 3.54, anthropic 2.12, groq 1.7, together
3.1 and fireworks-ai 1.2.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from autotrace._capture.call import Call
from autotrace._capture.seams import observe_stream
from autotrace._declaration import hosts
from autotrace._declaration.invocation import Continues, Invocation, Observer, Route, Target
from autotrace._declaration.operation import Operation, Seam, StreamSeam
from autotrace._declaration.paths import Getter, first
from autotrace.dialects import endings
from autotrace.dialects import plain as wire
from autotrace.dialects.endings import Failure
from autotrace.families import raw_response

__all__ = [
    "ERRORS",
    "by_path",
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

    The body of an exception is the error, or an object with the error, depending on the SDK.
    """

    def read(exc: Any) -> str | None:
        body = getattr(exc, "body", None)
        failure = endings.failure_in(body, *names) or endings.failure(body, *names)
        own = (getattr(exc, name, None) for name in names)
        return next((code for code in (failure and failure["code"], *own) if code), None)

    return read


ERRORS: dict[str, str | Getter] = {
    "http_status": "status_code",
    "request_id": "request_id",
    "error_code": error_code("code", "type"),  # many errors of OpenAI have no code, only a type
    "headers": "response.headers",
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
            call.request = {**_query_of(options), "path": path_of(call)}
        call.server = _absolute(options) or getattr(call.instance, "_base_url", None)
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


def _attempt_refused(call: Call, invocation: Invocation, _retry: bool) -> None:
    response = invocation.argument("response")
    call.answered(response.status_code, response.headers)


def _attempt_failed(call: Call, _invocation: Invocation, wait: float) -> None:
    # It is called while the exception of an attempt without an answer is being handled.
    call.retry(wait, sys.exc_info()[1])


def _answered(call: Call, invocation: Invocation, _none: None) -> None:
    response = invocation.argument("raw")
    call.answered(response.status_code, response.headers)


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


def _query_of(options: Any) -> dict[str, Any]:
    """The query of the request: that of its URL, and the parameters that the SDK adds to it."""
    given = dict(parse_qsl(urlsplit(str(options.url)).query))
    params = getattr(options, "params", None)
    if isinstance(params, Mapping):
        given.update((name, value) for name, value in params.items() if type(value).__name__ not in _UNSET)
    return given


def _absolute(options: Any) -> str | None:
    """The URL of a call that does not go to the client's base URL: together 3.1 has another host for chat."""
    url = str(options.url)
    return url if url[:8].lower().startswith(("https://", "http://")) else None


def path_of(call: Invocation) -> str:
    """The path of the call's URL, relative to the base URL (``/chat/completions``); of an absolute URL, its whole path.

    It begins with a slash and does not end with one. The low-level methods (``client.post``) accept both forms of a path.
    """
    url = str(call.argument("options").url)
    if "?" in url or "://" in url:
        url = urlsplit(url).path
    return url if url[:1] == "/" != url[-1:] else "/" + url.strip("/")


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
        failure=wire.reading(_failure, *endings.ERROR_FIELDS),
    )


def _last(chunks: list[Any]) -> Any:
    """The last event of a stream (``transcript.text.done``, ``image_generation.completed``), which has the usage. An error, if
    there is one, is the event before the end that counts."""
    return next((chunk for chunk in chunks if _failure(wire.mapping(chunk)) is not None), chunks[-1])


def _failure(body: dict[str, Any]) -> Failure | None:
    """The error instead of an answer, or that of a job (a video, a batch) which has failed at once."""
    failure = endings.failure_in(body, "code", "type")
    if failure is None and body.get("status") == "failed":
        errors = body.get("errors")
        return endings.failure(wire.mapping(errors).get("data") or errors, "code", "type") or Failure(code=None, message=None)
    return failure


def by_path(
    operations: Mapping[str, Operation],
    *,
    base: str = "/v1",
    other: Callable[[str], Operation] | None = plain,
    clients: Mapping[str, str] = MappingProxyType({}),
) -> Route:
    """A route that selects the operation in `operations` by the end of the call's path (`path_of`), so that a base path or a
    deployment may come before. In a path of `operations`, ``*`` stands for any one segment (``/responses/*/cancel``).

    Any other path is an operation named after its first part below `base`, which `other` creates once per name; if `other` is
    ``None``, it is not recorded. `clients` maps the names of client classes to the providers that they call (`provider_of`).
    """
    others: dict[str, Operation] = {}
    find = _finder(operations)

    def route(call: Invocation) -> Operation | None:
        call.provider = provider_of(call, clients)
        path = path_of(call)
        operation = find(path)
        if operation is None and other is not None:
            name = f"{path}/".removeprefix(f"{base}/").strip("/").partition("/")[0] or "request"
            operation = others.get(name) or others.setdefault(name, other(name))
        return operation

    return route


def _finder(operations: Mapping[str, Operation]) -> Callable[[str], Operation | None]:
    """A function that returns the operation whose path is the longest end of a given path."""
    patterns = [
        (re.compile(re.escape(path).replace(r"\*", "[^/]+") + "$"), operation)
        for path, operation in operations.items()
        if "*" in path
    ]

    def find(path: str) -> Operation | None:
        found = operations.get(path)
        if found is not None:
            return found
        for pattern, operation in patterns:
            if pattern.search(path):
                return operation
        while found is None and "/" in path[1:]:
            path = path[path.index("/", 1) :]
            found = operations.get(path)
        return found

    return find


def provider_of(call: Invocation, classes: Mapping[str, str]) -> str | None:
    """The provider of the client: that of its class, or of the first base class, that `classes` names; else ``None``."""
    return provider_of_client(call.instance, classes)


def provider_of_client(
    client: Any, classes: Mapping[str, str], by_host: Mapping[str, str] = MappingProxyType({})
) -> str | None:
    """`provider_of` for a client instead of a call; if `classes` does not name it, the provider at its host by `by_host`."""
    for kind in type(client).__mro__:
        if kind.__name__ in classes:
            return classes[kind.__name__]
    if not by_host:
        return None
    return hosts.provider_at(urlsplit(str(getattr(client, "_base_url", ""))).hostname, by_host)


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
