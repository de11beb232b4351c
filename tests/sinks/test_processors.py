"""The program's structlog processors: what they make of a record, and what they cost when they are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._record import lines
from autotrace.errors import SettingsError
from autotrace.sinks import Entry, MemorySink

PROCESSORS = """
import structlog

def tag(logger, method, event):
    event["deployment"] = "blue"
    return event

def drop_health_checks(logger, method, event):
    if event["name"] == "health":
        raise structlog.DropEvent
    return event

def broken(logger, method, event):
    event["attributes"]["held"]["inner"] = "changed"
    event["half"] = True
    raise RuntimeError("no")

def nothing(logger, method, event):
    print("on the writer's side")
"""


@pytest.mark.parametrize("how", ["argument", "variable", "file"])
def test_a_record_passes_the_processors(run: Callable[..., Any], site: Any, tmp_path: Path, how: str) -> None:
    site.write("mine.py", PROCESSORS)
    names = ["mine:tag", "mine:drop_health_checks"]
    variables = {"AUTOTRACE_PROCESSORS": ",".join(names)} if how == "variable" else {}
    if how == "file":
        (tmp_path / "pyproject.toml").write_text(f"[tool.autotrace]\nprocessors = {json.dumps(names)}\n")
    enable = f"autotrace.enable(processors={names})" if how == "argument" else "autotrace.enable()"
    ran = run(
        """
        span("a"); span("health"); span("b")
        autotrace.flush()
        import structlog
        assert not structlog.is_configured()
        assert autotrace.health()["spans"]["dropped"] == 1, autotrace.health()
        """,
        enable,
        **variables,
    )
    assert (ran.code, ran.err) == (0, "")
    assert [(record["name"], record["deployment"]) for record in map(json.loads, ran.out.splitlines())] == [
        ("a", "blue"),
        ("b", "blue"),
    ]


def test_one_that_fails_is_said_once_and_costs_its_effect_only(run: Callable[..., Any], site: Any) -> None:
    site.write("mine.py", PROCESSORS)
    ran = run(
        "for number in range(3): span(str(number), held={'inner': 'as it was'})",
        AUTOTRACE_PROCESSORS="mine:broken,mine:no_such,gone:function,mine:nothing,mine:tag",
    )
    records = [json.loads(line) for line in ran.out.splitlines() if line.startswith("{")]
    assert [record["name"] for record in records] == ["0", "1", "2"]
    for record in records:
        assert record["deployment"] == "blue"
        assert "half" not in record
        assert record["attributes"]["held"] == {"inner": "as it was"}
    said = [line["message"] for line in ran.said]
    for name in ("mine:broken", "mine:no_such", "gone:function", "mine:nothing"):
        assert sum(f"processor {name}" in text for text in said) == 1, said
    assert len(said) == 4


def record(**attributes: Any) -> None:
    with autotrace.span("s", attributes=attributes):
        pass


def test_structs_are_what_the_processors_have_made() -> None:
    """What a processor has taken out must not come back for a sink that reads structs."""

    class Structs:
        def __init__(self) -> None:
            self.found: list[lines.Span] = []

        def write(self, batch: list[Entry]) -> None:
            self.found += [entry.record for entry in batch]

        def close(self, deadline: float) -> None: ...

    def redact(logger: Any, method: str, event: Any) -> Any:
        event["attributes"]["held"] = "***"
        return event

    def ruin(logger: Any, method: str, event: Any) -> Any:
        return {**event, "attributes": "none", "start_ns": "yesterday", "scope": {}}

    sink = Structs()
    with structlog.testing.capture_logs() as logs:
        autotrace.enable(sinks=[sink], processors=[redact])
        record(held="1234")
        autotrace.enable(processors=[redact, ruin])
        record(held="1234")
        autotrace.disable()
    assert logs == []
    redacted, ruined = sink.found
    assert (redacted.name, redacted.attributes, type(redacted.scope)) == ("s", {"held": "***"}, lines.Scope)
    assert (ruined.name, ruined.attributes, ruined.start_ns) == ("s", {}, 0)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(object()) | st.just("x" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from([*lines.Span.__struct_fields__, "mine", "x" * 3000])


@given(st.dictionaries(FIELDS, ANYTHING, max_size=6), st.sets(FIELDS, max_size=4), ANYTHING)
def test_whatever_they_return_the_line_is_json_within_its_limit(more: dict[str, Any], less: set[str], other: Any) -> None:
    def processor(logger: Any, method: str, event: Any) -> Any:
        event.update(more)
        made = {name: value for name, value in event.items() if name not in less}
        return made if more else other

    memory = MemorySink()
    before = settings.current.update({"max_line_bytes": 2048, "processors": [processor]})
    try:
        scope = lines.Scope("test")
        entry = Entry(
            lines.Span(
                "2026-11-26T00:00:00Z", "info", "span", lines.SCHEMA, "name", "CLIENT", "0" * 32, "0" * 16, None, 1, 2, 1,
                lines.Status("UNSET"), "completed", {"text": "y" * 1000}, [], [], scope, {},
            )
        )  # fmt: skip
        assert entry.process()
        memory.write([entry])
        assert len(entry.line) <= 2048
        assert isinstance(entry.record, lines.Span)
    finally:
        settings.current.restore(before)
    assert len(memory.records) == 1
    diagnostics.forget()


@pytest.mark.parametrize("given", ["mine", "mine:", "mine:a b", ["mine.tag"], 7, [None]])
def test_what_cannot_be_a_processor_is_an_error(given: Any) -> None:
    with pytest.raises(SettingsError, match=r"expected the form module:function|expected a function"):
        autotrace.enable(processors=given)
