"""The dialect of `CHAT` and `COMPLETION`: converts LangChain's messages and model runs to the conventions' form.

The request is ``{messages, params, defaults}``: the fields of the messages, the parameters of the invocation, and the ``ls_…``
metadata that model classes provide for LangSmith. The response is ``{messages, llm_output}``, with one message for each choice.
Source: langchain-core 1.7, ``messages`` and ``messages.content`` (the standard blocks), ``UsageMetadata``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace.dialects import ledger, openai_content, parts, plain
from autotrace.dialects.parts import Message, Part
from autotrace.plugin import Dialect, first

_ROLES = {"human": "user", "ai": "assistant", "function": "tool"}
_CALLS = frozenset({"tool_use", "tool_call", "tool_call_chunk", "function_call", "input_json_delta", "invalid_tool_call"})
"""Types of content blocks that repeat the message's ``tool_calls``."""


def messages(value: object) -> list[Message]:
    """Convert messages in any of LangChain's forms: their fields, ``{role, content}``, ``[role, content]``, or a text."""
    return [message(one) for one in plain.listed(value)]


def message(wire: object) -> Message:
    """Convert one message, in any of the forms that `messages` accepts. Anything else is kept as a part of a user message."""
    if isinstance(wire, str):
        return parts.message("user", parts.texts(wire))
    if isinstance(wire, list) and len(wire) == 2 and isinstance(wire[0], str):
        return message({"type": wire[0], "content": wire[1]})
    if not isinstance(wire, dict):
        return parts.message("user", [parts.kept(wire)])
    kind = str(wire.get("role") or wire.get("type") or "user").removesuffix("MessageChunk").lower()
    role = _ROLES.get(kind, kind)
    if role == "tool":
        content = [parts.tool_call_response(wire.get("tool_call_id"), parts.without_binary(wire.get("content")))]
    else:
        content = _content(wire)
    return parts.message(role, content, name=plain.string(wire.get("name")), finish_reason=parts.finish(_finish(wire)))


def _content(wire: dict[str, Any]) -> list[Part]:
    """The parts of a message: its reasoning first, its tool calls last."""
    additional = plain.mapping(wire.get("additional_kwargs"))
    calls = plain.mappings(wire.get("tool_calls"))
    content = wire.get("content")
    blocks = parts.texts(content) if isinstance(content, str) else [_block(block) for block in plain.listed(content)]
    thought = plain.string(additional.get("reasoning_content"))
    return [
        *([parts.reasoning(thought)] if thought else []),
        *(block for block in blocks if not (calls and block.get("type") in _CALLS)),
        *(parts.tool_call(call.get("id"), call.get("name"), parts.without_binary(call.get("args"))) for call in calls),
        *(
            parts.tool_call(call.get("id"), call.get("name"), parts.parsed(call.get("args")))
            for call in plain.mappings(wire.get("invalid_tool_calls"))
        ),
    ]


def _block(block: object) -> Part:
    """Convert one content block: a standard one, or a provider's, which LangChain passes through."""
    if isinstance(block, dict):
        kind = block.get("type")
        if kind == "reasoning":
            return _reasoning(block)
        if kind == "non_standard" and isinstance(block.get("value"), dict):
            return openai_content.part(block["value"])
        if kind == "text":  # LangChain merges chunks by these two fields, which are not content
            block = {name: value for name, value in block.items() if name not in ("id", "index")}
        if kind == "text-plain" and isinstance(block.get("text"), str):
            return parts.text(block["text"])
        if kind in ("image", "audio", "video", "file"):
            return _medium(str(kind), block) or parts.kept(block)
    return openai_content.part(block)


def _reasoning(block: dict[str, Any]) -> Part:
    """Convert a block of reasoning: a standard one, or OpenAI's with a summary. It may be encrypted."""
    signature = plain.mapping(block.get("extras")).get("signature")
    summary = plain.mappings(block.get("summary"))
    text = plain.string(block.get("reasoning")) or "".join(str(one.get("text") or "") for one in summary)
    encrypted = block.get("encrypted_content") or (None if text else signature)
    [part] = parts.hidden([parts.reasoning(text)], encrypted)
    return part


def _medium(kind: str, block: dict[str, Any]) -> Part | None:
    """Convert a standard block of binary content: a URL, a file id, or base64. The older form has ``source_type``."""
    modality, mime_type = "document" if kind == "file" else kind, block.get("mime_type")
    source = block.get("source_type")
    url, data = block.get("url"), block.get("base64") or (block.get("data") if source == "base64" else None)
    id = block.get("file_id") or (block.get("id") if source == "id" else None)
    if isinstance(data, (str, bytes)):
        return parts.binary(data, modality, mime_type)
    if isinstance(url, str):
        return parts.uri(url, modality, mime_type)
    return parts.file(id, modality, mime_type) if isinstance(id, str) else None


def _finish(wire: Mapping[str, Any]) -> str | None:
    """The finish reason, from any of the places where providers' packages put it."""
    for place in map(plain.mapping, map(wire.get, ("response_metadata", "generation_info", "additional_kwargs"))):
        incomplete = plain.mapping(place.get("incomplete_details")).get("reason")
        for reason in (incomplete, *map(place.get, _REASONS)):
            if isinstance(reason, str) and reason:
                return reason
    return None


_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "finishReason", "status")


def _finish_reasons(answer: dict[str, Any]) -> list[str] | None:
    return plain.strings([_finish(message) for message in plain.mappings(answer.get("messages"))])


def _response_id(answer: dict[str, Any]) -> str | None:
    """The provider's response id. An id that LangChain has derived from the run's, because there is none, is not one."""
    for message in plain.mappings(answer.get("messages")):
        for id in (plain.mapping(message.get("response_metadata")).get("id"), message.get("id")):
            if isinstance(id, str) and not id.startswith(("run-", "lc_")):
                return id
    return plain.string(plain.mapping(answer.get("llm_output")).get("id"))


def is_cached(answer: dict[str, Any]) -> bool:
    """Whether the answer comes from LangChain's own cache, which sets its cost to 0."""
    return plain.mapping(_usage(answer)).get("total_cost") == 0


def _usage(answer: dict[str, Any]) -> object:
    usages = [message.get("usage_metadata") for message in plain.mappings(answer.get("messages"))]
    return next((usage for usage in usages if usage), None) or plain.mapping(answer.get("llm_output")).get("token_usage")


def _count(*path: str) -> Any:
    def read(answer: dict[str, Any]) -> object:
        """The value at `path` in the usage. None for a cached answer, whose tokens were paid before."""
        value: object = None if is_cached(answer) else _usage(answer)
        for name in path:
            value = plain.mapping(value).get(name)
        return value

    return plain.reading(read, "messages", "llm_output")


def _tools(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    definitions = openai_content.tool_definitions(plain.mapping(body.get("params")).get("tools"))
    for tool in definitions or ():
        if "input_schema" in tool:
            tool.setdefault("parameters", tool.pop("input_schema"))
    return definitions


def _model(answer: dict[str, Any]) -> str | None:
    metadata = [plain.mapping(message.get("response_metadata")) for message in plain.mappings(answer.get("messages"))]
    names = [message.get(name) for message in metadata for name in ("model_name", "model", "model_id")]
    return next(filter(None, map(plain.string, names)), None)


_OUTPUT_TYPES = plain.reading(
    lambda body: openai_content.output_type(
        plain.mapping(plain.mapping(body.get("params")).get("response_format")).get("type")
    ),
    "params",
)

langchain_messages = Dialect(
    "langchain",
    request={
        "model": first("params.model", "params.model_name", "params.model_id", "defaults.ls_model_name"),
        "temperature": first("params.temperature", "defaults.ls_temperature"),
        "max_tokens": first(
            "params.max_tokens", "params.max_completion_tokens", "params.max_output_tokens", "defaults.ls_max_tokens"
        ),
        "top_p": "params.top_p",
        "top_k": "params.top_k",
        "seed": "params.seed",
        "frequency_penalty": "params.frequency_penalty",
        "presence_penalty": "params.presence_penalty",
        "choice_count": plain.of("params.n", lambda n: None if n == 1 else n),
        "stop_sequences": plain.of(first("params.stop", "params.stop_sequences", "defaults.ls_stop"), plain.strings),
        "output_type": _OUTPUT_TYPES,
        "input_messages": plain.of("messages", messages),
        "tool_definitions": plain.reading(_tools, "params"),
    },
    response={
        "id": plain.reading(_response_id, "messages", "llm_output"),
        "model": plain.reading(_model, "messages"),
        "finish_reasons": plain.reading(_finish_reasons, "messages"),
        "output_messages": plain.of("messages", messages),
        "autotrace.langchain.cached": plain.reading(lambda answer: is_cached(answer) or None, "messages", "llm_output"),
    },
    usage=ledger.usage(
        {
            "input_tokens": first(_count("input_tokens"), _count("prompt_tokens")),
            "output_tokens": first(_count("output_tokens"), _count("completion_tokens")),
            "cache_read_input_tokens": _count("input_token_details", "cache_read"),
            "cache_write_input_tokens": _count("input_token_details", "cache_creation"),
            "audio_input_tokens": _count("input_token_details", "audio"),
            "reasoning_output_tokens": _count("output_token_details", "reasoning"),
            "audio_output_tokens": _count("output_token_details", "audio"),
        },
        raw=plain.reading(_usage, "messages", "llm_output"),
    ),
)
