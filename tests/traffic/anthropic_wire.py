"""Anthropic's SDK."""

from __future__ import annotations

from typing import Any

from .accuracy import Fields, Reading, at, events, holders, text_format


def asked(record: dict[str, Any]) -> Fields:
    request = record["request_body"]
    form = request.get("output_format") or at(request, "output_config", "format")
    return {
        "temperature": ("gen_ai.request.temperature", request.get("temperature")),
        "top_p": ("gen_ai.request.top_p", request.get("top_p")),
        "top_k": ("gen_ai.request.top_k", request.get("top_k")),
        "max_tokens": ("gen_ai.request.max_tokens", request.get("max_tokens")),
        "stop_sequences": ("gen_ai.request.stop_sequences", request.get("stop_sequences")),
        "reasoning.level": ("gen_ai.request.reasoning.level", at(request, "output_config", "effort")),
        "output.type": ("gen_ai.output.type", text_format(form)),
    }


def usage(body: Any) -> dict[str, Any]:
    """A message begins with some; what its deltas say later wins, field by field."""
    merged: dict[str, Any] = {}
    for held in holders(body):
        found = held.get("usage")
        if isinstance(found, dict):
            later = held.get("type") == "message_delta"
            merged = {**merged, **{key: value for key, value in found.items() if value is not None}} if later else found
    return merged


def counted(usage: dict[str, Any], record: dict[str, Any]) -> Fields:
    """Anthropic's input leaves out what went through its cache; a record's has it (promise 4)."""
    total, read, written = (
        usage.get(key) for key in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return {
        "input_tokens": ("gen_ai.usage.input_tokens", None if total is None else total + (read or 0) + (written or 0)),
        "output_tokens": ("gen_ai.usage.output_tokens", usage.get("output_tokens")),
        "cache_read": ("gen_ai.usage.cache_read.input_tokens", read),
        "cache_write": ("gen_ai.usage.cache_write.input_tokens", written),
        "cache_write, old name": ("gen_ai.usage.cache_creation.input_tokens", written),
        "cache_write_5m": (
            "autotrace.usage.cache_write_5m.input_tokens",
            at(usage, "cache_creation", "ephemeral_5m_input_tokens"),
        ),
        "cache_write_1h": (
            "autotrace.usage.cache_write_1h.input_tokens",
            at(usage, "cache_creation", "ephemeral_1h_input_tokens"),
        ),
        "reasoning tokens": ("gen_ai.usage.reasoning.output_tokens", at(usage, "output_tokens_details", "thinking_tokens")),
    }


def said(body: Any, record: dict[str, Any]) -> Fields:
    counted = [event for event in events(body) if event["type"] != "ping"] if isinstance(body, list) else None
    return {"chunks": ("autotrace.stream.chunks", len(counted) if counted else None)}


READING = Reading(
    module="anthropic",
    clients=("anthropic",),
    modes=("sync", "async", "raw", "helper"),
    asked=asked,
    usage=usage,
    counted=counted,
    said=said,
    counts_otherwise=frozenset({"provider"}),
    unreachable={"complete(legacy)": "anthropic 2 has no completions any more"},
)
