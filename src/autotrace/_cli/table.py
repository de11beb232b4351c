"""Text in columns."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BETWEEN = "  "


def render(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as lines, each column as wide as its widest cell, with a line break after each; "" if no rows.

    A row may be shorter than the others. A line break inside a cell becomes a space.
    """
    shown = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in shown if len(row) > i) for i in range(max(map(len, shown), default=0))]
    lines = (BETWEEN.join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in shown)
    return "".join(f"{line}\n" for line in lines)


def on_one_line(text: str) -> str:
    """Return `text` with a space for each line break and control character."""
    return "".join(char if char.isprintable() else " " for char in text)
