"""The chat completions API: ``POST /chat/completions`` of OpenAI, Azure and the many servers that imitate it.

Source: the OpenAI API reference (``ChatCompletion``, ``ChatCompletionChunk``, ``CompletionUsage``); what other servers do
differently is noted where it is handled.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import Where, constant, first
from autotrace.dialects import endings, ledger, openai_content, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.openai_chat_stream import completion
from autotrace.dialects.parts import Message, Part

__all__ = ["REQUEST", "openai_chat"]

_CHOICE = ("index", "finish_reason", "message", "delta", "text")


def _input_messages(messages: object) -> list[Message] | None:
    """The conversation. Developer and system messages stay in it, because the API does not take them separately."""
    return [_message(one) for one in plain.listed(messages)] or None


def _message(
    wire: object, role: str = "user", finish_reason: str | None = None, beside: dict[str, Any] | None = None
) -> Message:
    """A message. Fields of the wire's message, and of the choice around it (`beside`), that are in no part are added to it."""
    if not isinstance(wire, dict):
        return {**parts.message(role, [parts.kept(wire)], finish_reason=finish_reason), **(beside or {})}
    said, others = _parts(wire)
    role = plain.string(wire.get("role")) or role
    name = others.pop("name") if isinstance(others.get("name"), str) else None
    message = parts.message(role, said, name=name, finish_reason=finish_reason)
    others = {**(beside or {}), **others}
    taken = {key: others.pop(key) for key in ("role", "parts", "name", "finish_reason") if key in others}
    if taken:
        said.append({"type": "unknown", "content": taken})
    return {**message, **others}


def _parts(wire: dict[str, Any]) -> tuple[list[Part], dict[str, Any]]:
    """The parts of a message, and its fields that are in no part."""
    said = openai_content.content(wire.get("content"))
    used = ["content", "tool_calls", "function_call"]
    if wire.get("role") in ("tool", "function"):
        answer = wire.get("content")
        said = [parts.tool_call_response(wire.get("tool_call_id"), answer if isinstance(answer, str) else said)]
        used.append("tool_call_id")
    elif said and said[0]["type"] == "text" and "annotations" not in said[0] and wire.get("annotations"):
        said[0]["annotations"] = parts.without_binary(wire["annotations"])
        used.append("annotations")
    # DeepSeek, vLLM, xAI: reasoning_content; Groq, OpenRouter: reasoning. Some send both, with the same text.
    fields = [field for field in ("reasoning_content", "reasoning") if isinstance(wire.get(field), str)]
    thoughts = dict.fromkeys(wire[field] for field in fields if wire[field])
    details, hidden = _reasoning_details(wire)
    refused = wire.get("refusal") if isinstance(wire.get("refusal"), str) else None
    audio = _audio(wire.get("audio"))
    used += [*fields, *(("refusal",) if refused else ()), *(("audio",) if audio else ())]
    if isinstance(wire.get("role"), str):
        used.append("role")
    others = parts.rest(wire, *used, "reasoning_details") | ({"reasoning_details": details} if details else {})
    return [
        *(parts.reasoning(thought) for thought in thoughts),
        *hidden,
        *said,
        *([parts.refusal(refused)] if refused else ()),
        *audio,
        *(part for call in plain.listed(wire.get("tool_calls")) for part in (*_signature(call), _tool_call(call))),
        *_function_call(wire.get("function_call")),
    ], others


def _reasoning_details(wire: dict[str, Any]) -> tuple[object, list[Part]]:
    """OpenRouter's details of the reasoning: those that are shown, and a part for each that is encrypted."""
    details = wire.get("reasoning_details")
    encrypted = [one for one in plain.mappings(details) if one.get("type") == "reasoning.encrypted"]
    shown = [one for one in plain.listed(details) if one not in encrypted] if encrypted else details
    return parts.without_binary(shown), [part for one in encrypted for part in parts.hidden([], one.get("data"))]


def _audio(audio: object) -> list[Part]:
    """Spoken content: with its data, or by the id of an earlier answer. A stream that was cut may have only a transcript."""
    held = plain.mapping(audio)
    data, id = held.get("data"), held.get("id")
    if isinstance(data, (str, bytes)):
        return [parts.extended(parts.binary(data, "audio"), held, "data")]
    if isinstance(id, str) and id:
        return [parts.extended(parts.file(id, "audio"), held, "id")]
    return [{**parts.rest(held), "type": "audio"}] if held else []


def _signature(call: object) -> list[Part]:
    """A part for thoughts that are not shown, of which Gemini's compatible API has the signature in a tool call.

    It is there below the vendor's name.
    """
    vendors = plain.mapping(plain.mapping(call).get("extra_content")).values()
    signatures = [plain.string(plain.mapping(held).get("thought_signature")) for held in vendors]
    return [part for signature in signatures if signature for part in parts.hidden([], signature)]


def _tool_call(call: object) -> Part:
    wire = plain.mapping(call)
    for kind in ("custom", "function"):
        held = wire.get(kind)
        if not isinstance(held, dict) or not isinstance(held.get("name") or "", str):
            continue
        # the input of a custom tool is free text, and JSON only by accident
        arguments = held.get("input") if kind == "custom" else parts.parsed(held.get("arguments"))
        given = "input" if kind == "custom" else "arguments"
        part = parts.tool_call(wire.get("id"), held.get("name"), arguments)
        inner, outer = parts.rest(held, "name", given), parts.rest(wire, "id", "index", kind)
        if not inner.keys() & outer.keys() and not part.keys() & (inner.keys() | outer.keys()):
            return {**part, **outer, **inner}
    return parts.kept(call)


def _function_call(call: object) -> list[Part]:
    return [_tool_call({"function": call}) if isinstance(call, dict) else parts.kept(call)] if call else []


def _choices(choices: object) -> list[Any]:
    held = enumerate(plain.listed(choices))
    return [
        choice
        for _, choice in sorted(held, key=lambda item: (plain.number(plain.mapping(item[1]).get("index"), item[0]), item[0]))
    ]


def _output_messages(choices: object) -> list[Message] | None:
    """One message per choice. The text completions API has ``text`` instead of ``message``."""
    messages = []
    for choice in _choices(choices):
        if not isinstance(choice, dict):
            messages.append(_message(choice, "assistant"))
            continue
        reason, text = choice.get("finish_reason"), choice.get("text")
        answer = choice.get("message")
        if answer is None:
            answer = {"content": text}
        elif isinstance(answer, dict) and plain.says(text) and text != answer.get("content"):
            answer = {**answer, "text": text}
        beside = parts.rest(choice, *(key for key in _CHOICE if key != "finish_reason" or isinstance(reason, str)))
        messages.append(_message(answer, "assistant", parts.finish(reason), beside))
    return messages or None


def _finish_reasons(choices: object) -> list[str] | None:
    """One reason per choice, in order. A choice without one is ``error`` if others have one (a stream that was cut)."""
    reasons = [plain.string(plain.mapping(choice).get("finish_reason")) for choice in _choices(choices)]
    return [reason or "error" for reason in reasons] if any(reasons) else None


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error instead of an answer, or inside it. OpenRouter puts it into the choice; others only give a finish reason."""
    choices = plain.mappings(wire.get("choices"))
    held = [one.get("error") for choice in choices for one in (choice, plain.mapping(choice.get("message")))]
    return (
        endings.failure_in(wire, *_CODES, answer=("choices", "usage"))
        or next((failure for error in held if (failure := endings.failure(error, *_CODES))), None)
        or endings.failure_of_reasons(choice.get("finish_reason") for choice in choices)
    )


_CODES = ("code", "type")


def _outcome(wire: dict[str, Any]) -> Outcome | None:
    """The outcome of the answer. A refusal has the finish reason ``stop``, and its text is in a field of its own."""
    choices = plain.mappings(wire.get("choices"))
    said = [plain.mapping(choice.get("message")) for choice in choices]
    refused = any(plain.string(message.get("refusal")) or _refuses(message.get("content")) for message in said)
    return endings.outcome([choice.get("finish_reason") for choice in choices], refused)


def _refuses(content: object) -> bool:
    return any(part.get("type") == "refusal" for part in plain.mappings(content))


def _tools(request: dict[str, Any]) -> list[dict[str, Any]] | None:
    return openai_content.tool_definitions([*plain.listed(request.get("tools")), *plain.listed(request.get("functions"))])


def _output_type(request: dict[str, Any]) -> str | None:
    if "audio" in plain.sequence(request.get("modalities")):
        return "speech"
    return openai_content.output_type(plain.mapping(request.get("response_format")).get("type"))


def _schema(form: object) -> object:
    wire = plain.mapping(form)
    return wire.get("json_schema") or wire.get("schema")  # the second is Together's


def _output_tokens(usage: object) -> object:
    """Completion tokens, which include reasoning. xAI counts reasoning separately, which its total shows."""
    wire = plain.mapping(usage)
    said, thought = (
        plain.count(wire.get("completion_tokens")),
        plain.count(plain.mapping(wire.get("completion_tokens_details")).get("reasoning_tokens")),
    )
    if said is None or not thought:
        return said
    prompt, whole = plain.count(wire.get("prompt_tokens")), plain.count(wire.get("total_tokens"))
    if prompt is None or whole is None:
        return said
    return said + thought if whole == prompt + said + thought else said


REQUEST: dict[str, Where] = {
    **openai_content.REQUEST,
    "max_tokens": first("max_completion_tokens", "max_tokens"),
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop_sequences": plain.of("stop", plain.strings),
    "seed": "seed",
    "choice_count": plain.of("n", lambda count: None if count == 1 else count),
}
"""The fields that the text completions API has too."""

_RESPONSE: dict[str, Where] = {
    "id": "id",
    "model": "model",
    "finish_reasons": plain.of("choices", _finish_reasons),
    "output_messages": plain.of("choices", _output_messages),
    # Azure: results of its filters; Perplexity: sources; OpenRouter: the provider that served it
    "details": plain.fields("moderation", "prompt_filter_results", "citations", "search_results", "provider"),
    "openai.response.service_tier": "service_tier",
    "openai.response.system_fingerprint": "system_fingerprint",
}

_USAGE = ledger.usage(
    {
        "input_tokens": "usage.prompt_tokens",
        "output_tokens": plain.of("usage", _output_tokens),
        # DeepSeek: prompt_cache_hit_tokens beside the details; Together and Moonshot: at the top
        "cache_read_input_tokens": first(
            "usage.prompt_tokens_details.cached_tokens", "usage.prompt_cache_hit_tokens", "usage.cached_tokens"
        ),
        # LiteLLM's proxy keeps Anthropic's name
        "cache_write_input_tokens": first(
            "usage.prompt_tokens_details.cache_write_tokens", "usage.cache_creation_input_tokens"
        ),
        "reasoning_output_tokens": "usage.completion_tokens_details.reasoning_tokens",
        "accepted_prediction_output_tokens": "usage.completion_tokens_details.accepted_prediction_tokens",
        "rejected_prediction_output_tokens": "usage.completion_tokens_details.rejected_prediction_tokens",
        "text_input_tokens": "usage.prompt_tokens_details.text_tokens",
        "audio_input_tokens": "usage.prompt_tokens_details.audio_tokens",
        "image_input_tokens": "usage.prompt_tokens_details.image_tokens",
        "text_output_tokens": "usage.completion_tokens_details.text_tokens",
        "audio_output_tokens": "usage.completion_tokens_details.audio_tokens",
        "image_output_tokens": "usage.completion_tokens_details.image_tokens",
        "text_cache_read_input_tokens": "usage.prompt_tokens_details.cached_tokens_details.text_tokens",
        "audio_cache_read_input_tokens": "usage.prompt_tokens_details.cached_tokens_details.audio_tokens",
        "image_cache_read_input_tokens": "usage.prompt_tokens_details.cached_tokens_details.image_tokens",
    }
)

openai_chat = Dialect(
    "openai_chat",
    namespace="openai",
    request={
        **REQUEST,
        "input_messages": plain.of("messages", _input_messages),
        "tool_definitions": plain.reading(_tools, "tools", "functions"),
        "output_type": plain.reading(_output_type, "modalities", "response_format"),
        "output_schema": plain.of("response_format", _schema),
        "prediction": plain.of("prediction.content", openai_content.content),
        "parameters": plain.fields(
            *openai_content.PARAMETERS,
            *("function_call", "modalities", "audio", "logit_bias", "logprobs", "verbosity", "web_search_options"),
            # other servers
            *("top_k", "min_p", "repetition_penalty", "reasoning", "thinking", "chat_template_kwargs"),
        ),
        "reasoning_level": first("reasoning_effort", "reasoning.effort"),  # the second is OpenRouter's
        "openai.api.type": constant("chat_completions"),
    },
    response=_RESPONSE,
    usage=_USAGE,
    reduce=completion,
    failure=plain.reading(_failure, *endings.ERROR_FIELDS, "choices", "usage"),
    outcome=plain.reading(_outcome, "choices"),
    not_content=openai_content.NOT_CONTENT,
)
