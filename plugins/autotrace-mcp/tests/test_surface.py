"""`autotrace coverage mcp`: the messages that the installed generation of the SDK can send."""

from __future__ import annotations

import json
import subprocess
import sys
import typing
from collections import defaultdict
from pathlib import Path
from typing import Any

import mcp.types
import pytest

from autotrace import surface
from autotrace._cli import coverage
from autotrace_mcp import instrumentor, operations

PROGRAM = """
import sys
from autotrace._cli import coverage
code = coverage.main(["mcp", "--json", "--all"])
sys.exit(code or ("mcp" in sys.modules))
"""
CONTENT = {"tools/call", "prompts/get", "sampling/createMessage"}


def sent(union: str) -> set[str]:
    """The names of the messages in a union of the SDK's, which version 1 has under another name."""
    return {one.__name__ for one in typing.get_args(getattr(mcp.types, f"{union}Type", None) or getattr(mcp.types, union))}


def test_each_message_is_listed_on_both_sides_and_nothing_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    requests: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for way in json.loads(done.stdout)["ways"]:
        method, _, where = way["detail"].partition(" ")
        names[where].add(way["function"].partition(":")[2])
        requests[way["verdict"]].add(method)
    assert names == {
        "asked by the client": sent("ClientRequest"),
        "served by the server": sent("ClientRequest"),
        "asked by the server": sent("ServerRequest"),
        "served by the client": sent("ServerRequest"),
        "from the client": sent("ClientNotification"),
        "from the server": sent("ServerNotification"),
    }
    assert requests["covered"] == CONTENT
    assert requests["by option"] <= operations._HOUSEKEEPING
    assert {"ping", "initialize", "tools/list"} <= requests["by option"]
    assert {one.partition("/")[0] for one in requests["not covered"]} == {"notifications"}
    assert {"completion/complete", "resources/read", "elicitation/create"} <= requests["in part"]
    assert not requests["cannot tell"]


TYPES = """
class PingRequest:
    method: Literal["ping"] = "ping"


class CallToolRequest:
    method: Literal["tools/call"] = "tools/call"


class DreamRequest:
    method: Literal["dream"] = "dream"


ClientRequest = PingRequest | CallToolRequest | DreamRequest
"""
SESSION = "class BaseSession:\n    def send_request(self, request): ...\n"


def verdicts() -> dict[str, str]:
    surface.functions.cache_clear()
    found: list[Any] = coverage.findings("mcp", instrumentor)
    surface.functions.cache_clear()
    return {one.detail: one.verdict for one in found}


def test_a_new_message_and_a_target_that_is_gone_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in (("__init__", ""), ("types", TYPES), ("shared/__init__", ""), ("shared/session", SESSION)):
        path = tmp_path / "mcp" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(coverage, "installed_version", {"mcp": "1.30.0"}.get)
    assert verdicts() == {
        "dream asked by the client": "in part",
        "dream served by the server": "not covered",
        "ping asked by the client": "by option",
        "ping served by the server": "not covered",
        "tools/call asked by the client": "covered",
        "tools/call served by the server": "not covered",
    }
