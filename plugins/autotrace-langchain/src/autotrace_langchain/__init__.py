"""autotrace for LangChain and LangGraph: one handler for LangChain's own callbacks, registered for every run of the program.

Agents, graphs and their nodes, tools and retrievers become spans. A model is a *transparent* inference: if the provider's own
plugin is active, its span is the record of the model call, otherwise ours is. Code inside a run (the function of a tool or of a
node) is assigned to the run by the configuration that LangChain keeps in a context variable. For the code of a model LangChain
keeps none there; it is assigned by the few functions that call it, which are the targets.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from autotrace.families import stainless
from autotrace.plugin import Instrumentor, Invocation, Option, RunsInside
from autotrace_langchain import runs, surface
from autotrace_langchain.handler import install


def _of_run_manager(call: Invocation) -> list[int]:
    """The keys of the model calls of ``run_manager``, or of ``run_managers``: one for each prompt of a request."""
    managers = call.argument("run_managers") or [call.argument("run_manager")]
    return [runs.key(manager.run_id) for manager in managers if manager is not None]


def _credentials(call: Invocation) -> list[Any]:
    """The keys of a model, which its class declares as secrets, and the headers that the program has given it."""
    fields = getattr(call.instance, "__dict__", None) or {}
    keys = [read() for value in fields.values() if callable(read := getattr(value, "get_secret_value", None))]
    headers = [fields.get(name) for name in ("default_headers", "headers")]
    return [*keys, *(tuple(one.items()) for one in headers if isinstance(one, Mapping))]


_CHAT = "langchain_core.language_models.chat_models:BaseChatModel"
_LLM = "langchain_core.language_models.llms:BaseLLM"
_RETRIEVER = "langchain_core.retrievers:BaseRetriever"
# Before Python 3.11, a task cannot be given a context, so LangGraph does not pass its configuration to what a node awaits.
_NODE = "langgraph._internal._runnable:RunnableSeq"
_NODES = {f"{_NODE}.ainvoke": RunsInside(), f"{_NODE}.astream": RunsInside()} if sys.version_info < (3, 11) else {}
_RUNNABLE = "langchain_core.runnables.base:Runnable"

instrumentor = Instrumentor(
    requires=("langchain-core>=1,<2", "langchain>=1,<2", "langgraph>=1,<2"),
    on_ready={"langchain_core.tracers.context": install},
    enclosing=runs.enclosing,
    surface=surface.ways,
    uncovered={
        "*.on_agent_*": "the runs of the model and the tools show it already",
        **dict.fromkeys(("*.on_custom_event", "*.on_text"), "does not report a call"),
        **dict.fromkeys(("*:Embeddings.*", "*:BaseCrossEncoder.score"), "has no callbacks; the provider's plugin records it"),
    },
    errors=stainless.ERRORS,
    credentials=_credentials,
    options={
        "chains": Option(
            "nodes",
            "says which chains are spans in addition to roots and agents: LangGraph's nodes, all runnables, or none",
            choices=("nodes", "all", "none"),
        )
    },
    targets={
        f"{_CHAT}._generate_with_cache": RunsInside(_of_run_manager),
        f"{_CHAT}._agenerate_with_cache": RunsInside(_of_run_manager),
        f"{_CHAT}.stream": RunsInside(),
        f"{_CHAT}.astream": RunsInside(),
        f"{_LLM}._generate_helper": RunsInside(_of_run_manager),
        f"{_LLM}._agenerate_helper": RunsInside(_of_run_manager),
        f"{_LLM}.stream": RunsInside(),
        f"{_LLM}.astream": RunsInside(),
        "langchain_core.tools.base:BaseTool.arun": RunsInside(),
        f"{_RETRIEVER}.invoke": RunsInside(),
        f"{_RETRIEVER}.ainvoke": RunsInside(),
        f"{_RUNNABLE}._transform_stream_with_config": RunsInside(),
        f"{_RUNNABLE}._atransform_stream_with_config": RunsInside(),
        **_NODES,
    },
    shapes={
        "langchain-core>=1.4": {
            f"{_CHAT}._iter_v2_events": RunsInside(_of_run_manager),
            f"{_CHAT}._aiter_v2_events": RunsInside(_of_run_manager),
        },
    },
)
