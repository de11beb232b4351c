"""Tests of plugins and of programs: capture records, and check that a plugin keeps autotrace's promises.

`capture` returns the records of a block. `check` compares an `Instrumentor` with the installed library, without a call.
`Library` and `Case` describe a library as a program uses it, and `conformance` makes the matrix of tests from them.
`autotrace.testing.provider` is an LLM provider on loopback.
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
