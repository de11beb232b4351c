"""The Messages API: ``POST /v1/messages`` of Anthropic, and of Bedrock, Vertex and others that serve Claude.

Source: the Anthropic API reference (``Message``, ``ContentBlock``, ``Usage``). Its ``input_tokens`` excludes tokens that were
read from or written to the cache; that of the conventions includes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import first
from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects._anthropic_messages_stream import UNCOUNTED, message
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message, Part

__all__ = ["anthropic_messages"]

_SECRET = frozenset({"authorization_token"})


def _content(value: object) -> list[Part]:
    return parts.texts(value) if isinstance(value, str) else [_block(block) for block in plain.listed(value)]


def _block(block: object) -> Part:
    """One content block. A block of an unknown type is kept as it is."""
    wire = plain.mapping(block)
    kind = wire.get("type")
    convert = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if convert is None and isinstance(kind, str) and kind.endswith("_tool_result"):
        convert = _server_answer
    return (convert(wire) if convert else None) or parts.kept(block)


def _text(wire: dict[str, Any]) -> Part | None:
    text = wire.get("text")
    return parts.extended(parts.text(text), wire, "text") if isinstance(text, str) else None


def _thinking(wire: dict[str, Any]) -> Part | None:
    text = wire.get("thinking")
    if not isinstance(text, str):
        return None
    # A model may be told to show nothing of its thoughts. Then only the signature, their encrypted form, is here.
    [part] = [parts.reasoning(text)] if text else parts.hidden([], wire.get("signature"))
    return parts.extended(part, wire, "thinking")


def _redacted(wire: dict[str, Any]) -> Part | None:
    data = wire.get("data")
    return parts.extended(parts.hidden([], data)[0], wire, "data") if isinstance(data, (str, bytes)) else None


def _tool_use(wire: dict[str, Any]) -> Part | None:
    if not isinstance(wire.get("name") or "", str):
        return None
    return parts.extended(
        parts.tool_call(wire.get("id"), wire.get("name"), parts.parsed(wire.get("input"))), wire, "id", "name", "input"
    )


def _server_tool_use(wire: dict[str, Any]) -> Part | None:
    if not isinstance(wire.get("name") or "", str):
        return None
    name = plain.string(wire.get("name")) or str(wire.get("type"))
    call = {"type": name, **parts.rest(wire, "id", "name", "input"), "input": parts.parsed(wire.get("input"))}
    return parts.server_tool_call(wire.get("id"), name, plain.known(call))


def _answer(wire: dict[str, Any]) -> Part:
    content = wire.get("content")
    if isinstance(content, list):
        answer: object = [_block_of_result(block) for block in content]
    else:
        answer = content if isinstance(content, str) else [] if content is None else parts.without_binary(content)
    return parts.extended(parts.tool_call_response(wire.get("tool_use_id"), answer), wire, "tool_use_id", "content")


def _block_of_result(block: object) -> Part:
    # a result contains text, images, documents and search results, never another result
    kind = plain.mapping(block).get("type")
    return parts.kept(block) if kind == "tool_result" else _block(block)


def _server_answer(wire: dict[str, Any]) -> Part:
    fields = {key: value for key, value in plain.known(wire).items() if key != "tool_use_id"}
    return parts.server_tool_call_response(wire.get("tool_use_id"), parts.without_binary(fields))


def _media(wire: dict[str, Any]) -> Part | None:
    """An image or a document: base64, a URL, an uploaded file, or text."""
    source = plain.mapping(wire.get("source"))
    modality = str(wire.get("type"))
    data, media_type = source.get("data"), plain.string(source.get("media_type"))
    used = ["media_type"] if media_type else []
    if source.get("type") == "text" and isinstance(data, str):
        part = parts.text(data)
        used.append("data")
    elif isinstance(data, (str, bytes)):
        part = parts.binary(data, modality, media_type)
        used.append("data")
    elif plain.string(source.get("url")):
        part = parts.uri(source["url"], modality, media_type)
        used.append("url")
    elif plain.string(source.get("file_id")):
        part = parts.file(source["file_id"], modality, media_type)
        used.append("file_id")
    else:
        return None
    return parts.extended(part, wire, "source", nested=parts.rest(source, *used))


def _upload(wire: dict[str, Any]) -> Part | None:
    return parts.extended(parts.file(wire["file_id"]), wire, "file_id") if plain.string(wire.get("file_id")) else None


_BLOCKS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _answer,
    "server_tool_use": _server_tool_use,
    "mcp_tool_use": _server_tool_use,
    "image": _media,
    "document": _media,
    "container_upload": _upload,
}


def _input_messages(messages: object) -> list[Message] | None:
    return [parts.read_message(wire, "user", _content) for wire in plain.listed(messages)] or None


def _system(value: object) -> list[Part] | None:
    return _content(value) or None


def _tools(tools: object) -> list[dict[str, Any]] | None:
    """The tools that were offered, flat. Anthropic's own tools keep their type (``web_search_20250305``)."""
    definitions = []
    for tool in plain.listed(tools):
        if not isinstance(tool, dict):
            definitions.append(parts.definition("unknown", parts.kept(tool)))
            continue
        fields = {key: value for key, value in plain.known(tool).items() if key not in _SECRET}
        kind = plain.string(fields.pop("type", None)) or "custom"
        if "input_schema" in fields:
            fields["parameters"] = fields.pop("input_schema")
        definitions.append(parts.definition("function" if kind == "custom" else kind, parts.without_binary(fields)))
    return definitions or None


def _output_type(kind: object) -> str | None:
    return "json" if kind == "json_schema" else None


def _schema(form: object) -> object:
    return plain.mapping(form).get("schema")


def _servers(servers: object) -> list[Any] | None:
    """The MCP servers that the provider may call, without their tokens."""
    without_tokens = [{key: value for key, value in server.items() if key not in _SECRET} for server in plain.mappings(servers)]
    return parts.without_binary([server for server in without_tokens if server]) or None


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    if body.get("content") is None:
        return None
    wire = {key: body[key] for key in ("role", "content") if key in body}
    return [parts.read_message(wire, "assistant", _content, parts.finish(body.get("stop_reason")))]


def _compacted(content: object) -> bool | None:
    return any(block.get("type") == "compaction" for block in plain.mappings(content)) or None


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error of a stream that ended with an ``error`` event, or an error instead of a message."""
    return endings.failure_in(wire, "type", "code", answer=_ANSWER)


_ANSWER = ("content", "completion", "stop_reason", "usage")


def _outcome(wire: dict[str, Any]) -> Outcome | None:
    """The outcome of the answer. The conventions' finish reason for a refusal is ``content_filter``, Anthropic's is not."""
    return endings.outcome([wire.get("stop_reason")])


def _output_tokens(body: dict[str, Any]) -> object:
    return None if body.get(UNCOUNTED) is True else plain.mapping(body.get("usage")).get("output_tokens")


_CACHE_WRITE = first(
    "usage.cache_creation_input_tokens",
    ledger.whole("usage.cache_creation.ephemeral_5m_input_tokens", "usage.cache_creation.ephemeral_1h_input_tokens"),
)

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
        # output_format is the name in the beta of structured outputs
        "output_type": plain.of(first("output_config.format.type", "output_format.type"), _output_type),
        "output_schema": plain.of(first("output_config.format", "output_format"), _schema),
        "system_instructions": plain.of("system", _system),
        "input_messages": plain.of("messages", _input_messages),
        "tool_definitions": plain.of("tools", _tools),
        "parameters": plain.fields(
            *("tool_choice", "thinking", "metadata", "service_tier", "container", "context_management", "inference_geo"),
            *("speed", "compaction", "fallbacks", "thread"),
        ),
        "autotrace.request.mcp_servers": plain.of("mcp_servers", _servers),
    },
    response={
        "id": "id",
        "model": "model",
        "finish_reasons": plain.of("stop_reason", plain.strings),
        "output_messages": plain.reading(_output_messages, "role", "content", "stop_reason"),
        "compacted": plain.of("content", _compacted),
        "details": plain.fields("stop_sequence", "stop_details", "container", "context_management", "diagnostics"),
    },
    usage=ledger.usage(
        {
            "input_tokens": ledger.whole("usage.input_tokens", "usage.cache_read_input_tokens", _CACHE_WRITE),
            "output_tokens": plain.reading(_output_tokens, "usage"),
            "cache_read_input_tokens": "usage.cache_read_input_tokens",
            "cache_write_input_tokens": _CACHE_WRITE,
            "cache_write_5m_input_tokens": "usage.cache_creation.ephemeral_5m_input_tokens",
            "cache_write_1h_input_tokens": "usage.cache_creation.ephemeral_1h_input_tokens",
            "reasoning_output_tokens": "usage.output_tokens_details.thinking_tokens",
            "web_search_requests": "usage.server_tool_use.web_search_requests",
            "web_fetch_requests": "usage.server_tool_use.web_fetch_requests",
        }
    ),
    reduce=message,
    failure=plain.reading(_failure, *endings.ERROR_FIELDS, *_ANSWER),
    outcome=plain.reading(_outcome, "stop_reason"),
    not_content={
        "type": ("refusal", "thinking_turns", "clear_tool_uses_20250919", "clear_thinking_20251015", "compact_20260112")
    },
)
