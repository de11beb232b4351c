"""The Gemini API's ``generateContent`` and ``streamGenerateContent``: of Google AI, and of Vertex AI.

Source: the Gemini API reference (``GenerateContentRequest``, ``GenerateContentResponse``, ``UsageMetadata``). The model, and
whether the answer is streamed, are part of the URL: who makes the call puts them into the body as ``model`` and ``stream``.
``promptTokenCount`` includes what was cached and leaves out what Google's own tools put into the prompt;
``candidatesTokenCount`` leaves out thoughts. A count of 0 does not come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import Getter, Where, first, total
from autotrace.dialects import endings, gemini_content, ledger, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.gemini_content import camel
from autotrace.dialects.gemini_stream import response
from autotrace.dialects.parts import Message

__all__ = ["FINISH_REASONS", "either", "failure", "gemini", "outcome"]

FINISH_REASONS: dict[str, str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII MODEL_ARMOR IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT "
        "IMAGE_RECITATION".split(),
        "content_filter",
    ),
    **dict.fromkeys(
        "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE".split(),
        "error",
    ),
}
"""Gemini's finish reasons in the conventions' words; others are kept as they are."""


def _finish(reason: object) -> str | None:
    return FINISH_REASONS.get(reason, reason) if isinstance(reason, str) and reason else None


def _raw_reasons(candidates: object) -> list[str] | None:
    """One for each candidate that has ended."""
    return [reason for one in plain.mappings(candidates) if (reason := plain.string(one.get("finishReason")))] or None


def _reasons(candidates: object) -> list[str] | None:
    return [FINISH_REASONS.get(reason, reason) for reason in _raw_reasons(candidates) or ()] or None


def _output(candidates: object) -> list[Message] | None:
    return [_candidate(one) for one in plain.listed(candidates)] or None


_NO_CONTENT = ("content", "index", "avgLogprobs", "logprobsResult", "tokenCount", "continuationToken")


def _candidate(value: object) -> Message:
    """A candidate as a message, with its citations, grounding and safety ratings beside the parts."""
    wire = camel(value)
    if not wire:
        return parts.message("assistant", [parts.kept(value)])
    reason = _finish(wire.get("finishReason"))
    rest = parts.rest(wire, *_NO_CONTENT, *(("finishReason",) if reason else ()))
    return gemini_content.message(wire.get("content"), "assistant", reason, **rest)


def _failure(body: dict[str, Any]) -> Failure | None:
    """The error that came in place of an answer, or inside a stream."""
    return endings.failure(body.get("error"), "status", "code")


def _outcome(body: dict[str, Any]) -> Outcome | None:
    """Filtered where the prompt was blocked, in which case there is no candidate."""
    blocked = camel(body.get("promptFeedback")).get("blockReason")
    reasons = _reasons(body.get("candidates")) or []
    return endings.outcome([*reasons, *(("content_filter",) if blocked else ())])


failure = plain.reading(_failure, "error")
outcome = plain.reading(_outcome, "candidates", "promptFeedback")


def either(name: str) -> Getter:
    """The field of a request's body that is called `name`, or the same in ``snake_case``."""
    return first(name, gemini_content.snake(name))


_CONFIG = ("generationConfig", "generation_config")


def _config(body: dict[str, Any]) -> dict[str, Any]:
    return camel(next((body[name] for name in _CONFIG if body.get(name)), None))


def _setting(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Getter:
    return plain.reading(lambda body: convert(_config(body).get(name)), *_CONFIG)


def _level(thinking: object) -> str | None:
    level = plain.string(camel(thinking).get("thinkingLevel"))
    return level.lower() if level else None


def _several(count: object) -> object:
    return None if count == 1 else count


def _output_type(body: dict[str, Any]) -> str | None:
    config = _config(body)
    wanted = {str(one).lower() for one in plain.listed(config.get("responseModalities"))}
    mime_type = config.get("responseMimeType")
    if mime_type == "application/json" or _schema(body) is not None:
        return "json"
    kind = next((kind for word, kind in (("image", "image"), ("audio", "speech")) if word in wanted), None)
    return kind or ("text" if mime_type == "text/plain" else None)


def _schema(body: dict[str, Any]) -> object:
    config = _config(body)
    return next((config[name] for name in ("responseSchema", "responseJsonSchema") if config.get(name)), None)


_READ = frozenset(
    "maxOutputTokens temperature topP topK frequencyPenalty presencePenalty stopSequences seed candidateCount responseMimeType "
    "responseSchema responseJsonSchema".split()
)
_PARAMETERS = ("toolConfig", "safetySettings", "cachedContent", "labels", "serviceTier", "store", "modelArmorConfig")


def _parameters(body: dict[str, Any]) -> dict[str, Any] | None:
    """The settings that the conventions have no names for; those of generation keep the names that they have there."""
    wire = camel(body)
    found = {name: value for name, value in _config(body).items() if name not in _READ and plain.says(value)}
    if isinstance(found.get("thinkingConfig"), dict):
        found["thinkingConfig"] = camel(found["thinkingConfig"])
    found.update((name, wire[name]) for name in _PARAMETERS if plain.says(wire.get(name)))
    return gemini_content.without_secrets(found) or None


def _tier(usage: object) -> str | None:
    """The tier that the answer is billed by; Vertex AI says it as the type of traffic (``ON_DEMAND_FLEX``)."""
    wire = plain.mapping(usage)
    tier = (plain.string(wire.get("serviceTier")) or plain.string(wire.get("trafficType")) or "").lower()
    return tier.removeprefix("on_demand_") or None


_BY_MODALITY = {
    "input_tokens": ("promptTokensDetails", "toolUsePromptTokensDetails"),
    "output_tokens": ("candidatesTokensDetails",),
    "cache_read_input_tokens": ("cacheTokensDetails",),
}
_COUNTS: dict[str, Where] = {
    "input_tokens": ledger.whole("usageMetadata.promptTokenCount", "usageMetadata.toolUsePromptTokenCount"),
    "output_tokens": total("usageMetadata.candidatesTokenCount", "usageMetadata.thoughtsTokenCount"),
    "cache_read_input_tokens": "usageMetadata.cachedContentTokenCount",
    "reasoning_output_tokens": "usageMetadata.thoughtsTokenCount",
    **{
        f"{name.lower()}_{count}": ledger.listed("usageMetadata", "tokenCount", name, *fields)
        for count, fields in _BY_MODALITY.items()
        for name in ("TEXT", "AUDIO", "IMAGE")
    },
}

gemini = Dialect(
    "gemini",
    request={
        "model": "model",
        "stream": plain.of("stream", plain.true),
        "max_tokens": _setting("maxOutputTokens", plain.count),
        "temperature": _setting("temperature"),
        "top_p": _setting("topP"),
        "top_k": _setting("topK", plain.count),  # the SDK sends it as 40.0
        "frequency_penalty": _setting("frequencyPenalty"),
        "presence_penalty": _setting("presencePenalty"),
        "stop_sequences": _setting("stopSequences", plain.strings),
        "seed": _setting("seed"),
        "choice_count": _setting("candidateCount", _several),
        "reasoning_level": _setting("thinkingConfig", _level),
        "output_type": plain.reading(_output_type, *_CONFIG),
        "output_schema": plain.reading(_schema, *_CONFIG),
        "system_instructions": plain.of(either("systemInstruction"), gemini_content.system),
        "input_messages": plain.of("contents", gemini_content.messages),
        "tool_definitions": plain.of("tools", gemini_content.tools),
        "parameters": plain.reading(_parameters, *_CONFIG, *_PARAMETERS, *map(gemini_content.snake, _PARAMETERS)),
    },
    response={
        "id": "responseId",
        "model": "modelVersion",
        "finish_reasons": plain.of("candidates", _reasons),
        "autotrace.response.finish_reasons": plain.of("candidates", _raw_reasons),
        "output_messages": plain.of("candidates", _output),
        "autotrace.response.service_tier": plain.of("usageMetadata", _tier),
        "details": plain.fields("promptFeedback", "modelStatus"),
    },
    usage=ledger.usage(_COUNTS, raw="usageMetadata"),
    reduce=response,
    failure=failure,
    outcome=outcome,
)
