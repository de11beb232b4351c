"""What autotrace costs on the callers' threads: how many calls it has handled, and how long it took for a sample of them."""

from __future__ import annotations

from collections import deque

from autotrace import _diagnostics as diagnostics
from autotrace import _process

counted = diagnostics.Counter()
"""The calls of replaced functions in this process."""

timed: deque[int] = deque(maxlen=256)
"""Nanoseconds of autotrace's own code on the caller's thread around a call: one call in `_ONE_IN`, the newest ones."""

_ONE_IN = 64
_TURN = 8
"""Not the first call, which starts the writer."""


def is_timed() -> bool:
    """Count a call. Returns whether it is one of those that are timed."""
    return counted.add() % _ONE_IN == _TURN


def _in_child() -> None:
    counted.reset()
    timed.clear()
    diagnostics.failures.clear()


_process.forks.add(in_child=_in_child)
