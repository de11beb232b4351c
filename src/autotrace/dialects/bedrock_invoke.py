"""Bedrock's InvokeModel: a body that is the JSON of the model's maker, in an envelope of Bedrock's own.

`choose` says whose body it is, by the model's id and, where that tells nothing, by what is in the body. `invoked` makes a
maker's dialect one for bodies that come so: as bytes, with the model's id beside them, with token counts in the answer's
headers, or in ``amazon-bedrock-invocationMetrics`` at the end of a stream, and with what a guardrail found. Source: the API
reference of Bedrock runtime (``InvokeModel``), and recorded answers for the headers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import Where, first
from autotrace.dialects import ledger, plain
from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.bedrock_converse import bedrock_converse
from autotrace.dialects.bedrock_embeddings import bedrock_embeddings
from autotrace.dialects.bedrock_text import bedrock_text
from autotrace.dialects.cohere_chat import cohere_chat
from autotrace.dialects.openai_chat import openai_chat

__all__ = ["UNKNOWN", "Maker", "choose", "chunks", "invoked", "request", "response"]

_METRICS = "amazon-bedrock-invocationMetrics"
_ACTION = "amazon-bedrock-guardrailAction"
_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
    "x-amzn-bedrock-invocation-latency": "invocationLatency",
}
"""An answer's headers, and what the end of a stream calls the same. Input leaves out what came from or went into the cache."""


class Maker(NamedTuple):
    """The bodies of one kind of model."""

    id: str
    """What is in the model's id, after its region."""
    mark: bytes
    """What is in the body, where the id does not tell one kind from another."""
    operation: str
    dialect: Dialect | None


_MAKERS = (
    Maker("anthropic.", b'"messages"', "chat", anthropic_messages),
    Maker("anthropic.", b"", "text_completion", anthropic_complete),
    Maker("embed", b"", "embeddings", bedrock_embeddings),
    Maker("", b'"input_type"', "embeddings", bedrock_embeddings),
    Maker("rerank", b"", "rerank", None),
    Maker("image", b"", "image_generation", None),
    Maker("canvas", b"", "image_generation", None),
    Maker("stability.", b"", "image_generation", None),
    Maker("amazon.nova", b"", "chat", bedrock_converse),
    Maker("cohere.", b'"message"', "chat", cohere_chat),
    Maker("", b'"anthropic_version"', "chat", anthropic_messages),
    Maker("", b'"inferenceConfig"', "chat", bedrock_converse),
    Maker("", b'"schemaVersion"', "chat", bedrock_converse),
    Maker("", b'"messages"', "chat", openai_chat),
    Maker("", b'"prompt"', "text_completion", bedrock_text),
    Maker("", b'"inputText"', "text_completion", bedrock_text),
)
"""The first that fits."""

UNKNOWN = Maker("", b"", "invoke_model", bedrock_text)


def choose(model: object, body: object) -> Maker:
    """The maker of the bodies that `model` (an id, or a resource name that holds one) takes.

    `body` is looked at where the id does not tell. Neither is changed; what is not known is `UNKNOWN`.
    """
    name = model.lower() if isinstance(model, str) else ""
    return next((maker for maker in _MAKERS if maker.id in name and _has(body, maker.mark)), UNKNOWN)


def _has(body: object, mark: bytes) -> bool:
    if isinstance(body, str):
        return mark.decode() in body
    return mark in body if isinstance(body, (bytes, bytearray)) else not mark


def request(call: Any) -> dict[str, Any]:
    """The fields of the body with the ``model`` beside them; what else the call was given is under ``invocation``."""
    held = plain.mapping(call)
    body = _json(held.get("body"))
    fields = body if isinstance(body, dict) else {} if body is None else {"body": body}
    invocation = {name: value for name, value in held.items() if name not in ("body", "modelId")}
    return {**fields, "model": held.get("modelId"), "invocation": invocation}


def response(pieces: list[bytes], headers: Mapping[str, str]) -> Any:
    """The JSON of a body in `pieces`, with the counts that the answer's `headers` (names in lower case) hold."""
    body = _json(b"".join(pieces))
    if not isinstance(body, dict):
        return body
    counts = {name: int(headers[header]) for header, name in _HEADERS.items() if str(headers.get(header)).isdecimal()}
    return {_METRICS: counts, **_named_alike(body)} if counts else _named_alike(body)


def chunks(events: list[Any]) -> list[Any]:
    """The maker's own chunks in the `events` of a stream, an object each: JSON in base64, with letters beside it that hide from
    the network how long it is."""
    found = [_json(_decoded(plain.mapping(event.get("chunk")).get("bytes"))) for event in plain.mappings(events)]
    return [_named_alike(chunk) for chunk in found if isinstance(chunk, dict)]


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(text) if isinstance(text, (str, bytes)) else b""
    except (binascii.Error, ValueError):
        return b""


def _json(text: object) -> Any:
    """What JSON text holds; ``None`` for text that is none, and for what is no text."""
    try:
        return msgspec.json.decode(text) if isinstance(text, (str, bytes)) else None
    except (ValueError, RecursionError):
        return None


def _named_alike(body: dict[str, Any]) -> dict[str, Any]:
    """Mistral and DeepSeek speak OpenAI's format here, but for the name of one field."""
    choices = body.get("choices")
    if not any("stop_reason" in choice for choice in plain.mappings(choices)):
        return body
    return {**body, "choices": [_named(choice) for choice in plain.listed(choices)]}


def _named(choice: object) -> object:
    if not isinstance(choice, dict) or "stop_reason" not in choice or choice.get("finish_reason"):
        return choice
    others = {name: value for name, value in choice.items() if name != "stop_reason"}
    return {**others, "finish_reason": choice["stop_reason"]}


def invoked(inner: Dialect | None, operation: str = "", streamed: bool = False) -> Dialect:
    """`inner` for bodies that InvokeModel carries. Without one, only what Bedrock itself says is read."""
    inner = inner or Dialect(operation, request={"model": "model"})
    counts = {name: where for name, where in inner.usage.items() if name not in ("raw", "missing")}
    spare: dict[str, Where] = {
        "input_tokens": ledger.whole(
            f"{_METRICS}.inputTokenCount", f"{_METRICS}.cacheReadInputTokenCount", f"{_METRICS}.cacheWriteInputTokenCount"
        ),
        "output_tokens": f"{_METRICS}.outputTokenCount",
        "cache_read_input_tokens": f"{_METRICS}.cacheReadInputTokenCount",
        "cache_write_input_tokens": f"{_METRICS}.cacheWriteInputTokenCount",
    }
    if operation == "embeddings":
        del spare["output_tokens"]
    both: dict[str, Where] = {name: first(counts[name], where) if name in counts else where for name, where in spare.items()}

    def reduce(chunks: list[Any]) -> Any:
        whole = inner.reduce(chunks) if inner.reduce else {}
        return {**whole, **{name: chunk[name] for chunk in plain.mappings(chunks) for name in chunk if name in _OWN}}

    def outcome(body: Any) -> str | None:
        blocked = plain.mapping(body).get(_ACTION) == "INTERVENED"
        return "content_filtered" if blocked else inner.outcome(body) if inner.outcome else None

    return Dialect(
        f"bedrock_invoke_{inner.name}",
        request={
            **inner.request,
            **({"stream": lambda _: True} if streamed else {}),
            "aws.bedrock.guardrail.id": plain.of("invocation.guardrailIdentifier", plain.string),
        },
        response={**inner.response, "guardrail": f"{_TRACE}.guardrail"},
        usage=ledger.usage({**counts, **both}, raw=first(inner.usage.get("raw", _METRICS), _METRICS)),
        decode=request,
        reduce=reduce,
        failure=inner.failure,
        outcome=outcome,
    )


_TRACE = "amazon-bedrock-trace"
_OWN = (_METRICS, _ACTION, _TRACE)
