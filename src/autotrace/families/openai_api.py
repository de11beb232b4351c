"""The operations of OpenAI's API, which many servers speak, by path.

For SDKs that Stainless generates: ``stainless.by_path({**openai_api.OPERATIONS, …})``. Checked with openai 2 and 3, groq 1.7,
together 2.36 and 3.1.
"""

from __future__ import annotations

from autotrace._declaration.operation import Operation
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_completions import openai_completions
from autotrace.dialects.openai_embeddings import openai_embeddings
from autotrace.dialects.openai_responses import openai_responses
from autotrace.families.stainless import plain

__all__ = ["OPERATIONS"]

OPERATIONS = {
    "/chat/completions": Operation("chat", dialect=openai_chat),
    "/responses": Operation("chat", dialect=openai_responses),
    "/completions": Operation("text_completion", dialect=openai_completions),
    "/embeddings": Operation("embeddings", dialect=openai_embeddings),
    "/moderations": plain("moderation"),
    "/images/generations": plain("image_generation"),
    "/images/edits": plain("image_edit"),
    "/images/variations": plain("image_variation"),
    "/audio/speech": plain("speech"),
    "/audio/transcriptions": plain("transcription"),
    "/audio/translations": plain("translation"),
}
"""The operation of each path below the base URL."""
