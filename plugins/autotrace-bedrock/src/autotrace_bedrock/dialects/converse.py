"""Dialect of Amazon Bedrock's Converse and ConverseStream, and of the bodies of Amazon Nova, which have the same shape.

Source: the API reference of Bedrock runtime (``Converse``, ``TokenUsage``), as in botocore 1.44, and the user guide of Nova.
``inputTokens`` exclude tokens that were read from or written to the cache; the conventions include them. An answer has no id
except the request id.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, first
from autotrace_bedrock.dialects.content import content
from autotrace_bedrock.dialects.converse_stream import converse_response

__all__ = ["bedrock_converse"]


def _input_messages(messages: object) -> list[Message] | None:
    return [parts.read_message(one, "user", content) for one in plain.listed(messages)] or None


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    output = plain.mapping(body.get("output"))
    if not output:
        return None
    finish_reason = parts.finish(body.get("stopReason"))
    others = parts.rest(output, "message")
    message = parts.read_message(output.get("message") or {}, "assistant", content, finish_reason)
    if others:
        message["parts"].append({"type": "unknown", "content": others})
    return [message]


def _tools(tools: object) -> list[dict[str, Any]] | None:
    """The offered tools as flat objects. Amazon's own (``systemTool``) have the type ``system_tool``."""
    definitions: list[dict[str, Any]] = []
    for tool in plain.listed(tools):
        wire = plain.mapping(tool)
        kind = next((kind for kind in ("toolSpec", "systemTool") if isinstance(wire.get(kind), dict)), None)
        if kind is None:
            if list(wire) != ["cachePoint"]:
                definitions.append(parts.definition("unknown", parts.kept(tool)))
            continue
        fields = plain.known(wire[kind])
        schema = fields.pop("inputSchema", None)
        if schema is not None:
            fields["parameters"] = plain.mapping(schema).get("json", schema)
        kind = "function" if kind == "toolSpec" else "system_tool"
        definitions.append(parts.definition(kind, parts.without_binary(fields)))
    return definitions or None


_EXTRA = "additionalModelRequestFields"
_PARAMETERS = (
    *(_EXTRA, "additionalModelResponseFieldPaths", "requestMetadata", "performanceConfig", "serviceTier"),
    *("guardrailConfig", "projectIdentifier", "schemaVersion"),
)
_READ = frozenset({"maxTokens", "max_new_tokens", "temperature", "topP", "topK", "stopSequences"})


def _parameters(request: dict[str, Any]) -> dict[str, Any] | None:
    """The settings without a name in the conventions."""
    settings = {name: request[name] for name in _PARAMETERS if plain.says(request.get(name))}
    tool_choice = plain.mapping(request.get("toolConfig")).get("toolChoice")
    if tool_choice:
        settings["toolChoice"] = tool_choice
    others = {key: value for key, value in plain.known(request.get("inferenceConfig")).items() if key not in _READ}
    return {**settings, **others} or None


def _schema(form: object) -> object:
    return parts.parsed(plain.mapping(form).get("schema"))


def _json(kind: object) -> str | None:
    return "json" if kind == "json_schema" else None


_PROMPT = re.compile(r":prompt/([^:/]+)(?::(\w+))?$")


def _of_prompt(group: int) -> Callable[[Any], str | None]:
    """A getter of a prompt's name or version, from the prompt's resource name, which may take the place of the model's."""

    def read(model: object) -> str | None:
        match = _PROMPT.search(model) if isinstance(model, str) else None
        return match.group(group) if match else None

    return read


def _cache_write(ttl: str) -> Callable[[Any], int | None]:
    """A getter of the number of tokens that were written to the cache with this time to live."""

    def read(details: object) -> int | None:
        counts = [plain.count(one.get("inputTokens")) for one in plain.mappings(details) if one.get("ttl") == ttl]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    return read


def _tier(body: dict[str, Any]) -> str | None:
    """The service tier, on which the price depends. If latency was optimized, that mode, because it has its own price."""
    latency = plain.mapping(body.get("performanceConfig")).get("latency")
    tier = plain.string(plain.mapping(body.get("serviceTier")).get("type"))
    return tier if latency in (None, "standard") else plain.string(latency) or tier


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error in a body of Nova in InvokeModel. Converse raises its errors."""
    return endings.failure_in(wire, "code", "type")


def _outcome(wire: dict[str, Any]) -> Outcome | None:
    return endings.outcome([wire.get("stopReason")])


_MODEL = first("modelId", "model")
_CONFIG = "inferenceConfig"
# Nova in InvokeModel has different names.
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
        "autotrace.response.service_tier": plain.reading(_tier, "serviceTier", "performanceConfig"),
    },
    usage=ledger.usage(
        {
            "input_tokens": ledger.whole("usage.inputTokens", _CACHE_READ, _CACHE_WRITE),
            "output_tokens": "usage.outputTokens",
            "cache_read_input_tokens": _CACHE_READ,
            "cache_write_input_tokens": _CACHE_WRITE,
            "cache_write_5m_input_tokens": plain.of("usage.cacheDetails", _cache_write("5m")),
            "cache_write_1h_input_tokens": plain.of("usage.cacheDetails", _cache_write("1h")),
        }
    ),
    reduce=converse_response,
    failure=plain.reading(_failure, *endings.ERROR_FIELDS),
    not_content={
        "latency": ("standard", "optimized"),
        "trace": ("enabled", "disabled", "enabled_full"),
        "streamProcessingMode": ("sync", "async"),
    },
    outcome=plain.reading(_outcome, "stopReason"),
)
