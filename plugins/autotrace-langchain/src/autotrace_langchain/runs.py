"""LangChain's runs: what kind each is, and in which recorded run it is, for those that are no spans of their own.

Every invocation of a runnable is a *run* with a UUID and the UUID of the run around it. Most are the framework's own (a
parser, a lambda, a step of a sequence) and no spans: what begins inside of such a run belongs to the nearest one that is.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Optional
from uuid import UUID

from autotrace.plugin import open_call

Kind = Literal["agent", "workflow", "node", "chain"]

_nearest: dict[int, Optional[int]] = {}
"""The runs that are no spans: the key of the recorded run around each, if there is one."""


class _Life(weakref.ref[UUID]):
    """Ends a run that never ends: nobody has its UUID any more, since the generator that it ran in was dropped, not closed."""

    __slots__ = ("key",)
    key: int


_lives: dict[int, _Life] = {}


def key(run_id: UUID) -> int:
    """The key of a run's call. Not the UUID itself, which is to die with the run."""
    return run_id.int


def around(parent_run_id: UUID | None) -> int | None:
    """The key of the recorded run that a run with this parent is in."""
    return None if parent_run_id is None else _nearest.get(parent_run_id.int, parent_run_id.int)


def enclosing() -> int | None:
    """The key of the recorded run whose code is running here, as LangChain's own context variable has it."""
    module = sys.modules.get("langchain_core.runnables.config")
    config = None if module is None else module.var_child_runnable_config.get()
    manager = config.get("callbacks") if config else None
    return around(getattr(manager, "parent_run_id", None))


def pass_over(run_id: UUID, parent_run_id: UUID | None) -> None:
    """This run is no span; what begins inside of it is inside of what is around it."""
    outer = around(parent_run_id)
    if outer is not None:
        _nearest[run_id.int] = outer
        watch(run_id)


def watch(run_id: UUID) -> None:
    """Note when the run is gone, if it never ends."""
    life = _Life(run_id, _gone)
    life.key = run_id.int
    _lives[life.key] = life


def _gone(life: _Life) -> None:
    # On any thread, inside anybody's locks.
    _lives.pop(life.key, None)
    _nearest.pop(life.key, None)
    call = open_call(life.key)
    if call is not None:
        call.abandon(may_wait=False)


def forget(run_id: UUID) -> None:
    """The run has ended."""
    _lives.pop(run_id.int, None)
    _nearest.pop(run_id.int, None)


_AGENTS = ("langchain_create_agent", "deepagents")
"""`metadata["ls_integration"]` of agents, and of all that runs inside of them."""

_CLASSIC_AGENT = "AgentExecutor"
DEFAULT_NAME = "LangGraph"
"""What a compiled graph is called that has no name."""


def kind_of(outer: int | None, name: str, tags: Sequence[str], metadata: Mapping[str, Any], run_type: str | None) -> Kind:
    """What a chain run is, by what LangChain says of it. `outer` is the key of the recorded run around it."""
    if any(tag.startswith("graph:step:") for tag in tags):
        return "chain" if name.startswith("__") else "node"  # the graph's own: __start__
    if name == _CLASSIC_AGENT:
        return "agent"
    nested = outer is not None and open_call(outer) is not None
    # The metadata are inherited: inside of an agent only another graph has a graph's or that agent's name.
    if metadata.get("ls_integration") in _AGENTS and (not nested or name in (metadata.get("lc_agent_name"), DEFAULT_NAME)):
        return "agent"
    return "chain" if nested or run_type in ("prompt", "parser") else "workflow"
