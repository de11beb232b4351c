"""Dialect of Google's embeddings: ``embedContent``, ``batchEmbedContents``, and ``predict`` of older models on Vertex AI.

Source: the Gemini API reference and the text embeddings API of Vertex AI. The getters of the response are paths, so that the
vectors are neither copied nor traversed. In answers of Vertex AI, the vectors are beside the token counts, and are skipped.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import ledger, parts, plain
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, constant, first
from autotrace_google_genai.dialects import content, words
from autotrace_google_genai.dialects.content import camel
from autotrace_google_genai.dialects.generate_content import failure

__all__ = ["gemini_embeddings"]

_REQUESTS = ("requests", "content", "contents", "instances", "config", "embedContentConfig", "parameters")
_SETTINGS = ("outputDimensionality", "taskType", "title", "autoTruncate")
_READ = (*_REQUESTS, *_SETTINGS, *map(content.snake, _SETTINGS))


def _items(body: dict[str, Any]) -> list[Any]:
    """The items of a request for several embeddings. Empty if the request is for one."""
    return [*plain.listed(body.get("requests")), *plain.listed(body.get("instances"))]


def _input(body: dict[str, Any]) -> list[Message] | None:
    """One message for each embedded content."""
    several = [one["content"] if isinstance(one, dict) and "content" in one else one for one in _items(body)]
    contents = several or plain.listed(body.get("contents", body.get("content")))
    return [content.message(one, "user") for one in contents] or None


def _settings(body: dict[str, Any]) -> dict[str, Any]:
    """The settings. Of several items only the first is read, because they differ only in their contents."""
    sources = [body, *_items(body)[:1], body.get("config"), body.get("embedContentConfig"), body.get("parameters")]
    return {key: value for source in sources for key, value in camel(source).items()}


def _dimensions(body: dict[str, Any]) -> object:
    return _settings(body).get("outputDimensionality")


def _parameters(body: dict[str, Any]) -> dict[str, Any] | None:
    settings = _settings(body)
    return {name: parts.without_binary(settings[name]) for name in _SETTINGS[1:] if plain.says(settings.get(name))} or None


def _sum(counts: object) -> int | None:
    known = [count for one in plain.sequence(counts) if (count := plain.count(one)) is not None]
    return sum(known) if known else None


gemini_embeddings = Dialect(
    "gemini_embeddings",
    request={
        "model": "model",
        "dimensions": plain.reading(_dimensions, *_READ),
        "input_messages": plain.reading(_input, *_REQUESTS),
        "parameters": plain.reading(_parameters, *_READ),
    },
    response={"model": "modelVersion"},
    usage=ledger.usage(
        {
            "input_tokens": first(
                "usageMetadata.promptTokenCount", plain.of("predictions.*.embeddings.statistics.token_count", _sum)
            ),
        },
        raw="usageMetadata",
    ),
    failure=failure,
    not_content=words.NOT_CONTENT,
    outcome=constant(None),  # an answer with vectors is always complete
)
