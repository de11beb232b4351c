"""The matrix of a library: each check for each case and side that has what it looks at."""

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

    Raises `DeclarationError` for a check that there is none of, in `checks` or in a case's `exempt`.
    """
    known = {check.name: check for check in all_checks()}
    for name in (*(checks or ()), *(name for case in library.cases for name in case.exempt)):
        if name not in known:
            raise DeclarationError(f"{library!r}: there is no check {name!r}{nearest(name, known)}")
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
"""Checks that `covering` keeps on both sides: the forms in which an answer comes."""


def covering(library: Library) -> list[Cell]:
    """Of the cells of `library`, each check of each case once: on one side, in turn, or on both for the forms of an answer.

    Enough for a plugin of a kind (a family, a transport) of which another is tried in full: what differs between the two
    sides is then the family's, not the plugin's. Every mark of the scorecard has a cell among them.
    """
    sides: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells(library):
        sides.setdefault((cell.case.name, cell.check.name), []).append(cell)
    chosen = []
    for turn, ((_, check), found) in enumerate(sides.items()):
        chosen += found if check in _ON_EACH_SIDE else [found[turn % len(found)]]
    return chosen


def run(library: Library, checks: Sequence[str] | None = None) -> Scorecard:
    """Run the matrix (or only `checks`, by name) and return its scorecard; nothing is raised for what does not hold."""
    scorecard = Scorecard()
    try:
        for cell in cells(library, checks):
            scorecard.add(outcome(cell))
    finally:
        library.close()
    return scorecard


def outcome(cell: Cell) -> Result:
    """Run one cell: how it came out."""
    try:
        cell.run()
    except (Exception, CancelledError) as raised:  # of the library, the plugin or ours, where none is expected
        exc = _innermost(raised)
        if isinstance(exc, NotApplicable):
            return Result.of(cell, "not applicable", str(exc))
        reason = str(exc) if isinstance(exc, NotConform) else f"{cell.name}: {type(exc).__qualname__}: {exc}"
        return Result.of(cell, "failed", reason)
    return Result.of(cell, "passed", "")


def _innermost(exc: BaseException) -> BaseException:
    """What a group of exceptions is about: clients that are task groups make one of whatever leaves them."""
    inside: Sequence[BaseException] = getattr(exc, "exceptions", ())
    return _innermost(inside[0]) if len(inside) == 1 else exc


def conformance(library: Library) -> Callable[..., None]:
    """A test function for pytest that is the whole matrix of `library`, a parameter for each cell:

        test_conformance = conformance(library)

    ``-k early-close`` or ``-k chat-stream-async`` chooses cells. ``-p autotrace.testing.pytest_plugin
    --autotrace-scorecard`` prints the scorecard at the end.
    """
    import pytest

    every = list(cells(library))

    @pytest.mark.parametrize("cell", [pytest.param(cell, id=cell.name) for cell in every])
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
    """A test function for pytest: the file at `path`, a README, carries the scorecard as it came out, between the lines
    `scorecard.BEGIN` and `scorecard.END`:

        test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")

    It stands behind the one that `conformance` made, and is skipped where only some of the checks were run, and by
    ``--autotrace-scorecard-file README.md``, which writes what is to be there at the end.
    """
    import pytest

    def test_scorecard(pytestconfig: pytest.Config) -> None:
        if pytestconfig.getoption("autotrace_scorecard_file", None) is not None:
            pytest.skip("this run writes the scorecard")
        have = {(result.case, result.check, result.side) for result in library.results}
        if not {Result.of(cell, "", "")[1:4] for cell in covering(library)} <= have:
            pytest.skip("only some of the checks were run")
        found = scorecard_of(Path(path).read_text(encoding="utf-8"))
        if found != str(Scorecard(library.results)):
            pytest.fail(
                f"{path} has another scorecard; -p autotrace.testing.pytest_plugin --autotrace-scorecard-file {path} writes it",
                pytrace=False,
            )

    return test_scorecard
