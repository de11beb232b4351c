"""What a callback is given, as plain data for the operations: taken on the caller's thread, so looked at and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autotrace_langchain import runs

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


def attributes_of(tags: Sequence[str] | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
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


def fields_of(value: Any) -> Any:
    """A message's own fields: what it is called is a default of its class, and would be left out of a model that is frozen."""
    return value.__dict__ if hasattr(value, "response_metadata") else value


def state_of(value: Any) -> Any:
    """The inputs or outputs of a graph or a chain, with the messages in them as their fields."""
    if isinstance(value, Mapping) and isinstance(value.get("messages"), (list, tuple)):
        return {"messages": [fields_of(one) for one in value["messages"]]}
    if isinstance(value, (list, tuple)):
        held = [fields_of(one) for one in value]
        return {"messages": held} if held and all(hasattr(one, "response_metadata") for one in value) else held
    return fields_of(value)


def answer_of(response: Any) -> dict[str, Any] | None:
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


def name_of(kind: runs.Kind, name: str | None, metadata: Mapping[str, Any]) -> str | None:
    if kind != "agent":
        return name
    return None if name == runs.DEFAULT_NAME else metadata.get("lc_agent_name") or name


def place_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Which node of a graph, in which of its steps."""
    found = {f"autotrace.langgraph.{name}": metadata.get(f"langgraph_{name}") for name in ("node", "step")}
    return {name: value for name, value in found.items() if value is not None}


def model_request(messages: list[Any], params: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is asked, as the dialect reads it."""
    return {
        "messages": messages,
        "params": {name: params[name] for name in _PARAMETERS if params.get(name) is not None},
        "defaults": {name: value for name, value in metadata.items() if name.startswith("ls_")},
    }


def provider_of(metadata: Mapping[str, Any]) -> str | None:
    """`gen_ai.provider.name` of a model, which says it for LangSmith."""
    provider = metadata.get("ls_provider")
    return PROVIDERS.get(provider, provider) if isinstance(provider, str) else None
