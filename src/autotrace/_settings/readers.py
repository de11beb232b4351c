"""Readers of settings: functions of a setting's name and a value, which return the checked value. Imported when one is given.

Each raises `SettingsError`, which names the setting, what is expected and the value.
"""

from __future__ import annotations

from typing import Any

from autotrace.errors import SettingsError


def text(name: str, value: object) -> str:
    """A text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise SettingsError(f"setting {name}: expected a text that is not empty, got {value!r}")


def at_least(name: str, value: object, smallest: int) -> int:
    """A whole number from `smallest` up. 0, ``off`` and ``none`` mean no limit and read as 0."""
    written = str(value).strip().lower()
    is_number = written.isdecimal() and written.isascii() and len(written) < 16
    number = 0 if written in ("off", "none") else int(written) if is_number else -1
    if number < 0 or 0 < number < smallest:
        raise SettingsError(f"setting {name}: expected a whole number of at least {smallest}, or 0 for no limit, got {value!r}")
    return number


def descriptor(name: str, value: object) -> int:
    """The number of a file descriptor."""
    written = str(value).strip()
    if isinstance(value, bool) or not (written.isdecimal() and written.isascii() and len(written) < 7):
        raise SettingsError(f"setting {name}: expected a file descriptor number, got {value!r}; use 1 for stdout, 2 for stderr")
    return int(written)


def seconds(name: str, value: object) -> float:
    """Seconds from 0 to an hour."""
    try:
        number = -1.0 if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 3600:
        raise SettingsError(f"setting {name}: expected seconds from 0 to 3600, got {value!r}")
    return number


def one_of(name: str, value: Any, *words: str) -> str:
    """One of `words`, in any case."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in words:
        raise SettingsError(f"setting {name}: expected one of {', '.join(words)}, got {value!r}")
    return word
