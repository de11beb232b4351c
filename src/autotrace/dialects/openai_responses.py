"""The Responses API: ``POST /responses`` of OpenAI and Azure.

Source: the OpenAI API reference (``Response``, ``ResponseInputItem``, ``ResponseOutputItem``). Text, reasoning and calls of
the model are a flat list of *items*. The items of one response are the parts of one assistant message.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration import conventions
from autotrace._declaration.conventions import ALWAYS
from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant
from autotrace.dialects import endings, ledger, openai_content, parts, plain
from autotrace.dialects._openai_responses_stream import response
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message, Part

__all__ = ["openai_responses"]

_CLIENT_CALLS = {
    "computer_call": ("action", "actions"),
    "local_shell_call": ("action",),
    "shell_call": ("action",),
    "apply_patch_call": ("operation",),
    "tool_search_call": ("arguments",),
}
"""OpenAI's own tools that the program may have to run, and the fields of their items that hold the arguments."""
_UNFINISHED = frozenset({"in_progress", "queued"})
_FINISHED = {"completed": "stop", "failed": "error", "cancelled": "error", "max_messages": "length"}
_PARAMETERS = (
    *openai_content.PARAMETERS,
    *("background", "include", "max_tool_calls", "truncation", "context_management"),
)
_INCLUDED = (
    *("message.output_text.logprobs", "message.input_image.image_url", "reasoning.encrypted_content"),
    *("file_search_call.results", "web_search_call.results", "web_search_call.action.sources"),
    *("code_interpreter_call.outputs", "computer_call_output.output.image_url"),
)
"""The words of ``include``."""
_ENDING = ("status", "incomplete_details")
_ITEM = ("id", "call_id", "status")
"""Fields of an item that are not content."""


def _item(item: object, by_model: bool = True) -> list[Part]:
    """The parts of one item. `by_model` means an item of a response, whose tool answers come from the provider's own tools."""
    wire = plain.mapping(item)
    kind = plain.string(wire.get("type")) or ("message" if "content" in wire else "")
    if kind == "message":
        return _message(wire, by_model)
    if kind == "reasoning":
        return _reasoning(wire)
    if kind.endswith("_output"):
        return [_answer(wire, by_model)]
    if kind.endswith("_call") or kind == "program":
        return [_call(kind, wire)]
    return [parts.kept(item)]


def _message(wire: dict[str, Any], by_model: bool) -> list[Part]:
    said, role = openai_content.content(wire.get("content")), wire.get("role")
    shown = role == "assistant" if by_model else isinstance(role, str)
    return _with_rest(said, parts.rest(wire, "content", *_ITEM, *(("role",) if shown else ())))


def _reasoning(wire: dict[str, Any]) -> list[Part]:
    thoughts = openai_content.content([*plain.listed(wire.get("summary")), *plain.listed(wire.get("content"))])
    others = parts.rest(wire, "summary", "content", "id", "status", "encrypted_content")
    return _with_rest(parts.hidden(thoughts, wire.get("encrypted_content"), id=wire.get("id")), others)


def _with_rest(said: list[Part], others: dict[str, Any]) -> list[Part]:
    """The parts of an item. The first one gets the other fields of the item (``phase``, ``encrypted_content``)."""
    if not others:
        return said
    if not said or said[0].keys() & others.keys():
        return [*said, {"type": "unknown", "content": others}]
    return [{**said[0], **others}, *said[1:]]


def _call(kind: str, wire: dict[str, Any]) -> Part:
    id, name = wire.get("call_id") or wire.get("id"), wire.get("name")
    if not isinstance(name or "", str):
        return parts.kept(wire)
    if kind == "function_call":
        return parts.extended(parts.tool_call(id, name, parts.parsed(wire.get("arguments"))), wire, "name", "arguments", *_ITEM)
    if kind == "custom_tool_call":  # its input is free text, and JSON only by accident
        return parts.extended(parts.tool_call(id, name, wire.get("input")), wire, "name", "input", *_ITEM)
    own = kind.removesuffix("_call")
    if kind in _CLIENT_CALLS and not _is_hosted(wire):
        held = next((key for key in _CLIENT_CALLS[kind] if wire.get(key) is not None), "")
        return parts.extended(parts.tool_call(id, own, parts.parsed(wire.get(held))), wire, held, *_ITEM)
    fields = {key: value for key, value in plain.known(wire).items() if key not in ("id", "call_id")}
    if kind == "mcp_call":
        fields["arguments"] = parts.parsed(fields.get("arguments"))
    if kind == "image_generation_call" and isinstance(wire.get("result"), (str, bytes)):
        form = plain.string(wire.get("output_format"))
        fields["result"] = parts.binary(wire["result"], "image", f"image/{form}" if form else None)
    return parts.server_tool_call(id, name or own, parts.without_binary(plain.known(fields)))


def _is_hosted(wire: dict[str, Any]) -> bool:
    """Whether the provider runs a call that a program may have to run: a shell in its container, a search for tools."""
    place = plain.string(plain.mapping(wire.get("environment")).get("type"))
    return wire.get("execution") == "server" or (place is not None and place != "local")


def _answer(wire: dict[str, Any], by_model: bool) -> Part:
    id = wire.get("call_id") or wire.get("id")
    if by_model:
        fields = {key: value for key, value in plain.known(wire).items() if key not in ("id", "call_id")}
        return parts.server_tool_call_response(id, parts.without_binary(fields))
    output = wire.get("output")
    if output is None:  # tool_search_output, apply_patch_call_output: the answer is in other fields
        answer = parts.without_binary({key: value for key, value in wire.items() if key not in ("id", "call_id", "type")})
        return parts.tool_call_response(id, answer)
    if isinstance(output, list) and wire.get("type") in ("function_call_output", "custom_tool_call_output"):
        given: object = openai_content.content(output)
    elif wire.get("type") == "computer_call_output":
        given = openai_content.part(output)
    else:
        given = parts.without_binary(output)
    return parts.extended(parts.tool_call_response(id, given), wire, "output", *_ITEM)


def _input_messages(value: object) -> list[Message] | None:
    """The input: one text, or items, of which each is a message."""
    if isinstance(value, str):
        return parts.user_messages(value)
    return [parts.message(_role(item), _item(item, by_model=False)) for item in plain.listed(value)] or None


def _role(item: object) -> str:
    wire = plain.mapping(item)
    kind = plain.string(wire.get("type")) or "message"
    said_by = plain.string(wire.get("role"))
    if said_by or kind == "message" or not wire or kind.endswith("_response"):  # mcp_approval_response
        return said_by or "user"
    return "tool" if kind.endswith("_output") else "assistant"


def _instructions(value: object) -> list[Part] | None:
    """The parts of instructions: a text, or items. A stored prompt may have items of the user or the model among them."""
    if isinstance(value, str):
        return parts.texts(value) or None
    return [part for item in plain.listed(value) for part in _instruction(item)] or None


def _instruction(item: object) -> list[Part]:
    said, role = _item(item, by_model=False), plain.mapping(item).get("role")
    return [{"role": role, **part} for part in said] if role in ("user", "assistant") else said


def _output_messages(wire: dict[str, Any]) -> list[Message] | None:
    said = [part for item in plain.listed(wire.get("output")) for part in _item(item)]
    finish = _finish_reason(wire)
    return [parts.message("assistant", said, finish_reason=finish)] if said or finish else None


def _reason(wire: dict[str, Any]) -> str | None:
    """Why the response ended: this API has no finish reasons, only a status and the reason for an incomplete response."""
    reason = plain.string(plain.mapping(wire.get("incomplete_details")).get("reason")) or plain.string(wire.get("status"))
    return None if reason in _UNFINISHED else reason


def _finish_reason(wire: dict[str, Any]) -> str | None:
    """The finish reason of the conventions. They also have one for a requested tool call, which this API does not report."""
    reason = _reason(wire)
    finish = parts.finish(_FINISHED.get(reason, reason) if reason else None)
    if finish == "stop":
        return "tool_call" if any(map(_asks_program, plain.mappings(plain.listed(wire.get("output"))))) else finish
    return finish


def _asks_program(item: dict[str, Any]) -> bool:
    """Whether an item asks the program to run a tool."""
    kind = item.get("type")
    asked = kind in ("function_call", "custom_tool_call")
    return asked or (isinstance(kind, str) and kind in _CLIENT_CALLS and not _is_hosted(item))


def _compacted(output: object) -> bool | None:
    return any(item.get("type") == "compaction" for item in plain.mappings(output)) or None


def _failure(wire: dict[str, Any]) -> Failure | None:
    """The error of a response with the status ``failed``, or of its stream."""
    failure = endings.failure_in(wire, "code", "type", answer=("output", "usage", "status"))
    return failure or (Failure(code=None, message=None) if wire.get("status") == "failed" else None)


def _outcome(wire: dict[str, Any]) -> Outcome | None:
    """The outcome of the answer. An incomplete answer with an unknown reason counts as truncated."""
    reason = plain.string(plain.mapping(wire.get("incomplete_details")).get("reason"))
    if wire.get("status") == "incomplete" and reason not in conventions.OUTCOMES:
        reason = "length"
    items = plain.mappings(wire.get("output"))
    refused = any(part.get("type") == "refusal" for item in items for part in plain.mappings(item.get("content")))
    return endings.outcome([reason], refused)


def _parameters(request: dict[str, Any]) -> dict[str, Any] | None:
    parameters = {name: request[name] for name in _PARAMETERS if plain.says(request.get(name))}
    for name, elsewhere in (("reasoning", "effort"), ("text", "format")):
        held = {key: value for key, value in plain.known(request.get(name)).items() if key != elsewhere}
        parameters.update({name: held} if held else {})
    return parameters or None


def _schema(form: object) -> object:
    return plain.mapping(form).get("schema")


def _variables(variables: object) -> object:
    """The values of a stored prompt's variables: texts or content parts."""
    wire = plain.mapping(variables)
    values = {key: openai_content.part(value) if isinstance(value, dict) else value for key, value in wire.items()}
    return parts.without_binary(values) or None


def _conversation(value: object) -> str | None:
    return plain.string(value) or plain.string(plain.mapping(value).get("id"))


openai_responses = Dialect(
    "openai_responses",
    namespace="openai",
    request={
        **openai_content.REQUEST,
        "max_tokens": "max_output_tokens",
        "previous_response_id": "previous_response_id",
        "conversation_id": plain.of("conversation", _conversation),
        "reasoning_level": "reasoning.effort",
        "output_type": plain.of("text.format.type", openai_content.output_type),
        "output_schema": plain.of("text.format", _schema),
        "system_instructions": plain.of("instructions", _instructions),
        "input_messages": plain.of("input", _input_messages),
        "tool_definitions": plain.of("tools", openai_content.tool_definitions),
        "prompt_name": "prompt.id",
        "prompt_version": "prompt.version",
        "prompt_variables": plain.of("prompt.variables", _variables),
        "parameters": plain.reading(_parameters, *_PARAMETERS, "reasoning", "text"),
        "openai.api.type": constant("responses"),
    },
    response={
        "id": "id",
        "model": "model",
        "status": "status",
        "background": plain.of("background", plain.true),
        # a stored prompt as it was sent to the model; else the instructions of the request again
        "system_instructions": plain.of("instructions", _instructions),
        "finish_reasons": plain.reading(lambda body: plain.strings(_finish_reason(body)), *_ENDING, "output"),
        ALWAYS["finish_reasons_raw"].attribute: plain.reading(lambda body: plain.strings(_reason(body)), *_ENDING),
        "output_messages": plain.reading(_output_messages, *_ENDING, "output"),
        "conversation_id": plain.of("conversation", _conversation),
        "compacted": plain.of("output", _compacted),
        "details": plain.fields("incomplete_details", "tool_usage", "moderation", "prompt_cache_diagnostics"),
        "openai.response.service_tier": "service_tier",
    },
    usage=ledger.usage(
        {
            "input_tokens": "usage.input_tokens",
            "output_tokens": "usage.output_tokens",
            "cache_read_input_tokens": "usage.input_tokens_details.cached_tokens",
            "cache_write_input_tokens": "usage.input_tokens_details.cache_write_tokens",
            "cache_write_30m_input_tokens": "usage.input_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
            "cache_write_12h_input_tokens": "usage.input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
            "reasoning_output_tokens": "usage.output_tokens_details.reasoning_tokens",
            # other servers, and models with audio
            "text_input_tokens": "usage.input_tokens_details.text_tokens",
            "audio_input_tokens": "usage.input_tokens_details.audio_tokens",
            "image_input_tokens": "usage.input_tokens_details.image_tokens",
            "text_output_tokens": "usage.output_tokens_details.text_tokens",
            "audio_output_tokens": "usage.output_tokens_details.audio_tokens",
            "image_output_tokens": "usage.output_tokens_details.image_tokens",
            "web_search_requests": "tool_usage.web_search.num_requests",
        }
    ),
    reduce=response,
    failure=plain.reading(_failure, *endings.ERROR_FIELDS, "output", "usage"),
    outcome=plain.reading(_outcome, *_ENDING, "output"),
    not_content={**openai_content.NOT_CONTENT, "include": _INCLUDED},
)
