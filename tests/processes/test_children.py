"""Children of every kind that inherit stdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("ollama")
pytest.importorskip("autotrace_ollama")

QUIET = ("-W", "ignore::DeprecationWarning")


@pytest.mark.parametrize(
    ("way", "parent", "child", "above"),
    [
        ("run", 3, 3, None),
        ("popen", 3, 6, None),
        ("posix_spawn", 3, 3, None),
        ("fork", 3, 3, "starting"),
        ("fork_exit", 3, 4, "starting"),
        ("fork_exec", 3, 3, None),
        ("execv", 1, 4, None),
    ],
)
def test_each_call_of_a_child_is_recorded(
    way: str, parent: int, child: int, above: str | None, compare: Callable[..., Any]
) -> None:
    traced = compare([*QUIET, "children.py", way])
    assert traced.err.records == []
    assert traced.labels() == {"parent": parent, "child": child}
    assert traced.parents("child") == {above}


def test_a_fork_brings_no_warning_of_threads(compare: Callable[..., Any]) -> None:
    assert compare(["children.py", "forks"]).labels() == {"parent": 3}


def test_lines_of_the_program_do_not_tear_records(run: Callable[..., Any]) -> None:
    traced = run(["children.py", "prints"], AUTOTRACE="1")
    traced.check(lambda prompt: False)
    assert len(traced.out.records) == 600 + 1 + 3
    assert {line for line in traced.out.lines if not line.startswith("You said")} == {"line"}


def test_half_a_printed_line_swallows_no_record(run: Callable[..., Any]) -> None:
    traced = run(["children.py", "half"], AUTOTRACE="1")
    traced.check(lambda prompt: False)
