"""`Operation`, `Dialect`, `StreamSeam`: what a call is and where its fields are.

All of it is data, validated when it is made, so a mistake shows where it is written and not at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Optional, Union, cast, get_args

from autotrace._declaration import checking, conventions, paths, vocabulary
from autotrace._declaration.conventions import Field, Kind
from autotrace._declaration.paths import Getter, Where
from autotrace._declaration.vocabulary import Words
from autotrace.errors import DeclarationError, nearest

Reduce = Callable[[list[Any]], Any]
"""Pure. Maps the chunks of a stream, as plain data in order of arrival, to the response that they add up to."""


Decode = Callable[[Any], Any]
"""Pure. Maps a frozen request to the plain data that the request getters read, for bodies that are JSON text by then."""

Failure = Callable[[Any], Optional[Mapping[str, Any]]]
"""Pure. Maps a response to ``None``, or to the provider's ``code`` and ``message`` (texts or ``None``) if it reports a failure
with a success status. ``status``, if there, is the HTTP status that the failure stands for, and ``kinds`` a tuple of more
codes."""

Expected = Callable[[Exception], bool]
"""Pure. Whether an exception is a normal answer (the caller of a server made a mistake) and not a failure of the call."""

Outcome = Callable[[Any], Optional[str]]
"""Pure. Maps a response to ``None``, ``truncated``, ``content_filtered`` or ``refused``. The finish reasons are the default."""


class Reading(NamedTuple):
    """One attribute and its getter."""

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
    readings = []
    for key, place in {**base, **(given or {})}.items():
        if "." in key:
            field = Field(key, "any")
        elif key in known:
            field = known[key]
        else:
            raise DeclarationError(f"{where}: {part}: {key!r} is not a known field{nearest(key, known)}")
        try:
            getter = paths.compile(place)
            readings.append(Reading(field, paths.identity(getter) if key in conventions.IDS else getter))
        except DeclarationError as exc:
            raise DeclarationError(f"{where}: {part} {key!r}: {exc}") from None
    return tuple(readings)


class Dialect:
    """A wire format: how the request, response and usage of an API are read, how its streams add up, and how answers end.

    `request`, `response` and `usage` map short field names (of the conventions) or full attribute names (any name with a dot)
    to getters. The getters read plain data: the JSON on the wire. `decode` is a `Decode`, `reduce` a `Reduce`, `failure` a
    `Failure` and `outcome` an `Outcome`. `namespace` is the provider that attributes such as ``<provider>.api.type`` belong to:
    on a span of another provider, their names begin with ``autotrace`` instead.

    `not_content` says which texts stay in the record when content is off. It maps the full name of an attribute of your own, or
    the name of a field anywhere inside an attribute, to its words (``{"acme.tier": ("free", "paid")}``), or to True if its text
    is an id or a name. All other texts without a short name in the conventions count as content.

    Raises `DeclarationError`.
    """

    __slots__ = ("decode", "failure", "name", "namespace", "not_content", "outcome", "reduce", "request", "response", "usage")

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
        namespace: str | None = None,
        not_content: Mapping[str, Words] | None = None,
    ) -> None:
        where = f"Dialect {name!r}"
        if namespace is not None and not (isinstance(namespace, str) and namespace):
            raise DeclarationError(f"{where}: namespace {namespace!r}: expected the name of a provider, such as 'acme'")
        _check_functions(where, decode, reduce, failure, outcome)
        _readings(where, "request", conventions.REQUEST, request)
        _readings(where, "response", conventions.RESPONSE, response)
        _readings(where, "usage", conventions.USAGE, usage)
        self.decode = decode
        self.failure = failure
        self.outcome = outcome
        self.name = name
        self.namespace = namespace
        self.request = dict(request or {})
        self.response = dict(response or {})
        self.usage = dict(usage or {})
        self.reduce = reduce
        self.not_content = vocabulary.known(where, not_content)


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
    """One kind of call: its name in the conventions, and where its fields are.

    - `name`: the ``gen_ai.operation.name`` (``chat``, ``embeddings``, ``execute_tool``, …).
    - `request`, `response`, `usage`, `reduce`, `failure`, `outcome`, `not_content`: as in `Dialect`. Together with `dialect`
      they extend it and take precedence. `not_content` also applies to attributes that `start`, `Invocation.attributes`,
      `Call.set_attribute` and ``Instrumentor(errors=…)`` set on the operation's spans.
    - `stream`: how a stream object of the library is observed in place. It is the name of the attribute that holds the
      iterator, a `StreamSeam`, a function ``(result, call) -> bool`` that returns True to take over ending the call, or a
      sequence of these. Bare generators and coroutines need no declaration.
    - `kind`: the span kind. The default is INTERNAL for operations that run in the process, else CLIENT.
    - `transparent`: for an inference that others carry out (a model class of a framework, a retrying client, a router). It is
      recorded only if no inference was recorded inside it.
    - `label`: the attribute that holds the name, for operations outside of generative AI (``"mcp.method.name"``), or ``None``
      for no attribute.
    - `expected`: an `Expected`.
    - `collects`: for a call that reads the answer of an earlier call, which did not wait for it. It is recorded once, when the
      answer is complete or the call fails, with a link to the earlier call (found by ``gen_ai.response.id``). A call that finds
      the answer unfinished, and one that reads an answer again, is not recorded.

    Raises `DeclarationError` for anything that cannot be right.
    """

    __slots__ = (
        "collects",
        "decode",
        "expected",
        "failure",
        "kind",
        "label",
        "name",
        "namespace",
        "not_content",
        "outcome",
        "reads_response",
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
        collects: bool = False,
        not_content: Mapping[str, Words] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"Operation {name!r}: expected the name of an operation, such as 'chat'")
        where = f"Operation {name!r}"
        if dialect is not None and not isinstance(dialect, Dialect):
            raise DeclarationError(f"{where}: dialect: expected a Dialect, got {dialect!r}")
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
        self.collects = collects
        fixed = vocabulary.of_constants((*self.request, *self.response))
        if label is not None:
            fixed = {label: frozenset((name.lower(),)), **fixed}
        self.not_content = {**fixed, **vocabulary.known(where, not_content, base.not_content)}
        self.decode = base.decode
        self.namespace = base.namespace
        self.reduce = reduce or base.reduce
        self.failure = failure or base.failure
        self.outcome = outcome or base.outcome
        self.stream = _seams(where, stream)
        self.kind = cast(Kind, kind or ("INTERNAL" if name in conventions.INTERNAL_OPERATIONS else "CLIENT"))
        if self.kind not in get_args(Kind):
            raise DeclarationError(f"{where}: {kind!r} is not a known kind{nearest(str(kind).upper(), get_args(Kind))}")
        self.transparent = transparent
        if transparent and name in conventions.INTERNAL_OPERATIONS:
            raise DeclarationError(
                f"Operation {name!r}: only an inference can be transparent; agents, tools and workflows nest"
            )
        self.request_roots = paths.roots(reading.getter for reading in self.request) if self.decode is None else None
        endings = [reader for reader in (self.failure, self.outcome) if reader is not None]
        self.response_roots = paths.roots([*(reading.getter for reading in self.response), *endings])
        self.reads_response = self.response_roots is None or bool(self.response_roots)

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"

    def covers(self, inner: Operation) -> bool:
        """Whether a call of `inner` inside a call of this one may be the same model call."""
        return inner.name == self.name or (inner.name in conventions.GENERATIONS and self.name in conventions.GENERATIONS)


class StreamSeam:
    """How a stream object is observed in place, so that the program keeps the object that the library made.

    `iterator` is the attribute that the object's own ``__next__`` or ``__anext__`` reads. On the instance, an observing
    generator replaces it. `close` holds the paths of the methods that end the stream early (``"close"``,
    ``"response.aclose"``). They are replaced on the instance that owns them until the stream ends. Chunks for which `hide`
    returns true are recorded and hidden from the program, which did not request them. Raises `DeclarationError`.
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
