"""Ollama's SDK, which has no raw responses and no helpers for streams."""

from __future__ import annotations

from typing import Any

from .accuracy import Fields, Reading, events


def asked(record: dict[str, Any]) -> Fields:
    options = record["request_body"].get("options") or {}
    stop = options.get("stop")
    return {
        "temperature": ("gen_ai.request.temperature", options.get("temperature")),
        "top_p": ("gen_ai.request.top_p", options.get("top_p")),
        "top_k": ("gen_ai.request.top_k", options.get("top_k")),
        "max_tokens": ("gen_ai.request.max_tokens", options.get("num_predict")),
        "seed": ("gen_ai.request.seed", options.get("seed")),
        "stop_sequences": ("gen_ai.request.stop_sequences", [stop] if isinstance(stop, str) else stop),
        "output.type": ("gen_ai.output.type", "json" if record["request_body"].get("format") else None),
    }


def usage(body: Any) -> dict[str, Any]:
    """Counts and durations lie in the answer itself, of a stream in its last line; without counts it is no usage."""
    last = events(body)[-1]
    found = {key: value for key, value in last.items() if key.endswith(("_count", "_duration"))}
    return found if "eval_count" in found or "prompt_eval_count" in found else {}


def counted(usage: dict[str, Any], record: dict[str, Any]) -> Fields:
    return {
        "input_tokens": ("gen_ai.usage.input_tokens", usage.get("prompt_eval_count")),
        "output_tokens": ("gen_ai.usage.output_tokens", usage.get("eval_count")),
    }


def said(body: Any, record: dict[str, Any]) -> Fields:
    return {"chunks": ("autotrace.stream.chunks", len(body) if isinstance(body, list) else None)}


READING = Reading(
    module="ollama",
    clients=("ollama",),
    modes=("sync", "async"),
    asked=asked,
    usage=usage,
    counted=counted,
    said=said,
)
