"""A line that is too long is cut inside its fields: it stays valid, fits, keeps its structure, and says what was cut."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotrace
from autotrace import _settings as autotrace_settings
from autotrace._record import limits, lines
from autotrace._writer.writer import writer
from autotrace.errors import SettingsError
from autotrace.sinks._entry import Entry
from autotrace.testing import Capture

INPUT = "gen_ai.input.messages"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LONG = st.tuples(TEXT, st.integers(0, 100)).map(lambda drawn: drawn[0] * drawn[1])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | LONG,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(LONG, inner, max_size=20),
    max_leaves=30,
)
SCHEMA = jsonschema.Draft202012Validator(lines.json_schema())


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def record(**attributes: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-22T16:44:57.123456Z",
        "level": "info",
        "event": "span",
        "schema": lines.SCHEMA,
        "name": "chat m",
        "kind": "CLIENT",
        "trace_id": "1" * 32,
        "span_id": "2" * 16,
        "parent_id": None,
        "start_ns": 1,
        "end_ns": 2,
        "duration_ns": 1,
        "status": {"code": "UNSET"},
        "end_reason": "completed",
        "attributes": {INPUT: attributes.pop("messages"), **attributes} if "messages" in attributes else attributes,
        "events": [],
        "links": [],
        "scope": {"name": "autotrace-acme", "version": "1", "library": "acme", "library_version": "2"},
        "resource": {"service.name": "s", "process.pid": 1},
    }


def fitted(whole: dict[str, Any], limit: int) -> dict[str, Any]:
    before = msgspec.json.encode(whole)
    line = limits.fit(whole, len(before), limit)
    assert len(line) <= limit
    assert msgspec.json.encode(whole) == before
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(0, 10**7))
def test_the_threshold_is_the_highest_that_fits(sizes: list[int], budget: int) -> None:
    cap = limits.threshold(sizes, budget)
    assert sum(min(size, cap) for size in sizes) <= budget
    assert cap == max(sizes) or sum(min(size, cap + 1) for size in sizes) > budget


@given(TEXT, st.integers(0, 50), st.integers(0, 50))
def test_a_cut_text_is_a_prefix_and_the_number_that_is_missing(text: str, first: int, second: int) -> None:
    once, cut = limits.cut_text(text, first)
    assert cut == max(len(text) - first, 0)
    assert once == (f"{text[:first]}…[{cut} characters cut]" if cut else text)
    if cut and second < first:
        assert limits.cut_text(once, second) == (f"{text[:second]}…[{len(text) - second} characters cut]", first - second)


@settings(max_examples=50)
@given(st.dictionaries(LONG, JSON, max_size=30), st.integers(2000, 10_000))
def test_whatever_a_record_holds_it_fits_and_stays_a_record(attributes: dict[str, Any], limit: int) -> None:
    whole = record(**attributes)
    size = len(msgspec.json.encode(whole))
    if size > limit:
        found = fitted(whole, limit)
        SCHEMA.validate(found)
        assert {**found, "attributes": 0} == {**whole, "attributes": 0}
        assert any(name.startswith("autotrace.cut.") for name in found["attributes"])


@given(JSON, st.integers(2000, 5000))
def test_other_fields_than_attributes_are_cut_too(value: Any, limit: int) -> None:
    whole = {**record(model="m"), "name": "n" * 3000, "status": {"code": "ERROR", "description": "d" * 9999}, "added": value}
    found = fitted(whole, limit)
    assert (found["trace_id"], found["span_id"]) == (whole["trace_id"], whole["span_id"])
    assert found["name"].startswith("nnn")


def test_the_longest_texts_are_cut_to_one_size_and_the_others_stay_whole() -> None:
    texts = ["a" * 100_000, "é" * 50_000, "short", "\n" * 80_000, "b" * 300]
    found = fitted(record(messages=[message(text) for text in texts]), 20_000)
    contents = [one["parts"][0]["content"] for one in found["attributes"][INPUT]]
    assert (contents[2], contents[4]) == (texts[2], texts[4])
    sizes = [len(json.dumps(contents[position], ensure_ascii=False).encode()) for position in (0, 1, 3)]
    assert max(sizes) - min(sizes) < 40
    assert sum(sizes) > 18_000
    assert [one["role"] for one in found["attributes"][INPUT]] == ["user"] * 5
    missing = sum(
        len(text) - len(content.partition("…[")[0]) for text, content in zip(texts, contents, strict=True) if text != content
    )
    assert found["attributes"]["autotrace.cut.characters"] == {INPUT: missing}
    assert all(content.endswith(" characters cut]") for content in (contents[0], contents[1], contents[3]))


def test_elements_go_from_the_middle_of_what_is_too_long() -> None:
    found = fitted(record(messages=[message(f"{number}") for number in range(20_000)], **{"gen_ai.request.model": "m"}), 50_000)
    kept = found["attributes"][INPUT]
    contents = [one["parts"][0]["content"] for one in kept]
    (gap,) = (position for position, content in enumerate(contents) if not content.isdecimal())
    missing = found["attributes"]["autotrace.cut.elements"][INPUT]
    assert contents[gap] == f"…[{missing} elements cut]"
    assert missing == 20_000 - (len(kept) - 1)
    assert contents[:gap] == [str(number) for number in range(gap)]
    assert contents[-1] == "19999"
    assert len(json.dumps(found)) > 40_000
    assert found["attributes"]["gen_ai.request.model"] == "m"


def test_whole_attributes_go_in_the_end_and_what_is_no_content_last() -> None:
    whole = record(
        messages=[[[[[{f"{a}{b}": [c] for b in range(9)} for a in range(9)] for c in range(9)]]]],
        **{"gen_ai.request.model": "m" * 300, "gen_ai.usage.input_tokens": 7, "mine": "x" * 200},
    )
    found = fitted(whole, 2000)
    assert found["attributes"]["autotrace.cut.attributes"] == [INPUT]
    assert found["attributes"]["gen_ai.usage.input_tokens"] == 7
    assert found["attributes"]["mine"] == "x" * 200


@pytest.mark.parametrize("size", [500, 2048, 2049, 5000, 60_000, 3_000_000])
@pytest.mark.parametrize("limit", [2048, 50_000, 1_000_000, 0])
def test_a_line_is_within_the_limit_of_the_settings(library: Any, captured: Capture, size: int, limit: int) -> None:
    autotrace.enable(max_line_bytes=limit)
    lines: list[bytes] = []

    class Lines:
        def write(self, batch: list[Entry]) -> None:
            lines.extend(entry.line for entry in batch)

        def close(self, deadline: float) -> None:
            return

    sinks, writer.sinks = writer.sinks, [Lines()]
    library.client.Client().chat("m", [message("x" * size)], answer={"id": "r", "text": "y" * size, "usage": {"input": 1}})
    assert autotrace.flush(600)
    writer.sinks = sinks
    (line,) = lines
    assert line.endswith(b"}\n")
    assert len(line) <= (limit or math.inf)
    attributes = json.loads(line)["attributes"]
    assert attributes["gen_ai.usage.input_tokens"] == 1
    if "autotrace.cut.characters" not in attributes:
        assert len(attributes[INPUT][0]["parts"][0]["content"]) == size
    else:
        assert len(line) > 0.9 * limit


def test_long_texts_are_cut_at_what_the_setting_says(library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACE_MAX_TEXT_CHARS", "100")
    autotrace.enable(library.name)
    library.client.Client().chat("m", [message("x" * 101), message("y" * 100)], answer={"id": "r", "text": "\U0001f600" * 150})
    (span,) = captured.spans
    attributes = span["attributes"]
    assert [one["parts"][0]["content"] for one in attributes[INPUT]] == ["x" * 100 + "…[1 characters cut]", "y" * 100]
    assert attributes["gen_ai.output.messages"] == "\U0001f600" * 100 + "…[50 characters cut]"
    assert attributes["autotrace.cut.characters"] == {INPUT: 1, "gen_ai.output.messages": 50}


@pytest.mark.parametrize("value", [-1, 2047, 1.5, True, "many", "1e9", "²", "9" * 30])
def test_a_limit_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match="whole number of at least 2048, or 0"):
        autotrace.enable(max_line_bytes=value)


@pytest.mark.parametrize(
    ("value", "limit"),
    [(2048, 2048), ("2048", 2048), (0, 0), ("0", 0), ("off", 0), ("none", 0), (" None ", 0), (None, 0)],
)
def test_a_limit_is_a_number_or_none(value: object, limit: int) -> None:
    autotrace.enable(max_line_bytes=value)
    assert autotrace_settings.current.get("max_line_bytes") == limit
