"""autotrace for LangChain and LangGraph, through LangChain's own callbacks: one handler, which every run of the program finds.

Agents, graphs and their nodes, tools and retrievers become spans. A model is a *transparent* inference: where the provider's
own plugin is active its span is the record of the model call, otherwise ours is. What runs inside of a run (the function of a
tool or of a node) is found by the configuration that LangChain keeps in a context variable; the code of a model, for which it
keeps none, by the few functions that call it.
"""

from __future__ import annotations

import sys

from autotrace.families import stainless
from autotrace.plugin import Instrumentor, Invocation, Option, RunsInside
from autotrace_langchain import runs, surface
from autotrace_langchain.handler import install


def _of_run_manager(call: Invocation) -> list[int]:
    """The model call that `run_manager` belongs to; those of several prompts that are one request."""
    managers = call.argument("run_managers") or [call.argument("run_manager")]
    return [runs.key(manager.run_id) for manager in managers if manager is not None]


_CHAT = "langchain_core.language_models.chat_models:BaseChatModel"
_LLM = "langchain_core.language_models.llms:BaseLLM"
_RETRIEVER = "langchain_core.retrievers:BaseRetriever"
# Before Python 3.11 a task cannot be given a context, and LangGraph does not hand its configuration to what a node awaits.
_NODE = "langgraph._internal._runnable:RunnableSeq"
_NODES = {f"{_NODE}.ainvoke": RunsInside(), f"{_NODE}.astream": RunsInside()} if sys.version_info < (3, 11) else {}
_RUNNABLE = "langchain_core.runnables.base:Runnable"

instrumentor = Instrumentor(
    requires=("langchain-core>=1,<2", "langchain>=1,<2", "langgraph>=1,<2"),
    on_ready={"langchain_core.tracers.context": install},
    enclosing=runs.enclosing,
    surface=surface.ways,
    uncovered={
        "*.on_agent_*": "the model and the tools say it already",
        **dict.fromkeys(("*.on_custom_event", "*.on_text"), "says nothing of a call"),
        **dict.fromkeys(("*:Embeddings.*", "*:BaseCrossEncoder.score"), "calls nothing back; the provider's plugin records it"),
    },
    errors=stainless.ERRORS,
    options={
        "chains": Option(
            "nodes",
            "says which chains are spans beside roots and agents: LangGraph's nodes, all runnables, or none",
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
