"""For pytest: ``-p autotrace.testing.pytest_plugin``, or ``pytest_plugins = ["autotrace.testing.pytest_plugin"]`` in the root
``conftest.py``. The matrix itself (`conformance`) needs it not; it prints, and writes, the scorecard.

There is no entry point by which pytest would find it by itself: whoever has autotrace and pytest would pay for its import.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autotrace.testing.scorecard import Scorecard, from_properties

_scorecards = pytest.StashKey[Scorecard]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("autotrace")
    group.addoption(
        "--autotrace-scorecard",
        nargs="?",
        const="-",
        metavar="FILE",
        help="print the scorecard of each library's conformance at the end, and write it to FILE if one is named",
    )


def pytest_configure(config: pytest.Config) -> None:
    """One scorecard for the session."""
    config.stash[_scorecards] = Scorecard()
    config.pluginmanager.register(_Collector(config.stash[_scorecards]))


class _Collector:
    """Takes the results from the reports, which come from other processes under pytest-xdist."""

    def __init__(self, scorecard: Scorecard) -> None:
        self._scorecard = scorecard

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call":
            for result in from_properties(report.user_properties):
                self._scorecard.add(result)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The scorecards, and the figures below them."""
    where = config.getoption("--autotrace-scorecard")
    scorecard = config.stash[_scorecards]
    if where is None or not scorecard.results:
        return
    terminalreporter.section("autotrace scorecard")
    terminalreporter.write_line(str(scorecard))
    for line in scorecard.figures():
        terminalreporter.write_line(line)
    if where != "-":
        Path(where).write_text(f"{scorecard}\n", encoding="utf-8")
