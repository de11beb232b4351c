"""Whatever a program hands to a library: the call goes through untouched, and one valid line within the limit says so."""

from __future__ import annotations

import array
import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import io
import json
import math
import sys
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace._record import freezing
from autotrace._writer.writer import writer
from autotrace.sinks._entry import Entry

LIMIT = 100_000


class Raising:
    """Raises what no `except Exception` catches, whatever of it is touched."""

    def _raise(self, *_: Any) -> Any:
        raise KeyboardInterrupt

    __getattr__ = __getattribute__ = __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = _raise  # type: ignore[assignment]
    __int__ = __float__ = __bytes__ = __index__ = __next__ = __getitem__ = __reduce_ex__ = __array__ = keys = _raise  # type: ignore[assignment]
    __class__ = __dict__ = property(_raise)  # type: ignore[assignment]


class Metaclass(type):
    def __getattribute__(cls, name: str) -> Any:
        raise KeyboardInterrupt

    def __instancecheck__(cls, instance: object) -> bool:
        raise KeyboardInterrupt


def with_metaclass() -> Any:
    return Metaclass("WithMetaclass", (), {})


class Properties:
    @property
    def value(self) -> Any:
        raise SystemExit

    @property
    def __class__(self) -> Any:
        raise KeyboardInterrupt

    @property
    def model_dump(self) -> Any:
        raise asyncio.CancelledError


class Array:
    """As numpy's look, without numpy."""

    shape, dtype = (10**9,), "float64"

    def __array__(self, *_: Any) -> Any:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> Any:
        raise KeyboardInterrupt


class Dict(dict[Any, Any]):
    def _raise(self, *_: Any) -> Any:
        raise KeyboardInterrupt

    items = keys = values = get = __iter__ = __getitem__ = __len__ = __contains__ = __eq__ = __bool__ = _raise  # type: ignore[assignment]


class List(list[Any]):
    def _raise(self, *_: Any) -> Any:
        raise KeyboardInterrupt

    __iter__ = __getitem__ = __len__ = __contains__ = __eq__ = __bool__ = copy = _raise  # type: ignore[assignment]


class Text(str):
    __slots__ = ()

    def _raise(self, *_: Any) -> Any:
        raise KeyboardInterrupt

    __str__ = __repr__ = __len__ = __iter__ = encode = __format__ = _raise  # type: ignore[assignment]


class Integer(int):
    def _raise(self, *_: Any) -> Any:
        raise KeyboardInterrupt

    __int__ = __index__ = __lt__ = __le__ = __ge__ = __abs__ = __str__ = __repr__ = __bool__ = _raise  # type: ignore[assignment]


class Mapping(collections.abc.Mapping[str, Any]):
    """A lazy one: who asks it reads a database."""

    def __getitem__(self, key: str) -> Any:
        raise KeyboardInterrupt

    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        raise KeyboardInterrupt


class Odd(enum.Enum):
    OBJECT = object()
    TUPLE = (1, 2)
    HUGE = 2**70


@dataclasses.dataclass
class Node:
    name: str = "node"
    other: Any = None
    huge: int = 2**70


@dataclasses.dataclass
class Slotted:
    __slots__ = ("other",)
    other: Any


class Struct(msgspec.Struct):
    other: Any = None


def in_itself(kind: str) -> Any:
    if kind == "list":
        value: Any = [1]
        value += [value, value]
    elif kind == "dict":
        value = {"a": 1}
        value["self"] = value["again"] = value
    elif kind == "dataclass":
        value = Node()
        value.other = [value, {"back": value}]
    elif kind == "slots":
        value = Slotted(None)
        value.other = value
    elif kind == "struct":
        value = Struct()
        value.other = [value, value]
    elif kind == "model":
        pydantic = pytest.importorskip("pydantic")
        value = pydantic.create_model("Model", other=(Any, None), name=(str, "n"))(name="model")
        value.other = [value, {"back": value}]
    else:
        value = [[] for _ in range(40)]
        for element in value:
            element += value
    return value


def nested(depth: int, kind: type) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value] if kind is list else {"in": value}
    return value


def generator() -> Iterator[int]:
    pytest.fail("a generator was advanced")
    yield 1


async def async_generator() -> Any:
    pytest.fail("a generator was advanced")
    yield 1


VALUES: dict[str, Callable[[], Any]] = {
    **{f"cycle-{kind}": (lambda kind=kind: in_itself(kind)) for kind in "list dict dataclass slots struct model graph".split()},
    **{f"deep-{depth}-{kind.__name__}": (lambda depth=depth, kind=kind: nested(depth, kind))  # type: ignore[misc]
       for depth in (150, 900, 5000, 100_000) for kind in (list, dict)},
    "huge-int": lambda: [2**64, -(2**63) - 1, 10**5000, {2**64: 2**64}],
    "not-finite": lambda: {"a": math.nan, "b": [math.inf, -math.inf], math.nan: 1},
    "surrogates": lambda: {"\ud800": "\udfff", "a": ["\ud83d", "b\udc00c"]},
    "raising": Raising,
    "raising-inside": lambda: [{"role": "user", "content": Raising()}, [Raising()], (Raising(), Text("t"))],
    "raising-and-a-surrogate": lambda: ["\ud800", Raising(), Dict(a=Raising()), List([Raising()]), Text("t"), Integer(3)],
    "metaclass": lambda: [with_metaclass(), type.__call__(with_metaclass()), 2**64],
    "properties": Properties,
    "array": Array,
    "array-array": lambda: array.array("d", [1.0]),
    "mapping": Mapping,
    "mapping-and-a-surrogate": lambda: ["\ud800", Mapping()],
    "dict-subclass": lambda: Dict({"a": 1, 2: Dict()}),
    "list-subclass": lambda: List([1, List()]),
    "text-subclass": lambda: {Text("key"): Text("value")},
    "int-subclass": lambda: [Integer(1), Integer(2**70)],
    "bytes": lambda: [b"\xff\x00", bytearray(b"b"), memoryview(b"abcdef")[::2], memoryview(array.array("i", [1, 2]))],
    "times": lambda: [
        datetime.datetime.now(), datetime.date.today(), datetime.timedelta(1), decimal.Decimal("sNaN"), uuid.uuid4()
    ],
    "enum": lambda: [*Odd, {Odd.HUGE: 1}],
    "iterators": lambda: [generator(), iter([1]), map(int, "1"), range(10**12), async_generator(), zip([1])],
    "resources": lambda: [io.StringIO("unread"), threading.Lock(), threading.local(), sys, len, Raising, lambda: 1, type],
    "weak": lambda: [weakref.WeakSet(), weakref.proxy(generator), weakref.WeakValueDictionary()],
    "keys": lambda: {None: 1, True: 2, (1, "a"): 3, ("b",): 4, 2.5: 5, "null": 6, b"k": 7, object(): 9, 7: 0},
    "collections": lambda: [collections.deque([1]), collections.ChainMap({"a": 1}), collections.UserDict(b=1), {1, 2}],
    "long-text": lambda: "x" * 10_000_000,
    "long-key": lambda: {"k" * 1_000_000: 1},
    "escapes": lambda: "\x00\x1f\u2028\U0001f600" * 200_000,
    "many": lambda: list(range(300_000)),
    "many-keys": lambda: {str(number): None for number in range(100_000)},
}  # fmt: skip


class Lines:
    """A sink that keeps the lines as they are."""

    def __init__(self) -> None:
        self.found: list[bytes] = []

    def write(self, batch: list[Entry]) -> None:
        self.found.extend(entry.line for entry in batch)

    def close(self, deadline: float) -> None:
        return


@pytest.fixture
def lines() -> Iterator[list[bytes]]:
    autotrace.flush()
    before, sink = writer.sinks, Lines()
    writer.sinks = [sink]
    yield sink.found
    autotrace.flush()
    writer.sinks = before


def check(line: bytes) -> dict[str, Any]:
    """The record in `line`, which is one, of strict JSON, and not too long."""
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    assert len(line) <= LIMIT
    found: dict[str, Any] = json.loads(line.decode("utf-8", "strict"), parse_constant=pytest.fail)
    assert found["trace_id"]
    return found


@pytest.mark.parametrize("place", ["request", "response", "stream", "attribute", "added"])
@pytest.mark.parametrize("name", VALUES)
def test_the_line_is_valid_and_the_program_does_not_notice(library: Any, lines: list[bytes], name: str, place: str) -> None:
    autotrace.enable(max_line_bytes=LIMIT)
    client = library.client.Client()
    value = VALUES[name]()
    if place == "request":
        client.chat("m", value, answer={"id": "r"})
    elif place == "response":
        answer = {"id": "r", "text": value}
        assert client.chat("m", answer=answer) is answer
    elif place == "stream":
        (chunk,) = client.chat("m", answer=library.client.Stream([{"text": "t", "more": value}]))
        assert chunk["more"] is value
    elif place == "attribute":
        with autotrace.span("s", {"a": value}) as span:
            span.set_attribute("b", value)
    else:
        with autotrace.attributes(session=value):
            client.chat("m")
    assert autotrace.flush()
    (line,) = lines
    check(line)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.builds(Raising)
    | st.builds(object) | st.complex_numbers() | st.decimals() | st.datetimes() | st.uuids() | st.sampled_from(Odd),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.integers() | st.none() | st.floats()
        | st.tuples(st.integers()) | st.builds(object), inner) | st.builds(Node, st.text(st.characters()), inner)
    | st.builds(Struct, inner) | st.builds(List, st.lists(inner)) | st.builds(Dict, st.dictionaries(st.text(), inner)),
    max_leaves=25,
)  # fmt: skip


@given(JUNK)
def test_anything_becomes_a_valid_line(value: Any) -> None:
    frozen = freezing.freeze({"value": value, "kept": 1})
    thawed = freezing.thaw(frozen)
    assert thawed["kept"] == 1
    json.loads(msgspec.json.encode(freezing.harmless(thawed)), parse_constant=pytest.fail)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_what_interrupts_the_program_goes_through(interruption: type[BaseException]) -> None:
    class Zone(datetime.tzinfo):
        """The one thing that is asked, by the date's own encoder."""

        def utcoffset(self, _date: Any) -> Any:
            raise interruption

    with pytest.raises(interruption):
        freezing.freeze({"since": datetime.datetime(2026, 1, 2, tzinfo=Zone())})


def test_values_have_the_form_that_the_documentation_says() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    found = freezing.thaw(
        freezing.freeze(
            {"loop": loop, "surrogate": "a\ud800", "huge": 2**64, "more": 10**5000, "object": Raising(), "class": Metaclass}
        )
    )
    assert found == {
        "loop": [1, "<recursion>"],
        "surrogate": "a\\ud800",
        "huge": "18446744073709551616",
        "more": "<huge integer>",
        "object": f"<{__name__}.Raising>",
        "class": f"<{__name__}.Metaclass>",
    }
    assert msgspec.json.encode([math.nan, math.inf]) == b"[null,null]"


def test_what_several_places_hold_is_written_in_each() -> None:
    shared = {"a": 1}
    assert freezing.thaw(freezing.freeze([shared, shared, "\ud800"])) == [shared, shared, "\\ud800"]
