"""What a plugin declares: `Operation`, `Dialect`, `StreamSeam`, `Instrumentor`.

All of it is data, validated when it is made, so that a mistake shows where it was written and not at the first call. The
file of a plugin that uses these imports nothing but `autotrace.plugin`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Optional, Union, cast, get_args

from autotrace import conventions, paths
from autotrace.conventions import Field
from autotrace.errors import DeclarationError, nearest
from autotrace.model import Kind
from autotrace.paths import Getter, Where

Reduce = Callable[[list[Any]], Any]
"""Pure: the chunks of a stream, as plain data in order of arrival, to the response that they add up to."""


class Dialect:
    """A wire format: how request, response and usage of one API are read, and how its streams add up.

    `request`, `response` and `usage` map short field names (`autotrace.conventions`) or full attribute names (anything
    with a dot) to getters. They read plain data: the JSON that goes over the wire. `reduce` is `Reduce`.
    """

    __slots__ = ("name", "reduce", "request", "response", "usage")

    def __init__(
        self,
        name: str,
        *,
        request: Mapping[str, Where] | None = None,
        response: Mapping[str, Where] | None = None,
        usage: Mapping[str, Where] | None = None,
        reduce: Reduce | None = None,
    ) -> None:
        self.name = name
        self.request = dict(request or {})
        self.response = dict(response or {})
        self.usage = dict(usage or {})
        self.reduce = reduce


class Reading(NamedTuple):
    """One attribute and how to read it."""

    field: Field
    getter: Getter


class Operation:
    """One kind of call: what the conventions call it, and where its fields are.

    `name` is `gen_ai.operation.name` (``chat``, ``embeddings``, ``execute_tool``, …). The mappings are as in `Dialect`; given
    together with `dialect` they add to it and win over it. `stream` says how a stream object of the library is observed in
    place: the path of the attribute that holds its iterator, a `StreamSeam`, or a function
    ``(result, call) -> bool`` that takes over the ending of the call when it returns True. Bare generators and
    coroutines need no declaration. `kind` is the span's kind, CLIENT unless the operation runs in the process.
    """

    __slots__ = ("kind", "name", "reduce", "request", "request_roots", "response", "response_roots", "stream")

    def __init__(
        self,
        name: str,
        *,
        dialect: Dialect | None = None,
        request: Mapping[str, Where] | None = None,
        response: Mapping[str, Where] | None = None,
        usage: Mapping[str, Where] | None = None,
        reduce: Reduce | None = None,
        stream: StreamDeclaration = None,
        kind: str | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"Operation {name!r}: expected the name of an operation, such as 'chat'")
        self.name = name
        base = dialect or Dialect("none")
        self.request = _readings(name, "request", conventions.REQUEST, {**base.request, **(request or {})})
        self.response = _readings(name, "response", conventions.RESPONSE, {**base.response, **(response or {})})
        self.response += _readings(name, "usage", conventions.USAGE, {**base.usage, **(usage or {})})
        self.reduce = reduce or base.reduce
        self.stream = seams(stream)
        self.kind = cast(Kind, kind or ("INTERNAL" if name in conventions.INTERNAL_OPERATIONS else "CLIENT"))
        if self.kind not in get_args(Kind):
            raise DeclarationError(f"Operation {name!r}: kind {kind!r} is none of {', '.join(get_args(Kind))}")
        self.request_roots = paths.roots(reading.getter for reading in self.request)
        self.response_roots = paths.roots(reading.getter for reading in self.response)

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"


def _readings(operation: str, part: str, known: Mapping[str, Field], given: Mapping[str, Where]) -> tuple[Reading, ...]:
    found = []
    for key, where in given.items():
        if "." in key:
            field = Field(key, "any")
        elif key in known:
            field = known[key]
        else:
            raise DeclarationError(f"Operation {operation!r}: {part} has no field {key!r}{nearest(key, known)}")
        try:
            found.append(Reading(field, paths.compile(where)))
        except DeclarationError as exc:
            raise DeclarationError(f"Operation {operation!r}: {part} {key!r}: {exc}") from None
    return tuple(found)


class StreamSeam:
    """How a stream object is observed in place, so that the program keeps the very object that the library made.

    `iterator` is the attribute that the object's own ``__next__`` or ``__anext__`` reads; it is replaced on the instance by
    an observing generator. `close` are the paths of the methods that end the stream early (``"close"``,
    ``"response.aclose"``); they are replaced on the instance that owns them until the stream has ended. `headers` is the
    path of a mapping of response headers, of which `request_id` names the one that holds the request's id.
    """

    __slots__ = ("close", "headers", "iterator", "request_id")

    def __init__(
        self, iterator: str, *, close: Sequence[str] = (), headers: str | None = None, request_id: Sequence[str] = ()
    ) -> None:
        if not iterator.isidentifier():
            raise DeclarationError(f"StreamSeam {iterator!r}: expected the name of one attribute of the stream object")
        self.iterator = iterator
        self.close = tuple(close)
        self.headers = paths.compile(headers) if headers else None
        self.request_id = tuple(request_id)


SeamFunction = Callable[[Any, Any], bool]
Seam = Union[StreamSeam, SeamFunction]
StreamDeclaration = Optional[Union[str, Seam, Sequence[Union[str, Seam]]]]


def seams(declared: StreamDeclaration) -> tuple[Seam, ...]:
    """The seams of a ``stream=`` declaration."""
    if declared is None:
        return ()
    if isinstance(declared, str):
        return (StreamSeam(declared),)
    if isinstance(declared, StreamSeam) or callable(declared):
        return (declared,)
    return tuple(seam for one in declared for seam in seams(one))


class Invocation:
    """One call of a target, as a route sees it.

    `instance` is the object whose method is called (``None`` for a function), `args` and `kwargs` are the call's own,
    without `instance`. A route may set

    - `request`: what the operation's request getters read; the arguments by name unless set,
    - `provider`: over the Instrumentor's,
    - `server`: anything whose ``str()`` is a URL,
    - `stream`: over the operation's,
    - `attributes`: extra ones, by full name,
    - `args`: what the library's function is called with instead,
    - `wire`: a list that the route fills with the plain data as the library parses it, chunk by chunk, where the library's own
      objects hold less.
    """

    __slots__ = ("_names", "args", "attributes", "instance", "kwargs", "provider", "request", "server", "stream", "wire")

    def __init__(self, names: tuple[str, ...], method: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._names = names
        self.instance = args[0] if method and args else None
        self.args = args[1:] if method else args
        self.kwargs = kwargs
        self.request: Any = UNSET
        self.provider: str | None = None
        self.server: Any = None
        self.wire: list[Any] | None = None
        self.stream: tuple[Seam, ...] | None = None
        self.attributes: dict[str, Any] | None = None

    def argument(self, name: str, default: Any = None) -> Any:
        """The value that the call gave for parameter `name`, by position or by keyword."""
        if name in self.kwargs:
            return self.kwargs[name]
        for known, value in zip(self._names, self.args, strict=False):
            if known == name:
                return value
        return default

    def arguments(self) -> dict[str, Any]:
        """All arguments that the call gave, by parameter name; those behind ``*args`` are left out."""
        named = dict(zip(self._names, self.args, strict=False))
        named.update(self.kwargs)
        return named


UNSET: Any = object()

Route = Callable[[Invocation], Optional[Operation]]
"""Looks at a call and names the operation; ``None``: this call is none of ours. It runs on the caller's thread."""

Target = Union[Operation, Route]


class Instrumentor:
    """A library, and where its calls are made.

    `provider` is `gen_ai.provider.name` unless the call's host is in `hosts` (host suffix -> provider; for SDKs that are
    pointed at other providers) or the route says otherwise. `requires` are the distributions that the library comes
    from, with a version range (``"acme-sdk>=2"``). `targets` map ``"package.module:Class.method"``, by *defining* module, to an
    `Operation` or a `Route`. `errors` says where on an exception of the library to find ``http_status``, ``request_id``
    and ``error_code``. `on_ready` is called with the library's root module once that has been imported, for libraries
    that offer hooks of their own; what it returns, if callable, is called to take the hook off again.
    """

    __slots__ = ("errors", "hosts", "on_ready", "provider", "requires", "targets")

    def __init__(
        self,
        *,
        provider: str | None = None,
        requires: str | Sequence[str] = (),
        targets: Mapping[str, Target] | None = None,
        hosts: Mapping[str, str] | None = None,
        errors: Mapping[str, Where] | None = None,
        on_ready: Callable[[Any], Callable[[], None] | None] | None = None,
    ) -> None:
        self.provider = provider
        self.requires = (requires,) if isinstance(requires, str) else tuple(requires)
        self.targets = dict(targets or {})
        self.hosts = dict(hosts or {})
        self.on_ready = on_ready
        for key, target in self.targets.items():
            _check_target(key, target)
        self.errors: dict[str, Getter] = {}
        for key, where in (errors or {}).items():
            if key not in _ERROR_FIELDS:
                raise DeclarationError(f"Instrumentor: errors has no field {key!r}{nearest(key, _ERROR_FIELDS)}")
            self.errors[conventions.ALWAYS[key].attribute] = paths.compile(where)
        if not self.targets and on_ready is None:
            raise DeclarationError("Instrumentor: declare at least one target, or on_ready")


_ERROR_FIELDS = ("http_status", "request_id", "error_code")


def _check_target(key: str, target: object) -> None:
    module, colon, name = key.partition(":")
    if not colon or not all(part.isidentifier() for part in (module + "." + name).split(".")):
        raise DeclarationError(f"Instrumentor: target {key!r} is not of the form 'package.module:Class.method'")
    if not isinstance(target, Operation) and not callable(target):
        raise DeclarationError(f"Instrumentor: target {key!r} is {target!r}; expected an Operation or a route function")
