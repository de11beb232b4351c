"""What a run is recorded as, and where its fields are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message
from autotrace.plugin import Operation, constant
from autotrace_langchain.messages import langchain_messages, messages


def _inputs(body: dict[str, Any]) -> list[Message]:
    """What a graph or a chain was given: its messages, a text, or anything else as a part of its own."""
    return _said(body.get("inputs"), "user")


def _outputs(body: dict[str, Any]) -> list[Message]:
    """What came out: of a state that holds the whole conversation, what followed the last word of the user."""
    said = _said(body.get("outputs"), "assistant")
    asked = [index for index, one in enumerate(said) if one["role"] == "user"]
    return said[asked[-1] + 1 :] if asked else said


def _said(value: object, role: str) -> list[Message]:
    held = plain.mapping(value).get("messages")
    if held is None and plain.mapping(value).get("type") in ("ai", "human", "tool", "system", "AIMessageChunk"):
        held = value
    if held is not None:
        return messages(held)
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
    """What a tool gave: the content of its message, or what it is where that is none."""
    output = body.get("output")
    if isinstance(output, dict) and output.get("type") == "tool":
        output = output.get("content")
    return parts.without_binary(output)


def _failure(body: Any) -> Mapping[str, str | None] | None:
    """A tool may make its exception an answer (`handle_tool_error`)."""
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
)
_SAID = {"input_messages": plain.reading(_inputs, "inputs")}
_ANSWERED = {"output_messages": plain.reading(_outputs, "outputs")}
RUNS = {
    "agent": Operation("invoke_agent", request={"agent_name": "name", **_SAID}, response=_ANSWERED),
    "workflow": Operation("invoke_workflow", request={"workflow_name": "name", **_SAID}, response=_ANSWERED),
    "node": Operation("node", kind="INTERNAL"),
    "chain": Operation("chain", kind="INTERNAL"),
}
"""The operations of chain runs, by what they are."""
