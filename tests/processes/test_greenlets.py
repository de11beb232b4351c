"""gevent and eventlet, which patch the standard library after the bootstrap of ``AUTOTRACE=1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("ollama")
pytest.importorskip("autotrace_ollama")

LIBRARIES = ["gevent", "eventlet"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_calls_in_many_greenlets(library: str, compare: Callable[..., Any]) -> None:
    pytest.importorskip(library)
    traced = compare([f"green_{library}.py"])
    steps = [f"step {number}" for number in range(21)]
    assert traced.labels() == {"first": 1, "last": 1, **dict.fromkeys(steps, 2)}
    for step in steps:
        assert traced.parents(step) == {step}
    assert traced.parents("first") == traced.parents("last") == {None}


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_writer_does_not_wait_for_the_programs_greenlets(library: str, compare: Callable[..., Any]) -> None:
    pytest.importorskip(library)
    assert compare(["killed.py", library]).labels() == {"first": 1, "last": 1}
