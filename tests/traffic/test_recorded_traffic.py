"""The real SDKs, driven through recorded traffic of real providers: does every record say what was on the wire?

The recordings are not part of this repository: `AUTOTRACE_TRAFFIC` says where they are (``../shared/traffic`` beside the
checkout unless set). That folder's ``drive.py`` makes the calls, unchanged and with no thought of autotrace, and its
``compare.py`` holds the records against the truth, which is worked out from the recorded bytes alone.
"""

from __future__ import annotations

import bisect
import importlib.util
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from .accuracy import Table, body_of, verdicts

FOLDER = Path(os.environ.get("AUTOTRACE_TRAFFIC") or Path(__file__).parents[3] / "shared" / "traffic")
SDKS = ("openai", "anthropic", "ollama")
CLIENTS = (*SDKS, "azure")
"""What the recordings call the SDKs: ``azure`` is the OpenAI SDK with its client for Azure."""
MODES = "sync,async,raw,helper"
MISSING = [sdk for sdk in SDKS if importlib.util.find_spec(sdk) is None]
pytestmark = [
    pytest.mark.skipif(
        not (FOLDER / "visible.jsonl").is_file(), reason=f"no recorded traffic at {FOLDER} (set AUTOTRACE_TRAFFIC)"
    ),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="drive.py needs Python 3.11"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


class Run(NamedTuple):
    """What came of driving the SDKs."""

    calls: list[dict[str, Any]]
    """Those that were made (not every exchange can be made in every mode)."""
    spans: int
    junk: int
    """Lines on stdout that are no span."""
    errors: str
    board: Any
    about: dict[str, Any]
    table: Table


def _lines(path: Path) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recorded_compare", FOLDER / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("traffic")
    with open(FOLDER / "visible.jsonl", encoding="utf-8") as lines, open(out / "ours.jsonl", "w", encoding="utf-8") as chosen:
        chosen.writelines(line for line in lines if json.loads(line)["sdk"] in CLIENTS)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUTOTRACE")}
    with open(out / "spans.jsonl", "wb") as stdout:
        done = subprocess.run(
            [sys.executable, FOLDER / "drive.py", out / "ours.jsonl", "--modes", MODES, "--out-dir", out],
            env={**environment, "AUTOTRACE": "1", "AUTOTRACE_STRICT": "1"},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    compare = _compare()
    truths = {truth["id"]: truth for truth in _lines(out / "truth-ours.jsonl")}
    calls = _lines(out / "run-ours.jsonl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the closing of its file to the interpreter
        spans, junk = compare.read_spans(str(out / "spans.jsonl"))
    board, about = compare.compare(truths, calls, spans)
    calls = [call for call in calls if "t0_ns" in call]
    records = {record["id"]: record for record in _lines(out / "ours.jsonl")}
    return Run(calls, len(spans), junk, done.stderr, board, about, _table(records, truths, calls, spans))


def _table(records: Any, truths: Any, calls: list[dict[str, Any]], spans: list[dict[str, Any]]) -> Table:
    """Every call that was answered, with the span that started inside it."""
    table = Table()
    held = sorted(spans, key=lambda span: span["start_ns"])
    starts = [span["start_ns"] for span in held]
    for call in calls:
        record = records[call["id"]]
        at = bisect.bisect_left(starts, call["t0_ns"] - 300_000)
        if record["status"] == 200 and call["outcome"] == "ok":
            kind = f"{call['mode']} {'stream' if record['stream'] else 'whole'}"
            body = body_of(record["response_body"])
            for verdict in verdicts(record, body, truths[call["id"]], held[at]["attributes"]):
                table.add(kind, call["id"], verdict)
    return table


def test_every_recorded_call_has_exactly_one_span(run: Run) -> None:
    assert len(run.calls) > 500
    assert {call["mode"] for call in run.calls} == set(MODES.split(","))
    assert (run.spans, run.junk) == (len(run.calls), 0)
    assert run.board.c["span"] == {"ok": len(run.calls)}
    assert (run.about["nested"], run.about["stray"]) == (0, 0)


def test_no_span_differs_from_what_was_on_the_wire(run: Run) -> None:
    _compare().table(run.board)
    assert run.board.issues == []
    verdicts = {verdict for counts in run.board.c.values() for verdict in counts}
    assert verdicts <= {"ok", "alt", "n/a"}


def test_every_field_is_right_wherever_it_is_known(run: Run) -> None:
    """Precision and recall of 100 % in every field, however the call was made.

    No recorded call asks for stop sequences or several choices, and ``binary content`` is what must never be there: their
    lines are to stay empty.
    """
    print("", *run.table.lines(), sep="\n")
    assert run.table.differences == []
    for field in ("output texts", "tool calls", "input_tokens", "cache_read", "reasoning tokens", "usage raw"):
        assert run.table.counts[field]["right"] > 50, field


def test_the_calls_end_as_they_would_without_autotrace(run: Run) -> None:
    """What the SDK returned agrees with the wire, and nothing of ours was on stderr."""
    assert "autotrace." not in run.errors
    assert {call["outcome"] for call in run.calls} <= {"ok", "expected-error"}
