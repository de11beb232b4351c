"""Dialect of the Interactions API: ``POST /interactions`` of the Gemini API, for models and for agents that Google runs.

Source: the Gemini API reference (``Interaction``, ``Step``, ``Usage``); its names are in ``snake_case``.
``total_input_tokens`` excludes tokens that tools add to the prompt, ``total_output_tokens`` excludes thoughts.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import endings, ledger, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, first, total
from autotrace_google_genai.dialects import steps, words
from autotrace_google_genai.dialects.content import without_secrets
from autotrace_google_genai.dialects.generate_content import error
from autotrace_google_genai.dialects.interactions_stream import interaction

__all__ = ["failure", "gemini_interactions", "outcome"]

_ENDS = {
    "completed": "stop",
    "requires_action": "tool_call",
    "requires_continuation": "length",
    "incomplete": "length",
    "budget_exceeded": "length",
    "failed": "error",
}
"""Finish reasons by the status of an ended interaction. For one that was cut short, the API gives no other reason."""
_CUT = frozenset({"requires_continuation", "incomplete", "budget_exceeded"})


def _reasons(status: object) -> list[str] | None:
    return [_ENDS[status]] if isinstance(status, str) and status in _ENDS else None


def _output(body: dict[str, Any]) -> list[Message] | None:
    reason = _reasons(body.get("status"))
    return steps.answer(body.get("steps"), reason[0] if reason else None)


def _failure(body: dict[str, Any]) -> Failure | None:
    """The failure in the error that ended a stream, that came instead of an interaction, or with which it failed."""
    result = error(body.get("error"), "code", "status")
    if result is None and body.get("status") == "failed":
        errors = plain.mappings(body.get("errors"))
        result = error(errors[0] if errors else {"code": "failed"}, "code", "status")
    return result


def _outcome(body: dict[str, Any]) -> Outcome | None:
    return endings.outcome(["length"] if plain.string(body.get("status")) in _CUT else ())


failure = plain.reading(_failure, "error", "errors", "status")
outcome = plain.reading(_outcome, "status")


def _setting(name: str) -> str:
    return f"generation_config.{name}"


_READ = frozenset("temperature top_p max_output_tokens stop_sequences seed thinking_level".split())
_PARAMETERS = (
    *("background", "store", "service_tier", "cached_content", "labels", "response_modalities", "safety_settings"),
    *("agent_config", "environment"),
)


def _parameters(body: dict[str, Any]) -> dict[str, Any] | None:
    config = plain.mapping(body.get("generation_config"))
    settings = {key: value for key, value in config.items() if key not in _READ and plain.says(value)}
    settings.update((name, body[name]) for name in _PARAMETERS if plain.says(body.get(name)))
    return without_secrets(settings) or None


def _schema(form: object) -> object:
    """The schema of the answer: the format's ``schema``, or the format itself if that is a schema."""
    wanted = [plain.mapping(one) for one in plain.listed(form)]
    return next((one.get("schema", one if one.get("type") == "object" else None) for one in wanted), None)


def _output_type(body: dict[str, Any]) -> str | None:
    if _schema(body.get("response_format")) is not None or body.get("response_mime_type") == "application/json":
        return "json"
    wanted = {str(one).lower() for one in plain.listed(body.get("response_modalities"))}
    return next((kind for word, kind in (("image", "image"), ("audio", "speech"), ("text", "text")) if word in wanted), None)


_MODALITIES: dict[str, tuple[str, ...]] = {
    "input_tokens": ("input_tokens_by_modality", "tool_use_tokens_by_modality"),
    "output_tokens": ("output_tokens_by_modality",),
    "cache_read_input_tokens": ("cached_tokens_by_modality",),
}

gemini_interactions = Dialect(
    "gemini_interactions",
    request={
        "model": first("model", "agent"),  # an agent takes the place of the model
        "agent_name": "agent",
        "stream": plain.of("stream", plain.true),
        "max_tokens": _setting("max_output_tokens"),
        "temperature": _setting("temperature"),
        "top_p": _setting("top_p"),
        "stop_sequences": plain.of(_setting("stop_sequences"), plain.strings),
        "seed": _setting("seed"),
        "reasoning_level": _setting("thinking_level"),
        "previous_response_id": "previous_interaction_id",
        "output_type": plain.reading(_output_type, "response_format", "response_mime_type", "response_modalities"),
        "output_schema": plain.of("response_format", _schema),
        "system_instructions": plain.of("system_instruction", steps.system),
        "input_messages": plain.of("input", steps.asked),
        "tool_definitions": plain.of("tools", steps.tools),
        "parameters": plain.reading(_parameters, "generation_config", *_PARAMETERS),
    },
    response={
        "id": "id",
        "model": "model",
        "status": "status",
        "finish_reasons": plain.of("status", _reasons),
        "autotrace.response.finish_reasons": plain.of("status", lambda status: [status] if _reasons(status) else None),
        "output_messages": plain.reading(_output, "steps", "status"),
        "autotrace.response.service_tier": "service_tier",
        "details": plain.fields("environment_id", "errors"),
    },
    usage=ledger.usage(
        {
            "input_tokens": ledger.whole("usage.total_input_tokens", "usage.total_tool_use_tokens"),
            "output_tokens": total("usage.total_output_tokens", "usage.total_thought_tokens"),
            "cache_read_input_tokens": "usage.total_cached_tokens",
            "reasoning_output_tokens": "usage.total_thought_tokens",
            **{
                f"{name}_{count}": ledger.listed("usage", "tokens", name, *fields)
                for count, fields in _MODALITIES.items()
                for name in ("text", "audio", "image")
            },
        }
    ),
    reduce=interaction,
    failure=failure,
    outcome=outcome,
    not_content=words.NOT_CONTENT,
)
