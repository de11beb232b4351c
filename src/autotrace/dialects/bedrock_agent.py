"""Agents and knowledge bases of Bedrock: InvokeAgent and Retrieve.

Source: the API reference of Bedrock agent runtime. An agent's answer comes as events: chunks of its text in base64, a trace of
its steps where that was asked for, and where it wants the program to act, a return of control.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant, first
from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message, Part

__all__ = ["agent_response", "bedrock_agent", "bedrock_retrieve"]


def agent_response(events: list[Any]) -> dict[str, Any]:
    """The response that a stream's events add up to: the text in ``text``, and lists of all else by the names of the events."""
    pieces: list[bytes] = []
    others: dict[str, list[Any]] = {}
    for event in plain.mappings(events):
        for kind, value in event.items():
            said = value
            if kind == "chunk":
                pieces.append(_decoded(plain.mapping(value).get("bytes")))
                said = parts.rest(value, "bytes")
            if plain.says(said):
                others.setdefault(kind, []).append(said)
    return {**others, "text": b"".join(pieces).decode("utf-8", "replace")}


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(text) if isinstance(text, str) else text if isinstance(text, bytes) else b""
    except (binascii.Error, ValueError):
        return b""


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    said: list[Part] = parts.texts(body.get("text"))
    if said and body.get("chunk"):
        said[0]["attributions"] = body["chunk"]
    for kind in ("returnControl", "files"):
        said.extend(parts.kept({"type": kind, "content": one}) for one in plain.listed(body.get(kind)))
    return [parts.message("assistant", said)] if said else None


bedrock_agent = Dialect(
    "bedrock_agent",
    request={
        "agent_id": "agentId",
        "agent_version": "agentAliasId",
        "conversation_id": "sessionId",
        "input_messages": plain.of("inputText", parts.user_messages),
        "parameters": plain.fields("enableTrace", "endSession", "memoryId"),
    },
    response={
        "output_messages": plain.reading(_output_messages, "text", "chunk", "returnControl", "files"),
    },
    reduce=agent_response,
    failure=constant(None),
    outcome=constant(None),
)


def _documents(results: object) -> list[dict[str, Any]] | None:
    """The documents that were found, each with its ``id`` (or its place), ``score`` and what it says."""
    found = []
    for result in plain.mappings(results):
        place = plain.mapping(result.get("location"))
        places = [held for one in place.values() for held in plain.mapping(one).values() if isinstance(held, str)]
        document = {
            "id": plain.string(result.get("documentId")) or (places[0] if places else None),
            "score": result.get("score"),
            "content": parts.without_binary(result.get("content")),
            "metadata": parts.without_binary(result.get("metadata")),
        }
        found.append(plain.known(document))
    return found or None


_SEARCH = ("retrievalConfiguration.vectorSearchConfiguration", "retrievalConfiguration.managedSearchConfiguration")

bedrock_retrieve = Dialect(
    "bedrock_retrieve",
    request={
        "data_source_id": "knowledgeBaseId",
        "aws.bedrock.knowledge_base.id": "knowledgeBaseId",
        "aws.bedrock.guardrail.id": plain.of("guardrailConfiguration.guardrailId", plain.string),
        "query": "retrievalQuery.text",
        "retrieval_top_k": first(*(f"{place}.numberOfResults" for place in _SEARCH)),
    },
    response={"documents": plain.of("retrievalResults", _documents), "details": plain.fields("guardrailAction")},
    failure=constant(None),
    outcome=constant(None),
)
