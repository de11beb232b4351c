"""Dialect of the Gemini API's ``generateContent`` and ``streamGenerateContent``, of Google AI and of Vertex AI.

Source: the Gemini API reference (``GenerateContentRequest``, ``GenerateContentResponse``, ``UsageMetadata``). The URL contains
the model, and whether the answer is streamed; the route adds them to the body as ``model`` and ``stream``.
``promptTokenCount`` includes cached tokens, and excludes tokens that Google's own tools add to the prompt;
``candidatesTokenCount`` excludes thoughts. The API omits counts of 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, Getter, Where, first, total
from autotrace_google_genai.dialects import content, words
from autotrace_google_genai.dialects.content import camel
from autotrace_google_genai.dialects.generate_content_stream import response

__all__ = ["FINISH_REASONS", "either", "error", "failure", "gemini", "outcome"]

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
"""Gemini's finish reasons, and the conventions' words for them. Other reasons are kept unchanged."""


def _finish(reason: object) -> str | None:
    return FINISH_REASONS.get(reason, reason) if isinstance(reason, str) and reason else None


def _raw_reasons(candidates: object) -> list[str] | None:
    """Gemini's finish reasons, one for each candidate that has ended."""
    return [reason for one in plain.mappings(candidates) if (reason := plain.string(one.get("finishReason")))] or None


def _reasons(candidates: object) -> list[str] | None:
    return [FINISH_REASONS.get(reason, reason) for reason in _raw_reasons(candidates) or ()] or None


def _output(candidates: object) -> list[Message] | None:
    return [_candidate(one) for one in plain.listed(candidates)] or None


_NOT_CONTENT = ("content", "index", "avgLogprobs", "logprobsResult", "tokenCount", "continuationToken")


def _candidate(value: object) -> Message:
    """Convert a candidate to a message, with its citations, grounding and safety ratings beside the parts."""
    wire = camel(value)
    if not wire:
        return parts.message("assistant", [parts.kept(value)])
    reason = _finish(wire.get("finishReason"))
    rest = parts.rest(wire, *_NOT_CONTENT, *(("finishReason",) if reason else ()))
    return content.message(wire.get("content"), "assistant", reason, **rest)


def _failure(body: dict[str, Any]) -> Failure | None:
    """The failure in the error that came instead of an answer, or in a stream."""
    return error(body.get("error"))


_GRPC = dict(enumerate((499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401), start=1))
"""The HTTP status of each code of gRPC (google.rpc.Code), which long operations have in their errors."""


def error(value: object, *codes: str) -> Failure | None:
    """The failure in a ``google.rpc.Status``: Google's reason (``API_KEY_INVALID``), its status (``RESOURCE_EXHAUSTED``) or its
    code, in this order, unless `codes` name other fields."""
    wire = plain.mapping(value)
    reasons = [plain.string(detail.get("reason")) for detail in plain.mappings(wire.get("details"))]
    reason = next(filter(None, reasons), None)
    found = endings.failure({**wire, "reason": reason} if reason else value, *(codes or ("reason", "status", "code")))
    number = plain.number(wire.get("code"), 0)
    if found is not None and number in _GRPC:
        found["status"] = _GRPC[number]
    return found


def _outcome(body: dict[str, Any]) -> Outcome | None:
    """The outcome by the finish reasons. If the prompt was blocked, there is no candidate, and the outcome is filtered."""
    blocked = camel(body.get("promptFeedback")).get("blockReason")
    reasons = _reasons(body.get("candidates")) or []
    return endings.outcome([*reasons, *(("content_filter",) if blocked else ())])


failure = plain.reading(_failure, "error")
outcome = plain.reading(_outcome, "candidates", "promptFeedback")


def either(name: str) -> Getter:
    """A getter of the field `name` of a request's body, in ``camelCase`` or in ``snake_case``."""
    return first(name, content.snake(name))


_CONFIG = ("generationConfig", "generation_config")


def _config(body: dict[str, Any]) -> dict[str, Any]:
    return camel(next((body[name] for name in _CONFIG if body.get(name)), None))


def _setting(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Getter:
    return plain.reading(lambda body: convert(_config(body).get(name)), *_CONFIG)


def _level(thinking: object) -> str | None:
    level = plain.string(camel(thinking).get("thinkingLevel"))
    return level.lower() if level else None


def _choice_count(count: object) -> object:
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
    """The settings without a name in the conventions. Those of generation keep their names in ``generationConfig``."""
    wire = camel(body)
    settings = {name: value for name, value in _config(body).items() if name not in _READ and plain.says(value)}
    if isinstance(settings.get("thinkingConfig"), dict):
        settings["thinkingConfig"] = camel(settings["thinkingConfig"])
    settings.update((name, wire[name]) for name in _PARAMETERS if plain.says(wire.get(name)))
    return content.without_secrets(settings) or None


def _tier(usage: object) -> str | None:
    """The tier by which the answer is billed. Vertex AI has it as the type of traffic (``ON_DEMAND_FLEX``)."""
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
        "choice_count": _setting("candidateCount", _choice_count),
        "reasoning_level": _setting("thinkingConfig", _level),
        "output_type": plain.reading(_output_type, *_CONFIG),
        "output_schema": plain.reading(_schema, *_CONFIG),
        "system_instructions": plain.of(either("systemInstruction"), content.system),
        "input_messages": plain.of("contents", content.messages),
        "tool_definitions": plain.of("tools", content.tools),
        "parameters": plain.reading(_parameters, *_CONFIG, *_PARAMETERS, *map(content.snake, _PARAMETERS)),
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
    not_content={**words.NOT_CONTENT, "autotrace.response.finish_reasons": tuple(FINISH_REASONS)},
)
