"""Children whose stdout is not the first process's: it is data there, and records go to stderr."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ollama")
pytest.importorskip("autotrace_ollama")

TOOL_CALLS = {"tool 0": 1, "tool 1": 1, "tool 2": 1, "at a time": 3}


def recorded(records: list[dict[str, Any]]) -> set[int]:
    return {span["resource"]["process.pid"] for span in records}


def test_check_output(compare: Callable[..., Any]) -> None:
    traced = compare(["children.py", "check_output"])
    assert traced.labels() == {"parent": 3, "answering": 2}
    assert len(traced.err.records) == len(recorded(traced.err.records)) == 2
    assert len(recorded(traced.out.records)) == 1


@pytest.fixture(params=[1, 2])
def mcp(request: pytest.FixtureRequest) -> dict[str, str]:
    """Variables by which a program has this generation of mcp: of two, one lies in a folder of its own."""
    if request.param == 2:
        version = pytest.importorskip("importlib.metadata").version
        pytest.importorskip("mcp")
        assert version("mcp").startswith("2.")
        return {}
    folder = os.environ.get("MCP1_PATH", "")
    if not Path(folder, "mcp").is_dir():
        pytest.skip("MCP1_PATH names no folder with mcp 1: see the session `processes` of noxfile.py")
    return {"PYTHONPATH": folder}


def test_a_server_on_stdio_keeps_its_records_off_the_protocol(mcp: dict[str, str], compare: Callable[..., Any]) -> None:
    traced = compare(["mcp_client.py", "all"], **mcp)
    assert traced.labels() == {"client": 2, **TOOL_CALLS}
    assert len(traced.out.calls) == 2
    assert len(traced.err.calls) == 6


def test_a_server_that_nobody_has_told_of_autotrace_is_as_it_was(mcp: dict[str, str], compare: Callable[..., Any]) -> None:
    """The SDK's client passes on hardly any variable unless it is told to."""
    traced = compare(["mcp_client.py", "bare"], unrecorded=lambda prompt: not prompt.startswith("client"), **mcp)
    assert traced.labels() == {"client": 2}


def test_a_server_that_is_the_first_active_process(mcp: dict[str, str], compare: Callable[..., Any]) -> None:
    """It knows no other stdout than its own; that this is the protocol the plugin says."""
    traced = compare(["mcp_client.py", "bare"], switch="ENABLE", unrecorded=lambda prompt: prompt.startswith("client"), **mcp)
    assert traced.labels() == TOOL_CALLS
    assert len(traced.err.calls) == 6


def test_a_server_that_is_the_first_active_process_has_a_file_to_write_to(
    mcp: dict[str, str], compare: Callable[..., Any]
) -> None:
    variables = {**mcp, "AUTOTRACE_FILE": "traces.jsonl"}
    line = ["mcp_client.py", "bare"]
    traced = compare(line, switch="ENABLE", unrecorded=lambda prompt: prompt.startswith("client"), **variables)
    assert traced.labels() == TOOL_CALLS
    assert (traced.out.records, traced.err.records, len(traced.file.calls)) == ([], [], 6)
