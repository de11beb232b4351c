"""Dialect of the embedding models in Bedrock's InvokeModel: Amazon Titan and Nova, Cohere Embed.

Source: *Inference request parameters and response fields for foundation models* in the Bedrock user guide. The vectors of an
answer are not read.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, constant, first

__all__ = ["bedrock_embeddings"]


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    nova = plain.mapping(request.get("singleEmbeddingParams"))
    texts = plain.listed(request.get("inputText")) + plain.listed(request.get("texts"))
    of_texts = parts.user_messages(texts + plain.listed(plain.mapping(nova.get("text")).get("value"))) or []
    images = [*plain.listed(request.get("inputImage")), *plain.listed(request.get("images"))]
    of_images = [parts.message("user", [parts.binary(image, "image")]) for image in images if isinstance(image, str)]
    return [*of_texts, *of_images] or None


bedrock_embeddings = Dialect(
    "bedrock_embeddings",
    request={
        "model": "model",
        "dimensions": first(
            *("dimensions", "embeddingConfig.outputEmbeddingLength", "output_dimension"),
            "singleEmbeddingParams.embeddingDimension",
        ),
        "encoding_formats": plain.of(first("embeddingTypes", "embedding_types"), plain.strings),
        "input_messages": plain.reading(_input_messages, "inputText", "texts", "singleEmbeddingParams", "inputImage", "images"),
        "parameters": plain.fields("input_type", "truncate", "normalize", "taskType"),
    },
    response={"id": plain.of("id", plain.string)},
    usage=ledger.usage({"input_tokens": "inputTextTokenCount"}, raw=plain.fields("inputTextTokenCount")),
    failure=plain.reading(lambda body: endings.failure_in(body, "code", "type"), *endings.ERROR_FIELDS),
    not_content={"taskType": ("SINGLE_EMBEDDING", "SEGMENTED_EMBEDDING")},
    outcome=constant(None),
)
