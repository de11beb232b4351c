"""The operation of a call by the path of its request, for SDKs that Stainless generates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from autotrace._declaration import hosts
from autotrace._declaration.invocation import Invocation, Route
from autotrace._declaration.operation import Operation
from autotrace._declaration.paths import first
from autotrace.dialects import endings
from autotrace.dialects import plain as wire
from autotrace.dialects.endings import Failure

UNSET = ("NotGiven", "Omit")
"""Classes of the marks for an omitted parameter. Some of these SDKs remove them only when they send."""


def query_of(options: Any) -> dict[str, Any]:
    """The query of the request: that of its URL, and the parameters that the SDK adds to it."""
    given = dict(parse_qsl(urlsplit(str(options.url)).query))
    params = getattr(options, "params", None)
    if isinstance(params, Mapping):
        given.update((name, value) for name, value in params.items() if type(value).__name__ not in UNSET)
    return given


def absolute(options: Any) -> str | None:
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
