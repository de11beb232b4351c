"""The rerank format of Cohere, which many servers speak: ``POST /rerank``.

Source: the Cohere API reference (``Rerank``), and those of Jina, Together and vLLM. A model scores documents by their relevance
to a query. A result has the index of its document, and the document itself only on request.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant, first
from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure

__all__ = ["documents", "rerank", "scored"]


def documents(value: object) -> list[Any] | None:
    """The documents of a request: texts or objects."""
    return parts.without_binary(plain.listed(value)) or None


def scored(score: str) -> Any:
    """A function that converts results to documents: ``index`` in the request, ``score`` (the field `score`), ``content``."""

    def convert(results: object) -> list[dict[str, Any]] | None:
        found = []
        for result in plain.mappings(results):
            document = {"index": result.get("index"), "score": result.get(score)}
            document["content"] = parts.without_binary(result.get("document"))
            found.append(plain.known({**document, **parts.rest(result, "index", score, "document")}))
        return found or None

    return convert


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error instead of results."""
    return endings.failure(wire.get("error"), "code", "type")


rerank = Dialect(
    "rerank",
    request={
        "model": "model",
        "query": "query",
        "documents": plain.of(first("documents", "texts"), documents),
        "retrieval_top_k": first("top_n", "top_k"),
        "parameters": plain.fields("return_documents", "rank_fields", "max_chunks_per_doc", "max_tokens_per_doc", "truncation"),
    },
    response={
        "id": "id",
        "model": "model",
        "documents": plain.of("results", scored("relevance_score")),
    },
    usage=ledger.usage(
        {"input_tokens": first("usage.prompt_tokens", "usage.total_tokens", "meta.billed_units.input_tokens")},
        raw=first("usage", "meta.billed_units"),
    ),
    failure=plain.reading(_failure, "error"),
    outcome=constant(None),
)
