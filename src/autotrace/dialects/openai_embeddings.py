"""The embeddings API: ``POST /embeddings``.

Source: the OpenAI API reference (``CreateEmbeddingResponse``). The getters of the response are paths only: they say which
top-level fields are read, so that the vectors are neither copied nor walked. ``encoding_format`` is not recorded: the SDK
sets it behind the program's back.
"""

from __future__ import annotations

from autotrace.dialects import parts, plain
from autotrace.operation import Dialect
from autotrace.paths import first

openai_embeddings = Dialect(
    "openai_embeddings",
    request={
        "model": "model",
        "dimensions": "dimensions",
        "input_messages": plain.of("input", parts.user_messages),
    },
    response={"id": "id", "model": "model"},
    usage={
        "input_tokens": first("usage.prompt_tokens", "usage.input_tokens", "usage.total_tokens"),
        "text_input_tokens": "usage.prompt_tokens_details.text_tokens",
        "image_input_tokens": "usage.prompt_tokens_details.image_tokens",
        "raw": "usage",
    },
)
