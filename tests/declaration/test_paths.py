"""Getters: dotted paths and their combinations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._declaration import paths
from autotrace._declaration.operation import Dialect, Operation
from autotrace.errors import DeclarationError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "*", "0", "1"]), min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("model", {"model": "m"}, "m"),
        ("model", SimpleNamespace(model="m"), "m"),
        ("usage.input", {"usage": SimpleNamespace(input=3)}, 3),
        ("usage.input", {"usage": None}, None),
        ("choices.*.reason", {"choices": [{"reason": "stop"}, {}, {"reason": "length"}]}, ["stop", "length"]),
        ("choices.0.reason", {"choices": [{"reason": "stop"}]}, "stop"),
        ("choices.1.reason", {"choices": [{"reason": "stop"}]}, None),
        ("choices.*.parts.*.text", {"choices": [{"parts": [{"text": "a"}, {"text": "b"}]}]}, [["a", "b"]]),
        ("choices.*.reason", {"choices": "no list"}, None),
        ("nothing.here", {}, None),
    ],
)
def test_a_path_goes_through_keys_attributes_and_elements(path: str, source: Any, found: Any) -> None:
    assert paths.compile(path)(source) == found


@given(PATHS, JSON)
def test_reading_a_path_never_raises(path: str, source: Any) -> None:
    paths.compile(path)(source)


def test_a_property_that_raises_is_not_there() -> None:
    class Raising:
        @property
        def model(self) -> str:
            raise RuntimeError

    assert paths.compile("model")(Raising()) is None


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", 3, None])
def test_what_is_no_path_is_refused_when_it_is_declared(path: Any) -> None:
    with pytest.raises(DeclarationError, match=r"expected"):
        paths.compile(path)


def test_total_adds_what_is_known_and_is_unknown_when_nothing_is() -> None:
    count = paths.total("a", "b", "c")
    assert count({"a": 1, "b": 2, "c": None}) == 3
    assert count({"a": 0}) == 0
    assert count({"a": True, "b": "2"}) is None


def test_first_takes_the_first_that_holds_something() -> None:
    assert paths.first("a", "b")({"a": None, "b": 0}) == 0


def test_roots_are_the_top_level_names_unless_a_function_may_read_anything() -> None:
    known = [paths.compile("usage.input"), paths.total("a.b", "c"), paths.constant(1)]
    assert paths.roots(known) == {"usage", "a", "c"}
    assert paths.roots([*known, lambda source: source]) is None


def test_a_number_that_identifies_something_is_recorded_as_text() -> None:
    for operation in (Operation("chat", response={"id": "id"}), Operation("chat", dialect=Dialect("d", response={"id": "id"}))):
        ((_, getter),) = operation.response
        assert [getter({"id": found}) for found in (7, 0, "a", True, None)] == ["7", "0", "a", True, None]
        assert operation.response_roots == {"id"}
