"""The text completions API: ``POST /completions``, the older sibling of chat.

Source: the OpenAI API reference (``Completion``). An operation with this dialect is a ``text_completion``.
"""

from __future__ import annotations

from autotrace.dialects import parts, plain
from autotrace.dialects.openai_chat import REQUEST, RESPONSE, USAGE
from autotrace.dialects.openai_chat_stream import completion
from autotrace.operation import Dialect

openai_completions = Dialect(
    "openai_completions",
    request={**REQUEST, "input_messages": plain.of("prompt", parts.user_messages)},
    response=RESPONSE,
    usage=USAGE,
    reduce=completion,
)
