"""What a call is and where its fields are: `Operation`, `Dialect`, `StreamSeam`.

All of it is data, validated when it is made, so that a mistake shows where it was written and not at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Optional, Union, cast, get_args

from autotrace._declaration import checking, conventions, paths
from autotrace._declaration.conventions import Field, Kind
from autotrace._declaration.paths import Getter, Where
from autotrace.errors import DeclarationError, nearest

Reduce = Callable[[list[Any]], Any]
"""Pure: the chunks of a stream, as plain data in order of arrival, to the response that they add up to."""


Decode = Callable[[Any], Any]
"""Pure: a request as it was frozen to the plain data that the request getters read, where a body is JSON text by then."""

Failure = Callable[[Any], Optional[Mapping[str, Optional[str]]]]
"""Pure: a response to ``None``, or to the provider's ``code`` and ``message`` for a failure that came as a good answer."""

Expected = Callable[[Exception], bool]
"""Pure: whether an exception is an answer like any other (the caller of a server was wrong) and no failure of the call."""

Outcome = Callable[[Any], Optional[str]]
"""Pure: a response to ``None``, or to ``truncated``, ``content_filtered`` or ``refused``. Where none is given, the finish
reasons decide."""


class Reading(NamedTuple):
    """One attribute and how to read it."""

    field: Field
    getter: Getter


def _readings(
    where: str,
    part: str,
    known: Mapping[str, Field],
    given: Mapping[str, Where] | None,
    base: Mapping[str, Where] = MappingProxyType({}),
) -> tuple[Reading, ...]:
    checking.mapping(f"{where}: {part}", given)
    found = []
    for key, place in {**base, **(given or {})}.items():
        if "." in key:
            field = Field(key, "any")
        elif key in known:
            field = known[key]
        else:
            raise DeclarationError(f"{where}: {part} has no field {key!r}{nearest(key, known)}")
        try:
            found.append(Reading(field, paths.compile(place)))
        except DeclarationError as exc:
            raise DeclarationError(f"{where}: {part} {key!r}: {exc}") from None
    return tuple(found)


class Dialect:
    """A wire format: how request, response and usage of one API are read, how its streams add up, and how answers end.

    `request`, `response` and `usage` map short field names (of the conventions) or full attribute names (anything
    with a dot) to getters. They read plain data: the JSON that goes over the wire. `decode` is `Decode`, `reduce` is `Reduce`,
    `failure` and `outcome` are `Failure` and `Outcome`. Raises `DeclarationError`.
    """

    __slots__ = ("decode", "failure", "name", "outcome", "reduce", "request", "response", "usage")

    @checking.checked
    def __init__(
        self,
        name: str,
        *,
        request: Mapping[str, Where] | None = None,
        response: Mapping[str, Where] | None = None,
        usage: Mapping[str, Where] | None = None,
        decode: Decode | None = None,
        reduce: Reduce | None = None,
        failure: Failure | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        where = f"Dialect {name!r}"
        _check_functions(where, decode, reduce, failure, outcome)
        _readings(where, "request", conventions.REQUEST, request)
        _readings(where, "response", conventions.RESPONSE, response)
        _readings(where, "usage", conventions.USAGE, usage)
        self.decode = decode
        self.failure = failure
        self.outcome = outcome
        self.name = name
        self.request = dict(request or {})
        self.response = dict(response or {})
        self.usage = dict(usage or {})
        self.reduce = reduce


def _check_functions(where: str, decode: object, reduce: object, failure: object, outcome: object) -> None:
    given = {
        "decode": (decode, "request"),
        "reduce": (reduce, "chunks"),
        "failure": (failure, "response"),
        "outcome": (outcome, "response"),
    }
    for name, (value, argument) in given.items():
        if value is not None:
            checking.function(f"{where}: {name}", value, argument)


_NO_DIALECT = Dialect("none")


class Operation:
    """One kind of call: what the conventions call it, and where its fields are.

    `name` is `gen_ai.operation.name` (``chat``, ``embeddings``, ``execute_tool``, …). The mappings are as in `Dialect`; given
    together with `dialect` they add to it and win over it. `stream` says how a stream object of the library is observed in
    place: the path of the attribute that holds its iterator, a `StreamSeam`, or a function
    ``(result, call) -> bool`` that takes over the ending of the call when it returns True. Bare generators and
    coroutines need no declaration. `kind` is the span's kind, CLIENT unless the operation runs in the process.
    `transparent` is for an inference that others carry out (a framework's model class, a retrying client, a router): it is
    the record only if no inference was recorded inside it. `label` is the attribute that holds the name, for operations of
    another field than generative AI (``"mcp.method.name"``); ``None``: no attribute does. `expected` is `Expected`.
    Raises `DeclarationError` for whatever cannot be right.
    """

    __slots__ = (
        "decode",
        "expected",
        "failure",
        "kind",
        "label",
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

    @checking.checked
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
        label: str | None = conventions.ALWAYS["operation"].attribute,
        expected: Expected | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"Operation {name!r}: expected the name of an operation, such as 'chat'")
        where = f"Operation {name!r}"
        if dialect is not None and not isinstance(dialect, Dialect):
            raise DeclarationError(f"{where}: dialect {dialect!r} is no Dialect")
        _check_functions(where, None, reduce, failure, outcome)
        if expected is not None:
            checking.function(f"{where}: expected", expected, "exc")
        if label is not None and not (isinstance(label, str) and "." in label):
            raise DeclarationError(f"{where}: label {label!r}: expected an attribute's name, such as 'mcp.method.name'")
        self.expected = expected
        self.label = label
        self.name = name
        base = dialect or _NO_DIALECT
        self.request = _readings(where, "request", conventions.REQUEST, request, base.request)
        self.response = _readings(where, "response", conventions.RESPONSE, response, base.response)
        self.response += _readings(where, "usage", conventions.USAGE, usage, base.usage)
        self.decode = base.decode
        self.reduce = reduce or base.reduce
        self.failure = failure or base.failure
        self.outcome = outcome or base.outcome
        self.stream = _seams(where, stream)
        self.kind = cast(Kind, kind or ("INTERNAL" if name in conventions.INTERNAL_OPERATIONS else "CLIENT"))
        if self.kind not in get_args(Kind):
            raise DeclarationError(f"{where}: there is no kind {kind!r}{nearest(str(kind).upper(), get_args(Kind))}")
        self.transparent = transparent
        if transparent and name in conventions.INTERNAL_OPERATIONS:
            raise DeclarationError(f"Operation {name!r}: only an inference can be transparent; agents, tools, workflows nest")
        self.request_roots = paths.roots(reading.getter for reading in self.request) if self.decode is None else None
        endings = [reader for reader in (self.failure, self.outcome) if reader is not None]
        self.response_roots = paths.roots([*(reading.getter for reading in self.response), *endings])

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"

    def covers(self, inner: Operation) -> bool:
        """Whether a call of `inner` inside one of this may be the very same model call."""
        return inner.name == self.name or (inner.name in conventions.GENERATIONS and self.name in conventions.GENERATIONS)


class StreamSeam:
    """How a stream object is observed in place, so that the program keeps the very object that the library made.

    `iterator` is the attribute that the object's own ``__next__`` or ``__anext__`` reads; it is replaced on the instance by
    an observing generator. `close` are the paths of the methods that end the stream early (``"close"``,
    ``"response.aclose"``); they are replaced on the instance that owns them until the stream has ended.
    Chunks for which `hide` is true are recorded and kept from the program, which has not asked for them.
    Raises `DeclarationError`.
    """

    __slots__ = ("close", "hide", "iterator")

    @checking.checked
    def __init__(self, iterator: str, *, close: Sequence[str] = (), hide: Callable[[Any], bool] | None = None) -> None:
        where = f"StreamSeam {iterator!r}"
        if not isinstance(iterator, str) or not iterator.isidentifier():
            raise DeclarationError(f"{where}: expected the name of one attribute of the stream object")
        if isinstance(close, str) or not all(isinstance(path, str) and path.replace(".", "_").isidentifier() for path in close):
            raise DeclarationError(
                f"{where}: close {close!r}: expected a sequence of paths to methods, such as ('response.close',)"
            )
        if hide is not None:
            checking.function(f"{where}: hide", hide, "chunk")
        self.hide = hide
        self.iterator = iterator
        self.close = tuple(close)


SeamFunction = Callable[[Any, Any], bool]
Seam = Union[StreamSeam, SeamFunction]
StreamDeclaration = Optional[Union[str, Seam, Sequence[Union[str, Seam]]]]


def _seams(where: str, declared: StreamDeclaration) -> tuple[Seam, ...]:
    if declared is None:
        return ()
    if isinstance(declared, str):
        return (StreamSeam(declared),)
    if isinstance(declared, StreamSeam):
        return (declared,)
    if isinstance(declared, Sequence):
        return tuple(seam for one in declared for seam in _seams(where, one))
    checking.function(f"{where}: stream", declared, "result", "call")
    return (declared,)
