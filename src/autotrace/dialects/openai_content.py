"""What OpenAI's APIs have in common: content parts, tool definitions, sampling settings.

Source: the OpenAI API reference, ``ChatCompletionContentPart*`` and ``ResponseInput*``/``ResponseOutput*`` content. The names
of the two APIs' parts do not collide, so one table serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace._declaration.paths import Where
from autotrace._declaration.vocabulary import Words
from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Part

__all__ = ["NOT_CONTENT", "PARAMETERS", "REQUEST", "content", "output_type", "part", "tool_definitions"]

_SECRET = frozenset({"authorization", "headers"})
"""Fields of an ``mcp`` tool that contain the credentials for its server."""

REQUEST: dict[str, Where] = {
    "model": "model",
    "temperature": "temperature",
    "top_p": "top_p",
    "stream": plain.of("stream", plain.true),
    "openai.request.service_tier": plain.of("service_tier", lambda tier: None if tier == "auto" else tier),
}

NOT_CONTENT: dict[str, Words] = {
    "openai.response.system_fingerprint": True,
    "severity": ("safe", "low", "medium", "high"),  # of Azure's filters
}


def content(value: object) -> list[Part]:
    """The parts of a message's content: a string, an array of typed parts, or what a compatible server sends instead."""
    if value is None or value == "":
        return []
    return [part(one) for one in value] if isinstance(value, list) else [part(value)]


def part(wire: object) -> Part:
    """One content part. A part of an unknown type is kept as it is."""
    if not isinstance(wire, dict):
        return parts.kept(wire)
    kind = wire.get("type")
    convert = _PARTS.get(kind) if isinstance(kind, str) else None
    return (convert(wire) if convert else None) or parts.kept(wire)


def _text(wire: dict[str, Any]) -> Part | None:
    text = wire.get("text")
    return parts.extended(parts.text(text), wire, "text") if isinstance(text, str) else None


def _reasoning(wire: dict[str, Any]) -> Part | None:
    text = wire.get("text")
    return parts.extended(parts.reasoning(text), wire, "text") if isinstance(text, str) else None


def _thinking(wire: dict[str, Any]) -> Part | None:
    # Mistral: an array of text parts inside the part. With references in it, the part is kept as it is.
    inner = plain.listed(wire.get("thinking"))
    held = [one if isinstance(one, str) else plain.mapping(one).get("text") for one in inner]
    thoughts = [thought for thought in held if isinstance(thought, str)]
    if not thoughts or len(thoughts) < len(held):
        return None
    thought = "".join(thoughts)
    # Anthropic's, with nothing of the thoughts but their signature
    [part] = [parts.reasoning(thought)] if thought else parts.hidden([], wire.get("signature"))
    return parts.extended(part, wire, "thinking")


def _redacted(wire: dict[str, Any]) -> Part | None:
    data = wire.get("data")
    return parts.extended(parts.hidden([], data)[0], wire, "data") if isinstance(data, (str, bytes)) else None


def _refusal(wire: dict[str, Any]) -> Part | None:
    text = wire.get("refusal")
    return parts.extended(parts.refusal(text), wire, "refusal") if isinstance(text, str) else None


def _image(wire: dict[str, Any]) -> Part | None:
    return _by_url("image", wire, "image_url") or _by_id("image", wire)


def _media(wire: dict[str, Any]) -> Part | None:
    # OpenRouter, vLLM, Qwen: {"type": "video_url", "video_url": {"url": ...}}, the same for audio_url
    kind = str(wire.get("type"))
    return _by_url(kind.partition("_")[0], wire, kind)


def _by_url(modality: str, wire: dict[str, Any], field: str) -> Part | None:
    # Responses and Mistral: a string; chat: an object
    held = wire.get(field)
    nested = plain.mapping(held)
    url = plain.string(held) or plain.string(nested.get("url"))
    return parts.extended(parts.uri(url, modality), wire, field, nested=parts.rest(nested, "url")) if url else None


def _by_id(modality: str, wire: dict[str, Any], nested: object = None) -> Part | None:
    id = plain.mapping(nested or wire).get("file_id")
    used = "file" if nested else "file_id"
    more = parts.rest(nested, "file_id")
    return parts.extended(parts.file(id, modality), wire, used, nested=more) if isinstance(id, str) and id else None


def _audio(wire: dict[str, Any]) -> Part | None:
    held = wire.get("input_audio")
    nested = plain.mapping(held)
    data = nested.get("data") if nested else held
    if not isinstance(data, (str, bytes)):
        return None
    form = plain.string(nested.get("format"))
    if isinstance(data, str) and data[:5] == "data:":
        sound = parts.uri(data, "audio")
    else:
        sound = parts.binary(data, "audio", f"audio/{form}" if form else None)
    more = parts.rest(nested, "data", *(("format",) if form else ()))
    return parts.extended(sound, wire, "input_audio", nested=more)


def _file(wire: dict[str, Any]) -> Part | None:
    nested = plain.mapping(wire.get("file"))  # chat nests the fields, Responses does not
    held = nested or wire
    if named := _by_id("document", wire, nested):
        return named
    url, data = held.get("file_url"), held.get("file_data")
    if isinstance(url, str) and url:
        used = "file" if nested else "file_url"
        return parts.extended(parts.uri(url, "document"), wire, used, nested=parts.rest(nested, "file_url"))
    if isinstance(data, str) and data[:5] == "data:":
        content = parts.uri(data)
    elif isinstance(data, (str, bytes)):
        content = parts.binary(data)
    else:
        return None
    return parts.extended(content, wire, "file" if nested else "file_data", nested=parts.rest(nested, "file_data"))


_PARTS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "summary_text": _reasoning,
    "reasoning_text": _reasoning,
    "thinking": _thinking,
    "redacted_thinking": _redacted,  # Anthropic's, which gateways and frameworks pass through
    "refusal": _refusal,
    "image_url": _image,
    "input_image": _image,
    "computer_screenshot": _image,
    "input_audio": _audio,
    "audio_url": _media,
    "video_url": _media,
    "file": _file,
    "input_file": _file,
}


def tool_definitions(tools: object) -> list[dict[str, Any]] | None:
    """The tools that were offered, flat. Chat nests a tool under its type; the conventions and Responses do not."""
    definitions = []
    for tool in plain.listed(tools):
        if not isinstance(tool, dict):
            definitions.append(parts.definition("unknown", parts.kept(tool)))
            continue
        kind = plain.string(tool.get("type")) or "function"
        flat = {**plain.known(tool.get(kind)), **{key: value for key, value in plain.known(tool).items() if key != kind}}
        if not isinstance(tool.get(kind), dict) and tool.get(kind) is not None:
            flat[kind] = tool[kind]
        fields = {key: value for key, value in flat.items() if key != "type" and key not in _SECRET}
        definitions.append(parts.definition(kind, parts.without_binary(fields)))
    return definitions or None


PARAMETERS = (
    *("tool_choice", "parallel_tool_calls", "store", "metadata", "user", "safety_identifier", "top_logprobs"),
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "moderation"),
)
"""Settings of both APIs that have no name in the conventions."""


def output_type(kind: object) -> str | None:
    """The ``gen_ai.output.type`` of the type of a response format; ``None`` if unknown."""
    return {"json_object": "json", "json_schema": "json", "text": "text"}.get(kind) if isinstance(kind, str) else None
