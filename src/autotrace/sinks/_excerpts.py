"""Excerpts of records for the tree: the first words of prompt and answer, and the few fields that a tree shows.

Pure functions of records as dictionaries, in which anything may be missing or invalid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

_KEPT = 300
"""How many characters of a prompt, an answer or a description are kept for the tree."""

_SHOWN = ("name", "trace_id", "span_id", "parent_id", "start_ns", "duration_ns", "end_reason", "status")
_ATTRIBUTES = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "autotrace.cost.usd",
    "autotrace.outcome",
    "error.type",
)
_WORDS = "autotrace.words"


def brief(record: Record) -> dict[str, Any]:
    """The part of a record that the tree shows, in a few hundred bytes."""
    every = attributes(record)
    kept = {name: every[name] for name in _ATTRIBUTES if name in every}
    status = record.get("status")
    code = {"code": status.get("code")} if isinstance(status, Mapping) else None
    return {**{name: record.get(name) for name in _SHOWN}, "status": code, "attributes": kept, _WORDS: first_words(record)}


def attributes(record: Record) -> Mapping[str, Any]:
    """The attributes of a record; empty if they are missing or invalid."""
    value = record.get("attributes")
    return value if isinstance(value, Mapping) else {}


def first_words(record: Record) -> tuple[str, str]:
    """The prompt, and the answer or the failure, each on one line; "" if unknown."""
    if _WORDS in record:
        prompt, answer = record[_WORDS]
        return prompt, answer
    every = attributes(record)
    prompt = _last_message(every.get("gen_ai.input.messages")) or _data(every.get("gen_ai.tool.call.arguments"))
    answer = _last_message(every.get("gen_ai.output.messages")) or _data(every.get("gen_ai.tool.call.result"))
    status = record.get("status")
    failure = status.get("description") if isinstance(status, Mapping) else None
    return prompt, shown(failure, _KEPT) if failure else answer


def shown(value: Any, longest: int) -> str:
    """The text of a value on one line of at most `longest` characters."""
    text = str(value)
    text = " ".join("".join(char if char.isprintable() else " " for char in text[: longest * 2]).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _last_message(messages: Any) -> str:
    """The last message: its text in quotes, and its tool calls."""
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], Mapping):
        return ""
    parts = messages[-1].get("parts")
    texts = [_part(part) for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return shown(" ".join(filter(None, texts)), _KEPT)


def _part(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if kind == "text":
        text = shown(part.get("content") or "", _KEPT)
        return f"“{text}”" if text else ""
    if kind == "tool_call":
        return f"{shown(part.get('name'), _KEPT)}({_data(part.get('arguments'))})"
    if kind == "tool_call_response":
        return _data(part.get("response", part.get("result")))
    return f"[{shown(kind, _KEPT)}]" if kind and kind != "reasoning" else ""


def _data(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return shown(value, _KEPT)
    try:
        return shown(json.dumps(value, ensure_ascii=False, separators=(",", ":")), _KEPT)
    except Exception:  # a cycle, or a value that JSON cannot hold
        return "…"
