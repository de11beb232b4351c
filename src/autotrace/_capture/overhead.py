"""What our own code costs on the threads of callers: how many calls it has looked at, and how long it took for some."""

from __future__ import annotations

from collections import deque

from autotrace import _diagnostics as diagnostics
from autotrace import _process

counted = diagnostics.Counter()
"""The calls of replaced functions in this process that were looked at."""

timed: deque[int] = deque(maxlen=256)
"""Nanoseconds that our own code took on the caller's thread around a call: of one call in `_ONE_IN`, the newest."""

_ONE_IN = 64
_TURN = 8
"""Not the very first, which starts the writer."""


def is_timed() -> bool:
    """Count a call; whether it is one of those that are timed."""
    return counted.add() % _ONE_IN == _TURN


def _in_child() -> None:
    counted.reset()
    timed.clear()
    diagnostics.failures.clear()


_process.forks.add(in_child=_in_child)
