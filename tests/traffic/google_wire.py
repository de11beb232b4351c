"""Google's SDK: contents, and interactions, which the SDK has a second stack for. Neither has helpers, nor raw contents."""

from __future__ import annotations

from typing import Any

from .accuracy import Fields, Reading, at, events

REASONS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter"}
ENDS = {"completed": "stop", "requires_action": "tool_call", "incomplete": "length"}
"""By the status of an interaction, which has no reasons."""


def asked(record: dict[str, Any]) -> Fields:
    request = record["request_body"]
    if record["endpoint"] == "interactions":
        config = request.get("generation_config") or {}
        return {
            "temperature": ("gen_ai.request.temperature", config.get("temperature")),
            "max_tokens": ("gen_ai.request.max_tokens", config.get("max_output_tokens")),
            "reasoning.level": ("gen_ai.request.reasoning.level", config.get("thinking_level")),
            "agent": ("gen_ai.agent.name", request.get("agent")),
        }
    config = request.get("generationConfig") or {}
    level = at(config, "thinkingConfig", "thinking_level")
    return {
        "temperature": ("gen_ai.request.temperature", config.get("temperature")),
        "top_p": ("gen_ai.request.top_p", config.get("topP")),
        "top_k": ("gen_ai.request.top_k", config.get("topK")),
        "max_tokens": ("gen_ai.request.max_tokens", config.get("maxOutputTokens")),
        "choice.count": ("gen_ai.request.choice.count", None if config.get("candidateCount") == 1 else config.get("n")),
        "reasoning.level": ("gen_ai.request.reasoning.level", level.lower() if level else None),
    }


def usage(body: Any) -> dict[str, Any]:
    """The last one of a stream; each counts from the beginning."""
    held = [event.get("usageMetadata") or at(event, "interaction", "usage") or event.get("usage") for event in events(body)]
    return next((one for one in reversed(held) if one), {})


def counted(usage: dict[str, Any], record: dict[str, Any]) -> Fields:
    """Google's input leaves out what its tools put into the prompt, its output leaves out thoughts; a record's have them."""
    prompt, tools, made, thoughts, cached = (usage.get(name) for name in _NAMES[record["endpoint"] == "interactions"])
    return {
        "input_tokens": ("gen_ai.usage.input_tokens", None if prompt is None else prompt + (tools or 0)),
        "output_tokens": ("gen_ai.usage.output_tokens", None if made is None else made + (thoughts or 0)),
        "cache_read": ("gen_ai.usage.cache_read.input_tokens", cached),
        "reasoning tokens": ("gen_ai.usage.reasoning.output_tokens", thoughts),
        **{f"{kind} input": (f"gen_ai.usage.{kind}.input_tokens", _of(usage, kind)) for kind in ("text", "image")},
    }


_NAMES = (
    (
        *("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"),
        "cachedContentTokenCount",
    ),
    (
        *("total_input_tokens", "total_tool_use_tokens", "total_output_tokens", "total_thought_tokens"),
        "total_cached_tokens",
    ),
)


def _of(usage: dict[str, Any], kind: str) -> int | None:
    lists = ("promptTokensDetails", "toolUsePromptTokensDetails", "input_tokens_by_modality")
    held = [one for name in lists for one in usage.get(name) or () if one["modality"].lower() == kind]
    return sum(one.get("tokenCount", one.get("tokens")) for one in held) if held else None


def said(body: Any, record: dict[str, Any]) -> Fields:
    tier = (
        usage(body).get("serviceTier")
        or usage(body).get("trafficType")
        or at(events(body)[-1].get("interaction", events(body)[-1]), "service_tier")
    )
    found: dict[str, tuple[str, Any]] = {
        "service tier": ("autotrace.response.service_tier", tier.lower() if tier else None),
        "chunks": ("autotrace.stream.chunks", len(events(body)) if isinstance(body, list) else None),
    }
    if record["endpoint"] == "interactions":
        status = events(body)[-1].get("interaction", body)["status"]
        end = ENDS.get(status)
        found["response status"] = ("gen_ai.response.status", status)
        found["finish reasons"] = ("gen_ai.response.finish_reasons", [end] if end else None)
    elif "candidates" in events(body)[-1]:
        raw = [one["finishReason"] for one in events(body)[-1]["candidates"]]
        found["finish reasons"] = ("gen_ai.response.finish_reasons", [REASONS.get(one, one) for one in raw])
        found["finish reasons, Google's"] = ("autotrace.response.finish_reasons", raw)
    return found


def read(body: Any, record: dict[str, Any]) -> dict[str, Any]:
    """Code that Gemini ran, and the summaries of an interaction's thoughts."""
    held = [
        one for event in events(body) for candidate in event.get("candidates") or () for one in candidate["content"]["parts"]
    ]
    found: dict[str, Any] = {"builtin_calls": ["code_execution" for one in held if "executableCode" in one]}
    if record["endpoint"] == "interactions":
        steps = [summary["text"] for step in events(body)[-1].get("steps", ()) for summary in step.get("summary", ())]
        deltas = [event["delta"]["content"]["text"] for event in events(body) if "content" in event.get("delta", ())]
        found["reasoning_text"] = "".join([*steps, *deltas]) or None
    return found


READING = Reading(
    module="google.genai",
    clients=("google",),
    modes=("sync", "async"),
    asked=asked,
    usage=usage,
    counted=counted,
    said=said,
    read=read,
    # there without what tools put into the prompt, and in the provider's words
    counts_otherwise=frozenset({"input_tokens", "finish_reasons"}),
)
