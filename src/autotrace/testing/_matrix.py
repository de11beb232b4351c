"""The matrix of a library: each check for each case and side to which it applies."""

from __future__ import annotations

import os
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Union

from autotrace.errors import DeclarationError, nearest
from autotrace.testing._cell import Cell, Check, NotApplicable, NotConform
from autotrace.testing._checks import all_checks
from autotrace.testing._library import Library
from autotrace.testing._scorecard import Result, Scorecard, scorecard_of


def cells(library: Library, checks: Sequence[str] | None = None) -> Iterator[Cell]:
    """The cells of `library` that apply, in the order of its cases and of the scorecard; only those of `checks`, if given.

    Raises `DeclarationError` for an unknown check in `checks` or in the `exempt` of a case.
    """
    known = {check.name: check for check in all_checks()}
    for name in (*(checks or ()), *(name for case in library.cases for name in case.exempt)):
        if name not in known:
            raise DeclarationError(f"{library!r}: {name!r} is not a known check{nearest(name, known)}")
    for check in known.values():
        if checks is None or check.name in checks:
            yield from _of_check(library, check)


def _of_check(library: Library, check: Check) -> Iterator[Cell]:
    for case in library.cases[: 1 if check.whole else None]:
        for asynchronous in library.sides:
            cell = Cell(library, case, asynchronous, check)
            if asynchronous in check.sides and _applies(cell):
                yield cell
                if check.whole:
                    break


def _applies(cell: Cell) -> bool:
    if cell.check.name in cell.case.exempt or not cell.has(cell.check.needs):
        return False
    return not cell.check.faults or bool(cell.faults)


_ON_EACH_SIDE = ("call", "stream", "raw")
"""Checks that `covering` keeps on both sides: the forms of an answer."""


def covering(library: Library) -> list[Cell]:
    """A part of the cells of `library`: each check of each case, on alternating sides, and on both for the forms of an answer.

    This is enough for a plugin if another plugin of its kind (family, transport) runs in full: differences between the two
    sides then come from the family, not from the plugin. Every mark of the scorecard has a cell among them.
    """
    sides: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells(library):
        sides.setdefault((cell.case.name, cell.check.name), []).append(cell)
    chosen = []
    for turn, ((_, check), both) in enumerate(sides.items()):
        chosen += both if check in _ON_EACH_SIDE else [both[turn % len(both)]]
    return chosen


def run(library: Library, checks: Sequence[str] | None = None) -> Scorecard:
    """Run the matrix (or only `checks`, by name) and return its scorecard. A failed check does not raise."""
    scorecard = Scorecard()
    try:
        for cell in cells(library, checks):
            scorecard.add(outcome(cell))
    finally:
        library.close()
    return scorecard


def outcome(cell: Cell) -> Result:
    """Run one cell, and return its result."""
    try:
        cell.run()
    except (Exception, CancelledError) as raised:  # unexpected: of the library, of the plugin or of ours
        exc = _innermost(raised)
        if isinstance(exc, NotApplicable):
            return Result.of(cell, "not applicable", str(exc))
        reason = str(exc) if isinstance(exc, NotConform) else f"{cell.name}: {type(exc).__qualname__}: {exc}"
        return Result.of(cell, "failed", reason)
    return Result.of(cell, "passed", "")


def _innermost(exc: BaseException) -> BaseException:
    """The exception inside a group of one: clients that are task groups put every exception into a group."""
    inside: Sequence[BaseException] = getattr(exc, "exceptions", ())
    return _innermost(inside[0]) if len(inside) == 1 else exc


def conformance(library: Library) -> Callable[..., None]:
    """Return a test function for pytest: the whole matrix of `library`, with a parameter for each cell:

        test_conformance = conformance(library)

    ``-k early-close`` or ``-k chat-stream-async`` selects cells. ``-p autotrace.testing.pytest_plugin
    --autotrace-scorecard`` prints the scorecard at the end.
    """
    import pytest

    all_cells = list(cells(library))

    @pytest.mark.parametrize("cell", [pytest.param(cell, id=cell.name) for cell in all_cells])
    def test_conformance(cell: Cell, request: pytest.FixtureRequest) -> None:
        module: Any = request.node.getparent(pytest.Module)
        module.addfinalizer(library.close)
        result = outcome(cell)
        library.results.append(result)
        request.node.user_properties.append(("autotrace", result._asdict()))
        if result.verdict == "not applicable":
            pytest.skip(result.reason)
        if result.verdict == "failed":
            pytest.fail(result.reason, pytrace=False)

    test_conformance.__doc__ = f"The conformance of the plugin for {library.package}."
    return test_conformance


def carries_scorecard(library: Library, path: Union[str, os.PathLike[str]]) -> Callable[..., None]:
    """Return a test function for pytest: the file at `path`, a README, has the scorecard of this run, between its two
    comment lines:

        test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")

    Put it after the test function of `conformance`. It is skipped if only some of the checks were run, and with
    ``--autotrace-scorecard-file README.md``, which writes the scorecard at the end.
    """
    import pytest

    def test_scorecard(pytestconfig: pytest.Config) -> None:
        if pytestconfig.getoption("autotrace_scorecard_file", None) is not None:
            pytest.skip("this run writes the scorecard")
        ran = {(result.case, result.check, result.side) for result in library.results}
        if not {Result.of(cell, "", "")[1:4] for cell in covering(library)} <= ran:
            pytest.skip("only some of the checks were run")
        written = scorecard_of(Path(path).read_text(encoding="utf-8"))
        if written != str(Scorecard(library.results)):
            pytest.fail(
                f"{path}: its scorecard is not up to date; to write it, run pytest with -p autotrace.testing.pytest_plugin "
                f"--autotrace-scorecard-file {path}",
                pytrace=False,
            )

    return test_scorecard
