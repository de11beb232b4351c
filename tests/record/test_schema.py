"""The published schema is the one that the code means, and it holds for every line that the tests here make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import autotrace
from autotrace._record import lines
from autotrace._writer.writer import writer
from autotrace.testing import Capture

PUBLISHED = json.loads((Path(autotrace.__file__).parent / "schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(PUBLISHED, format_checker=jsonschema.FormatChecker())


def test_the_checked_in_schema_is_what_the_model_says() -> None:
    assert lines.json_schema() == PUBLISHED, "run `python -m autotrace._record.lines > src/autotrace/schema.json`"
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


def test_spans_of_every_kind_are_valid(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()

    def program() -> None:
        with autotrace.span("outer", {"a": [1, {"b": None}]}):
            client.chat("m", [{"role": "user"}], answer={"id": "r", "text": "x", "usage": {"input": 3}})
            list(client.chat("m", answer=library.client.Stream([{"text": "a"}])))
            client.chat("m", answer=library.client.Stream([{"text": "a"}])).close()
            client.chat("m", answer=ValueError("no"))

    with pytest.raises(ValueError, match="no"):
        program()
    spans = captured.spans
    assert len(spans) == 5
    for span in spans:
        VALIDATOR.validate(span)


def test_lines_that_are_no_spans_are_valid(captured: Capture) -> None:
    autotrace.enable(starts=True, queue_bytes=65_536)
    try:
        with writer._draining:  # so that more waits than there is room for
            for _ in range(100):
                with autotrace.span("a", {"b": 1}):
                    pass
        assert captured.spans
    finally:
        autotrace.disable()
    assert {line["event"] for line in captured._sink.records} == {"span", "span.start", "autotrace.dropped"}
    for line in captured._sink.records:
        VALIDATOR.validate(line)


@pytest.mark.parametrize(
    "wrong",
    [
        {"trace_id": "0"},
        {"kind": "client"},
        {"duration_ns": -1},
        {"end_reason": "done"},
        {"attributes": {"gen_ai.usage.input_tokens": "3"}},
        {"attributes": {"gen_ai.response.finish_reasons": "stop"}},
        {"schema": "autotrace.span/2"},
    ],
)
def test_the_schema_refuses_what_is_wrong(captured: Capture, library: Any, wrong: dict[str, Any]) -> None:
    autotrace.enable(library.name)
    with autotrace.span("a"):
        pass
    (span,) = captured.spans
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**span, **wrong})


def test_a_value_of_a_wrong_type_from_a_server_does_not_make_the_line_invalid(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    for identity in ([3], 3):
        library.client.Client().chat("m", answer={"id": identity, "text": None, "usage": {"input": "many"}})
    first, second = captured.spans
    VALIDATOR.validate(first)
    VALIDATOR.validate(second)
    assert "gen_ai.response.id" not in first["attributes"]
    assert second["attributes"]["gen_ai.response.id"] == "3"
