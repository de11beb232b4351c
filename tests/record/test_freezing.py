"""Freezing keeps what was there, holds on to nothing, and takes whatever it is given."""

from __future__ import annotations

import datetime
import gc
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._record.freezing import freeze, thaw

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


class Text(str):
    __slots__ = ()


class Raising:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError


@dataclass
class Point:
    x: int


@given(PLAIN)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    assert thaw(freeze(value)) == value


@given(PLAIN, st.sampled_from([2**64, -(2**70), "\ud800", Raising(), object(), {(1, object()): 2}, 10**5000]))
def test_odd_values_are_replaced_and_the_rest_is_kept(value: Any, odd: Any) -> None:
    assert thaw(freeze({"kept": value, "odd": odd}))["kept"] == value


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Text("a"), "a"),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ((1, 2), [1, 2]),
        (Point(3), {"x": 3}),
        (bytearray(b"x"), b"x"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (dict, "<builtins.dict>"),
    ],
)
def test_objects_take_their_plain_form(value: Any, plain: Any) -> None:
    assert thaw(freeze(value)) == plain


def test_an_object_that_raises_on_every_touch_is_named_by_its_type() -> None:
    assert thaw(freeze([Raising()]))[0].endswith(".Raising>")


def test_recursion_ends() -> None:
    value: list[Any] = [1]
    value.append(value)
    assert thaw(freeze(value))[0] == 1


def test_what_was_frozen_does_not_change_with_the_object() -> None:
    messages = [{"role": "user", "content": "before"}]
    frozen = freeze({"messages": messages})
    messages[0]["content"] = "after"
    assert thaw(frozen) == {"messages": [{"role": "user", "content": "before"}]}


def test_nothing_of_the_program_is_held() -> None:
    class Held(dict[str, int]):
        pass

    value = Held(a=1)
    alive = weakref.ref(value)
    frozen = freeze(value)
    del value
    gc.collect()
    assert alive() is None
    assert thaw(frozen) == {"a": 1}


def test_only_the_roots_are_walked() -> None:
    class Unreadable:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise AssertionError("walked")

    assert thaw(freeze({"model": "m", "vectors": Unreadable()}, frozenset({"model"}))) == {"model": "m"}
