"""Dialects of Bedrock's agents and knowledge bases: InvokeAgent, Retrieve and Rerank.

Source: the API reference of Bedrock agent runtime. An agent's answer is a stream of events: chunks of its text in base64; a
trace of its steps if the request enables it; and a return of control if the program has to call a function.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from autotrace.dialects import parts, plain, rerank
from autotrace.dialects.parts import Message, Part
from autotrace.plugin import Dialect, constant, first

__all__ = ["agent_response", "bedrock_agent", "bedrock_rerank", "bedrock_retrieve"]


def agent_response(events: list[Any]) -> dict[str, Any]:
    """Combine a stream's events into one response: the text under ``text``, other events in lists under their names."""
    pieces: list[bytes] = []
    others: dict[str, list[Any]] = {}
    for event in plain.mappings(events):
        for kind, value in event.items():
            other = value
            if kind == "chunk":
                pieces.append(_decoded(plain.mapping(value).get("bytes")))
                other = parts.rest(value, "bytes")
            if plain.says(other):
                others.setdefault(kind, []).append(other)
    return {**others, "text": b"".join(pieces).decode("utf-8", "replace")}


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(text) if isinstance(text, str) else text if isinstance(text, bytes) else b""
    except (binascii.Error, ValueError):
        return b""


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    content: list[Part] = parts.texts(body.get("text"))
    if content and body.get("chunk"):
        content[0]["attributions"] = body["chunk"]
    for kind in ("returnControl", "files"):
        content.extend(parts.kept({"type": kind, "content": one}) for one in plain.listed(body.get(kind)))
    return [parts.message("assistant", content)] if content else None


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
    """The retrieved documents: ``id`` (or location), ``score``, ``content`` and ``metadata`` of each."""
    documents = []
    for result in plain.mappings(results):
        location = plain.mapping(result.get("location"))
        addresses = [text for one in location.values() for text in plain.mapping(one).values() if isinstance(text, str)]
        document = {
            "id": plain.string(result.get("documentId")) or (addresses[0] if addresses else None),
            "score": result.get("score"),
            "content": parts.without_binary(result.get("content")),
            "metadata": parts.without_binary(result.get("metadata")),
        }
        documents.append(plain.known(document))
    return documents or None


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
    not_content={"guardrailAction": ("INTERVENED", "NONE")},
    failure=constant(None),
    outcome=constant(None),
)


def _queries(queries: object) -> str | None:
    """The text of the query. The API takes a list, of one query so far."""
    texts = [plain.string(plain.mapping(one.get("textQuery")).get("text")) for one in plain.mappings(queries)]
    return "\n".join(filter(None, texts)) or None


def _sources(sources: object) -> list[Any] | None:
    return rerank.documents([_document(source) for source in plain.listed(sources)])


def _document(source: object) -> object:
    """The text or the object of a document, which is two levels deep; of an unknown kind, the source unchanged."""
    inner = plain.mapping(plain.mapping(source).get("inlineDocumentSource"))
    text = plain.mapping(inner.get("textDocument")).get("text")
    return next((one for one in (text, inner.get("jsonDocument")) if one is not None), source)


_RERANKING = "rerankingConfiguration.bedrockRerankingConfiguration"

bedrock_rerank = Dialect(
    "bedrock_rerank",
    request={
        "model": f"{_RERANKING}.modelConfiguration.modelArn",
        "query": plain.of("queries", _queries),
        "documents": plain.of("sources", _sources),
        "retrieval_top_k": f"{_RERANKING}.numberOfResults",
    },
    response={"documents": plain.of("results", rerank.scored("relevanceScore"))},
    failure=constant(None),
    outcome=constant(None),
)
