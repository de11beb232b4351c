"""multiprocessing and concurrent.futures, by every start method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("ollama")
pytest.importorskip("autotrace_ollama")

QUIET = ("-W", "ignore::DeprecationWarning")
METHODS = ["fork", "forkserver", "spawn"]
PARTS = {"process": 4, "pool": 4, "executor": 4}


@pytest.mark.parametrize("method", METHODS)
def test_each_call_of_a_child_is_recorded(method: str, compare: Callable[..., Any]) -> None:
    traced = compare([*QUIET, "pools.py", method, ",".join(PARTS)])
    assert traced.err.records == []
    assert traced.labels() == {"parent": 2, **PARTS}


@pytest.mark.parametrize("method", METHODS)
def test_the_calls_of_workers_that_their_pool_terminates_are_recorded(method: str, compare: Callable[..., Any]) -> None:
    assert compare([*QUIET, "pools.py", method, "terminated"]).labels() == {"parent": 2, "terminated": 4}


@pytest.mark.parametrize("method", METHODS)
def test_activation_in_the_code_of_the_main_program_reaches_forked_children_only(
    method: str, compare: Callable[..., Any]
) -> None:
    def unrecorded(prompt: str) -> bool:
        return method != "fork" and not prompt.startswith("parent")

    traced = compare([*QUIET, "pools.py", method, ",".join(PARTS)], switch="ENABLE", unrecorded=unrecorded)
    assert traced.labels() == {"parent": 2, **(PARTS if method == "fork" else {})}


@pytest.mark.parametrize("method", METHODS)
def test_replaced_functions_are_pickled_by_name(method: str, compare: Callable[..., Any]) -> None:
    traced = compare([*QUIET, "submits.py", method], PYTHONPATH=".")
    assert traced.labels() == {"acme-1b function": 3, "acme-1b method": 3}
    assert traced.parents("acme-1b function") == traced.parents("acme-1b method") == {"ask acme-1b"}
