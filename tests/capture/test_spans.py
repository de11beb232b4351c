"""A manual span never raises into the program, whatever it is given."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import autotrace
from autotrace.testing import Capture


def _raise(*_: Any) -> Any:
    raise RuntimeError("the database is gone")


class Lazy(Mapping[str, Any]):
    __getitem__ = __iter__ = __len__ = _raise


class Dict(dict[Any, Any]):
    __getitem__ = __iter__ = __len__ = keys = items = _raise  # type: ignore[assignment]


class Key(str):
    """Its hash works until it is in a dict."""

    __slots__ = ("asked",)

    def __hash__(self) -> int:
        if getattr(self, "asked", False):
            raise RuntimeError
        self.asked = True
        return 1

    def __eq__(self, other: object) -> bool:
        raise RuntimeError


class Posing:
    __repr__ = __str__ = __eq__ = __hash__ = _raise
    __class__ = property(_raise)  # type: ignore[assignment]


class Meta(type):
    __getattribute__ = _raise


def cyclic() -> dict[str, Any]:
    made: dict[str, Any] = {"a": 1}
    made["self"] = made
    return made


GIVEN: dict[str, Any] = {
    "nothing": lambda: None,
    "lazy": Lazy,
    "dict-subclass": lambda: Dict(a=1),
    "keys": lambda: {Key("k"): 1, 2: 3, "a": 4},
    "cyclic": cyclic,
    "huge": lambda: {"a": ["x" * 100] * 50_000},
    "raising": lambda: {"a": Posing(), "b": type.__call__(Meta("Made", (), {}))},
    "pairs": lambda: [("a", 1)],
    "text": lambda: "a",
    "posing": Posing,
    "class": lambda: Meta("Made", (), {}),
    "surrogates": lambda: {"\ud800": "\udfff"},
}


@pytest.mark.parametrize("name", GIVEN)
def test_any_argument_is_taken(captured: Capture, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    autotrace.enable()
    given = GIVEN[name]()
    with autotrace.span("step", attributes=given) as span:
        span.set_attribute("value", given)
        for key in (Key("key"), Posing(), None, 3, given):
            span.set_attribute(key, 1)  # type: ignore[arg-type]
    span.set_attribute("later", 1)
    with autotrace.span(given), pytest.raises(TypeError, match="not a decorator"):
        autotrace.span(given)(_raise)
    step, other = captured.spans
    assert step["name"] == "step"
    assert step["attributes"]["key"] == 1
    assert "later" not in step["attributes"]
    assert other["end_reason"] == "completed"


def test_what_can_be_read_of_attributes_is_recorded(captured: Capture, capfd: pytest.CaptureFixture[str]) -> None:
    autotrace.enable()
    for given in (Dict(a=1), {Key("a"): 1, 2: 3}):
        with autotrace.span("step", attributes=given):
            pass
    assert [span["attributes"] for span in captured.spans] == [{"a": 1}, {"a": 1}]


def test_a_span_that_is_entered_again(captured: Capture) -> None:
    autotrace.enable()
    with autotrace.span("step", {"a": 1}) as span:
        with span:
            span.set_attribute("inner", 1)
        span.set_attribute("outer", 1)
    span.__exit__(None, None, None)
    with autotrace.span("after"):
        pass
    inner, outer, after = captured.spans
    assert inner["attributes"] == {"a": 1, "inner": 1}
    assert outer["attributes"] == {"a": 1, "outer": 1}
    assert (inner["parent_id"], outer["parent_id"], after["parent_id"]) == (outer["span_id"], None, None)


def test_attributes_that_another_thread_changes(captured: Capture) -> None:
    autotrace.enable()
    shared: dict[str, Any] = {}
    done = threading.Event()

    def change() -> Iterator[None]:
        number = 0
        while not done.is_set():
            number += 1
            shared[f"k{number % 97}"] = {"n": number}
            shared.pop(f"k{number * 7 % 97}", None)
        yield

    thread = threading.Thread(target=lambda: next(change()))
    thread.start()
    try:
        for _ in range(300):
            with autotrace.span("step", attributes=shared) as span:
                span.set_attribute("all", shared)
    finally:
        done.set()
        thread.join()
    assert len(captured.spans) == 300
