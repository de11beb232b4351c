"""A pytest plugin that prints the scorecard, or writes it into a file. The matrix itself (`conformance`) does not need it.

Load it with ``-p autotrace.testing.pytest_plugin``, or with ``pytest_plugins = ["autotrace.testing.pytest_plugin"]`` in the
root ``conftest.py``. It has no entry point, because every user who has autotrace and pytest would then pay for its import.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autotrace.testing._scorecard import Scorecard, from_properties, with_scorecard

__all__ = ["pytest_addoption", "pytest_configure", "pytest_terminal_summary"]

_scorecards = pytest.StashKey[Scorecard]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the scorecard."""
    group = parser.getgroup("autotrace")
    group.addoption(
        "--autotrace-scorecard", action="store_true", help="print the conformance scorecard of each library at the end"
    )
    group.addoption(
        "--autotrace-scorecard-file", metavar="FILE", help="write the scorecard into FILE, between its two comment lines"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the scorecard of the session."""
    config.stash[_scorecards] = Scorecard()
    config.pluginmanager.register(_Collector(config.stash[_scorecards]))


class _Collector:
    """Collect the results from the reports, since the tests run in other processes under pytest-xdist."""

    def __init__(self, scorecard: Scorecard) -> None:
        self._scorecard = scorecard

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call":
            for result in from_properties(report.user_properties):
                self._scorecard.add(result)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the scorecards with the figures below them, and write the file."""
    scorecard = config.stash[_scorecards]
    if not scorecard.results:
        return
    if config.getoption("--autotrace-scorecard"):
        terminalreporter.section("autotrace scorecard")
        terminalreporter.write_line(str(scorecard))
        for line in scorecard.figures():
            terminalreporter.write_line(line)
    file = config.getoption("--autotrace-scorecard-file")
    if file:
        path = Path(file)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(with_scorecard(text, scorecard), encoding="utf-8")
