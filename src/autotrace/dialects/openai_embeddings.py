"""The embeddings API: ``POST /embeddings``.

Source: the OpenAI API reference (``CreateEmbeddingResponse``). The getters of the response are paths only: they say which
top-level fields are read, so that the vectors are neither copied nor walked. ``encoding_format`` is not recorded: the SDK
sets it behind the program's back.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant, first
from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure

__all__ = ["failure", "openai_embeddings", "outcome"]


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error that came in place of vectors."""
    return endings.failure(wire.get("error"), "code", "type")


failure = plain.reading(_failure, "error")
outcome = constant(None)  # vectors are whole, or they are none


openai_embeddings = Dialect(
    "openai_embeddings",
    request={
        "model": "model",
        "dimensions": "dimensions",
        "input_messages": plain.of("input", parts.user_messages),
        "parameters": plain.fields("user", "input_type", "truncate"),  # the last two are NVIDIA's and Cohere's
    },
    response={"id": "id", "model": "model"},
    usage=ledger.usage(
        {
            "input_tokens": first("usage.prompt_tokens", "usage.input_tokens", "usage.total_tokens"),
            "cache_read_input_tokens": "usage.prompt_tokens_details.cached_tokens",
            "text_input_tokens": "usage.prompt_tokens_details.text_tokens",
            "audio_input_tokens": "usage.prompt_tokens_details.audio_tokens",
            "image_input_tokens": "usage.prompt_tokens_details.image_tokens",
        }
    ),
    failure=failure,
    outcome=outcome,
)
