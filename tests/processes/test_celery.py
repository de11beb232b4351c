"""Celery's prefork pool: real tasks over a broker of files, workers that are replaced, a warm shutdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("ollama")
pytest.importorskip("autotrace_ollama")
pytest.importorskip("celery")


def test_each_task_is_recorded(compare: Callable[..., Any]) -> None:
    traced = compare(["tasks.py"])
    assert traced.err.records == []
    assert traced.labels() == {"sender": 1, "late": 1, **{f"task {number}": 1 for number in range(6)}}
    assert len({span["resource"]["process.pid"] for span in traced.calls}) > 3
