"""The scorecard: the results of a library's matrix, as a Markdown table for the plugin's README."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from autotrace.testing._cell import Cell
from autotrace.testing._checks.registering import ORDER


class Result(NamedTuple):
    """The result of one cell."""

    library: str
    case: str
    """Empty for a check of the whole library."""
    check: str
    side: str
    """``sync`` or ``async``."""
    verdict: str
    """``passed``, ``failed`` or ``not applicable``."""
    reason: str
    figures: dict[str, str]
    """What was measured, by name."""
    cases: list[str]
    """All cases of the library, in their order."""
    sides: list[str]
    """All sides of the library."""
    exempt: dict[str, str]
    """The checks that the case is exempt from, and why."""

    @classmethod
    def of(cls, cell: Cell, verdict: str, reason: str) -> Result:
        """The result of `cell`."""
        library = cell.library
        return cls(
            library.package,
            "" if cell.check.whole else cell.case.name,
            cell.check.name,
            cell.side.name,
            verdict,
            reason,
            dict(cell.figures),
            [case.name for case in library.cases],
            ["async" if side else "sync" for side in library.sides],
            dict(cell.case.exempt),
        )


_SPLIT = ("call", "stream")
"""Checks with a row for each side."""


BEGIN, END = "<!-- autotrace scorecard -->", "<!-- /autotrace scorecard -->"
"""The comment lines of a file that enclose its scorecard."""


def scorecard_of(text: str) -> str:
    """The scorecard in the text of a file; empty if the comment lines are missing."""
    return text.partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0].strip("\n") if END in text else ""


def with_scorecard(text: str, scorecard: Scorecard) -> str:
    """The text of a file with `scorecard` between the comment lines, which are appended if missing."""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    after = rest.partition(END)[2] if begin else "\n"
    before = before if begin or not before else before.rstrip("\n") + "\n\n"
    return f"{before}{BEGIN}\n{scorecard}\n{END}{after}"


class Scorecard:
    """The results of a matrix. It is true if there are results and none failed; `str()` is the Markdown table."""

    def __init__(self, results: Iterable[Result] = ()) -> None:
        self.results = list(results)

    def add(self, result: Result) -> None:
        """Add one result."""
        self.results.append(result)

    def __bool__(self) -> bool:
        return bool(self.results) and not self.failed

    @property
    def failed(self) -> list[Result]:
        """The results that failed."""
        return [result for result in self.results if result.verdict == "failed"]

    @property
    def libraries(self) -> list[str]:
        """The libraries that have results."""
        return list(dict.fromkeys(result.library for result in self.results))

    def __str__(self) -> str:
        return "\n\n".join(self.table(library) for library in self.libraries)

    def table(self, library: str) -> str:
        """The table of one library: a row per check, a column per case, and below it the exemptions with their reasons."""
        results = [result for result in self.results if result.library == library]
        cases = results[0].cases
        lines = [f"| {library} ({', '.join(results[0].sides)}) | {' | '.join(cases)} |", "|---" * (len(cases) + 1) + "|"]
        exempt = {(result.case, check): why for result in results for check, why in result.exempt.items()}
        for check in ORDER:
            for title, side in _rows(check):
                marks = [_mark(results, case, check, side, exempt) for case in cases]
                lines.append(f"| {title} | {' | '.join(marks)} |")
        lines += ["", "✓ holds on each side that the library has · ✗ does not · – not applicable · † exempt"]
        exemptions = sorted((cases.index(case), ORDER.index(check), why) for (case, check), why in exempt.items() if case)
        lines += [f"† {cases[case]}, {ORDER[check]}: {why}" for case, check, why in exemptions]
        return "\n".join(lines)

    def figures(self) -> list[str]:
        """What was measured, one line per figure."""
        return [
            f"{result.library} {result.case} {result.side}: {what}: {figure}"
            for result in self.results
            for what, figure in result.figures.items()
        ]


def _rows(check: str) -> list[tuple[str, str]]:
    if check not in _SPLIT:
        return [(check, "")]
    return [(f"{side} {check}", side) for side in ("sync", "async")]


def _mark(results: list[Result], case: str, check: str, side: str, exempt: dict[tuple[str, str], str]) -> str:
    if (case, check) in exempt:
        return "†"
    verdicts = [
        result.verdict
        for result in results
        if result.check == check and result.case in (case, "") and side in ("", result.side)
    ]
    if "failed" in verdicts:
        return "✗"
    holds = "measured" if check == "overhead" else "✓"
    return holds if "passed" in verdicts else "–"


def from_properties(properties: Iterable[tuple[str, Any]]) -> list[Result]:
    """The results among the ``user_properties`` of a pytest report."""
    return [Result(**value) for name, value in properties if name == "autotrace"]
