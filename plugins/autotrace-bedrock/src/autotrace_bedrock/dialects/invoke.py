"""Dialects of Bedrock's InvokeModel: the body is JSON in the format of the model's maker, inside Bedrock's own envelope.

`choose` finds the maker by the model's id or, if the id does not show it, by the body. `invoked` adapts a maker's dialect to
the envelope: the body is bytes, with the model's id beside it; the token counts are in the answer's headers, or in
``amazon-bedrock-invocationMetrics`` at the end of a stream; the findings of a guardrail are in the body. Source: the API
reference of Bedrock runtime (``InvokeModel``), and recorded answers for the headers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

from autotrace.dialects import endings, ledger, plain
from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.rerank import rerank
from autotrace.plugin import Dialect, Where, first
from autotrace_bedrock.dialects.cohere_chat import cohere_chat
from autotrace_bedrock.dialects.converse import bedrock_converse
from autotrace_bedrock.dialects.embeddings import bedrock_embeddings
from autotrace_bedrock.dialects.text import bedrock_text

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
"""An answer's headers, and the same fields at the end of a stream. Input excludes tokens read from or written to the cache."""


class Maker(NamedTuple):
    """One kind of model, and the format of its bodies."""

    id: str
    """A substring of the model's id in lower case. Empty: any id."""
    mark: bytes
    """A substring of the body, if the id is not sufficient. Empty: any body."""
    operation: str
    """The conventions' name of the operation."""
    dialect: Dialect | None
    """The dialect of the body. None if its content is not read."""


_MAKERS = (
    Maker("anthropic.", b'"messages"', "chat", anthropic_messages),
    Maker("anthropic.", b"", "text_completion", anthropic_complete),
    Maker("embed", b"", "embeddings", bedrock_embeddings),
    Maker("", b'"input_type"', "embeddings", bedrock_embeddings),
    Maker("rerank", b"", "rerank", rerank),
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
"""The first one that matches is chosen."""

UNKNOWN = Maker("", b"", "invoke_model", bedrock_text)


def choose(model: object, body: object) -> Maker:
    """The maker whose format the body has. `model` is an id, or a resource name that contains one.

    `body` (text or bytes) decides if the id does not. Of a body that cannot be read, only the id says something. `UNKNOWN` if
    neither does.
    """
    name = model.lower() if isinstance(model, str) else ""
    if not isinstance(body, (str, bytes, bytearray)):
        return next((maker for maker in _MAKERS if maker.id and maker.id in name), UNKNOWN)
    return next((maker for maker in _MAKERS if maker.id in name and _has(body, maker.mark)), UNKNOWN)


def _has(body: str | bytes | bytearray, mark: bytes) -> bool:
    return mark.decode() in body if isinstance(body, str) else mark in body


def request(call: Any) -> dict[str, Any]:
    """The fields of the body, with ``model`` beside them, and the other parameters of the call under ``invocation``."""
    parameters = plain.mapping(call)
    body = _json(parameters.get("body"))
    if body is None and isinstance(parameters.get("body"), dict):
        body = {"body": parameters["body"]}  # what is known of a file that only the SDK may read
    fields = body if isinstance(body, dict) else {} if body is None else {"body": body}
    invocation = {name: value for name, value in parameters.items() if name not in ("body", "modelId")}
    return {**fields, "model": parameters.get("modelId"), "invocation": invocation}


def response(pieces: list[bytes], headers: Mapping[str, str]) -> Any:
    """The JSON of a body that came in `pieces`, with the token counts in the answer's `headers` (names in lower case)."""
    body = _json(b"".join(pieces))
    if not isinstance(body, dict):
        return body
    counts = {name: int(headers[header]) for header, name in _HEADERS.items() if str(headers.get(header)).isdecimal()}
    return {_METRICS: counts, **_with_finish_reasons(body)} if counts else _with_finish_reasons(body)


def chunks(events: list[Any]) -> list[Any]:
    """The maker's chunks in the `events` of a stream, one object each.

    In an event, a chunk is JSON in base64, beside letters that pad the event to hide its length on the network.
    """
    decoded = [_json(_decoded(plain.mapping(event.get("chunk")).get("bytes"))) for event in plain.mappings(events)]
    return [_with_finish_reasons(chunk) for chunk in decoded if isinstance(chunk, dict)]


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(text) if isinstance(text, (str, bytes)) else b""
    except (binascii.Error, ValueError):
        return b""


def _json(text: object) -> Any:
    """The value of JSON text. None if `text` is not valid JSON, or neither text nor bytes."""
    return plain.decoded(text) if isinstance(text, (str, bytes)) else None


def _with_finish_reasons(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with ``finish_reason`` in its choices: Mistral and DeepSeek speak OpenAI's format here, except for this name."""
    choices = body.get("choices")
    if not any("stop_reason" in choice for choice in plain.mappings(choices)):
        return body
    return {**body, "choices": [_with_finish_reason(choice) for choice in plain.listed(choices)]}


def _with_finish_reason(choice: object) -> object:
    if not isinstance(choice, dict) or "stop_reason" not in choice or choice.get("finish_reason"):
        return choice
    others = {name: value for name, value in choice.items() if name != "stop_reason"}
    return {**others, "finish_reason": choice["stop_reason"]}


def invoked(inner: Dialect | None, operation: str = "", streamed: bool = False) -> Dialect:
    """The dialect `inner`, adapted to bodies of InvokeModel. If it is None, only Bedrock's own fields are read.

    `operation` is the conventions' name of the operation. `streamed`: the answer is a stream.
    """
    inner = inner or Dialect(operation, request={"model": "model"}, failure=_FAILURE)
    counts = {name: where for name, where in inner.usage.items() if name not in ("raw", "missing")}
    bedrock_counts: dict[str, Where] = {
        "input_tokens": ledger.whole(
            f"{_METRICS}.inputTokenCount", f"{_METRICS}.cacheReadInputTokenCount", f"{_METRICS}.cacheWriteInputTokenCount"
        ),
        "output_tokens": f"{_METRICS}.outputTokenCount",
        "cache_read_input_tokens": f"{_METRICS}.cacheReadInputTokenCount",
        "cache_write_input_tokens": f"{_METRICS}.cacheWriteInputTokenCount",
    }
    if operation in ("embeddings", "rerank"):
        del bedrock_counts["output_tokens"]
    both: dict[str, Where] = {
        name: first(counts[name], where) if name in counts else where for name, where in bedrock_counts.items()
    }

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
        not_content=inner.not_content,
        response={**inner.response, "guardrail": f"{_TRACE}.guardrail"},
        usage=ledger.usage({**counts, **both}, raw=first(inner.usage.get("raw", _METRICS), _METRICS)),
        decode=request,
        reduce=reduce,
        failure=inner.failure,
        outcome=outcome,
        namespace=inner.namespace,
    )


_FAILURE = plain.reading(lambda body: endings.failure_in(body, "code", "type"), *endings.ERROR_FIELDS)
"""Image models answer with an ``error`` beside the images."""
_TRACE = "amazon-bedrock-trace"
_OWN = (_METRICS, _ACTION, _TRACE)
