"""The checks of the matrix, by subject.

In: a `Cell`, one case of a library on one side.
Out: nothing, or an `AssertionError` that says which promise is broken. The docstring of a check says what it requires.
"""

from __future__ import annotations

from autotrace.testing._cell import Check
from autotrace.testing._checks.registering import ORDER, declared


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the scorecard."""
    from autotrace.testing._checks import content, costs, endings, records, scopes, targets, unchanged  # noqa: F401

    return tuple(sorted(declared.values(), key=lambda check: ORDER.index(check.name)))
