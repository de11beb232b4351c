"""Dialects of Ollama's own API: ``/api/chat``, ``/api/generate``, ``/api/embed`` (and the older ``/api/embeddings``).

Source: docs/api.md of ollama/ollama. Responses have no id; tool calls have one only in newer versions. ``prompt_eval_count`` is
missing if the whole prompt was cached. The server streams by default; the SDK always sends ``stream``.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message, Part
from autotrace.plugin import Dialect, Where, first

__all__ = ["failure", "ollama_chat", "ollama_embed", "ollama_generate", "outcome", "reply"]


def _message(wire: object, role: str, finish_reason: str | None = None) -> Message:
    if not isinstance(wire, dict):
        return parts.message(role, [parts.kept(wire)], finish_reason=finish_reason)
    converted, used = _content(wire), ["content", "images", "tool_calls"]
    if plain.string(wire.get("role")):
        role = wire["role"]
        used.append("role")
    if role == "tool":
        content = wire.get("content")
        answer = content if isinstance(content, str) else parts.without_binary(content)
        converted = [parts.tool_call_response(wire.get("tool_call_id"), answer)]
        used.append("tool_call_id")
    name_keys = [key for key in ("tool_name", "name") if plain.string(wire.get(key))][:1]
    if isinstance(wire.get("thinking"), str):
        used.append("thinking")
    others = parts.rest(wire, *used, *name_keys)
    taken = {key: others.pop(key) for key in ("role", "name", "parts", "finish_reason") if key in others}
    calls = [_tool_call(call) for call in plain.listed(wire.get("tool_calls"))]
    converted = [*_reasoning(wire), *converted, *_images(wire.get("images")), *calls]
    if taken:
        converted.append({"type": "unknown", "content": taken})
    name = wire[name_keys[0]] if name_keys else None
    return {**parts.message(role, converted, name=name, finish_reason=finish_reason), **others}


def _content(wire: dict[str, Any]) -> list[Part]:
    content = wire.get("content")
    return parts.texts(content) if isinstance(content, str) else [parts.kept(one) for one in plain.listed(content)]


def _reasoning(wire: dict[str, Any]) -> list[Part]:
    thought = plain.string(wire.get("thinking"))
    return [parts.reasoning(thought)] if thought else []


def _images(images: object) -> list[Part]:
    return [
        parts.binary(image, "image") if isinstance(image, (str, bytes)) else parts.kept(image)
        for image in plain.listed(images)
        if image
    ]


def _tool_call(call: object) -> Part:
    wire = plain.mapping(call)
    function = plain.mapping(wire.get("function"))
    if not function or not isinstance(function.get("name") or "", str):
        return parts.kept(call)
    part = parts.tool_call(wire.get("id"), function.get("name"), parts.parsed(function.get("arguments")))
    others = parts.rest(function, "name", "arguments", "index")
    if part.keys() & others.keys():
        return parts.kept(call)
    return parts.extended(part, wire, "id", "function", nested=others)


def _chat_input(messages: object) -> list[Message] | None:
    return [_message(one, "user") for one in plain.listed(messages)] or None


def _chat_output(body: dict[str, Any]) -> list[Message] | None:
    if body.get("message") is None:
        return None
    return [_message(body["message"], "assistant", parts.finish(body.get("done_reason")))]


def _generate_input(body: dict[str, Any]) -> list[Message] | None:
    prompt = body.get("prompt")
    content = parts.texts(prompt) if isinstance(prompt, str) else [parts.kept(one) for one in plain.listed(prompt)]
    content += _images(body.get("images"))
    if plain.string(body.get("suffix")):
        content.append({"type": "suffix", "content": body["suffix"]})  # the text that follows the answer
    return [parts.message("user", content)] if content else None


def _generate_output(body: dict[str, Any]) -> list[Message] | None:
    answer = body.get("response")
    text = parts.texts(answer) if isinstance(answer, str) else [parts.kept(one) for one in plain.listed(answer)]
    content = [*_reasoning(body), *text, *_images(body.get("image"))]  # image models answer with an image
    if not content and not isinstance(answer, str):
        return None
    return [parts.message("assistant", content, finish_reason=parts.finish(body.get("done_reason")))]


def _tools(tools: object) -> list[dict[str, Any]] | None:
    offered: list[dict[str, Any]] = []
    for tool in plain.listed(tools):
        if not isinstance(tool, dict):
            offered.append(parts.definition("unknown", parts.kept(tool)))
            continue
        flat = {**plain.known(tool), **plain.known(tool.get("function"))}
        offered.append(parts.definition("function", {key: value for key, value in flat.items() if key != "function"}))
    return offered or None


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The failure in the error text that came instead of an answer, or on a line of a stream."""
    return endings.failure_in(wire, "code", "type")


def _outcome(wire: dict[str, Any]) -> Outcome | None:
    return endings.outcome([wire.get("done_reason")])


failure = plain.reading(_failure, *endings.ERROR_FIELDS)
outcome = plain.reading(_outcome, "done_reason")


def _output_type(form: object) -> str | None:
    return "json" if form == "json" or isinstance(form, dict) else None  # the format may be a JSON schema


def _limit(count: object) -> object:
    return count if isinstance(count, int) and count >= 0 else None  # -1 and -2: until the model stops, or the context is full


def _schema(form: object) -> object:
    return form if isinstance(form, dict) else None


_READ = frozenset(
    {"num_predict", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop", "seed"},
)


def _parameters(request: dict[str, Any]) -> dict[str, Any] | None:
    """The settings without a name in the conventions. Those of the model keep their names in ``options``."""
    options = {key: value for key, value in plain.known(request.get("options")).items() if key not in _READ}
    settings = {key: request[key] for key in _PARAMETERS if plain.says(request.get(key))}
    if isinstance(settings.get("think"), str):
        del settings["think"]  # it is recorded as the reasoning level
    return {**options, **settings} or None


_PARAMETERS = ("keep_alive", "raw", "think", "template", "truncate", "logprobs", "top_logprobs", "width", "height", "steps")
_COUNTERS = (
    *("prompt_eval_count", "eval_count", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"),
    *("prompt_eval_cached_count",),
)


def reply(chunks: list[Any]) -> dict[str, Any]:
    """Combine a stream's chunks into one reply: texts are joined, tool calls collected, other fields keep the last value."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    texts: plain.Pieces = {}
    message_texts: plain.Pieces = {}
    for chunk in plain.mappings(chunks):
        for key in ("response", "thinking"):
            plain.grow(texts, key, chunk.get(key))
        _add_message(message, message_texts, plain.mapping(chunk.get("message")))
        plain.update(whole, {key: value for key, value in chunk.items() if key not in _IN_PIECES})
    if message or message_texts:
        whole["message"] = {**message, **plain.grown(message_texts)}
    return {**whole, **plain.grown(texts)}


_IN_PIECES = frozenset({"response", "thinking", "message", "logprobs"})


def _add_message(message: dict[str, Any], texts: plain.Pieces, delta: dict[str, Any]) -> None:
    for key, value in plain.sound(delta).items():
        if key in ("content", "thinking"):
            plain.grow(texts, key, value)
        elif isinstance(value, list):  # tool calls, images
            message[key] = [*plain.listed(message.get(key)), *value]
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
    "output_schema": plain.of("format", _schema),
    "reasoning_level": plain.of("think", plain.string),
    "parameters": plain.reading(_parameters, "options", *_PARAMETERS),
}
_RESPONSE: dict[str, Where] = {"model": "model", "finish_reasons": plain.of("done_reason", plain.strings)}
_USAGE = ledger.usage({"input_tokens": "prompt_eval_count", "output_tokens": "eval_count"}, raw=plain.fields(*_COUNTERS))

ollama_chat = Dialect(
    "ollama_chat",
    request={
        **_REQUEST,
        "input_messages": plain.of("messages", _chat_input),
        "tool_definitions": plain.of("tools", _tools),
    },
    response={**_RESPONSE, "output_messages": plain.reading(_chat_output, "message", "done_reason")},
    usage=_USAGE,
    reduce=reply,
    failure=failure,
    outcome=outcome,
)
ollama_generate = Dialect(
    "ollama_generate",
    request={
        **_REQUEST,
        "system_instructions": plain.of("system", lambda system: parts.texts(system) or None),
        "input_messages": plain.reading(_generate_input, "prompt", "images", "suffix"),
    },
    response={
        **_RESPONSE,
        "output_messages": plain.reading(_generate_output, "response", "thinking", "image", "done_reason"),
    },
    usage=_USAGE,
    reduce=reply,
    failure=failure,
    outcome=outcome,
)
ollama_embed = Dialect(
    "ollama_embed",
    request={
        "model": "model",
        "dimensions": "dimensions",
        "input_messages": plain.of(first("input", "prompt"), parts.user_messages),
        "parameters": plain.reading(_parameters, "options", *_PARAMETERS),
    },
    # Only paths, so that the vectors are neither copied nor traversed.
    response={"model": "model"},
    usage=ledger.usage({"input_tokens": "prompt_eval_count"}, raw=plain.fields(*_COUNTERS)),
    failure=failure,
)
