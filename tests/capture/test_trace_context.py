"""Ids that go to another process and come from one: W3C *Trace Context*, ``traceparent``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace.plugin import SpanContext


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
def test_what_is_sent_is_what_is_received(trace_id: int, span_id: int) -> None:
    here = SpanContext(trace_id, span_id)
    assert SpanContext.from_traceparent(here.traceparent) == here


@given(st.one_of(st.text(), st.none(), st.integers(), st.binary(), st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}")))
def test_what_is_no_traceparent_is_none(text: object) -> None:
    assert SpanContext.from_traceparent(text) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("00-" + "0" * 31 + "1-" + "0" * 15 + "2-00", SpanContext(1, 2)),
        ("cc-" + "0" * 31 + "1-" + "0" * 15 + "2-01-what-the-future-will-be-like", SpanContext(1, 2)),
        ("ff-" + "0" * 31 + "1-" + "0" * 15 + "2-01", None),
        ("00-" + "0" * 32 + "-" + "0" * 15 + "2-01", None),
        ("00-" + "0" * 31 + "1-" + "0" * 16 + "-01", None),
        ("00-" + "0" * 31 + "A-" + "0" * 15 + "2-01", None),
    ],
)
def test_the_examples_of_the_standard(text: str, read: SpanContext | None) -> None:
    assert SpanContext.from_traceparent(text) == read
