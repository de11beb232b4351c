"""LangChain's runs: their kinds, and for a run without a span, the recorded run around it.

Every invocation of a runnable is a *run* with a UUID and the UUID of its parent run. Most are the framework's own (a parser, a
lambda, a step of a sequence) and have no span. The parent of a run that begins inside them is the nearest run with a span.
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
"""For each run without a span: the key of the recorded run around it, if there is one."""


class _RunReference(weakref.ref[UUID]):
    """A reference to a run's UUID, which ends the run when the UUID is gone.

    A run never ends if its generator is dropped instead of closed; then nothing holds its UUID any more.
    """

    __slots__ = ("key",)
    key: int


_references: dict[int, _RunReference] = {}
"""The references to the runs that have not ended, by key."""


def key(run_id: UUID) -> int:
    """The key of a run's call. It is not the UUID itself, which must be freed with the run (see `_RunReference`)."""
    return run_id.int


def around(parent_run_id: UUID | None) -> int | None:
    """The key of the recorded run around a run with this parent. None if there is none."""
    return None if parent_run_id is None else _nearest.get(parent_run_id.int, parent_run_id.int)


def enclosing() -> int | None:
    """The key of the recorded run whose code is running now, from LangChain's own context variable. None if there is none."""
    module = sys.modules.get("langchain_core.runnables.config")
    config = None if module is None else module.var_child_runnable_config.get()
    manager = config.get("callbacks") if config else None
    return around(getattr(manager, "parent_run_id", None))


def skip(run_id: UUID, parent_run_id: UUID | None) -> None:
    """Note that this run has no span: runs inside it are children of the recorded run around it."""
    outer = around(parent_run_id)
    if outer is not None:
        _nearest[run_id.int] = outer
        watch(run_id)


def watch(run_id: UUID) -> None:
    """End the run when its UUID is freed, in case it never ends otherwise."""
    reference = _RunReference(run_id, _dropped)
    reference.key = run_id.int
    _references[reference.key] = reference


def _dropped(reference: _RunReference) -> None:
    # A weak reference's callback may run on any thread, while that thread holds any lock. So it must not wait.
    _references.pop(reference.key, None)
    _nearest.pop(reference.key, None)
    call = open_call(reference.key)
    if call is not None:
        call.abandon(may_wait=False)


def forget(run_id: UUID) -> None:
    """Drop what is kept about a run that has ended."""
    _references.pop(run_id.int, None)
    _nearest.pop(run_id.int, None)


_AGENTS = ("langchain_create_agent", "deepagents")
"""``metadata["ls_integration"]`` of agents, and of all runs inside them."""

_CLASSIC_AGENT = "AgentExecutor"
DEFAULT_NAME = "LangGraph"
"""The name of a compiled graph to which the program gives none."""


def kind_of(outer: int | None, name: str, tags: Sequence[str], metadata: Mapping[str, Any], run_type: str | None) -> Kind:
    """The kind of a chain run, from LangChain's name, tags and metadata. `outer` is the key of the recorded run around it."""
    if any(tag.startswith("graph:step:") for tag in tags):
        return "chain" if name.startswith("__") else "node"  # __start__ is not a node of the program
    if name == _CLASSIC_AGENT:
        return "agent"
    nested = outer is not None and open_call(outer) is not None
    # Metadata are inherited. Inside an agent, only another graph has a graph's default name or that agent's name.
    if metadata.get("ls_integration") in _AGENTS and (not nested or name in (metadata.get("lc_agent_name"), DEFAULT_NAME)):
        return "agent"
    return "chain" if nested or run_type in ("prompt", "parser") else "workflow"
