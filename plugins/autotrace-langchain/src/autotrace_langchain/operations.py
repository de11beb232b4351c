"""The operations for LangChain's runs, and where their fields are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message
from autotrace.plugin import Operation, constant
from autotrace_langchain.messages import langchain_messages, messages


def _inputs(body: dict[str, Any]) -> list[Message]:
    """The inputs of a graph or a chain: messages, a text, or anything else as a ``state`` part."""
    return _messages(body.get("inputs"), "user")


def _outputs(body: dict[str, Any]) -> list[Message]:
    """The outputs of a graph or a chain. If its state holds the whole conversation: what follows the last user message."""
    outputs = _messages(body.get("outputs"), "assistant")
    users = [index for index, message in enumerate(outputs) if message["role"] == "user"]
    return outputs[users[-1] + 1 :] if users else outputs


def _messages(value: object, role: str) -> list[Message]:
    wire = plain.mapping(value).get("messages")
    if wire is None and plain.mapping(value).get("type") in ("ai", "human", "tool", "system", "AIMessageChunk"):
        wire = value
    if wire is not None:
        return messages(wire)
    if isinstance(value, str):
        return [parts.message(role, parts.texts(value))]
    return [] if value is None else [parts.message(role, [{"type": "state", "content": parts.without_binary(value)}])]


def _documents(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        plain.known(
            {
                "id": plain.string(document.get("id")),
                "score": plain.mapping(document.get("metadata")).get("score"),
                "content": document.get("page_content"),
                "metadata": parts.without_binary(document.get("metadata")) or None,
            }
        )
        for document in plain.mappings(body.get("documents"))
    ]


def _result(body: dict[str, Any]) -> object:
    """A tool's result: the content of its message, or the output itself if it is not a message."""
    output = body.get("output")
    if isinstance(output, dict) and output.get("type") == "tool":
        output = output.get("content")
    return parts.without_binary(output)


def _failure(body: Any) -> Mapping[str, str | None] | None:
    """The failure in a tool's answer: with ``handle_tool_error``, a tool turns its exception into an answer."""
    output = plain.mapping(plain.mapping(body).get("output"))
    if output.get("type") != "tool" or output.get("status") != "error":
        return None
    return {"code": "tool_error", "message": plain.string(output.get("content"))}


CHAT = Operation("chat", dialect=langchain_messages, transparent=True)
COMPLETION = Operation("text_completion", dialect=langchain_messages, transparent=True)
TOOL = Operation(
    "execute_tool",
    request={
        "tool_name": "name",
        "tool_description": "description",
        "tool_type": constant("function"),
        "tool_call_id": "id",
        "tool_arguments": plain.of("arguments", parts.parsed),
    },
    response={"tool_result": plain.reading(_result, "output")},
    failure=_failure,
)
RETRIEVAL = Operation(
    "retrieval",
    request={"query": "query"},
    response={"documents": plain.reading(_documents, "documents")},
    not_content={"autotrace.langchain.retriever": True},
)
_REQUEST = {"input_messages": plain.reading(_inputs, "inputs")}
_RESPONSE = {"output_messages": plain.reading(_outputs, "outputs")}
RUNS = {
    "agent": Operation("invoke_agent", request={"agent_name": "name", **_REQUEST}, response=_RESPONSE),
    "workflow": Operation("invoke_workflow", request={"workflow_name": "name", **_REQUEST}, response=_RESPONSE),
    "node": Operation("node", kind="INTERNAL", not_content={"autotrace.langgraph.node": True}),
    "chain": Operation("chain", kind="INTERNAL"),
}
"""The operations of chain runs, by their kind."""
