"""What the embedded model says, whatever the wire format: a pure function of what it was asked.

* a question is answered with `You said: “…”`, where the quotation marks are the multi-byte UTF-8 that streams get wrong;
* with tools, a question is answered with a call of the first tool, arguments filled from its schema; with two calls when
  the question contains the word *both* (of the first two tools, or twice of the only one);
* a tool's result is answered with `The tool said: “…”`;
* with a JSON schema, the answer is JSON that fits it;
* a limit on the output cuts the text.

A token is four characters. A quarter of the input (rounded down) was cached; thinking takes sixteen tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from autotrace.testing.provider.schema import fill

__all__ = ["THINKING_TOKENS", "THOUGHT", "Ask", "Said", "Tool", "ToolCall", "cached", "deltas", "say", "text_of", "tokens"]

THOUGHT = "The user says something — I shall repeat it."
THINKING_TOKENS = 16


class Tool(NamedTuple):
    name: str
    schema: Any


class Ask(NamedTuple):
    """What a request comes down to."""

    model: str
    text: str
    """Of the last message."""
    input_tokens: int
    from_tool: bool = False
    """Whether the last message is the result of a tool."""
    tools: tuple[Tool, ...] = ()
    schema: Any = None
    """A JSON schema that the answer has to fit; `{}` for any JSON object."""
    limit: int | None = None
    thinks: bool = False


class ToolCall(NamedTuple):
    name: str
    arguments: dict[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.arguments, ensure_ascii=False)


class Said(NamedTuple):
    """What the model says: text or tool calls."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: str
    """One of: stop, length, tool, refusal, filter."""
    thinking: str
    thinking_tokens: int
    output_tokens: int
    """Thinking included."""


def say(ask: Ask, choice: int = 0) -> Said:
    """The answer to `ask`; `choice` counts the alternatives that were asked for."""
    calls = _calls(ask)
    text, finish = ("", "tool") if calls else _text(ask, choice)
    thinking = THINKING_TOKENS if ask.thinks else 0
    spoken = sum(tokens(call.name) + tokens(call.json) for call in calls) + tokens(text)
    return Said(text, calls, finish, THOUGHT if ask.thinks else "", thinking, spoken + thinking)


def _calls(ask: Ask) -> tuple[ToolCall, ...]:
    if not ask.tools or ask.from_tool:
        return ()
    first = ask.tools[0]
    if not re.search(r"\bboth\b", ask.text):
        return (ToolCall(first.name, _arguments(first, 0)),)
    second = ask.tools[1] if len(ask.tools) > 1 else first
    return ToolCall(first.name, _arguments(first, 0)), ToolCall(second.name, _arguments(second, int(second is first)))


def _arguments(tool: Tool, variant: int) -> dict[str, Any]:
    value = fill(tool.schema or {"type": "object"}, variant=variant)
    return value if isinstance(value, dict) else {}


def _text(ask: Ask, choice: int) -> tuple[str, str]:
    if ask.model == "fault-refusal":
        return "I am sorry — but I cannot help with that.", "refusal"
    if ask.schema is not None:
        text = json.dumps(
            fill(ask.schema or {"properties": {"answer": {"const": ask.text}}}, variant=choice), ensure_ascii=False
        )
    else:
        who = "The tool said" if ask.from_tool else "You said"
        text = f"{who}: “{ask.text}”" + (f" ({choice + 1})" if choice else "")
    if ask.model == "fault-filter":
        return text[: len(text) // 2], "filter"
    if ask.limit is not None and tokens(text) > ask.limit:
        return text[: 4 * ask.limit], "length"
    return text, "stop"


def tokens(text: str) -> int:
    return -(-len(text) // 4)


def cached(input_tokens: int) -> int:
    return input_tokens // 4


def text_of(content: Any) -> str:
    """The text in a message's content: a string, or parts that carry some."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return text_of(content.get("text") or content.get("content") or content.get("output") or "")
    if isinstance(content, list):
        return " ".join(filter(None, map(text_of, content)))
    return ""


def deltas(text: str) -> Iterator[str]:
    """A text in the pieces that a stream brings: about a word each, and at least three where there is so much."""
    size = max(1, min(6, len(text) // 3))
    for start in range(0, len(text), size):
        yield text[start : start + size]
