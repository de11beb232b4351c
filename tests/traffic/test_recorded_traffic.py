"""The real SDKs, driven through recorded traffic of real providers: does every record say what was on the wire?

The recordings are not part of this repository: `AUTOTRACE_TRAFFIC` says where they are (``../shared/traffic`` beside the
checkout unless set). That folder's ``drive.py`` makes the calls, unchanged and with no thought of autotrace, and its
``compare.py`` holds the records against the truth, which is worked out from the recorded bytes alone. `accuracy.py` holds
more fields against it, those that `compare.py` does not know.

One SDK after the other, each that is installed: the modules `…_wire.py`. `-s` shows the tables, `-k openai` is one of them.
"""

from __future__ import annotations

import bisect
import importlib
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

from .accuracy import Reading, Table, answered, failed

FOLDER = Path(os.environ.get("AUTOTRACE_TRAFFIC") or Path(__file__).parents[3] / "shared" / "traffic")
WIRES = sorted(path.stem for path in Path(__file__).parent.glob("*_wire.py"))
pytestmark = [
    pytest.mark.skipif(
        not (FOLDER / "visible.jsonl").is_file(), reason=f"no recorded traffic at {FOLDER} (set AUTOTRACE_TRAFFIC)"
    ),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="drive.py needs Python 3.11"),
]


class Run(NamedTuple):
    """What came of driving one SDK."""

    reading: Reading
    exchanges: dict[str, dict[str, Any]]
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


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # its parent is not
        return False


@pytest.fixture(scope="module", params=WIRES, ids=lambda name: name.removesuffix("_wire"))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    reading: Reading = importlib.import_module(f".{request.param}", __package__).READING
    if not _installed(reading.module):
        pytest.skip(f"{reading.module} is not installed")
    out = tmp_path_factory.mktemp("traffic")
    exchanges = {one["id"]: one for one in _lines(FOLDER / "visible.jsonl") if one["sdk"] in reading.clients}
    with open(out / "ours.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(exchange) + "\n" for exchange in exchanges.values())
    errors = _drive(reading, out)
    compare = _compare()
    truths = {truth["id"]: truth for truth in _lines(out / "truth-ours.jsonl")}
    calls = _lines(out / "run-ours.jsonl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the closing of its file to the interpreter
        spans, junk = compare.read_spans(str(out / "spans.jsonl"))
    board, about = compare.compare(truths, calls, spans)
    calls = [call for call in calls if "t0_ns" in call]
    table = _table(reading, exchanges, truths, calls, spans)
    return Run(reading, exchanges, calls, len(spans), junk, errors, board, about, table)


def _drive(reading: Reading, out: Path) -> str:
    """Make every call of ``ours.jsonl``; what was said on stderr."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUTOTRACE")}
    command = [sys.executable, FOLDER / "drive.py", out / "ours.jsonl", "--modes", ",".join(reading.modes), "--out-dir", out]
    with open(out / "spans.jsonl", "wb") as stdout:
        done = subprocess.run(
            command,
            env={**environment, "AUTOTRACE": "1", "AUTOTRACE_STRICT": "1", "AUTOTRACE_EXIT_TIMEOUT": "600"},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


def _table(reading: Reading, exchanges: Any, truths: Any, calls: list[dict[str, Any]], spans: list[dict[str, Any]]) -> Table:
    """Every call, with the span that started inside it."""
    table = Table()
    held = sorted(spans, key=lambda span: span["start_ns"])
    starts = [span["start_ns"] for span in held]
    for call in calls:
        exchange, truth = exchanges[call["id"]], truths[call["id"]]
        found = held[bisect.bisect_left(starts, call["t0_ns"] - 300_000)]["attributes"]
        kind = f"{call['mode']} {'stream' if exchange['stream'] else 'whole'}"
        if call["outcome"] == "ok":
            verdicts = answered(reading, exchange, truth, found)
        else:
            verdicts = failed(exchange, call, truth, found)
        for verdict in verdicts:
            table.add(kind, call["id"], verdict)
    return table


def test_every_recorded_call_has_exactly_one_span(run: Run) -> None:
    assert (run.spans, run.junk) == (len(run.calls), 0)
    assert run.board.c["span"] == {"ok": len(run.calls)}
    assert (run.about["nested"], run.about["stray"]) == (0, 0)


def test_every_exchange_is_made_or_it_is_said_why_not(run: Run) -> None:
    """In every mode that the SDK has; a helper is for streams alone."""
    made = {(call["id"], call["mode"]) for call in run.calls}
    for mode in set(run.reading.modes) - {"helper"}:
        left = {id for id in run.exchanges if (id, mode) not in made}
        assert left == {id for id, one in run.exchanges.items() if one["endpoint"] in run.reading.unreachable}
    assert {mode for _, mode in made} == set(run.reading.modes)


def test_no_span_differs_from_what_was_on_the_wire(run: Run) -> None:
    _compare().table(run.board)
    otherwise = run.reading.counts_otherwise
    assert [issue for issue in run.board.issues if issue[1] not in otherwise] == []
    verdicts = {verdict for field, counts in run.board.c.items() if field not in otherwise for verdict in counts}
    assert verdicts <= {"ok", "alt", "n/a"}


def test_every_field_is_right_wherever_it_is_known(run: Run) -> None:
    """Precision and recall of 100 % in every field, however the call was made.

    A line stays empty where no recorded call has the field, and *binary content* must: it is never to be there.
    """
    print("", *run.table.lines(), sep="\n")
    assert run.table.differences == []
    for field in ("response model", "output texts", "input_tokens", "prompt texts", "usage raw"):
        assert run.table.counts[field]["right"] > 0, field


def test_the_calls_end_as_they_would_without_autotrace(run: Run) -> None:
    """What the SDK returned agrees with the wire, and nothing of ours was on stderr."""
    assert "autotrace." not in run.errors
    assert {call["outcome"] for call in run.calls} <= {"ok", "expected-error"}
