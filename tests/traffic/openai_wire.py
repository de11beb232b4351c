"""OpenAI's SDK, with its clients for OpenAI, Azure and those who speak the same format (DeepSeek, Together)."""

from __future__ import annotations

from typing import Any

from .accuracy import Fields, Reading, at, events, holders, last, text_format

LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


def asked(record: dict[str, Any]) -> Fields:
    request = record["request_body"]
    stop = request.get("stop")
    return {
        "temperature": ("gen_ai.request.temperature", request.get("temperature")),
        "top_p": ("gen_ai.request.top_p", request.get("top_p")),
        "max_tokens": ("gen_ai.request.max_tokens", next((request[key] for key in LIMITS if request.get(key)), None)),
        "frequency_penalty": ("gen_ai.request.frequency_penalty", request.get("frequency_penalty")),
        "presence_penalty": ("gen_ai.request.presence_penalty", request.get("presence_penalty")),
        "seed": ("gen_ai.request.seed", request.get("seed")),
        "stop_sequences": ("gen_ai.request.stop_sequences", [stop] if isinstance(stop, str) else stop),
        "choice.count": ("gen_ai.request.choice.count", None if request.get("n") == 1 else request.get("n")),
        "reasoning.level": (
            "gen_ai.request.reasoning.level",
            at(request, "reasoning", "effort") or request.get("reasoning_effort"),
        ),
        "previous_response.id": ("gen_ai.request.previous_response.id", request.get("previous_response_id")),
        "output.type": ("gen_ai.output.type", text_format(request.get("response_format") or at(request, "text", "format"))),
    }


def usage(body: Any) -> dict[str, Any]:
    """The last one: earlier chunks have none, or (Together, DeepSeek) one that grows."""
    return next((held["usage"] for held in reversed(holders(body)) if isinstance(held.get("usage"), dict)), {})


def counted(usage: dict[str, Any], record: dict[str, Any]) -> Fields:
    given = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    made = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    read = [
        value
        for value in (at(given, "cached_tokens"), usage.get("prompt_cache_hit_tokens"), usage.get("cached_tokens"))
        if value is not None
    ]
    written = at(given, "cache_write_tokens")
    output = usage.get("completion_tokens", usage.get("output_tokens"))
    return {
        "input_tokens": ("gen_ai.usage.input_tokens", usage.get("prompt_tokens", usage.get("input_tokens"))),
        "output_tokens": ("gen_ai.usage.output_tokens", None if record["endpoint"] == "embeddings" else output),
        "cache_read": ("gen_ai.usage.cache_read.input_tokens", read[0] if read else None),
        "cache_write": ("gen_ai.usage.cache_write.input_tokens", written),
        "cache_write, old name": ("gen_ai.usage.cache_creation.input_tokens", written),
        "reasoning tokens": ("gen_ai.usage.reasoning.output_tokens", at(made, "reasoning_tokens")),
        "audio input": ("gen_ai.usage.audio.input_tokens", at(given, "audio_tokens")),
        "audio output": ("gen_ai.usage.audio.output_tokens", at(made, "audio_tokens")),
        "accepted prediction": ("autotrace.usage.accepted_prediction.output_tokens", at(made, "accepted_prediction_tokens")),
        "rejected prediction": ("autotrace.usage.rejected_prediction.output_tokens", at(made, "rejected_prediction_tokens")),
    }


def said(body: Any, record: dict[str, Any]) -> Fields:
    responses = record["endpoint"] == "responses"
    status = last(body, "status") if responses else None
    return {
        **({"finish reasons": ("gen_ai.response.finish_reasons", _ends(body, status))} if responses else {}),
        "response status": ("gen_ai.response.status", status),
        "service tier": ("autotrace.response.service_tier", last(body, "service_tier")),
        "system fingerprint": ("autotrace.response.system_fingerprint", last(body, "system_fingerprint")),
        "chunks": ("autotrace.stream.chunks", len(events(body)) if isinstance(body, list) else None),
    }


def _ends(body: Any, status: str) -> list[str]:
    """Responses have no reason for a good end: it is a tool's call where the answer has one of a function."""
    response = events(body)[-1].get("response") or body
    if status == "incomplete":
        reason = response["incomplete_details"]["reason"]
        return ["length" if reason == "max_output_tokens" else reason]
    called = any(item["type"] in ("function_call", "custom_tool_call") for item in response["output"])
    return ["tool_call" if called else "stop"]


READING = Reading(
    module="openai",
    clients=("openai", "azure"),
    modes=("sync", "async", "raw", "helper"),
    asked=asked,
    usage=usage,
    counted=counted,
    said=said,
    counts_otherwise=frozenset({"provider"}),
)
