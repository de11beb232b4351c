"""Amazon Bedrock's Converse and ConverseStream, and the bodies of Amazon Nova, which have their shape.

Source: the API reference of Bedrock runtime (``Converse``, ``ContentBlock``, ``TokenUsage``) as botocore 1.44 has it, and the
user guide of Nova. A content block is an object with one field, whose name says what it is. ``inputTokens`` leave out what
was read from or written to the cache, the conventions include it. There is no id of the answer but the request's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.bedrock_converse_stream import converse_response
from autotrace.dialects.endings import Outcome
from autotrace.dialects.parts import Message, Part
from autotrace.operation import Dialect
from autotrace.paths import constant, first

_DOCUMENTS = {"pdf": "application/pdf", "csv": "text/csv", "html": "text/html", "txt": "text/plain", "md": "text/markdown"}
"""Media types of the formats of documents; of the others their format is kept."""


def content(value: object) -> list[Part]:
    """The parts of a message's content blocks."""
    return parts.texts(value) if isinstance(value, str) else [_block(block) for block in plain.listed(value)]


def _block(block: object) -> Part:
    """One content block. Kinds that are not known are kept under their own name."""
    wire = plain.mapping(block)
    kind = next((name for name in _BLOCKS if name in wire), None)
    if kind is not None:
        held = wire[kind]
        part = _BLOCKS[kind](kind, held if isinstance(held, str) else plain.mapping(held))
        return parts.kept(block) if part is None else parts.extended(part, wire, kind)
    if len(wire) == 1:
        [(name, held)] = wire.items()
        return parts.kept({"type": name, "content": held})
    return parts.kept(block)


def _text(_: str, held: Any) -> Part | None:
    return parts.text(held) if isinstance(held, str) else None


def _media(kind: str, held: Any) -> Part | None:
    """An image, a document, a video or a sound: its bytes, a text, or a place in S3."""
    source = plain.mapping(plain.mapping(held).get("source"))
    form = plain.string(held.get("format")) if source else None
    mime_type = (_DOCUMENTS.get(form) if kind == "document" else f"{kind}/{form}") if form else None
    place = plain.mapping(source.get("s3Location"))
    if isinstance(source.get("bytes"), (str, bytes)):
        found, used = parts.binary(source["bytes"], kind, mime_type), "bytes"
    elif isinstance(source.get("text"), str):
        found, used = parts.text(source["text"]), "text"
    elif (text := _joined(source.get("content"))) is not None:
        found, used = parts.text(text), "content"
    elif plain.string(place.get("uri")):
        found, used = parts.uri(place["uri"], kind, mime_type), "s3Location"
    else:
        return None
    given = ("source", *(("format",) if found.get("mime_type") else ()))
    beside = {**parts.rest(source, used), **parts.rest(place if used == "s3Location" else None, "uri")}
    return parts.extended(found, held, *given, nested=beside)


def _tool_use(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    if not wire or not isinstance(wire.get("name") or "", str):
        return None
    id, name, given = wire.get("toolUseId"), wire.get("name"), parts.parsed(wire.get("input"))
    if wire.get("type") == "server_tool_use":
        call = {"type": plain.string(name) or "server_tool_use", "input": given}
        return parts.extended(parts.server_tool_call(id, name, plain.known(call)), wire, "toolUseId", "name", "input")
    return parts.extended(parts.tool_call(id, name, given), wire, "toolUseId", "name", "input")


def _tool_result(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    if not wire:
        return None
    answer = wire.get("content")
    said = answer if isinstance(answer, str) else [_inside(block) for block in plain.listed(answer)]
    if plain.string(wire.get("type")):  # the answer of a tool that ran at the provider
        response = {"type": wire["type"], "content": said, **parts.rest(wire, "toolUseId", "content")}
        return parts.server_tool_call_response(wire.get("toolUseId"), response)
    return parts.extended(parts.tool_call_response(wire.get("toolUseId"), said), wire, "toolUseId", "content")


def _inside(block: object) -> Part:
    # a result holds JSON, texts, media and search results, never another result
    wire = plain.mapping(block)
    if len(wire) == 1 and "json" in wire:
        return {"type": "json", "content": parts.without_binary(wire["json"])}
    return parts.kept(block) if "toolResult" in wire else _block(block)


def _reasoning(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    thought = plain.mapping(wire.get("reasoningText"))
    if isinstance(thought.get("text"), str):
        return parts.extended(parts.reasoning(thought["text"]), wire, "reasoningText", nested=parts.rest(thought, "text"))
    redacted = wire.get("redactedContent")
    if isinstance(redacted, (str, bytes)):
        hashed = {**parts.binary(redacted), "type": "redacted_reasoning"}
        return parts.extended(hashed, wire, "redactedContent")
    return None


def _guarded(_: str, held: Any) -> Part | None:
    """Content that a guardrail is to look at."""
    wire = plain.mapping(held)
    said = plain.mapping(wire.get("text"))
    if isinstance(said.get("text"), str):
        return parts.extended(parts.text(said["text"]), wire, "text", nested=parts.rest(said, "text"))
    image = _media("image", wire.get("image")) if isinstance(wire.get("image"), dict) else None
    return parts.extended(image, wire, "image") if image else None


def _cited(_: str, held: Any) -> Part | None:
    wire = plain.mapping(held)
    text = _joined(wire.get("content"))
    return None if text is None else parts.extended(parts.text(text), wire, "content")


def _joined(blocks: object) -> str | None:
    """The text of blocks that are nothing but text."""
    said = plain.listed(blocks)
    texts = [one["text"] for one in said if isinstance(one, dict) and len(one) == 1 and isinstance(one.get("text"), str)]
    return "".join(texts) if texts and len(texts) == len(said) else None


_BLOCKS: dict[str, Callable[[str, Any], Part | None]] = {
    "text": _text,
    "image": _media,
    "document": _media,
    "video": _media,
    "audio": _media,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
    "guardContent": _guarded,
    "citationsContent": _cited,
}


def _message(wire: object, role: str, finish_reason: str | None = None) -> Message:
    if not isinstance(wire, dict):
        return parts.message(role, [parts.kept(wire)], finish_reason=finish_reason)
    said = content(wire.get("content"))
    others = parts.rest(wire, "content", *(("role",) if isinstance(wire.get("role"), str) else ()))
    found = parts.message(plain.string(wire.get("role")) or role, said, finish_reason=finish_reason)
    taken = {key: others.pop(key) for key in ("role", "parts", "finish_reason") if key in others}
    if taken:
        said.append({"type": "unknown", "content": taken})
    return {**found, **others}


def _input_messages(messages: object) -> list[Message] | None:
    return [_message(one, "user") for one in plain.listed(messages)] or None


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    said = plain.mapping(body.get("output"))
    if not said:
        return None
    finish_reason = parts.finish(body.get("stopReason"))
    others = parts.rest(said, "message")
    message = _message(said.get("message") or {}, "assistant", finish_reason)
    if others:
        message["parts"].append({"type": "unknown", "content": others})
    return [message]


def _tools(tools: object) -> list[dict[str, Any]] | None:
    """The tools that were offered, flat; Amazon's own (``systemTool``) under that name."""
    found: list[dict[str, Any]] = []
    for tool in plain.listed(tools):
        wire = plain.mapping(tool)
        kind = next((kind for kind in ("toolSpec", "systemTool") if isinstance(wire.get(kind), dict)), None)
        if kind is None:
            if list(wire) != ["cachePoint"]:
                found.append(parts.kept(tool))
            continue
        fields = plain.known(wire[kind])
        schema = fields.pop("inputSchema", None)
        if schema is not None:
            fields["parameters"] = plain.mapping(schema).get("json", schema)
        fields.pop("type", None)
        found.append({"type": "function" if kind == "toolSpec" else "system_tool", **parts.without_binary(fields)})
    return found or None


_EXTRA = "additionalModelRequestFields"
_PARAMETERS = (
    *(_EXTRA, "additionalModelResponseFieldPaths", "requestMetadata", "performanceConfig", "serviceTier"),
    *("guardrailConfig", "projectIdentifier", "schemaVersion"),
)
_READ = frozenset({"maxTokens", "max_new_tokens", "temperature", "topP", "topK", "stopSequences"})


def _parameters(request: dict[str, Any]) -> dict[str, Any] | None:
    """The settings that the conventions have no names for."""
    found = {name: request[name] for name in _PARAMETERS if plain.says(request.get(name))}
    chosen = plain.mapping(request.get("toolConfig")).get("toolChoice")
    if chosen:
        found["toolChoice"] = chosen
    others = {key: value for key, value in plain.known(request.get("inferenceConfig")).items() if key not in _READ}
    return {**found, **others} or None


def _schema(form: object) -> object:
    return parts.parsed(plain.mapping(form).get("schema"))


def _json(kind: object) -> str | None:
    return "json" if kind == "json_schema" else None


_PROMPT = re.compile(r":prompt/([^:/]+)(?::(\w+))?$")


def _of_prompt(group: int) -> Callable[[Any], str | None]:
    """What a prompt's resource name says where the model's should be: its name, or its version."""

    def read(model: object) -> str | None:
        found = _PROMPT.search(model) if isinstance(model, str) else None
        return found.group(group) if found else None

    return read


def _written(ttl: str) -> Callable[[Any], int | None]:
    """The tokens that were written to the cache for so long."""

    def read(details: object) -> int | None:
        counts = [plain.count(one.get("inputTokens")) for one in plain.mappings(details) if one.get("ttl") == ttl]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    return read


def _outcome(wire: dict[str, Any]) -> Outcome | None:
    return endings.outcome([wire.get("stopReason")])


_MODEL = first("modelId", "model")
_CONFIG = "inferenceConfig"
# Nova in InvokeModel has names of its own
_CACHE_READ = first("usage.cacheReadInputTokens", "usage.cacheReadInputTokenCount")
_CACHE_WRITE = first("usage.cacheWriteInputTokens", "usage.cacheWriteInputTokenCount")

bedrock_converse = Dialect(
    "bedrock_converse",
    request={
        "model": _MODEL,
        "max_tokens": first(f"{_CONFIG}.maxTokens", f"{_CONFIG}.max_new_tokens"),
        "temperature": f"{_CONFIG}.temperature",
        "top_p": f"{_CONFIG}.topP",
        "top_k": first(f"{_EXTRA}.top_k", f"{_EXTRA}.{_CONFIG}.topK", f"{_CONFIG}.topK"),
        "stop_sequences": plain.of(f"{_CONFIG}.stopSequences", plain.strings),
        "reasoning_level": first("outputConfig.effort", f"{_EXTRA}.reasoning_effort"),
        "output_type": plain.of("outputConfig.textFormat.type", _json),
        "output_schema": plain.of("outputConfig.textFormat.structure.jsonSchema", _schema),
        "system_instructions": plain.of("system", lambda system: content(system) or None),
        "input_messages": plain.of("messages", _input_messages),
        "tool_definitions": plain.of("toolConfig.tools", _tools),
        "prompt_name": plain.of("modelId", _of_prompt(1)),
        "prompt_version": plain.of("modelId", _of_prompt(2)),
        "prompt_variables": "promptVariables",
        "parameters": plain.reading(_parameters, *_PARAMETERS, "toolConfig", _CONFIG),
        "aws.bedrock.guardrail.id": plain.of("guardrailConfig.guardrailIdentifier", plain.string),
    },
    response={
        "model": "trace.promptRouter.invokedModelId",
        "finish_reasons": plain.of("stopReason", plain.strings),
        "output_messages": plain.reading(_output_messages, "output", "stopReason"),
        "guardrail": "trace.guardrail",
        "details": plain.fields("metrics", "additionalModelResponseFields", "performanceConfig", "serviceTier"),
        "autotrace.response.service_tier": plain.of("serviceTier.type", plain.string),
    },
    usage=ledger.usage(
        {
            "input_tokens": ledger.whole("usage.inputTokens", _CACHE_READ, _CACHE_WRITE),
            "output_tokens": "usage.outputTokens",
            "cache_read_input_tokens": _CACHE_READ,
            "cache_write_input_tokens": _CACHE_WRITE,
            "cache_write_5m_input_tokens": plain.of("usage.cacheDetails", _written("5m")),
            "cache_write_1h_input_tokens": plain.of("usage.cacheDetails", _written("1h")),
        }
    ),
    reduce=converse_response,
    failure=constant(None),  # a failure inside a stream is raised
    outcome=plain.reading(_outcome, "stopReason"),
)
