"""The trace in a message's ``_meta``, alone and beside somebody else's."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autotrace.plugin import SpanContext
from autotrace_mcp import propagation

CONTEXTS = st.builds(SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
OTHERS = st.dictionaries(st.sampled_from(["progressToken", "acme", "baggage"]), st.text())
STATES = st.one_of(st.none(), st.lists(st.from_regex(r"\A[a-z]{1,9}=[a-z0-9]{1,9}\Z"), max_size=4).map(",".join))
BROKEN = st.dictionaries(st.sampled_from(["traceparent", "tracestate"]), st.one_of(st.text(), st.integers()))


@given(CONTEXTS, OTHERS)
def test_alone_it_is_the_traceparent(here: SpanContext, meta: dict[str, Any]) -> None:
    before = dict(meta)
    propagation.inject(meta, here)
    assert meta == {**before, "traceparent": here.traceparent}
    assert propagation.extract(meta) == here


@given(CONTEXTS, CONTEXTS, STATES)
def test_beside_another_systems_it_leaves_that_as_it_is(here: SpanContext, theirs: SpanContext, state: str | None) -> None:
    meta: dict[str, Any] = {"traceparent": theirs.traceparent, **({} if state is None else {"tracestate": state})}
    propagation.inject(meta, here)
    propagation.inject(meta, here)
    assert meta["traceparent"] == theirs.traceparent
    assert [entry for entry in meta["tracestate"].split(",") if not entry.startswith("autotrace=")] == (
        state.split(",") if state else []
    )
    assert propagation.extract(meta) == here


@given(CONTEXTS)
def test_a_client_that_knows_nothing_of_us_is_the_parent(theirs: SpanContext) -> None:
    assert propagation.extract({"traceparent": theirs.traceparent, "tracestate": "acme=1"}) == theirs


@given(st.one_of(st.none(), st.text(), BROKEN))
def test_what_holds_no_trace_gives_none(meta: Any) -> None:
    assert propagation.extract(meta) is None
