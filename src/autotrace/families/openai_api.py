"""The operations of OpenAI's API, which many servers speak, by path.

For SDKs that Stainless generates: ``stainless.by_path({**openai_api.OPERATIONS, …})``. Checked with openai 2 and 3, groq 1.7,
together 2.36 and 3.1.
"""

from __future__ import annotations

from autotrace._declaration.operation import Operation
from autotrace.dialects import plain as wire
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_completions import openai_completions
from autotrace.dialects.openai_embeddings import openai_embeddings
from autotrace.dialects.openai_responses import openai_responses
from autotrace.dialects.rerank import rerank
from autotrace.families.stainless import plain

__all__ = ["OPERATIONS", "READS"]

OPERATIONS = {
    "/chat/completions": Operation("chat", dialect=openai_chat),
    "/responses": Operation("chat", dialect=openai_responses),
    "/responses/compact": Operation("compact_response", dialect=openai_responses),
    "/responses/input_tokens": Operation(
        "count_tokens", request={"model": "model"}, response={"details": wire.fields("input_tokens")}
    ),
    # without usage, which the request that reads the cancelled response has
    "/responses/*/cancel": Operation("cancel_response", response={"id": "id", "model": "model"}),
    "/completions": Operation("text_completion", dialect=openai_completions),
    "/embeddings": Operation("embeddings", dialect=openai_embeddings),
    "/rerank": Operation("rerank", dialect=rerank),
    "/moderations": plain("moderation"),
    "/images/generations": plain("image_generation"),
    "/images/edits": plain("image_edit"),
    "/images/variations": plain("image_variation"),
    "/audio/speech": plain("speech"),
    "/audio/transcriptions": plain("transcription"),
    "/audio/translations": plain("translation"),
}
"""The operation of each path below the base URL."""


def _is_true(value: object) -> bool | None:
    """Whether a parameter of a query is true: the SDK's own value, or the text in a URL."""
    return True if value is True or value == "true" else None


READS = {
    "/responses/*": Operation(
        "fetch_response",
        dialect=openai_responses,
        request={
            "gen_ai.response.id": wire.of("path", lambda path: path.rpartition("/")[2]),
            "gen_ai.request.stream_cursor": wire.of("starting_after", str),
            "stream": wire.of("stream", _is_true),
        },
        collects=True,
    ),
}
"""The operation of each path that is read with GET to collect an answer."""
