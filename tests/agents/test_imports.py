"""Import hooks of other agents on the same modules as ours.

Each is told what it is told alone, and leaves what it leaves alone.
"""

from __future__ import annotations

from typing import Any

import pytest

OURS = "autotrace.hooks._finder.Finder"
AGENTS = ("wrapt", "ddtrace", "newrelic")
ALL_THREADS = [f"own_{number}" for number in range(8)]
TOLD = {
    "plain": ["one"],
    "package": ["one", "one.leaf"],
    "submodule": ["one.leaf"],
    "reload": ["one", "one"],
    "deleted": ["one.leaf", "one.leaf"],
    "zipped": ["one", "one.leaf"],
    "namespace": ["one", "one.leaf"],
    "extension": ["cmath"],
    "lazy": ["one"],
    "already": ["one.leaf"],
    "running": ["one"],
    "failed": ["one"],
    "callback": ["one"],
    "missing": [],
    "threads": sorted(["one", "one.leaf", "two", *ALL_THREADS]),
}
"""Of which modules our callback is told, by history (`programs/imports.py`)."""


@pytest.mark.parametrize("history", TOLD)
@pytest.mark.parametrize("order", ["ours-first", "ours-last"])
@pytest.mark.parametrize("agent", AGENTS)
def test_both_are_told_what_each_is_told_alone(run: Any, agent: str, order: str, history: str) -> None:
    both = run("imports", history, *(("ours", agent) if order == "ours-first" else (agent, "ours")), needs=(agent,))
    ours, theirs = run("imports", history, "ours"), run("imports", history, agent)

    assert [name for name, *_ in both["during"]["told"]["ours"]] == TOLD[history]
    assert all(right for _, right, *_ in both["during"]["told"]["ours"])
    assert both["during"]["told"] == {**ours["during"]["told"], **theirs["during"]["told"]}
    assert both["during"]["meta_path"].count(OURS) == 1
    assert [one for one in both["during"]["meta_path"] if one != OURS] == theirs["during"]["meta_path"]
    assert both["during"]["modules"] == theirs["during"]["modules"]

    # We have left: what is there is what the other agent alone leaves there, and it goes on as it would alone.
    for when in ("after", "later"):
        assert both[when]["told"].pop("ours") == []
        assert both[when] == theirs[when]
    assert both["warnings"] == theirs["warnings"]
    assert len(both["said"]) == (1 if history == "callback" else 0), both["said"]
