"""Anthropic's text completions API: ``POST /v1/complete``. Messages have replaced it; Bedrock uses it for older Claude models.

Source: the Anthropic API reference (``Completion``). It does not report usage. An operation with this dialect is a
``text_completion``.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import first
from autotrace.dialects import ledger, parts, plain
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.parts import Message

__all__ = ["anthropic_complete"]


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    said = body.get("completion")
    if said is None:
        return None
    content = parts.texts(said) if isinstance(said, str) else [parts.kept(said)]
    return [parts.message("assistant", content, finish_reason=parts.finish(body.get("stop_reason")))]


def _completion(events: list[Any]) -> dict[str, Any]:
    """The completion that the events of a stream make up. The text is joined; of other fields, the last value counts."""
    whole: dict[str, Any] = {}
    pieces: plain.Pieces = {}
    for event in plain.mappings(events):
        plain.grow(pieces, "completion", event.get("completion"))
        plain.update(whole, {key: value for key, value in event.items() if key != "completion"})
    return {**whole, **plain.grown(pieces)}


anthropic_complete = Dialect(
    "anthropic_complete",
    request={
        "model": "model",
        "max_tokens": "max_tokens_to_sample",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "stop_sequences": plain.of("stop_sequences", plain.strings),
        "stream": plain.of("stream", plain.true),
        "input_messages": plain.of("prompt", parts.user_messages),
        "parameters": plain.fields("metadata"),
    },
    response={
        "id": first("id", "log_id"),
        "model": "model",
        "finish_reasons": plain.of("stop_reason", plain.strings),
        "output_messages": plain.reading(_output_messages, "completion", "stop_reason"),
        "details": plain.fields("stop"),
    },
    usage=ledger.usage({}),
    reduce=_completion,
    failure=anthropic_messages.failure,
    outcome=anthropic_messages.outcome,
)
