"""Standard and widespread values are recorded as what they are, and no code of the program's classes runs for it."""

from __future__ import annotations

import array
import collections
import collections.abc
import datetime
import decimal
import enum
import fractions
import ipaddress
import os
import pathlib
import re
import types
import uuid
import zoneinfo
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from autotrace._record import plain_forms
from autotrace._record.freezing import freeze, thaw

UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")


class Color(enum.Enum):
    RED = "red"
    MIXED = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


Point = collections.namedtuple("Point", "x y")


class Wrapper(collections.abc.Mapping[str, Any]):
    """An immutable mapping as programs write them."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __getitem__(self, key: str) -> Any:
        pytest.fail("read")

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]


class Slotted(collections.abc.Sequence[Any]):
    __slots__ = ("_held", "_unset")

    def __init__(self, held: Any) -> None:
        self._held = held

    def __getitem__(self, key: Any) -> Any:
        pytest.fail("read")

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]


class Omit:
    """The mark for an argument that is left out, as several SDKs have one."""


def plain(value: Any) -> Any:
    return thaw(freeze(value))


VALUES: list[tuple[Any, Any]] = [
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (pathlib.Path("x"), "x"),
    (collections.deque([1, {"a": 2}]), [1, {"a": 2}]),
    (range(3), [0, 1, 2]),
    (range(5, 0, -2), [5, 3, 1]),
    (range(10**12), "range(0, 1000000000000)"),
    ({1}, [1]),
    (frozenset("a"), ["a"]),
    ({"a": 1}.keys(), ["a"]),
    ({"a": 1}.values(), [1]),
    ({"a": 1}.items(), [["a", 1]]),
    (Color.RED, "red"),
    (Color.MIXED, [1, 2]),
    (Level.HIGH, 3),
    (UUID, str(UUID)),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (datetime.time(3, 4), "03:04:00"),
    (datetime.timedelta(days=1, seconds=2), "P1DT2S"),
    (decimal.Decimal("1.50"), "1.50"),
    (fractions.Fraction(3, 4), "3/4"),
    (fractions.Fraction(2), "2"),
    (1 + 2j, "(1+2j)"),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (collections.ChainMap({"a": 1}, {"a": 2, "b": 3}), {"a": 1, "b": 3}),
    (collections.UserDict(a=1), {"a": 1}),
    (collections.UserList([1]), [1]),
    (collections.UserString("u"), "u"),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (types.SimpleNamespace(a=1), {"a": 1}),
    (Point(1, 2), [1, 2]),
    (bytearray(b"b"), b"b"),
    (memoryview(b"abc")[::2], b"ac"),
    (array.array("i", [1, 2]), [1, 2]),
    (re.compile("a+"), "a+"),
    (zoneinfo.ZoneInfo("UTC"), "UTC"),
    (ipaddress.ip_address("::1"), "::1"),
    (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    (Omit(), None),
    (Wrapper({"a": 1}), {"a": 1}),
    (Slotted((1, 2)), [1, 2]),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_recorded_as_what_it_is(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert plain({"in": [value]}) == {"in": [expected]}
    assert plain([value, "\ud800"]) == [expected, "\\ud800"], "not in the fast way only"


def _raise(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


METHODS = """
__str__ __repr__ __iter__ __len__ __getitem__ __contains__ __eq__ __format__ __bool__ __float__ __int__ __index__ __getattr__
isoformat utcoffset keys items values copy tolist as_posix
""".split()
SUBCLASSED: list[tuple[Any, Any]] = [
    (collections.deque([1]), [1]),
    (collections.UserDict(a=1), {"a": 1}),
    (collections.ChainMap({"a": 1}), {"a": 1}),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.timedelta(1), "P1D"),
    (fractions.Fraction(3, 4), "3/4"),
    (decimal.Decimal(2), "2"),
    (uuid.UUID(int=UUID.int), str(UUID)),
    (types.SimpleNamespace(a=1), {"a": 1}),
    (pathlib.PurePosixPath("/a"), None),
]


@pytest.mark.parametrize(("value", "expected"), SUBCLASSED, ids=lambda value: type(value).__name__)
def test_no_method_of_a_subclass_runs(value: Any, expected: Any) -> None:
    base: Any = type(value)
    replaced = {name: _raise for name in METHODS if name != "__getattr__" or base is not collections.UserDict}
    kind = type("Subclass", (base,), {**replaced, "__hash__": None})
    if base is datetime.date:
        made: Any = kind(2026, 1, 2)
    elif base is datetime.timedelta:
        made = kind(1)
    elif base is fractions.Fraction:
        made = base.__new__(kind, 3, 4)
    elif base is uuid.UUID:
        made = kind(int=value.int)
    elif base is collections.UserDict:
        made = kind.__new__(kind)
        made.data = {"a": 1}
    elif base is collections.ChainMap:
        made = kind({"a": 1})
    elif base is types.SimpleNamespace:
        made = kind(a=1)
    elif base is collections.deque:
        made = kind()
        base.append(made, 1)
    else:
        made = base.__new__(kind, "2" if base is decimal.Decimal else "/a")
    assert plain(made) == (f"<{__name__}.Subclass>" if expected is None else expected)


def test_a_mapping_whose_methods_are_code_of_the_program_is_not_asked() -> None:
    class Lazy(Wrapper):
        def __init__(self) -> None:
            return

    assert plain({"lazy": Lazy(), "kept": 1}) == {"lazy": f"<{Lazy.__module__}.{Lazy.__qualname__}>", "kept": 1}


def test_a_class_that_is_only_named_like_a_known_one_is_not_trusted() -> None:
    fake = type("generic", (), {"__module__": "numpy", "item": _raise})
    assert plain(fake()) == "<numpy.generic>"
    fake = type("ndarray", (), {"__module__": "numpy", "tolist": _raise, "size": property(_raise)})
    assert plain(fake()) == "<numpy.ndarray>"


def test_a_large_array_is_described() -> None:
    assert plain(array.array("d", bytes(8 * 2000))) == "<array.array of 2000>"


def test_models_of_pydantic_and_what_they_hide() -> None:
    pydantic = pytest.importorskip("pydantic")
    old = pytest.importorskip("pydantic.v1")
    for library in (pydantic, old):
        secrets = {"password": (library.SecretStr, ...), "key": (library.SecretBytes, b"")}
        kind = library.create_model("Login", user=(str, ...), x=(int, 1), **secrets)
        made = kind(user="u", password="hunter2", key=b"hunter2")
        assert plain(made) == {"user": "u", "password": plain_forms.MASK, "key": plain_forms.MASK}
        assert plain([made, "\ud800"])[0] == plain(made)
        assert plain(library.SecretStr("hunter2")) == str(library.SecretStr("hunter2"))
    assert plain(pydantic.TypeAdapter(pydantic.AnyUrl).validate_python("https://a.example/b")) == "https://a.example/b"


def test_no_code_of_a_model_runs() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Guarded(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        x: int = 1

    made = Guarded(x=2)
    Guarded.__getattribute__ = _raise
    assert plain(made) == {"x": 2}


def test_objects_of_attrs_with_a_value_that_is_replaced() -> None:
    attrs = pytest.importorskip("attrs")
    kind = attrs.make_class("Kind", ["a", "b"])
    assert plain(kind(1, 2**70)) == {"a": 1, "b": str(2**70)}


def numpy_values() -> Iterator[tuple[Any, Any]]:
    np = pytest.importorskip("numpy")
    yield from ((np.float32(0.75), 0.75), (np.float16(0.5), 0.5), (np.int64(3), 3), (np.uint8(4), 4), (np.bool_(True), True))
    yield from ((np.float64(0.5), 0.5), (np.str_("s"), "s"), (np.longdouble(0.5), 0.5), (np.complex64(1j), "1j"))
    yield np.datetime64("2026-01-02"), "2026-01-02"
    yield np.datetime64("2026-01-02T03", "ns"), "2026-01-02T03:00:00.000000000"
    yield from ((np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), (np.array(7), 7))
    yield np.array(["a", None], dtype=object), ["a", None]
    yield np.array(["2026-01-02"], dtype="datetime64[ns]"), ["2026-01-02T00:00:00.000000000"]
    yield np.zeros((40, 40), dtype="float32"), "<numpy.ndarray float32 (40, 40)>"


def test_values_of_numpy() -> None:
    for value, expected in numpy_values():
        assert plain({"v": value}) == {"v": expected}
        assert plain([value, "\ud800"])[0] == expected
        msgspec.json.encode(plain(value))


def test_values_of_pandas() -> None:
    pd = pytest.importorskip("pandas")
    values = [
        (pd.Timestamp("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
        (pd.Timedelta(days=1), "P1DT0H0M0S"),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Period("2026-01"), "2026-01"),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.DataFrame({"a": [1], "b": ["x"]}), {"a": [1], "b": ["x"]}),
    ]
    for value, expected in values:
        assert plain({"v": value}) == {"v": expected}
    assert plain(pd.Series(range(2000))) == "<pandas.Series of 2000>"
    assert plain(pd.DataFrame([[1, 2]], columns=["a", "a"])) == "<pandas.DataFrame 1x2>"


def test_mappings_of_known_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    httpx = pytest.importorskip("httpx")
    assert plain({"v": httpx.Headers({"A": "b"})}) == {"v": {"a": "b"}}
    assert plain([httpx.URL("https://a.example/b?c=d"), httpx.QueryParams({"c": "d"})]) == [
        "https://a.example/b?c=d",
        {"c": "d"},
    ]
    monkeypatch.setenv("PLAIN_FORMS", "here")
    assert plain(os.environ)["PLAIN_FORMS"] == "here"
