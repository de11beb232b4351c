"""The terminal that text is written to, if it is one: its width, and whether it shows colours."""

from __future__ import annotations

import re
import unicodedata

from autotrace._system import os

WIDTH = 120
"""The width without a terminal, in columns."""


def has_colors(fd: int) -> bool:
    """Whether text on `fd` is coloured: as NO_COLOR (https://no-color.org) and FORCE_COLOR (https://force-color.org) say, else
    if it is a terminal other than ``TERM=dumb``."""
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    if forced:
        return forced.strip().lower() not in ("0", "false")
    try:
        return os.isatty(fd) and os.environ.get("TERM") != "dumb"
    except OSError:
        return False


def width(fd: int) -> int:
    """The columns of the terminal behind `fd`; if it is not a terminal, COLUMNS or 120."""
    try:
        return os.get_terminal_size(fd).columns or WIDTH
    except OSError:
        columns = os.environ.get("COLUMNS", "")
        return int(columns) if columns.isascii() and columns.isdigit() and 0 < len(columns) < 6 else WIDTH


_PERHAPS_WIDE = re.compile("[^\x20-\u02ff\u2010-\u2027\u2190-\u21ff\u2500-\u257f]")
"""Everything except Latin letters, punctuation, arrows and lines."""


def columns_of(text: str) -> int:
    """How many columns a text takes: Chinese characters and most emoji take two, combining accents none."""
    return len(text) + sum(_columns(char) - 1 for char in _PERHAPS_WIDE.findall(text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def shortened(text: str, columns: int) -> str:
    """`text` in at most `columns` columns; … marks what was cut."""
    if columns_of(text) <= columns:
        return text
    room, kept = columns - 1, []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…" if columns > 0 else ""
