"""A pytest plugin for the SDKs' own tests: writes down how each test ended, and what autotrace recorded meanwhile.

Loaded by name (``-p outcomes``) into processes that know nothing of this project. `SUITES_OUTCOMES` names the folder that each
process writes one JSON file into. It does not enable autotrace: `AUTOTRACE=1` does, as for any program.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

_ORDER = ("passed", "skipped", "failed")
_outcomes: dict[str, str] = {}
_reasons: Counter[str] = Counter()


class _Counting:
    """A sink that counts. On descriptor 1 the records would be what a test of `capfd` finds there."""

    def write(self, batch: list[Any]) -> None:
        _reasons.update(entry.record.end_reason for entry in batch if entry.line)

    def close(self, deadline: float) -> None:
        return


def pytest_configure(config: pytest.Config) -> None:
    if "autotrace._instrumentation" in sys.modules:
        from autotrace._writer.writer import writer

        writer.sinks = [_Counting()]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    outcome = f"{report.outcome} (expected to fail)" if hasattr(report, "wasxfail") else report.outcome
    before = _outcomes.get(report.nodeid, outcome)
    _outcomes[report.nodeid] = max(before, outcome, key=lambda one: _ORDER.index(one.partition(" ")[0]))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _outcomes[report.nodeid] = "not collected"


def pytest_sessionfinish() -> None:
    found: dict[str, Any] = {"outcomes": _outcomes, "active": False, "records": {}, "failures": {}}
    if "autotrace._instrumentation" in sys.modules:
        import autotrace
        from autotrace import _diagnostics as diagnostics

        autotrace.flush()
        found.update(active=True, records=_reasons, failures=dict(diagnostics.failures))
    Path(os.environ["SUITES_OUTCOMES"], f"{os.getpid()}.json").write_text(json.dumps(found, default=str))
