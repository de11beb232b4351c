"""boto3's client for Bedrock: Converse, and the bodies of InvokeModel, each in its maker's format."""

from __future__ import annotations

import base64
import json
from typing import Any

from .accuracy import Fields, Reading, at, events

METRICS = "amazon-bedrock-invocationMetrics"
HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
    "x-amzn-bedrock-invocation-latency": "invocationLatency",
}
TITAN = ("inputTextTokenCount", "totalOutputTextTokenCount")
LLAMA = ("prompt_token_count", "generation_token_count")


def body(record: dict[str, Any]) -> Any:
    """The answer with what its headers count; of a stream the events, those of InvokeModel as their makers send them."""
    if "response_body" in record:
        counts = {
            name: int(record["response_headers"][key]) for key, name in HEADERS.items() if key in record["response_headers"]
        }
        return {**json.loads(record["response_body"]), "counts": counts}
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(base64.b64decode(record["response_body_b64"]))
    found = []
    for message in buffer:
        payload = json.loads(message.payload)
        framed = {message.headers[":event-type"]: payload}
        found.append(json.loads(base64.b64decode(payload["bytes"])) if "bytes" in payload else framed)
    return found


def asked(record: dict[str, Any]) -> Fields:
    request = record["request_body"]
    config = request.get("inferenceConfig") or request.get("textGenerationConfig") or request

    def first(*names: str) -> Any:
        return next((config[name] for name in names if name in config), None)

    extra = request.get("additionalModelRequestFields") or {}
    limits = ("maxTokens", "maxTokenCount", "max_tokens", "max_tokens_to_sample", "max_gen_len")
    return {
        "temperature": ("gen_ai.request.temperature", first("temperature")),
        "top_p": ("gen_ai.request.top_p", first("topP", "top_p", "p")),
        "top_k": ("gen_ai.request.top_k", at(extra, "inferenceConfig", "topK") or first("topK", "top_k")),
        "max_tokens": ("gen_ai.request.max_tokens", first(*limits)),
        "stop_sequences": ("gen_ai.request.stop_sequences", first("stop_sequences")),
        "stream": ("gen_ai.request.stream", True if record["stream"] else None),
        "guardrail": ("aws.bedrock.guardrail.id", at(request, "guardrailConfig", "guardrailIdentifier")),
    }


def usage(body: Any) -> dict[str, Any]:
    """What the maker counts; where it counts nothing, what Bedrock does."""
    merged: dict[str, Any] = {}
    for event in events(body):
        for held in (event, at(event, "message"), at(event, "metadata")):
            merged.update(at(held, "usage") or {})
    counted = {name: event[name] for event in events(body) for name in (*TITAN, *LLAMA) if event.get(name) is not None}
    metrics = [found for event in events(body) if (found := event.get(METRICS) or event.get("counts"))]
    return merged or counted or (metrics[-1] if metrics else {})


def counted(usage: dict[str, Any], record: dict[str, Any]) -> Fields:
    """Input leaves out what went through the cache; a record's has it (promise 4)."""
    answer = body(record)
    metrics = next((found for event in events(answer) if (found := event.get(METRICS) or event.get("counts"))), {})

    def first(*names: str) -> Any:
        return next((held[name] for held in (usage, metrics) for name in names if held.get(name) is not None), None)

    read = first("cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens")
    written = first("cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_creation_input_tokens")
    given = first("inputTokens", "input_tokens", "prompt_tokens", TITAN[0], LLAMA[0], "inputTokenCount")
    results = [result["tokenCount"] for event in events(answer) for result in event.get("results") or ()]
    made = first("outputTokens", "output_tokens", "completion_tokens", TITAN[1], LLAMA[1])
    made = sum(results) if made is None and results else first("outputTokenCount") if made is None else made
    return {
        "input_tokens": ("gen_ai.usage.input_tokens", None if given is None else given + (read or 0) + (written or 0)),
        "output_tokens": ("gen_ai.usage.output_tokens", made),
        "cache_read": ("gen_ai.usage.cache_read.input_tokens", read),
        "cache_write": ("gen_ai.usage.cache_write.input_tokens", written),
    }


def said(body: Any, record: dict[str, Any]) -> Fields:
    models = [model for event in events(body) for held in (event, at(event, "message")) if (model := at(held, "model"))]
    traces = [trace for event in events(body) for held in (event, at(event, "metadata")) if (trace := _trace(held))]
    reasons = [
        reason for event in events(body) if (reason := at(event, "stopReason") or at(event, "messageStop", "stopReason"))
    ]
    stopped = any(event.get("amazon-bedrock-guardrailAction") == "INTERVENED" for event in events(body))
    return {
        "response model": ("gen_ai.response.model", models[0] if models else None),
        "guardrail found": ("autotrace.response.guardrail", traces[-1] if traces else None),
        "outcome": ("autotrace.outcome", _outcome(reasons, stopped, body)),
        "chunks": ("autotrace.stream.chunks", len(body) if isinstance(body, list) else None),
        "request id": ("autotrace.request.id", record["response_headers"].get("x-amzn-requestid")),
        "region": ("cloud.region", "us-east-1"),
    }


def _trace(held: Any) -> Any:
    return at(held, "trace", "guardrail") or at(held, "amazon-bedrock-trace", "guardrail")


def _outcome(reasons: list[str], stopped: bool, body: Any) -> str | None:
    if stopped or "guardrail_intervened" in reasons:
        return "content_filtered"
    held = [
        *events(body),
        *(result for event in events(body) for name in ("results", "choices") for result in event.get(name) or ()),
    ]
    words = {*reasons, *(one.get(name) for one in held for name in ("stop_reason", "finish_reason", "completionReason"))}
    return "truncated" if words & {"max_tokens", "length", "LENGTH", "MAX_TOKENS"} else None


READING = Reading(
    module="boto3",
    clients=("bedrock",),
    modes=("sync",),
    asked=asked,
    usage=usage,
    counted=counted,
    said=said,
    body=body,
    counts_otherwise=frozenset({"finish_reasons"}),  # there in the provider's words
)
