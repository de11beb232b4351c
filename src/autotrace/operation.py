"""What a call is and where its fields are: `Operation`, `Dialect`, `StreamSeam`.

All of it is data, validated when it is made, so that a mistake shows where it was written and not at the first call.
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
