"""The first words of a record: what was asked, and what came of it; and of the whole only as much as a tree shows.

Pure functions of records as dictionaries, which may lack anything or hold nonsense.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

_KEPT = 300
"""Characters of a prompt, an answer, or a description that are kept for the tree."""

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
    """As much of a record as the tree shows, in a few hundred bytes."""
    found = attributes(record)
    kept = {name: found[name] for name in _ATTRIBUTES if name in found}
    status = record.get("status")
    code = {"code": status.get("code")} if isinstance(status, Mapping) else None
    return {**{name: record.get(name) for name in _SHOWN}, "status": code, "attributes": kept, _WORDS: first_words(record)}


def attributes(record: Record) -> Mapping[str, Any]:
    """Its attributes; none, if they are something else."""
    found = record.get("attributes")
    return found if isinstance(found, Mapping) else {}


def first_words(record: Record) -> tuple[str, str]:
    """What was asked, and what was answered or went wrong, each on one line; "" for what is not known."""
    if _WORDS in record:
        asked, came = record[_WORDS]
        return asked, came
    found = attributes(record)
    asked = _said(found.get("gen_ai.input.messages")) or _data(found.get("gen_ai.tool.call.arguments"))
    answered = _said(found.get("gen_ai.output.messages")) or _data(found.get("gen_ai.tool.call.result"))
    status = record.get("status")
    failure = status.get("description") if isinstance(status, Mapping) else None
    return asked, shown(failure, _KEPT) if failure else answered


def shown(value: Any, longest: int) -> str:
    """A value on one line, of at most `longest` characters."""
    text = str(value)
    text = " ".join("".join(char if char.isprintable() else " " for char in text[: longest * 2]).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _said(messages: Any) -> str:
    """The last message: its text, in quotes, and the calls of tools in it."""
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], Mapping):
        return ""
    parts = messages[-1].get("parts")
    found = [_part(part) for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return shown(" ".join(filter(None, found)), _KEPT)


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
    except Exception:  # a loop, or what JSON has no word for
        return "…"
