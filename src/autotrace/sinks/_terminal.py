"""What is known of the terminal that text goes to, if it is one: its width, and whether it shows colours."""

from __future__ import annotations

import os
import re
import unicodedata

WIDTH = 120
"""Columns where there is no terminal to ask."""


def has_colors(fd: int) -> bool:
    """Whether text on `fd` is coloured: as NO_COLOR (https://no-color.org) and FORCE_COLOR (https://force-color.org) say, else
    on a terminal that is not dumb."""
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
    """Columns of the terminal behind `fd`; where it is none, COLUMNS or 120."""
    try:
        return os.get_terminal_size(fd).columns or WIDTH
    except OSError:
        columns = os.environ.get("COLUMNS", "")
        return int(columns) if columns.isascii() and columns.isdigit() and 0 < len(columns) < 6 else WIDTH


_PERHAPS_WIDE = re.compile("[^\x20-\u02ff\u2010-\u2027\u2190-\u21ff\u2500-\u257f]")
"""All but Latin letters, punctuation, arrows and lines."""


def columns_of(text: str) -> int:
    """How many columns a text takes: Chinese characters and most emoji take two, accents none of their own."""
    return len(text) + sum(_columns(char) - 1 for char in _PERHAPS_WIDE.findall(text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def shortened(text: str, columns: int) -> str:
    """`text` in at most `columns` columns, with … for what is left out."""
    if columns_of(text) <= columns:
        return text
    room, kept = columns - 1, []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…" if columns > 0 else ""
