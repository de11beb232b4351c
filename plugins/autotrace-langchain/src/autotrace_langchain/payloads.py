"""Reads the arguments of callbacks as plain data for the operations. It runs on the caller's thread, so it only reads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

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
"""Maps ``metadata["ls_provider"]`` to the conventions' name, if the two differ."""

_PARAMETERS = (
    *("model", "model_name", "model_id", "temperature", "max_tokens", "max_completion_tokens", "max_output_tokens"),
    *("top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "n", "stop", "stop_sequences"),
    *("response_format", "tools"),
)
"""The parameters of an invocation that are read. The others may be anything, even a client with its key."""

_INTERNAL = ("ls_", "lc_", "langgraph_", "__", "checkpoint_", "thread_id", "langsmith_")
_STEPS = ("seq:step:", "graph:step:", "map:key:", "condition:", "branch:", "retry:", "langsmith:")


def attributes_of(tags: Sequence[str] | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes: the conversation, and the program's own tags and metadata, without those that the framework adds."""
    attributes: dict[str, Any] = {}
    thread = metadata.get("thread_id")
    if thread is not None:
        attributes["gen_ai.conversation.id"] = str(thread)
    own_tags = [tag for tag in tags or () if not tag.startswith(_STEPS)]
    if own_tags:
        attributes["autotrace.langchain.tags"] = own_tags
    own_metadata = {name: value for name, value in metadata.items() if not name.startswith(_INTERNAL)}
    if own_metadata:
        attributes["autotrace.langchain.metadata"] = own_metadata
    return attributes


def fields_of(value: Any) -> Any:
    """The fields of a message; any other value unchanged. Freezing the model would leave out ``type``, a class default."""
    return value.__dict__ if hasattr(value, "response_metadata") else value


def state_of(value: Any) -> Any:
    """The inputs or outputs of a graph or a chain, with the messages in them as their fields."""
    if isinstance(value, Mapping) and isinstance(value.get("messages"), (list, tuple)):
        return {"messages": [fields_of(one) for one in value["messages"]]}
    if isinstance(value, (list, tuple)):
        fields = [fields_of(one) for one in value]
        return {"messages": fields} if fields and all(hasattr(one, "response_metadata") for one in value) else fields
    return fields_of(value)


def answer_of(response: Any) -> dict[str, Any] | None:
    """An `LLMResult` in the form that the dialect reads. None if it has neither content, tool calls nor usage."""
    generations: Any = response.generations[0] if response is not None and response.generations else []
    messages: list[dict[str, Any]] = []
    for generation in generations if isinstance(generations, list) else [generations]:
        message = getattr(generation, "message", None)
        fields = {"type": "ai", "content": generation.text} if message is None else dict(message.__dict__)
        messages.append({**fields, "generation_info": generation.generation_info})
    if not any(one.get("content") or one.get("tool_calls") or one.get("usage_metadata") for one in messages):
        return None
    return {"messages": messages, "llm_output": response.llm_output}


def name_of(kind: runs.Kind, name: str | None, metadata: Mapping[str, Any]) -> str | None:
    """The name of an agent or a workflow. None for an agent whose graph has only the default name."""
    if kind != "agent":
        return name
    return None if name == runs.DEFAULT_NAME else metadata.get("lc_agent_name") or name


def place_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes for the place of a run in a graph: its node and its step."""
    attributes = {f"autotrace.langgraph.{name}": metadata.get(f"langgraph_{name}") for name in ("node", "step")}
    return {name: value for name, value in attributes.items() if value is not None}


def model_request(messages: list[Any], params: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The request of a model call, in the form that the dialect reads."""
    return {
        "messages": messages,
        "params": {name: params[name] for name in _PARAMETERS if params.get(name) is not None},
        "defaults": {name: value for name, value in metadata.items() if name.startswith("ls_")},
    }


_SERVERS = {
    "openai": ("openai.com", "openai_api_base", "OPENAI_BASE_URL"),
    "anthropic": ("anthropic.com", "anthropic_api_url", "ANTHROPIC_BASE_URL"),
}
"""Providers whose model classes may be used with other servers: the provider's own domain, the field of the class that holds a
base URL, and the variable that the SDK reads without it."""


def provider_of(metadata: Mapping[str, Any], serialized: Any) -> tuple[str | None, dict[str, Any]]:
    """The conventions' provider name, from the metadata that a model class provides for LangSmith, and the attributes of its
    server, from the class's `serialized` fields. The name is None if there is none, or if the server is not the provider's."""
    given = metadata.get("ls_provider")
    name = PROVIDERS.get(given, given) if isinstance(given, str) else None
    if name not in _SERVERS:
        return name, {}
    domain, field, variable = _SERVERS[name]
    fields = serialized.get("kwargs") if isinstance(serialized, Mapping) else None
    url = fields.get(field) if isinstance(fields, Mapping) else None
    host, port = _server(url or os.environ.get(variable))
    if host is None:
        return name, {}
    own = host == domain or host.endswith("." + domain)
    return name if own else None, {"server.address": host, "server.port": port}


def _server(url: object) -> tuple[str | None, int | None]:
    if not isinstance(url, str):
        return None, None
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)
    except ValueError:
        return None, None
