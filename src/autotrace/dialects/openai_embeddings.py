"""The embeddings API: ``POST /embeddings``.

Source: the OpenAI API reference (``CreateEmbeddingResponse``). The getters of the response are only paths, which tell which
top-level fields are read, so the vectors are neither copied nor traversed. ``encoding_format`` is not recorded, because the
SDK sets it, not the program.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant, first
from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure

__all__ = ["openai_embeddings"]


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error instead of vectors."""
    return endings.failure_in(wire, "code", "type", answer=_ANSWER)


_ANSWER = ("usage", "model")
"""Fields of an answer, which is not looked at itself: its vectors are not read."""


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
    failure=plain.reading(_failure, *endings.ERROR_FIELDS, *_ANSWER),
    outcome=constant(None),  # there are no partial vectors
)
