"""The Responses API: ``POST /responses`` of OpenAI and Azure.

Source: the OpenAI API reference (``Response``, ``ResponseInputItem``, ``ResponseOutputItem``). What the model says, thinks and
calls comes as a flat list of *items*; those of one response are the parts of one assistant message.
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import openai_content, parts, plain
from autotrace.dialects.openai_responses_stream import response
from autotrace.dialects.parts import Message, Part
from autotrace.operation import Dialect
from autotrace.paths import constant

_CLIENT_CALLS = {
    "computer_call": ("action", "actions"),
    "local_shell_call": ("action",),
    "shell_call": ("action",),
    "apply_patch_call": ("operation",),
}
"""OpenAI's own tools that the program has to run, and where their items hold the arguments."""
_UNFINISHED = frozenset({"in_progress", "queued"})
_FINISHED = {"completed": "stop", "failed": "error"}


def _item(item: object) -> list[Part]:
    """The parts of one item."""
    wire = plain.mapping(item)
    kind = plain.string(wire.get("type")) or ("message" if "content" in wire else "")
    if kind == "message":
        return openai_content.content(wire.get("content"))
    if kind == "reasoning":
        thoughts = openai_content.content([*plain.sequence(wire.get("summary")), *plain.sequence(wire.get("content"))])
        return thoughts or [parts.reasoning("", id=wire.get("id"))]  # encrypted: that there was one is all that can be said
    if kind.endswith("_output"):
        return [_answer(wire)]
    if kind.endswith("_call"):
        return [_call(kind, wire)]
    return [parts.kept(item)]


def _call(kind: str, wire: dict[str, Any]) -> Part:
    id = wire.get("call_id") or wire.get("id")
    if kind == "function_call":
        return parts.tool_call(id, wire.get("name"), parts.parsed(wire.get("arguments")))
    if kind == "custom_tool_call":  # its input is free text, JSON only by accident
        return parts.tool_call(id, wire.get("name"), wire.get("input"))
    name = kind[: -len("_call")]
    if kind in _CLIENT_CALLS:
        held = (wire[key] for key in _CLIENT_CALLS[kind] if wire.get(key) is not None)
        return parts.tool_call(id, name, parts.without_binary(next(held, None)))
    fields = {key: value for key, value in plain.known(wire).items() if key not in ("id", "call_id")}
    if kind == "image_generation_call" and isinstance(wire.get("result"), (str, bytes)):
        form = plain.string(wire.get("output_format"))
        fields["result"] = parts.binary(wire["result"], "image", f"image/{form}" if form else None)
    return parts.server_tool_call(id, plain.string(wire.get("name")) or name, parts.without_binary(fields))


def _answer(wire: dict[str, Any]) -> Part:
    output = wire.get("output")
    if isinstance(output, list) and wire.get("type") in ("function_call_output", "custom_tool_call_output"):
        answer: object = openai_content.content(output)
    elif wire.get("type") == "computer_call_output":
        answer = openai_content.part(output)
    elif output is None:  # tool_search_output, apply_patch_call_output: the answer is in fields of its own
        answer = parts.without_binary({key: value for key, value in wire.items() if key not in ("id", "call_id", "type")})
    else:
        answer = parts.without_binary(output)
    return parts.tool_call_response(wire.get("call_id") or wire.get("id"), answer)


def input_messages(value: object) -> list[Message] | None:
    """The input: one text, or items, each a message of its own."""
    if isinstance(value, str):
        return parts.user_messages(value)
    return [parts.message(_role(item), _item(item)) for item in plain.sequence(value)] or None


def _role(item: object) -> str:
    wire = plain.mapping(item)
    kind = plain.string(wire.get("type")) or "message"
    said_by = plain.string(wire.get("role"))
    if said_by or kind == "message" or not wire:
        return said_by or "user"
    return "tool" if kind.endswith("_output") else "assistant"


def _instructions(value: object) -> list[Part] | None:
    if isinstance(value, list):
        return [part for item in value for part in _item(item)] or None
    return parts.texts(value) or None


def _output_messages(body: object) -> list[Message] | None:
    wire = plain.mapping(body)
    said = [part for item in plain.sequence(wire.get("output")) for part in _item(item)]
    reason = _reason(wire)
    if not said and reason is None:
        return None
    finish = _FINISHED.get(reason, reason) if reason else None
    if finish == "stop" and any(part["type"] == "tool_call" for part in said):
        finish = "tool_call"
    return [parts.message("assistant", said, finish_reason=parts.finish(finish))]


def _reason(body: object) -> str | None:
    """Why it ended: there is no finish reason in this API, the status says it, or what made it incomplete."""
    wire = plain.mapping(body)
    reason = plain.string(plain.mapping(wire.get("incomplete_details")).get("reason")) or plain.string(wire.get("status"))
    return None if reason in _UNFINISHED else reason


def _finish_reasons(body: object) -> list[str] | None:
    return plain.strings(_reason(body))


def _conversation(value: object) -> str | None:
    return plain.string(value) or plain.string(plain.mapping(value).get("id"))


openai_responses = Dialect(
    "openai_responses",
    request={
        **openai_content.REQUEST,
        "max_tokens": "max_output_tokens",
        "previous_response_id": "previous_response_id",
        "conversation_id": plain.of("conversation", _conversation),
        "reasoning_level": "reasoning.effort",
        "output_type": plain.of("text.format.type", openai_content.output_type),
        "system_instructions": plain.of("instructions", _instructions),
        "input_messages": plain.of("input", input_messages),
        "tool_definitions": plain.of("tools", openai_content.tool_definitions),
        "gen_ai.prompt.name": "prompt.id",
        "gen_ai.prompt.version": "prompt.version",
        "openai.api.type": constant("responses"),
    },
    response={
        "id": "id",
        "model": "model",
        "status": "status",
        "finish_reasons": _finish_reasons,
        "output_messages": _output_messages,
        "conversation_id": plain.of("conversation", _conversation),
        "openai.response.service_tier": "service_tier",
    },
    usage={
        "input_tokens": "usage.input_tokens",
        "output_tokens": "usage.output_tokens",
        "cache_read_input_tokens": "usage.input_tokens_details.cached_tokens",
        "cache_write_input_tokens": "usage.input_tokens_details.cache_write_tokens",
        "reasoning_output_tokens": "usage.output_tokens_details.reasoning_tokens",
        "raw": "usage",
    },
    reduce=response,
)
