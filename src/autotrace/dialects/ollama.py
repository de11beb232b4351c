"""Ollama's own API: ``/api/chat``, ``/api/generate``, ``/api/embed`` (and the older ``/api/embeddings``).

Source: docs/api.md of ollama/ollama. There is no response id. Tool calls have no id either, except in newer versions.
``prompt_eval_count`` is missing where the whole prompt was cached. The server streams unless told not to, the SDK always
says which.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message, Part
from autotrace.operation import Dialect
from autotrace.paths import Where, first


def _message(wire: object, role: str, finish_reason: str | None = None) -> Message:
    if not isinstance(wire, dict):
        return parts.message(role, [parts.kept(wire)], finish_reason=finish_reason)
    role = plain.string(wire.get("role")) or role
    name = plain.string(wire.get("tool_name")) or plain.string(wire.get("name"))
    content = wire.get("content")
    if role == "tool":
        answer = content if isinstance(content, str) else parts.without_binary(content)
        said = [parts.tool_call_response(wire.get("tool_call_id"), answer)]
    else:
        said = parts.texts(content) if content is None or isinstance(content, str) else [parts.kept(content)]
    calls = [_tool_call(call) for call in plain.sequence(wire.get("tool_calls"))]
    return parts.message(
        role, [*_thoughts(wire), *said, *_images(wire.get("images")), *calls], name=name, finish_reason=finish_reason
    )


def _thoughts(wire: dict[str, Any]) -> list[Part]:
    thought = plain.string(wire.get("thinking"))
    return [parts.reasoning(thought)] if thought else []


def _images(images: object) -> list[Part]:
    return [
        parts.binary(image, "image") if isinstance(image, (str, bytes)) else parts.kept(image)
        for image in plain.sequence(images)
    ]


def _tool_call(call: object) -> Part:
    wire = plain.mapping(call)
    function = plain.mapping(wire.get("function"))
    if not function:
        return parts.kept(call)
    return parts.tool_call(wire.get("id"), function.get("name"), parts.parsed(function.get("arguments")))


def _chat_input(messages: object) -> list[Message] | None:
    return [_message(one, "user") for one in plain.sequence(messages)] or None


def _chat_output(body: object) -> list[Message] | None:
    wire = plain.mapping(body)
    if wire.get("message") is None:
        return None
    return [_message(wire["message"], "assistant", parts.finish(wire.get("done_reason")))]


def _generate_input(body: object) -> list[Message] | None:
    wire = plain.mapping(body)
    said = [*parts.texts(wire.get("prompt")), *_images(wire.get("images"))]
    return [parts.message("user", said)] if said else None


def _generate_output(body: object) -> list[Message] | None:
    wire = plain.mapping(body)
    image = wire.get("image")  # of image models
    said = [*_thoughts(wire), *parts.texts(wire.get("response")), *_images([image] if image else None)]
    if not said and not isinstance(wire.get("response"), str):
        return None
    return [parts.message("assistant", said, finish_reason=parts.finish(wire.get("done_reason")))]


def _tools(tools: object) -> list[dict[str, Any]] | None:
    found = []
    for tool in plain.mappings(tools):
        function = plain.mapping(tool.get("function")) or tool
        found.append({"type": "function", **{key: value for key, value in plain.known(function).items() if key != "type"}})
    return found or None


def _output_type(form: object) -> str | None:
    return "json" if form == "json" or isinstance(form, dict) else None  # a JSON schema is a format, too


def _limit(count: object) -> object:
    return count if isinstance(count, int) and count >= 0 else None  # -1 and -2: until it stops, or the context is full


def _counters(body: object) -> dict[str, Any] | None:
    ends = ("_count", "_duration")
    return {key: value for key, value in plain.known(body).items() if key.endswith(ends)} or None


def reply(chunks: list[Any]) -> dict[str, Any]:
    """The reply that a stream's chunks add up to: texts are joined, tool calls collected, of all else the last value counts."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    texts: plain.Pieces = {}
    said: plain.Pieces = {}
    for chunk in plain.mappings(chunks):
        for key, value in plain.known(chunk).items():
            if key in ("response", "thinking"):
                plain.grow(texts, key, value)
            elif key == "message" and isinstance(value, dict):
                _add_message(message, said, value)
            elif key not in ("message", "logprobs"):
                whole[key] = value
    if message or said:
        whole["message"] = {**message, **plain.grown(said)}
    return {**whole, **plain.grown(texts)}


def _add_message(message: dict[str, Any], said: plain.Pieces, delta: dict[str, Any]) -> None:
    for key, value in plain.known(delta).items():
        if key in ("content", "thinking"):
            plain.grow(said, key, value)
        elif key in ("tool_calls", "images"):
            message[key] = [*message.get(key, ()), *plain.sequence(value)]
        else:
            message[key] = value


_REQUEST: dict[str, Where] = {
    "model": "model",
    "max_tokens": plain.of("options.num_predict", _limit),
    "temperature": "options.temperature",
    "top_p": "options.top_p",
    "top_k": "options.top_k",
    "frequency_penalty": "options.frequency_penalty",
    "presence_penalty": "options.presence_penalty",
    "stop_sequences": plain.of("options.stop", plain.strings),
    "seed": "options.seed",
    "stream": plain.of("stream", plain.true),
    "output_type": plain.of("format", _output_type),
    "reasoning_level": plain.of("think", plain.string),
}
_RESPONSE: dict[str, Where] = {"model": "model", "finish_reasons": plain.of("done_reason", plain.strings)}
_USAGE: dict[str, Where] = {"input_tokens": "prompt_eval_count", "output_tokens": "eval_count", "raw": _counters}

ollama_chat = Dialect(
    "ollama_chat",
    request={
        **_REQUEST,
        "input_messages": plain.of("messages", _chat_input),
        "tool_definitions": plain.of("tools", _tools),
    },
    response={**_RESPONSE, "output_messages": _chat_output},
    usage=_USAGE,
    reduce=reply,
)
ollama_generate = Dialect(
    "ollama_generate",
    request={
        **_REQUEST,
        "system_instructions": plain.of("system", lambda system: parts.texts(system) or None),
        "input_messages": _generate_input,
    },
    response={**_RESPONSE, "output_messages": _generate_output},
    usage=_USAGE,
    reduce=reply,
)
ollama_embed = Dialect(
    "ollama_embed",
    request={
        "model": "model",
        "dimensions": "dimensions",
        "input_messages": plain.of(first("input", "prompt"), parts.user_messages),
    },
    # Paths only, so that the vectors are neither copied nor walked.
    response={"model": "model"},
    usage={"input_tokens": "prompt_eval_count"},
)
