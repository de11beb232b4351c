"""For tests of plugins and of programs: capture what is recorded, and hold a plugin to what autotrace promises.

`capture` gives the records of a block. `check` says what can be said of an `Instrumentor` without a call. `Library` and
`Case` describe a library as a program uses it, and `conformance` makes the matrix of tests from that.
`autotrace.testing.provider` is an LLM provider on the loopback.
"""

from __future__ import annotations

from autotrace.testing._capturing import Capture, capture
from autotrace.testing._declarations import Finding, Report, check
from autotrace.testing._library import Ask, Case, Library
from autotrace.testing._matrix import carries_scorecard, conformance, run
from autotrace.testing._scorecard import Scorecard

__all__ = [
    "Ask",
    "Capture",
    "Case",
    "Finding",
    "Library",
    "Report",
    "Scorecard",
    "capture",
    "carries_scorecard",
    "check",
    "conformance",
    "run",
]
