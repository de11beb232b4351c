"""Records as a tree of text: pure functions of the lines' dictionaries, which may lack anything or hold nonsense.

what                       duration  first   in  out       usd  notes              trace
plan_trip                    212 ms                                                4f1d09ab
├─ chat gpt-4o-mini           24 ms          38   12  0.000013
└─ chat gpt-4o-mini           81 ms  24 ms   31   14  0.000013  abandoned
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Record = Mapping[str, Any]

RED, DIM, RESET = "\x1b[31m", "\x1b[2m", "\x1b[0m"
HEADER = ("what", "duration", "first", "in", "out", "usd", "notes", "trace")
LEFT = frozenset({0, 6, 7})
"""Columns that are aligned to the left; the others hold numbers."""
LONGEST_NAME = 60


class Placed(NamedTuple):
    """A record and its place in the tree."""

    record: Record
    branch: str
    """What stands before its name: `├─ `."""
    is_root: bool


def render(records: Iterable[Record], color: bool = False) -> str:
    """The tree, with a header and aligned columns; an empty text for no records. Each record is one line."""
    placed = list(place(list(records)))
    if not placed:
        return ""
    rows = [HEADER, *map(_cells, placed)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [_line(row, widths) for row in rows]
    if color:
        failed = [False, *(_has_failed(one.record) for one in placed)]
        lines = [f"{RED}{line}{RESET}" if bad else line for line, bad in zip(lines, failed, strict=True)]
        lines[0] = f"{DIM}{lines[0]}{RESET}"
    return "\n".join(lines) + "\n"


def place(records: Sequence[Record]) -> Iterator[Placed]:
    """Every record exactly once: parents before their children, all in the order in which they began.

    A record whose parent is not there is a root; so is the earliest of those that are each other's parents.
    """
    order = sorted(range(len(records)), key=lambda i: (_start(records[i]), i))
    children = _children(records, order)
    done: set[int] = set()
    for root in [*children.get(None, ()), *order]:
        waiting = [] if root in done else [(root, "", "")]
        while waiting:
            index, branch, indent = waiting.pop()
            done.add(index)
            yield Placed(records[index], branch, is_root=index == root)
            below = [child for child in children.get(index, ()) if child not in done]
            done.update(below)
            for child in reversed(below):
                last = child == below[-1]
                waiting.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))


def _children(records: Sequence[Record], order: Sequence[int]) -> dict[int | None, list[int]]:
    """Indices by their parent's index, None for roots."""
    known: dict[tuple[str, str], int] = {}
    for index in order:
        known.setdefault((str(records[index].get("trace_id")), str(records[index].get("span_id"))), index)
    children: dict[int | None, list[int]] = {}
    for index in order:
        record = records[index]
        parent = known.get((str(record.get("trace_id")), str(record.get("parent_id")))) if record.get("parent_id") else None
        children.setdefault(None if parent == index else parent, []).append(index)
    return children


def _start(record: Record) -> float:
    return _number(record.get("start_ns"), math.inf)


def _number(value: Any, default: float) -> float:
    """A finite number, or `default`. A Boolean is none, and neither is an integer that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    try:
        return float(value) if math.isfinite(value) else default
    except OverflowError:
        return default


def _cells(placed: Placed) -> tuple[str, ...]:
    record = placed.record
    attributes = record.get("attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    return (
        placed.branch + _shown(record.get("name") or "?"),
        _duration(_number(record.get("duration_ns"), -1) / 1e9),
        _duration(_number(attributes.get("gen_ai.response.time_to_first_chunk"), -1)),
        _count(attributes.get("gen_ai.usage.input_tokens")),
        _count(attributes.get("gen_ai.usage.output_tokens")),
        _dollars(attributes.get("autotrace.cost.usd")),
        _notes(record, attributes),
        _shown(record.get("trace_id") or "")[:8] if placed.is_root else "",
    )


def _shown(value: Any) -> str:
    """A value on one line, of a length that leaves the columns readable."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def _duration(seconds: float) -> str:
    if seconds < 0:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 9.9995 else f"{seconds:.1f} s"


def _count(value: Any) -> str:
    number = _number(value, -1)
    return f"{number:.0f}" if number >= 0 else ""


def _dollars(value: Any) -> str:
    number = _number(value, -1)
    return f"{number:.6f}" if number >= 0 else ""


def _has_failed(record: Record) -> bool:
    status = record.get("status")
    return isinstance(status, Mapping) and status.get("code") == "ERROR"


def _notes(record: Record, attributes: Mapping[str, Any]) -> str:
    """The error's type, an end that was not the usual one, an answer that was not whole."""
    end = record.get("end_reason")
    usual = end in ("completed", None) or (end == "error" and attributes.get("error.type"))
    notes = (attributes.get("error.type"), None if usual else end, attributes.get("autotrace.outcome"))
    return ", ".join(_shown(note) for note in notes if note)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.ljust(width) if i in LEFT else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()
