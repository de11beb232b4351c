"""The handler that LangChain calls back: a run begins, goes on and ends.

It is no `BaseCallbackHandler`, as that would mean to import LangChain; it has the attributes that the callback managers of
langchain-core 0.3 to 1.x read. It runs inline: in the asynchronous manager too, which would otherwise take a thread for each
event. Any of its methods may be called on any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Optional
from uuid import UUID

from autotrace.plugin import Call, Operation, guarded, open_call, options, start
from autotrace_langchain import runs
from autotrace_langchain.operations import CHAT, COMPLETION, RETRIEVAL, RUNS, TOOL

PROVIDERS = {
    "azure": "azure.ai.openai",
    "amazon_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "google_anthropic_vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
    "ibm": "ibm.watsonx.ai",
    "openai-codex": "openai",
}
"""`metadata["ls_provider"]` to the conventions' name, where that is another one."""

_PARAMETERS = (
    *("model", "model_name", "model_id", "temperature", "max_tokens", "max_completion_tokens", "max_output_tokens"),
    *("top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "n", "stop", "stop_sequences"),
    *("response_format", "tools"),
)
"""What is read of an invocation's parameters, which may hold anything, a client with its key included."""

_INTERNAL = ("ls_", "lc_", "langgraph_", "__", "checkpoint_", "thread_id", "langsmith_")
_STEPS = ("seq:step:", "graph:step:", "map:key:", "condition:", "branch:", "retry:", "langsmith:")


def _attributes(tags: Sequence[str] | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation, and the program's own tags and metadata, without those that the framework adds."""
    found: dict[str, Any] = {}
    thread = metadata.get("thread_id")
    if thread is not None:
        found["gen_ai.conversation.id"] = str(thread)
    own = [tag for tag in tags or () if not tag.startswith(_STEPS)]
    if own:
        found["autotrace.langchain.tags"] = own
    given = {name: value for name, value in metadata.items() if not name.startswith(_INTERNAL)}
    if given:
        found["autotrace.langchain.metadata"] = given
    return found


def _fields(value: Any) -> Any:
    """A message's own fields: what it is called is a default of its class, and would be left out of a model that is frozen."""
    return value.__dict__ if hasattr(value, "response_metadata") else value


def _state(value: Any) -> Any:
    """The inputs or outputs of a graph or a chain, with the messages in them as their fields."""
    if isinstance(value, Mapping) and isinstance(value.get("messages"), (list, tuple)):
        return {"messages": [_fields(one) for one in value["messages"]]}
    if isinstance(value, (list, tuple)):
        held = [_fields(one) for one in value]
        return {"messages": held} if held and all(hasattr(one, "response_metadata") for one in value) else held
    return _fields(value)


def _answer(response: Any) -> dict[str, Any] | None:
    """An `LLMResult` as the dialect reads it; ``None`` where nothing was said."""
    generations: Any = response.generations[0] if response is not None and response.generations else []
    said: list[dict[str, Any]] = []
    for one in generations if isinstance(generations, list) else [generations]:
        message = getattr(one, "message", None)
        fields = {"type": "ai", "content": one.text} if message is None else dict(message.__dict__)
        said.append({**fields, "generation_info": one.generation_info})
    if not any(one.get("content") or one.get("tool_calls") or one.get("usage_metadata") for one in said):
        return None
    return {"messages": said, "llm_output": response.llm_output}


def _is_interruption(exc: BaseException) -> bool:
    """Whether a graph is interrupted, to ask a human for instance, or a node hands over to its parent graph: no failure."""
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


class Handler:
    """The one handler of this process. Its attributes say to the callback managers how it wants to be called."""

    raise_error = False
    run_inline = True
    ignore_llm = ignore_chat_model = ignore_chain = ignore_agent = ignore_retriever = ignore_retry = False
    ignore_custom_event = True

    def _begin(
        self,
        operation: Operation,
        request: Any,
        run_id: UUID,
        parent_run_id: UUID | None,
        tags: Sequence[str] | None,
        metadata: Mapping[str, Any],
        **more: Any,
    ) -> Call:
        attributes = {**_attributes(tags, metadata), **more.pop("attributes", {})}
        call = start(operation, request, key=runs.key(run_id), parent=runs.around(parent_run_id), attributes=attributes, **more)
        if open_call(runs.key(run_id)) is not None:
            runs.watch(run_id)
        return call

    @guarded
    def on_chat_model_start(
        self,
        serialized: Any,
        messages: list[list[Any]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self._begin_model(
            CHAT, [_fields(one) for one in messages[0]], run_id, parent_run_id, tags, metadata or {}, invocation_params or {}
        )

    @guarded
    def on_llm_start(
        self,
        serialized: Any,
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self._begin_model(COMPLETION, prompts, run_id, parent_run_id, tags, metadata or {}, invocation_params or {})

    def _begin_model(
        self,
        operation: Operation,
        messages: list[Any],
        run_id: UUID,
        parent_run_id: UUID | None,
        tags: list[str] | None,
        metadata: Mapping[str, Any],
        params: Mapping[str, Any],
    ) -> None:
        request = {
            "messages": messages,
            "params": {name: params[name] for name in _PARAMETERS if params.get(name) is not None},
            "defaults": {name: value for name, value in metadata.items() if name.startswith("ls_")},
        }
        provider = metadata.get("ls_provider")
        self._begin(operation, request, run_id, parent_run_id, tags, metadata, provider=PROVIDERS.get(str(provider), provider))

    @guarded
    def on_llm_new_token(self, token: Any, *, run_id: UUID, **_: Any) -> None:
        call = open_call(runs.key(run_id))
        if call is None:
            return
        if call.chunks is None:
            call.set_attribute("gen_ai.request.stream", True)
        call.chunk(None)  # LangChain says at the end what they add up to

    @guarded
    def on_stream_event(self, event: Any, *, run_id: UUID, **_: Any) -> None:
        self.on_llm_new_token(event, run_id=run_id)

    @guarded
    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        _end(run_id, _answer(response))

    @guarded
    def on_llm_error(self, error: BaseException, *, run_id: UUID, response: Any = None, **_: Any) -> None:
        _fail(run_id, error, _answer(response))

    @guarded
    def on_retry(self, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        call = open_call(runs.key(run_id))
        if call is not None:
            outcome, action = retry_state.outcome, retry_state.next_action
            call.retry(action.sleep if action is not None else 0.0, outcome.exception() if outcome is not None else None)

    @guarded
    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_type: str | None = None,
        name: str | None = None,
        **_: Any,
    ) -> None:
        metadata = metadata or {}
        outer = runs.around(parent_run_id)
        kind = runs.kind_of(runs.enclosing() if outer is None else outer, name or "", tags or (), metadata, run_type)
        wanted = options().get("chains", "nodes")
        if (kind == "chain" and wanted != "all") or (kind == "node" and wanted == "none"):
            runs.pass_over(run_id, parent_run_id)
            return
        request, more = None, {}
        if kind in ("agent", "workflow"):
            request = {"name": _name(kind, name, metadata), "inputs": _state(inputs)}
        else:
            more = {"name": name or kind, "attributes": _place(metadata) if kind == "node" else {}}
        self._begin(RUNS[kind], request, run_id, parent_run_id, tags, metadata, **more)

    @guarded
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        call = open_call(runs.key(run_id))
        _end(run_id, {"outputs": _state(outputs)} if call is not None and call.operation.response else None)

    @guarded
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        _fail(run_id, error)

    @guarded
    def on_tool_start(
        self,
        serialized: Mapping[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        inputs: Any = None,
        tool_call_id: str | None = None,
        name: str | None = None,
        **_: Any,
    ) -> None:
        described, metadata = serialized or {}, metadata or {}
        request = {
            "name": described.get("name") or name,
            "description": described.get("description"),
            "id": tool_call_id,
            "arguments": input_str if inputs is None else inputs,
        }
        agent = metadata.get("lc_agent_name")
        attributes = {"gen_ai.agent.name": agent} if agent else {}
        self._begin(TOOL, request, run_id, parent_run_id, tags, metadata, attributes=attributes)

    @guarded
    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        _end(run_id, {"output": output.__dict__ if hasattr(output, "tool_call_id") else output})

    @guarded
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        _fail(run_id, error)

    @guarded
    def on_retriever_start(
        self,
        serialized: Any,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        name: str | None = None,
        **_: Any,
    ) -> None:
        attributes = {"autotrace.langchain.retriever": name} if name else {}
        self._begin(RETRIEVAL, {"query": query}, run_id, parent_run_id, tags, metadata or {}, attributes=attributes)

    @guarded
    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        _end(run_id, {"documents": [one.__dict__ for one in documents]})

    @guarded
    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        _fail(run_id, error)

    def _nothing(self, *_args: Any, **_kwargs: Any) -> None:
        """What an agent decides is said by the model's and the tools' runs, what a program prints is its own."""

    on_agent_action = on_agent_finish = on_text = on_custom_event = _nothing


def _name(kind: runs.Kind, name: str | None, metadata: Mapping[str, Any]) -> str | None:
    if kind != "agent":
        return name
    return None if name == runs.DEFAULT_NAME else metadata.get("lc_agent_name") or name


def _place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Which node of a graph, in which of its steps."""
    found = {f"autotrace.langgraph.{name}": metadata.get(f"langgraph_{name}") for name in ("node", "step")}
    return {name: value for name, value in found.items() if value is not None}


def install(module: Any) -> Callable[[], None]:
    """Have every callback manager configured with the handler, in whatever thread: the variable's default is seen in all."""
    handler = Handler()
    variable: ContextVar[Optional[Handler]] = ContextVar("autotrace", default=handler)
    module.register_configure_hook(variable, inheritable=True)

    def take_off() -> None:
        module._configure_hooks[:] = [hook for hook in module._configure_hooks if hook[0] is not variable]

    return take_off
