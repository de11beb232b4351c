"""Embeddings of Google's models: ``embedContent`` and ``batchEmbedContents``, and the ``predict`` of older models on Vertex AI.

Source: the Gemini API reference and the text embeddings API of Vertex AI. The getters of the response are paths, so that the
vectors are neither copied nor walked; those of Vertex stand beside the counts, and are passed by.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant, first
from autotrace.dialects import gemini_content, ledger, parts, plain
from autotrace.dialects.gemini import failure
from autotrace.dialects.gemini_content import camel
from autotrace.dialects.parts import Message

__all__ = ["gemini_embeddings"]

_REQUESTS = ("requests", "content", "contents", "instances", "config", "embedContentConfig", "parameters")
_SETTINGS = ("outputDimensionality", "taskType", "title", "autoTruncate")
_READ = (*_REQUESTS, *_SETTINGS, *map(gemini_content.snake, _SETTINGS))


def _asked(body: dict[str, Any]) -> list[Any]:
    """What each of several embeddings is asked for with; empty where there is one."""
    return [*plain.listed(body.get("requests")), *plain.listed(body.get("instances"))]


def _input(body: dict[str, Any]) -> list[Message] | None:
    """A message for each content that is embedded."""
    several = [one["content"] if isinstance(one, dict) and "content" in one else one for one in _asked(body)]
    contents = several or plain.listed(body.get("contents", body.get("content")))
    return [gemini_content.message(one, "user") for one in contents] or None


def _settings(body: dict[str, Any]) -> dict[str, Any]:
    """The settings, of the first of several requests: they differ in their contents."""
    held = [body, *_asked(body)[:1], body.get("config"), body.get("embedContentConfig"), body.get("parameters")]
    return {key: value for one in held for key, value in camel(one).items()}


def _dimensions(body: dict[str, Any]) -> object:
    return _settings(body).get("outputDimensionality")


def _parameters(body: dict[str, Any]) -> dict[str, Any] | None:
    found = _settings(body)
    return {name: parts.without_binary(found[name]) for name in _SETTINGS[1:] if plain.says(found.get(name))} or None


def _spent(counts: object) -> int | None:
    found = [count for one in plain.sequence(counts) if (count := plain.count(one)) is not None]
    return sum(found) if found else None


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
                "usageMetadata.promptTokenCount", plain.of("predictions.*.embeddings.statistics.token_count", _spent)
            ),
        },
        raw="usageMetadata",
    ),
    failure=failure,
    outcome=constant(None),  # vectors are whole, or they are none
)
