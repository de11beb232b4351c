"""The chat completions API: ``POST /chat/completions`` of OpenAI, Azure and the many servers that speak it too.

Source: the OpenAI API reference (``ChatCompletion``, ``ChatCompletionChunk``, ``CompletionUsage``); what other servers do
differently is said where it is handled.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import openai_content, parts, plain
from autotrace.dialects.openai_chat_stream import completion
from autotrace.dialects.parts import Message, Part
from autotrace.operation import Dialect
from autotrace.paths import Where, constant, first

_KNOWN = frozenset(
    {
        *("role", "name", "content", "refusal", "reasoning", "reasoning_content", "annotations", "audio"),
        *("tool_calls", "function_call", "tool_call_id", "parts"),
    }
)


def input_messages(messages: object) -> list[Message] | None:
    """The conversation. Developer and system messages stay in it: the API does not take them separately."""
    return [_message(one) for one in plain.sequence(messages)] or None


def _message(wire: object, role: str = "user", finish_reason: str | None = None) -> Message:
    if not isinstance(wire, dict):
        return parts.message(role, [parts.kept(wire)], finish_reason=finish_reason)
    others = {key: value for key, value in plain.known(wire).items() if key not in _KNOWN and isinstance(key, str)}
    more = parts.without_binary(others)
    more.update(name=plain.string(wire.get("name")), finish_reason=finish_reason)
    return parts.message(wire.get("role") or role, _parts(wire), **more)


def _parts(wire: dict[str, Any]) -> list[Part]:
    said = openai_content.content(wire.get("content"))
    if wire.get("role") in ("tool", "function"):
        answer = wire.get("content")
        return [parts.tool_call_response(wire.get("tool_call_id"), answer if isinstance(answer, str) else said)]
    if said and wire.get("annotations") and said[0]["type"] == "text":
        said[0].setdefault("annotations", wire["annotations"])
    # DeepSeek, vLLM, xAI: reasoning_content; Groq, OpenRouter: reasoning. Some send both, with the same text.
    thought = plain.string(wire.get("reasoning_content")) or plain.string(wire.get("reasoning"))
    refused = plain.string(wire.get("refusal"))
    return [
        *([parts.reasoning(thought)] if thought else ()),
        *said,
        *([parts.refusal(refused)] if refused else ()),
        *_audio(wire.get("audio")),
        *(_tool_call(call) for call in plain.sequence(wire.get("tool_calls"))),
        *_function_call(wire.get("function_call")),
    ]


def _audio(audio: object) -> list[Part]:
    held = plain.mapping(audio)
    data = held.get("data")
    if isinstance(data, (str, bytes)):
        return [parts.binary(data, "audio", None, id=held.get("id"), transcript=plain.string(held.get("transcript")))]
    return [parts.file(held["id"], "audio")] if plain.string(held.get("id")) else []  # an answer of before, sent back by id


def _tool_call(call: object) -> Part:
    wire = plain.mapping(call)
    if isinstance(wire.get("custom"), dict):  # its input is free text, JSON only by accident
        return parts.tool_call(wire.get("id"), wire["custom"].get("name"), wire["custom"].get("input"))
    if isinstance(wire.get("function"), dict):
        function = wire["function"]
        return parts.tool_call(wire.get("id"), function.get("name"), parts.parsed(function.get("arguments")))
    return parts.kept(call)


def _function_call(call: object) -> list[Part]:
    wire = plain.mapping(call)
    return [parts.tool_call(None, wire.get("name"), parts.parsed(wire.get("arguments")))] if wire else []


def _choices(choices: object) -> list[dict[str, Any]]:
    held = enumerate(plain.mappings(choices))
    return [choice for _, choice in sorted(held, key=lambda item: (plain.number(item[1].get("index"), item[0]), item[0]))]


def output_messages(choices: object) -> list[Message] | None:
    """One message a choice. The text completions API has ``text`` where this one has ``message``."""
    found = []
    for choice in _choices(choices):
        wire = choice.get("message")
        answer = wire if isinstance(wire, dict) else {"content": choice.get("text")}
        found.append(_message(answer, "assistant", parts.finish(choice.get("finish_reason"))))
    return found or None


def _finish_reasons(choices: object) -> list[str] | None:
    return plain.strings([choice.get("finish_reason") for choice in _choices(choices)])


def _tools(request: object) -> list[dict[str, Any]] | None:
    wire = plain.mapping(request)
    return openai_content.tool_definitions([*plain.sequence(wire.get("tools")), *plain.sequence(wire.get("functions"))])


def _output_type(request: object) -> str | None:
    wire = plain.mapping(request)
    if "audio" in plain.sequence(wire.get("modalities")):
        return "speech"
    return openai_content.output_type(plain.mapping(wire.get("response_format")).get("type"))


def _output_tokens(usage: object) -> object:
    """Completion tokens, which include reasoning; xAI counts it apart, which its total gives away."""
    wire = plain.mapping(usage)
    said, prompt, whole = (wire.get(key) for key in ("completion_tokens", "prompt_tokens", "total_tokens"))
    thought = plain.mapping(wire.get("completion_tokens_details")).get("reasoning_tokens")
    if isinstance(said, int) and isinstance(prompt, int) and isinstance(whole, int) and isinstance(thought, int):
        return said + thought if whole == prompt + said + thought else said
    return said


REQUEST: dict[str, Where] = {
    **openai_content.REQUEST,
    "max_tokens": first("max_completion_tokens", "max_tokens"),
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop_sequences": plain.of("stop", plain.strings),
    "seed": "seed",
    "choice_count": plain.of("n", lambda count: None if count == 1 else count),
}
"""What the text completions API takes as well."""

RESPONSE: dict[str, Where] = {
    "id": "id",
    "model": "model",
    "finish_reasons": plain.of("choices", _finish_reasons),
    "output_messages": plain.of("choices", output_messages),
    "openai.response.service_tier": "service_tier",
    "openai.response.system_fingerprint": "system_fingerprint",
}

USAGE: dict[str, Where] = {
    "input_tokens": "usage.prompt_tokens",
    "output_tokens": plain.of("usage", _output_tokens),
    # DeepSeek: prompt_cache_hit_tokens beside the details; Together and Moonshot: at the top
    "cache_read_input_tokens": first(
        "usage.prompt_tokens_details.cached_tokens", "usage.prompt_cache_hit_tokens", "usage.cached_tokens"
    ),
    # LiteLLM's proxy hands Anthropic's name on
    "cache_write_input_tokens": first("usage.prompt_tokens_details.cache_write_tokens", "usage.cache_creation_input_tokens"),
    "reasoning_output_tokens": "usage.completion_tokens_details.reasoning_tokens",
    "text_input_tokens": "usage.prompt_tokens_details.text_tokens",
    "audio_input_tokens": "usage.prompt_tokens_details.audio_tokens",
    "image_input_tokens": "usage.prompt_tokens_details.image_tokens",
    "text_output_tokens": "usage.completion_tokens_details.text_tokens",
    "audio_output_tokens": "usage.completion_tokens_details.audio_tokens",
    "image_output_tokens": "usage.completion_tokens_details.image_tokens",
    "raw": "usage",
}

openai_chat = Dialect(
    "openai_chat",
    request={
        **REQUEST,
        "input_messages": plain.of("messages", input_messages),
        "tool_definitions": _tools,
        "output_type": _output_type,
        "reasoning_level": first("reasoning_effort", "reasoning.effort"),  # the second is OpenRouter's
        "openai.api.type": constant("chat_completions"),
    },
    response=RESPONSE,
    usage=USAGE,
    reduce=completion,
)
