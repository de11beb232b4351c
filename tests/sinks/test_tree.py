"""The tree: every record exactly once, whatever the records hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autotrace.sinks import _excerpts, _tree
from autotrace.sinks._terminal import columns_of

IDS = st.sampled_from(["a", "b", "c", "d", "e", "f", None, 7])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "trace_id": st.sampled_from(["t1", "t2", None]),
            "span_id": IDS,
            "parent_id": IDS,
            "start_ns": st.integers(0, 9) | ANYTHING,
            "duration_ns": st.integers() | ANYTHING,
            "status": ANYTHING,
            "end_reason": ANYTHING,
            "attributes": ANYTHING
            | st.dictionaries(st.sampled_from(["gen_ai.usage.input_tokens", "error.type", "autotrace.outcome"]), ANYTHING),
        },
    ),
    max_size=12,
)


@given(RECORDS)
def test_every_record_is_there_once(records: list[dict[str, Any]]) -> None:
    named = [{**record, "name": f"<{i}>"} for i, record in enumerate(records)]
    text = _tree.render(named)
    assert len(text.splitlines()) == len(records)
    assert all(text.count(f"<{i}>") == 1 for i in range(len(records)))
    plain = _tree.render(named, color=True)
    for code in (_tree.RED, _tree.DIM, _tree.RESET):
        plain = plain.replace(code, "")
    assert plain == text


@given(st.lists(st.dictionaries(st.text(), ANYTHING), max_size=5), ANYTHING)
def test_nonsense_never_raises(records: list[dict[str, Any]], name: Any) -> None:
    assert len(_tree.render([*records, {"name": name}]).split("\n")) == len(records) + 2


@given(RECORDS, st.integers(1, 200))
def test_no_line_is_wider_than_the_terminal(records: list[dict[str, Any]], width: int) -> None:
    for text in (
        _tree.render(records, width=width, excerpt=True),
        _tree.render(map(_excerpts.brief, records), width=width, excerpt=True),
    ):
        assert all(columns_of(line) <= width for line in text.splitlines())
        assert len(text.splitlines()) >= len(records)


@given(RECORDS)
def test_parents_come_before_their_children(records: list[dict[str, Any]]) -> None:
    placed = list(_tree.place(records))
    assert sorted(id(one.record) for one in placed) == sorted(map(id, records))
    assert not placed or placed[0].is_root
    assert all(one.is_root == (one.branch == "") for one in placed)


def span(name: str, start: int, parent: str | None = None, trace: str = "t" * 32, **attributes: Any) -> dict[str, Any]:
    record = {"name": name, "trace_id": trace, "span_id": name, "parent_id": parent, "start_ns": start}
    return {
        **record,
        "duration_ns": 24_400_000,
        "status": {"code": "UNSET"},
        "end_reason": "completed",
        "attributes": attributes,
    }


def test_what_it_looks_like() -> None:
    first: dict[str, Any] = {"gen_ai.response.time_to_first_chunk": 0.0061}
    used: dict[str, Any] = {"gen_ai.usage.input_tokens": 1038, "gen_ai.usage.output_tokens": 12, "autotrace.cost.usd": 1.3e-05}
    failed = span("too much", 5, **{"error.type": "RateLimitError"}) | {"status": {"code": "ERROR"}, "end_reason": "error"}
    records = [
        span("late", 9, parent="plan", **first) | {"end_reason": "abandoned"},
        span("orphan", 7, parent="gone", trace="u" * 32, **{"autotrace.outcome": "truncated"})
        | {"duration_ns": 12_345_678_901},
        span("early", 3, parent="plan", **used),
        span("inner", 4, parent="early"),
        failed,
        span("plan", 1),
    ]
    assert _tree.render(records) == (
        "plan          24 ms                                                           tttttttt\n"
        "├─ early      24 ms              1038 → 12 tokens  $0.000013\n"
        "│  └─ inner   24 ms\n"
        "└─ late       24 ms  first 6 ms                               abandoned\n"
        "too much      24 ms                                           RateLimitError  tttttttt\n"
        "orphan       12.3 s                                           truncated       uuuuuuuu\n"
    )


def test_the_first_words_stand_below() -> None:
    def message(role: str, *parts: Any) -> list[Any]:
        return [{"role": role, "parts": list(parts)}]

    asked = message("user", {"type": "text", "content": "Is the\nweather good?"})
    called = message("assistant", {"type": "tool_call", "name": "get_weather", "arguments": {"city": "Lisbon"}})
    failed = span("failed", 3, parent="plan", **{"gen_ai.input.messages": asked, "error.type": "RateLimitError"})
    failed["status"] = {"code": "ERROR", "description": "429 slow down"}
    records = [
        span("plan", 1),
        span("chat", 2, parent="plan", **{"gen_ai.input.messages": asked, "gen_ai.output.messages": called}),
        failed,
        span(
            "tool", 4, parent="failed", **{"gen_ai.tool.call.arguments": {"city": "東京"}, "gen_ai.tool.call.result": "sunny"}
        ),
    ]
    text = _tree.render(records, width=64, excerpt=True)
    assert (
        text
        == _tree.render(map(_excerpts.brief, records), width=64, excerpt=True)
        == (
            "plan        24 ms                  tttttttt\n"
            "├─ chat     24 ms\n"
            '│    “Is the weather good?” → get_weather({"city":"Lisbon"})\n'
            "└─ failed   24 ms  RateLimitError\n"
            "   │  “Is the weather good?” → 429 slow down\n"
            "   └─ tool  24 ms\n"
            '        {"city":"東京"} → sunny\n'
        )
    )
    narrow = _tree.render(records, width=30, excerpt=True).splitlines()
    assert narrow[2] == "│    “Is the we… → get_weathe…"
    assert _tree.render(records, width=20).splitlines()[2] == "└─ failed  24 ms  R…"
    assert narrow[-1] == '        {"city":"東京… → sunny'


def test_nothing_is_nothing() -> None:
    assert _tree.render([]) == ""


def test_a_chain_of_any_depth() -> None:
    records = [span(f"s{i}", i, parent=f"s{i - 1}") for i in range(3000)]
    assert len(_tree.render(records).splitlines()) == 3000
