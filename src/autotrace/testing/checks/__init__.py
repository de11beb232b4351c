"""The checks of the matrix, by subject. Each is a coroutine of a `Cell`, whose docstring says what it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from autotrace.testing.cell import Cell, Check

_Run = Callable[[Cell], Awaitable[None]]
_checks: dict[str, Check] = {}


def check(
    name: str,
    *,
    needs: str = "any",
    faults: Sequence[str] = (),
    sides: tuple[bool, ...] = (False, True),
    whole: bool = False,
) -> Callable[[_Run], _Run]:
    """Declare a check: the fields are those of `Check`."""

    def declare(run: _Run) -> _Run:
        _checks[name] = Check(name, run, needs, tuple(faults), sides, whole)
        return run

    return declare


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the scorecard."""
    from autotrace.testing.checks import costs, endings, records, scopes, targets, unchanged  # noqa: F401

    return tuple(sorted(_checks.values(), key=lambda one: ORDER.index(one.name)))


ORDER = (
    "call",
    "stream",
    "raw",
    "error",
    "broken stream",
    "early close",
    "never read",
    "garbage collection",
    "cancel",
    "concurrency",
    "same result",
    "same stream",
    "same exception",
    "same traffic",
    "same laziness",
    "same warnings",
    "nesting",
    "transparency",
    "suppression",
    "content off",
    "double enable",
    "late activation",
    "revert",
    "memory",
    "overhead",
    "signature",
    "pickling",
    "originals",
    "early activation",
)
"""In which they stand on the scorecard."""
