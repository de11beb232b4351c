"""The text completions API: ``POST /completions``, the older sibling of chat.

Source: the OpenAI API reference (``Completion``). An operation with this dialect is a ``text_completion``.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace.dialects import parts, plain
from autotrace.dialects.openai_chat import REQUEST, RESPONSE, USAGE, failure, outcome
from autotrace.dialects.openai_chat_stream import completion
from autotrace.dialects.parts import Message

__all__ = ["failure", "openai_completions", "outcome"]


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    """The prompts; a ``suffix``, which the answer is to lead to, is a part of the last."""
    found = parts.user_messages(request.get("prompt")) or []
    if plain.string(request.get("suffix")):
        found = found or [parts.message("user", [])]
        found[-1]["parts"].append({"type": "suffix", "content": request["suffix"]})
    return found or None


openai_completions = Dialect(
    "openai_completions",
    request={
        **REQUEST,
        "input_messages": plain.reading(_input_messages, "prompt", "suffix"),
        "parameters": plain.fields("best_of", "echo", "logit_bias", "logprobs", "user"),
    },
    response=RESPONSE,
    usage=USAGE,
    reduce=completion,
    failure=failure,
    outcome=outcome,
)
