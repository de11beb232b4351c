"""The Messages API: ``POST /v1/messages`` of Anthropic, and of Bedrock, Vertex and others that serve Claude.

Source: the Anthropic API reference (``Message``, ``ContentBlock``, ``Usage``). ``input_tokens`` leaves out what was read
from or written to the cache, the conventions include it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.anthropic_messages_stream import message
from autotrace.dialects.parts import Message, Part
from autotrace.operation import Dialect
from autotrace.paths import first, total

_SECRET = frozenset({"authorization_token"})


def _content(value: object) -> list[Part]:
    if value is None or isinstance(value, str):
        return parts.texts(value)
    return [_block(block) for block in value] if isinstance(value, list) else [_block(value)]


def _block(block: object) -> Part:
    """One content block. Types that are not known are kept as they came."""
    wire = plain.mapping(block)
    kind = wire.get("type")
    convert = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if convert is None and isinstance(kind, str) and kind.endswith("_tool_result"):
        convert = _server_answer
    return (convert(wire) if convert else None) or parts.kept(block)


def _text(wire: dict[str, Any]) -> Part | None:
    text = wire.get("text")
    return parts.text(text, citations=wire.get("citations")) if isinstance(text, str) else None


def _thinking(wire: dict[str, Any]) -> Part | None:
    text = wire.get("thinking")
    return parts.reasoning(text) if isinstance(text, str) else None


def _tool_use(wire: dict[str, Any]) -> Part:
    return parts.tool_call(wire.get("id"), wire.get("name"), parts.parsed(wire.get("input")))


def _server_tool_use(wire: dict[str, Any]) -> Part:
    name = plain.string(wire.get("name")) or str(wire.get("type"))
    call = {"type": name, "input": parts.parsed(wire.get("input")), "server_name": wire.get("server_name")}
    return parts.server_tool_call(wire.get("id"), name, plain.known(call))


def _answer(wire: dict[str, Any]) -> Part:
    content = wire.get("content")
    answer = content if isinstance(content, str) else [_inside(block) for block in plain.sequence(content)]
    return parts.tool_call_response(wire.get("tool_use_id"), answer, is_error=plain.true(wire.get("is_error")))


def _inside(block: object) -> Part:
    # a result holds text, images, documents and search results, never another result
    kind = plain.mapping(block).get("type")
    return parts.kept(block) if kind == "tool_result" else _block(block)


def _server_answer(wire: dict[str, Any]) -> Part:
    fields = {key: value for key, value in plain.known(wire).items() if key != "tool_use_id"}
    return parts.server_tool_call_response(wire.get("tool_use_id"), parts.without_binary(fields))


def _media(wire: dict[str, Any]) -> Part | None:
    """An image or a document: base64, a URL, an uploaded file, or a text."""
    source = plain.mapping(wire.get("source"))
    modality = str(wire.get("type"))
    more = {key: plain.string(wire.get(key)) for key in ("title", "context")}
    data, media_type = source.get("data"), source.get("media_type")
    if source.get("type") == "text" and isinstance(data, str):
        return parts.text(data, **more)
    if isinstance(data, (str, bytes)):
        return parts.binary(data, modality, media_type, **more)
    if plain.string(source.get("url")):
        return parts.uri(source["url"], modality, media_type, **more)
    return parts.file(source["file_id"], modality, media_type, **more) if plain.string(source.get("file_id")) else None


def _upload(wire: dict[str, Any]) -> Part | None:
    return parts.file(wire["file_id"]) if plain.string(wire.get("file_id")) else None


_BLOCKS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _tool_use,
    "tool_result": _answer,
    "server_tool_use": _server_tool_use,
    "mcp_tool_use": _server_tool_use,
    "image": _media,
    "document": _media,
    "container_upload": _upload,
}


def _input_messages(messages: object) -> list[Message] | None:
    found = []
    for wire in plain.sequence(messages):
        held = plain.mapping(wire)
        found.append(parts.message(held.get("role"), _content(held.get("content")) if held else [parts.kept(wire)]))
    return found or None


def _system(value: object) -> list[Part] | None:
    return _content(value) or None


def _tools(tools: object) -> list[dict[str, Any]] | None:
    """The tools that were offered, flat; Anthropic's own (``web_search_20250305``) under their own type."""
    found = []
    for tool in plain.mappings(tools):
        fields = {key: value for key, value in plain.known(tool).items() if key not in _SECRET}
        kind = fields.pop("type", "custom")
        if "input_schema" in fields:
            fields["parameters"] = fields.pop("input_schema")
        found.append({"type": "function" if kind == "custom" else kind, **parts.without_binary(fields)})
    return found or None


def _output_type(kind: object) -> str | None:
    return "json" if kind == "json_schema" else None


def _output_messages(body: object) -> list[Message] | None:
    wire = plain.mapping(body)
    if wire.get("content") is None:
        return None
    role = plain.string(wire.get("role")) or "assistant"
    return [parts.message(role, _content(wire["content"]), finish_reason=parts.finish(wire.get("stop_reason")))]


anthropic_messages = Dialect(
    "anthropic_messages",
    request={
        "model": "model",
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "stop_sequences": plain.of("stop_sequences", plain.strings),
        "stream": plain.of("stream", plain.true),
        "reasoning_level": "output_config.effort",
        # output_format is the name of the structured outputs beta
        "output_type": plain.of(first("output_config.format.type", "output_format.type"), _output_type),
        "system_instructions": plain.of("system", _system),
        "input_messages": plain.of("messages", _input_messages),
        "tool_definitions": plain.of("tools", _tools),
    },
    response={
        "id": "id",
        "model": "model",
        "finish_reasons": plain.of("stop_reason", plain.strings),
        "output_messages": _output_messages,
    },
    usage={
        "input_tokens": total("usage.input_tokens", "usage.cache_read_input_tokens", "usage.cache_creation_input_tokens"),
        "output_tokens": "usage.output_tokens",
        "cache_read_input_tokens": "usage.cache_read_input_tokens",
        "cache_write_input_tokens": "usage.cache_creation_input_tokens",
        "reasoning_output_tokens": "usage.output_tokens_details.thinking_tokens",
        "raw": "usage",
    },
    reduce=message,
)
