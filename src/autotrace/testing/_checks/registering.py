"""How a check is declared, and the order of the checks on the scorecard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from autotrace.testing._cell import Cell, Check

_Run = Callable[[Cell], Awaitable[None]]
declared: dict[str, Check] = {}


def check(
    name: str,
    *,
    needs: str = "any",
    faults: Sequence[str] = (),
    sides: tuple[bool, ...] = (False, True),
    whole: bool = False,
) -> Callable[[_Run], _Run]:
    """Declare a check. The arguments are the fields of `Check`."""

    def declare(run: _Run) -> _Run:
        declared[name] = Check(name, run, needs, tuple(faults), sides, whole)
        return run

    return declare


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
"""The order of the checks on the scorecard."""
