"""What a plugin declares: `Operation`, `Dialect`, `StreamSeam`, `Instrumentor`.

All of it is data, validated when it is made, so that a mistake shows where it was written and not at the first call. The
file of a plugin that uses these imports nothing but `autotrace.plugin`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Optional, Union, cast, get_args

from autotrace import conventions, paths
from autotrace.conventions import Field
from autotrace.errors import DeclarationError, nearest
from autotrace.model import Kind
from autotrace.paths import Getter, Where

Reduce = Callable[[list[Any]], Any]
"""Pure: the chunks of a stream, as plain data in order of arrival, to the response that they add up to."""


Failure = Callable[[Any], Optional[Mapping[str, Optional[str]]]]
"""Pure: a response to ``None``, or to the provider's ``code`` and ``message`` for a failure that came as a good answer."""

Outcome = Callable[[Any], Optional[str]]
"""Pure: a response to ``None``, or to ``truncated``, ``content_filtered`` or ``refused``. Where none is given, the finish
reasons decide."""


class Dialect:
    """A wire format: how request, response and usage of one API are read, how its streams add up, and how answers end.

    `request`, `response` and `usage` map short field names (`autotrace.conventions`) or full attribute names (anything
    with a dot) to getters. They read plain data: the JSON that goes over the wire. `reduce` is `Reduce`,
    `failure` and `outcome` are `Failure` and `Outcome`.
    """

    __slots__ = ("failure", "name", "outcome", "reduce", "request", "response", "usage")

    def __init__(
        self,
        name: str,
        *,
        request: Mapping[str, Where] | None = None,
        response: Mapping[str, Where] | None = None,
        usage: Mapping[str, Where] | None = None,
        reduce: Reduce | None = None,
        failure: Failure | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        self.failure = failure
        self.outcome = outcome
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
    `transparent` is for an inference that others carry out (a framework's model class, a retrying client, a router): it is
    the record only if no inference was recorded inside it.
    """

    __slots__ = (
        "failure",
        "kind",
        "name",
        "outcome",
        "reduce",
        "request",
        "request_roots",
        "response",
        "response_roots",
        "stream",
        "transparent",
    )

    def __init__(
        self,
        name: str,
        *,
        dialect: Dialect | None = None,
        request: Mapping[str, Where] | None = None,
        response: Mapping[str, Where] | None = None,
        usage: Mapping[str, Where] | None = None,
        reduce: Reduce | None = None,
        failure: Failure | None = None,
        outcome: Outcome | None = None,
        stream: StreamDeclaration = None,
        kind: str | None = None,
        transparent: bool = False,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"Operation {name!r}: expected the name of an operation, such as 'chat'")
        self.name = name
        base = dialect or Dialect("none")
        self.request = _readings(name, "request", conventions.REQUEST, {**base.request, **(request or {})})
        self.response = _readings(name, "response", conventions.RESPONSE, {**base.response, **(response or {})})
        self.response += _readings(name, "usage", conventions.USAGE, {**base.usage, **(usage or {})})
        self.reduce = reduce or base.reduce
        self.failure = failure or base.failure
        self.outcome = outcome or base.outcome
        self.stream = seams(stream)
        self.kind = cast(Kind, kind or ("INTERNAL" if name in conventions.INTERNAL_OPERATIONS else "CLIENT"))
        if self.kind not in get_args(Kind):
            raise DeclarationError(f"Operation {name!r}: kind {kind!r} is none of {', '.join(get_args(Kind))}")
        self.transparent = transparent
        if transparent and name in conventions.INTERNAL_OPERATIONS:
            raise DeclarationError(f"Operation {name!r}: only an inference can be transparent; agents, tools, workflows nest")
        self.request_roots = paths.roots(reading.getter for reading in self.request)
        endings = [reader for reader in (self.failure, self.outcome) if reader is not None]
        self.response_roots = paths.roots([*(reading.getter for reading in self.response), *endings])

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"

    def covers(self, inner: Operation) -> bool:
        """Whether a call of `inner` inside one of this may be the very same model call."""
        return inner.name == self.name or (inner.name in conventions.GENERATIONS and self.name in conventions.GENERATIONS)


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
    ``"response.aclose"``); they are replaced on the instance that owns them until the stream has ended.
    Chunks for which `hide` is true are recorded and kept from the program, which has not asked for them.
    """

    __slots__ = ("close", "hide", "iterator")

    def __init__(self, iterator: str, *, close: Sequence[str] = (), hide: Callable[[Any], bool] | None = None) -> None:
        self.hide = hide
        if not iterator.isidentifier():
            raise DeclarationError(f"StreamSeam {iterator!r}: expected the name of one attribute of the stream object")
        self.iterator = iterator
        self.close = tuple(close)


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

    `options` are the plugin's own, as `Instrumentor` declares them and `enable()` was given them.

    `instance` is the object whose method is called (``None`` for a function), `args` and `kwargs` are the call's own,
    without `instance`. A route may set

    - `request`: what the operation's request getters read; the arguments by name unless set,
    - `provider`: over the Instrumentor's,
    - `server`: anything whose ``str()`` is a URL,
    - `stream`: over the operation's,
    - `attributes`: extra ones, by full name,
    - `parent`: a `Call`, a `SpanContext`, or the `key` of an open call, instead of the current span,
    - `key`: anything hashable, by which the call can be found while it is open,
    - `args`: what the library's function is called with instead,
    - `wire`: a list that the route fills with the plain data as the library parses it, chunk by chunk, where the library's own
      objects hold less.
    """

    __slots__ = (
        "_names",
        "args",
        "attributes",
        "instance",
        "key",
        "kwargs",
        "options",
        "parent",
        "provider",
        "request",
        "server",
        "stream",
        "wire",
    )

    def __init__(
        self,
        names: tuple[str, ...],
        method: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._names = names
        self.options = options
        self.instance = args[0] if method and args else None
        self.args = args[1:] if method else args
        self.kwargs = kwargs
        self.request: Any = UNSET
        self.provider: str | None = None
        self.server: Any = None
        self.wire: list[Any] | None = None
        self.stream: tuple[Seam, ...] | None = None
        self.attributes: dict[str, Any] | None = None
        self.parent: Any = None
        self.key: Any = None

    def argument(self, name: str, default: Any = None) -> Any:
        """The value that the call gave for parameter `name`, by position or by keyword."""
        if name in self.kwargs:
            return self.kwargs[name]
        for known, value in zip(self._names, self.args, strict=False):
            if known == name:
                return value
        return default

    def replace(self, name: str, value: Any) -> None:
        """Call the library's function with `value` for the parameter `name`, which the call has given."""
        if name in self.kwargs:
            self.kwargs[name] = value
        else:
            at = self._names.index(name)
            self.args = (*self.args[:at], value, *self.args[at + 1 :])

    def arguments(self) -> dict[str, Any]:
        """All arguments that the call gave, by parameter name; those behind ``*args`` are left out."""
        named = dict(zip(self._names, self.args, strict=False))
        named.update(self.kwargs)
        return named


UNSET: Any = object()

Route = Callable[[Invocation], Optional[Operation]]
"""Looks at a call and names the operation; ``None``: this call is none of ours. It runs on the caller's thread."""

Observation = Callable[[Any, Invocation, Any], None]


class Observer:
    """A target inside of calls, at which more is to be seen of them than at their own: an attempt, a response's headers.

    After it has returned, `function` is called with the open `Call` inside which it ran, its own `Invocation`, and what it
    returned; never when there is no such call, or when it raised.
    """

    __slots__ = ("function",)

    def __init__(self, function: Observation) -> None:
        if not callable(function):
            raise DeclarationError(f"Observer: {function!r} is not a function")
        self.function = function


Target = Union[Operation, Route, Observer]


class Instrumentor:
    """A library, and where its calls are made.

    `provider` is `gen_ai.provider.name` unless the call's host is in `hosts` (host suffix -> provider; for SDKs that are
    pointed at other providers) or the route says otherwise. `requires` are the distributions that the library comes
    from, with a version range (``"acme-sdk>=2"``). `targets` map ``"package.module:Class.method"``, by *defining* module, to an
    `Operation`, a `Route` or an `Observer`. `errors` says where on an exception of the library to find ``http_status``,
    ``request_id``, ``error_code`` and ``headers`` (a mapping). `on_ready` is called with the library's root module once that
    has been imported, for libraries that offer hooks of their own; what it returns, if callable, is called to take the hook
    off again. `options` are settings of the plugin's own, with their defaults; a value is of its default's type.
    """

    __slots__ = ("errors", "hosts", "on_ready", "options", "provider", "requires", "targets")

    def __init__(
        self,
        *,
        provider: str | None = None,
        requires: str | Sequence[str] = (),
        targets: Mapping[str, Target] | None = None,
        hosts: Mapping[str, str] | None = None,
        errors: Mapping[str, Where] | None = None,
        on_ready: Callable[[Any], Callable[[], None] | None] | None = None,
        options: Mapping[str, bool | int | str] | None = None,
    ) -> None:
        self.options = dict(options or {})
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
            self.errors[key] = paths.compile(where)
        if not self.targets and on_ready is None:
            raise DeclarationError("Instrumentor: declare at least one target, or on_ready")


_ERROR_FIELDS = ("http_status", "request_id", "error_code", "headers")


def _check_target(key: str, target: object) -> None:
    module, colon, name = key.partition(":")
    if not colon or not all(part.isidentifier() for part in (module + "." + name).split(".")):
        raise DeclarationError(f"Instrumentor: target {key!r} is not of the form 'package.module:Class.method'")
    if not isinstance(target, (Operation, Observer)) and not callable(target):
        raise DeclarationError(
            f"Instrumentor: target {key!r} is {target!r}; expected an Operation, a route function or an Observer"
        )
