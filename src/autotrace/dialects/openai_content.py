"""What OpenAI's APIs have in common: content parts, tool definitions, sampling settings.

Source: the OpenAI API reference, ``ChatCompletionContentPart*`` and ``ResponseInput*``/``ResponseOutput*`` content. The names
of the two APIs' parts do not collide, so one table serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Part
from autotrace.paths import Where

_SECRET = frozenset({"authorization", "headers"})
"""Fields of an ``mcp`` tool that carry the credentials for its server."""

REQUEST: dict[str, Where] = {
    "model": "model",
    "temperature": "temperature",
    "top_p": "top_p",
    "stream": plain.of("stream", plain.true),
    "openai.request.service_tier": plain.of("service_tier", lambda tier: None if tier == "auto" else tier),
}


def content(value: object) -> list[Part]:
    """The parts of a message's content: a string, an array of typed parts, or what a compatible server makes of it."""
    if value is None or value == "":
        return []
    return [part(one) for one in value] if isinstance(value, list) else [part(value)]


def part(wire: object) -> Part:
    """One content part. Types that are not known are kept as they came."""
    if not isinstance(wire, dict):
        return parts.kept(wire)
    kind = wire.get("type")
    convert = _PARTS.get(kind) if isinstance(kind, str) else None
    return (convert(wire) if convert else None) or parts.kept(wire)


def _text(wire: dict[str, Any]) -> Part | None:
    text = wire.get("text")
    return parts.text(text, annotations=wire.get("annotations")) if isinstance(text, str) else None


def _reasoning(wire: dict[str, Any]) -> Part | None:
    text = wire.get("text")
    return parts.reasoning(text) if isinstance(text, str) else None


def _thinking(wire: dict[str, Any]) -> Part | None:
    # Mistral: an array of text parts inside the part
    thought = "".join(one for inner in plain.mappings(wire.get("thinking")) for one in plain.strings(inner.get("text")) or ())
    return parts.reasoning(thought) if thought else None


def _refusal(wire: dict[str, Any]) -> Part | None:
    text = wire.get("refusal")
    return parts.refusal(text) if isinstance(text, str) else None


def _image(wire: dict[str, Any]) -> Part | None:
    if url := _url(wire.get("image_url")):
        return parts.uri(url, "image")
    return parts.file(wire["file_id"], "image") if plain.string(wire.get("file_id")) else None


def _media(wire: dict[str, Any]) -> Part | None:
    # OpenRouter, vLLM, Qwen: {"type": "video_url", "video_url": {"url": ...}}, the same for audio_url
    kind = str(wire.get("type")).partition("_")[0]
    url = _url(wire.get(kind + "_url"))
    return parts.uri(url, kind) if url else None


def _url(held: object) -> str | None:
    # Responses and Mistral: a string; chat: an object
    return plain.string(held) or plain.string(plain.mapping(held).get("url"))


def _audio(wire: dict[str, Any]) -> Part | None:
    held = wire.get("input_audio")
    data = held if isinstance(held, str) else plain.mapping(held).get("data")
    if not isinstance(data, (str, bytes)):
        return None
    form = plain.string(plain.mapping(held).get("format"))
    if isinstance(data, str) and data[:5] == "data:":
        return parts.uri(data, "audio")
    return parts.binary(data, "audio", f"audio/{form}" if form else None)


def _file(wire: dict[str, Any]) -> Part | None:
    held = plain.mapping(wire.get("file")) or wire  # chat nests the fields, Responses does not
    name = plain.string(held.get("filename"))
    data = held.get("file_data")
    if plain.string(held.get("file_id")):
        return parts.file(held["file_id"], filename=name)
    if plain.string(held.get("file_url")):
        return parts.uri(held["file_url"], "document", filename=name)
    if isinstance(data, str) and data[:5] == "data:":
        return parts.uri(data, filename=name)
    return parts.binary(data, filename=name) if isinstance(data, (str, bytes)) else None


_PARTS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "summary_text": _reasoning,
    "reasoning_text": _reasoning,
    "thinking": _thinking,
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
    """The tools that were offered, flat: chat nests a tool under its type, the conventions and Responses do not."""
    found = []
    for tool in plain.mappings(tools):
        kind = plain.string(tool.get("type")) or "function"
        nested = plain.mapping(tool.get(kind)) or {key: value for key, value in tool.items() if key != "type"}
        fields = {key: value for key, value in plain.known(nested).items() if key not in _SECRET}
        found.append({"type": kind, **parts.without_binary(fields)})
    return found or None


def output_type(kind: object) -> str | None:
    """`gen_ai.output.type` of a response format's type."""
    return {"json_object": "json", "json_schema": "json", "text": "text"}.get(kind) if isinstance(kind, str) else None
