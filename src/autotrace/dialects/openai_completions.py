"""The text completions API: ``POST /completions``, the predecessor of chat.

Source: the OpenAI API reference (``Completion``). An operation with this dialect is a ``text_completion``.
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace.dialects import parts, plain
from autotrace.dialects.openai_chat import REQUEST, openai_chat
from autotrace.dialects.openai_chat_stream import completion
from autotrace.dialects.parts import Message

__all__ = ["openai_completions"]


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    """The prompts. A ``suffix``, the text after the answer, is a part of the last one."""
    messages = parts.user_messages(request.get("prompt")) or []
    if plain.string(request.get("suffix")):
        messages = messages or [parts.message("user", [])]
        messages[-1]["parts"].append({"type": "suffix", "content": request["suffix"]})
    return messages or None


openai_completions = Dialect(
    "openai_completions",
    namespace="openai",
    request={
        **REQUEST,
        "input_messages": plain.reading(_input_messages, "prompt", "suffix"),
        "parameters": plain.fields("best_of", "echo", "logit_bias", "logprobs", "user"),
    },
    response=openai_chat.response,
    usage=openai_chat.usage,
    reduce=completion,
    failure=openai_chat.failure,
    outcome=openai_chat.outcome,
    not_content=openai_chat.not_content,
)
