"""The callback handler: it records the start, the chunks, the retries and the end of LangChain's runs.

It derives from LangChain's `BaseCallbackHandler` only once it is installed, because the plugin does not import LangChain. It
has the attributes that the callback managers of langchain-core 1 read. It runs inline, also in the asynchronous manager, which
would otherwise use a thread for each event. Its methods may be called on any thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, Optional
from uuid import UUID

from autotrace.plugin import Operation, open_call, options, safe_callback, start
from autotrace_langchain import runs
from autotrace_langchain.operations import CHAT, COMPLETION, RETRIEVAL, RUNS, TOOL
from autotrace_langchain.payloads import (
    answer_of,
    attributes_of,
    fields_of,
    model_request,
    name_of,
    place_of,
    provider_of,
    state_of,
)


def _is_interruption(exc: BaseException) -> bool:
    """Whether a graph is interrupted (to ask a human, for instance) or a node hands over to its parent graph. Not a failure."""
    return any(base.__name__ == "GraphBubbleUp" and base.__module__ == "langgraph.errors" for base in type(exc).__mro__)


def _end(run_id: UUID, response: Any = None) -> None:
    call = open_call(runs.key(run_id))
    runs.forget(run_id)
    if call is not None:
        call.finish(response)


def _fail(run_id: UUID, exc: BaseException, partial: Any = None) -> None:
    call = open_call(runs.key(run_id))
    runs.forget(run_id)
    if call is None:
        return
    if partial is not None:
        call.partial(partial)
    if isinstance(exc, GeneratorExit):
        call.abandon()
    elif _is_interruption(exc):
        call.set_attribute("autotrace.langchain.interrupted", True)
        call.finish()
    else:
        call.fail(exc)


class _Run(NamedTuple):
    """The fields of a run that every start event has."""

    id: UUID
    parent: UUID | None
    tags: Sequence[str]
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> _Run:
        """The run of a start event, from the event's keyword arguments."""
        return cls(event["run_id"], event.get("parent_run_id"), event.get("tags") or (), event.get("metadata") or {})


class Handler:
    """The only handler of this process. Its attributes tell the callback managers how to call it."""

    raise_error = False
    run_inline = True
    ignore_llm = ignore_chat_model = ignore_chain = ignore_agent = ignore_retriever = ignore_retry = False
    ignore_custom_event = True

    def _begin(self, operation: Operation, request: Any, run: _Run, **more: Any) -> None:
        attributes = {**attributes_of(run.tags, run.metadata), **more.pop("attributes", {})}
        start(operation, request, key=runs.key(run.id), parent=runs.around(run.parent), attributes=attributes, **more)
        if open_call(runs.key(run.id)) is not None:
            runs.watch(run.id)

    def _begin_model(self, operation: Operation, messages: list[Any], serialized: Any, event: Mapping[str, Any]) -> None:
        run = _Run.of(event)
        request = model_request(messages, event.get("invocation_params") or {}, run.metadata)
        provider, server = provider_of(run.metadata, serialized)
        self._begin(operation, request, run, provider=provider, attributes=server)

    @safe_callback
    def on_chat_model_start(self, serialized: Any, messages: list[list[Any]], **event: Any) -> None:
        self._begin_model(CHAT, [fields_of(message) for message in messages[0]], serialized, event)

    @safe_callback
    def on_llm_start(self, serialized: Any, prompts: list[str], **event: Any) -> None:
        self._begin_model(COMPLETION, prompts, serialized, event)

    @safe_callback
    def on_llm_new_token(self, token: Any, *, run_id: UUID, **_: Any) -> None:
        call = open_call(runs.key(run_id))
        if call is None:
            return
        if not call.received:
            call.set_attribute("gen_ai.request.stream", True)
        call.chunk(None)  # on_llm_end gets the whole response

    @safe_callback
    def on_stream_event(self, event: Any, *, run_id: UUID, **_: Any) -> None:
        self.on_llm_new_token(event, run_id=run_id)

    @safe_callback
    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        _end(run_id, answer_of(response))

    @safe_callback
    def on_llm_error(self, error: BaseException, *, run_id: UUID, response: Any = None, **_: Any) -> None:
        _fail(run_id, error, answer_of(response))

    @safe_callback
    def on_retry(self, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        call = open_call(runs.key(run_id))
        if call is not None:
            outcome, action = retry_state.outcome, retry_state.next_action
            call.retry(action.sleep if action is not None else 0.0, outcome.exception() if outcome is not None else None)

    @safe_callback
    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_type: str | None = None, name: str | None = None, **event: Any
    ) -> None:
        run = _Run.of(event)
        outer = runs.around(run.parent)
        kind = runs.kind_of(runs.enclosing() if outer is None else outer, name or "", run.tags, run.metadata, run_type)
        recorded = options().get("chains", "nodes")
        if (kind == "chain" and recorded != "all") or (kind == "node" and recorded == "none"):
            runs.skip(run.id, run.parent)
        elif kind in ("agent", "workflow"):
            self._begin(RUNS[kind], {"name": name_of(kind, name, run.metadata), "inputs": state_of(inputs)}, run)
        else:
            attributes = place_of(run.metadata) if kind == "node" else {}
            self._begin(RUNS[kind], None, run, name=name or kind, attributes=attributes)

    @safe_callback
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        call = open_call(runs.key(run_id))
        _end(run_id, {"outputs": state_of(outputs)} if call is not None and call.operation.response else None)

    @safe_callback
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        _fail(run_id, error)

    @safe_callback
    def on_tool_start(
        self,
        serialized: Mapping[str, Any] | None,
        input_str: str,
        *,
        inputs: Any = None,
        tool_call_id: str | None = None,
        name: str | None = None,
        **event: Any,
    ) -> None:
        run, tool = _Run.of(event), serialized or {}
        request = {
            "name": tool.get("name") or name,
            "description": tool.get("description"),
            "id": tool_call_id,
            "arguments": input_str if inputs is None else inputs,
        }
        agent = run.metadata.get("lc_agent_name")
        self._begin(TOOL, request, run, attributes={"gen_ai.agent.name": agent} if agent else {})

    @safe_callback
    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        _end(run_id, {"output": output.__dict__ if hasattr(output, "tool_call_id") else output})

    @safe_callback
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        _fail(run_id, error)

    @safe_callback
    def on_retriever_start(self, serialized: Any, query: str, *, name: str | None = None, **event: Any) -> None:
        attributes = {"autotrace.langchain.retriever": name} if name else {}
        self._begin(RETRIEVAL, {"query": query}, _Run.of(event), attributes=attributes)

    @safe_callback
    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        _end(run_id, {"documents": [document.__dict__ for document in documents]})

    @safe_callback
    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        _fail(run_id, error)

    def _ignore(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: an agent's decisions are visible in its model's and tools' runs; text and custom events are not calls."""

    on_agent_action = on_agent_finish = on_text = on_custom_event = _ignore


def _class() -> type[Handler]:
    """The handler's class as LangChain's annotations want it: run-time type checkers compare handlers with them."""
    base = getattr(sys.modules.get("langchain_core.callbacks.base"), "BaseCallbackHandler", None)
    return Handler if base is None else type("Handler", (Handler, base), {"__module__": __name__})


def install(module: Any) -> Callable[[], None]:
    """Register the handler in `module` (``langchain_core.tracers.context``). Returns the function that unregisters it.

    Every callback manager then has the handler, on every thread, because a context variable's default holds in all of them.
    """
    handler = _class()()
    variable: ContextVar[Optional[Handler]] = ContextVar("autotrace", default=handler)
    module.register_configure_hook(variable, inheritable=True)

    def uninstall() -> None:
        module._configure_hooks[:] = [hook for hook in module._configure_hooks if hook[0] is not variable]

    return uninstall
