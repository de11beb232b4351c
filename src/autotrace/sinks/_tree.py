"""Records as a tree of text: pure functions of the lines' dictionaries, in which anything may be missing or invalid.

plan_trip              212 ms                                                   4f1d09ab
├─ chat gpt-4o-mini     24 ms                38 → 12 tokens  $0.000013
│    “Is the weather in Lisbon good enough for the beach?” → get_weather({"city":"Lisbon"})
└─ chat gpt-4o-mini     81 ms  first 24 ms   31 → 14 tokens  $0.000013  abandoned
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from autotrace.sinks import _excerpts
from autotrace.sinks._terminal import columns_of, shortened

Record = Mapping[str, Any]

RED, DIM, RESET = "\x1b[31m", "\x1b[2m", "\x1b[0m"
LEFT = frozenset({0, 5, 6})
"""The columns that are left-aligned; the others hold numbers."""
LONGEST_NAME = 60
SHORTEST_NAME = 20
BETWEEN = "  "


class Placed(NamedTuple):
    """A record and its place in the tree."""

    record: Record
    branch: str
    """The text before the record's name: `├─ `."""
    below: str
    """The text before the record's second line: `│  `."""
    is_root: bool


def render(
    records: Iterable[Record], color: bool = False, width: int | None = None, excerpt: bool = False, note: str = ""
) -> str:
    """The tree as text, with aligned columns; an empty text for no records.

    Each record is one line. With `excerpt`, a second line has the first words of prompt and answer, if there are any. Lines are
    at most `width` columns wide. `note` is added to each root.
    """
    placed = list(place(list(records)))
    rows = [_cells(one, note) for one in placed]
    widths = [max((columns_of(row[column]) for row in rows), default=0) for column in range(_COLUMNS)]
    if width is not None:
        others = sum(size + len(BETWEEN) for size in widths[1:] if size)
        widths[0] = min(widths[0], max(width - others, SHORTEST_NAME))
    lines: list[str] = []
    for one, row in zip(placed, rows, strict=True):
        style = RED if _has_failed(one.record) else ""
        lines.append(_styled(_line(row, widths, width), style if color else ""))
        words = _words(one, width) if excerpt else ""
        if words:
            lines.append(_styled(words, (style or DIM) if color else ""))
    return "".join(f"{line}\n" for line in lines)


def place(records: Sequence[Record]) -> Iterator[Placed]:
    """Yield every record exactly once: parents before their children, otherwise in the order in which they began.

    A record whose parent is missing is a root. In a cycle of parents the earliest record is the root.
    """
    order = sorted(range(len(records)), key=lambda i: (_start(records[i]), i))
    children = _children(records, order)
    done: set[int] = set()
    for root in [*children.get(None, ()), *order]:
        waiting = [] if root in done else [(root, "", "")]
        while waiting:
            index, branch, indent = waiting.pop()
            done.add(index)
            below = [child for child in children.get(index, ()) if child not in done]
            done.update(below)
            yield Placed(records[index], branch, indent + ("│  " if below else "  "), is_root=index == root)
            for child in reversed(below):
                last = child == below[-1]
                waiting.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))


def _children(records: Sequence[Record], order: Sequence[int]) -> dict[int | None, list[int]]:
    """The indices of the records by the index of their parent, None for roots."""
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
    """`value` as a finite float; `default` if it is not a number, is a Boolean, or is too large for a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    try:
        return float(value) if math.isfinite(value) else default
    except OverflowError:
        return default


def _cells(placed: Placed, note: str) -> tuple[str, ...]:
    record = placed.record
    attributes = _excerpts.attributes(record)
    first = _duration(_number(attributes.get("gen_ai.response.time_to_first_chunk"), -1))
    return (
        placed.branch + _excerpts.shown(record.get("name") or "?", LONGEST_NAME),
        _duration(_number(record.get("duration_ns"), -1) / 1e9),
        f"first {first}" if first else "",
        _tokens(attributes),
        _dollars(attributes.get("autotrace.cost.usd")),
        ", ".join(filter(None, (note if placed.is_root else "", _notes(record, attributes)))),
        _excerpts.shown(record.get("trace_id") or "", LONGEST_NAME)[:8] if placed.is_root else "",
    )


_COLUMNS = 7


def _duration(seconds: float) -> str:
    if seconds < 0:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 9.9995 else f"{seconds:.1f} s"


def _tokens(attributes: Mapping[str, Any]) -> str:
    counts = [_number(attributes.get(f"gen_ai.usage.{side}_tokens"), -1) for side in ("input", "output")]
    given, generated = (f"{count:.0f}" if count >= 0 else "" for count in counts)
    if not (given or generated):
        return ""
    return f"{given} → {generated} tokens" if generated else f"{given} tokens"


def _dollars(value: Any) -> str:
    number = _number(value, -1)
    return f"${number:.6f}" if number >= 0 else ""


def _has_failed(record: Record) -> bool:
    status = record.get("status")
    return isinstance(status, Mapping) and status.get("code") == "ERROR"


def _notes(record: Record, attributes: Mapping[str, Any]) -> str:
    """The error's type, an unusual end reason, and the outcome of an incomplete answer."""
    end = record.get("end_reason")
    usual = end in ("completed", None) or (end == "error" and attributes.get("error.type"))
    notes = (attributes.get("error.type"), None if usual else end, attributes.get("autotrace.outcome"))
    return ", ".join(_excerpts.shown(note, LONGEST_NAME) for note in notes if note)


def _line(row: Sequence[str], widths: Sequence[int], width: int | None) -> str:
    """The cells in aligned columns; without alignment if that would be too wide."""
    cells = []
    for column, (cell, size) in enumerate(zip(row, widths, strict=True)):
        if size:
            text = shortened(cell, size)
            space = " " * (size - columns_of(text))
            cells.append(text + space if column in LEFT else space + text)
    line = BETWEEN.join(cells).rstrip()
    if width is None or columns_of(line) <= width:
        return line
    others = BETWEEN.join(cell for cell in ("", *row[1:-1]) if cell)
    name = shortened(row[0], max(width - len(BETWEEN) - columns_of(others), SHORTEST_NAME))
    return shortened(BETWEEN.join(filter(None, (name, others))), width)


def _words(placed: Placed, width: int | None) -> str:
    """Prompt → answer. Each gets half of the line, and the space that the other does not need."""
    prompt, answer = _excerpts.first_words(placed.record)
    arrow = "→ " if answer else ""
    if prompt and answer:
        arrow = " → "
    room = math.inf if width is None else width - columns_of(placed.below + arrow)
    if columns_of(prompt) + columns_of(answer) > room:
        prompt = shortened(prompt, int(max(room - columns_of(answer), room // 2)))
    text = prompt + arrow + answer
    if not text:
        return ""
    return placed.below + text if width is None else shortened(placed.below + text, width)


def _styled(line: str, style: str) -> str:
    return f"{style}{line}{RESET}" if style else line
