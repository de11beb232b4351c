"""What the embedded model answers in every wire format: a pure function of the request.

* a question is answered with `You said: “…”`, whose quotation marks are multi-byte UTF-8, which stream parsers get wrong;
* with tools, a question is answered with a call of the first tool, whose arguments are filled from its schema; if the
  question contains the word *both*, with two calls (of the first two tools, or two of the only one);
* a tool's result is answered with `The tool said: “…”`;
* with a JSON schema, the answer is JSON that matches it;
* a limit on the output cuts the text.

A token is four characters. A quarter of the input (rounded down) is cached. Thinking takes sixteen tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from autotrace.testing.provider._schema import fill

__all__ = ["Ask", "Said", "Tool", "ToolCall", "cached", "deltas", "inputs", "say", "text_of", "tokens", "vector"]

_THOUGHT = "The user says something — I shall repeat it."
_THINKING_TOKENS = 16


class Tool(NamedTuple):
    """A tool that the request offers."""

    name: str
    schema: Any


class Ask(NamedTuple):
    """What a request asks, in any wire format."""

    model: str
    text: str
    """The text of the last message."""
    input_tokens: int
    from_tool: bool = False
    """Whether the last message is the result of a tool."""
    tools: tuple[Tool, ...] = ()
    schema: Any = None
    """A JSON schema that the answer must match; `{}` for any JSON object."""
    limit: int | None = None
    """The maximum number of output tokens."""
    thinks: bool = False


class ToolCall(NamedTuple):
    """A call of a tool by the model."""

    name: str
    arguments: dict[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.arguments, ensure_ascii=False)


class Said(NamedTuple):
    """The answer of the model: text or tool calls."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: str
    """One of: stop, length, tool, refusal, filter."""
    thinking: str
    thinking_tokens: int
    output_tokens: int
    """Includes the thinking tokens."""


def say(ask: Ask, choice: int = 0) -> Said:
    """The answer to `ask`; `choice` is the index among several requested alternatives."""
    calls = _calls(ask)
    text, finish = ("", "tool") if calls else _text(ask, choice)
    thinking = _THINKING_TOKENS if ask.thinks else 0
    spoken = sum(tokens(call.name) + tokens(call.json) for call in calls) + tokens(text)
    return Said(text, calls, finish, _THOUGHT if ask.thinks else "", thinking, spoken + thinking)


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
    """The number of tokens of a text: one for each four characters, rounded up."""
    return -(-len(text) // 4)


def cached(input_tokens: int) -> int:
    """The number of input tokens that come from a cache, for formats that report it."""
    return input_tokens // 4


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or parts with text."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return text_of(content.get("text") or content.get("content") or content.get("output") or "")
    if isinstance(content, list):
        return " ".join(filter(None, map(text_of, content)))
    return ""


def deltas(text: str) -> Iterator[str]:
    """A text in pieces for a stream: at most six characters each, and at least three pieces if the text is long enough."""
    size = max(1, min(6, len(text) // 3))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def vector(text: str, dimensions: int) -> list[float]:
    """The embedding of a text, made from its hash."""
    digest = hashlib.sha256(text.encode()).digest()
    return [(digest[i % 32] - 127.5) / 2040 for i in range(dimensions)]


def inputs(given: Any) -> list[str]:
    """The texts of an input: one text, several, or token ids (as one text)."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given and isinstance(given[0], int):
        return [str(given)]
    return [one if isinstance(one, str) else str(one) for one in given or ()]
