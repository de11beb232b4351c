"""Readers for the settings of sinks: functions of a setting's name and value that raise `SettingsError`.

Imported only if such a setting is given, to keep it out of the activation budget.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from autotrace.errors import SettingsError


def sinks(name: str, value: object) -> dict[str, Any]:
    """The sinks by name, each with its options (a dict), or the sink object itself if one is given.

    `value` is a list of names and objects, one object, names separated by commas, or a mapping from names to options. The
    mapping may be a dict or JSON text.
    """
    if isinstance(value, str):
        value = _json(name, value) if value.lstrip().startswith("{") else words(value)
    chosen: dict[str, Any] = {}
    if isinstance(value, Mapping):
        chosen = {_name(name, sink): _options(name, sink, options) for sink, options in value.items()}
    else:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, str):
                chosen[_name(name, one)] = {}
            else:
                chosen[_title(_object(name, one), chosen)] = one
    if not chosen:
        raise SettingsError(f"setting {name}: no sink is named; name one, such as 'stdout', or remove the setting")
    return chosen


def processors(name: str, value: object) -> list[Any]:
    """A list of functions and of names such as ``module:function``.

    `value` is a list, a single one, or names separated by commas.
    """
    given = words(value) if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    for one in given:
        if isinstance(one, str):
            module, colon, function = one.partition(":")
            if not colon or not all(part.isidentifier() for part in (*module.split("."), *function.split("."))):
                raise SettingsError(f"setting {name}: expected the form module:function, got {one!r}")
        elif not callable(one):
            raise SettingsError(f"setting {name}: expected a function, got {one!r}")
    return list(given)


def path(name: str, value: object) -> str:
    """An absolute path. ``~`` is the user's home, and a relative path starts at the current directory."""
    from autotrace._system import os

    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise SettingsError(f"setting {name}: expected a path, got {value!r}")
    try:
        return os.path.abspath(os.path.expanduser(str(value)))
    except (OSError, ValueError) as exc:  # the current directory was removed
        raise SettingsError(f"setting {name}: {value!r} cannot be made an absolute path: {exc}") from None


def duration(name: str, value: object) -> float:
    """Seconds, from a number or a text such as ``90s``, ``15m``, ``12h``, ``1d``; ``off`` and ``none`` are 0."""
    text = str(value).strip().lower()
    number, unit = (text[:-1], _SECONDS[text[-1]]) if text[-1:] in _SECONDS else (text, 1)
    try:
        seconds = 0.0 if text in ("off", "none") else float(number) * unit
    except ValueError:
        seconds = -1.0
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise SettingsError(f"setting {name}: expected a duration, got {value!r}; use seconds, or 15m, 12h, 1d, or 0 for none")
    return seconds


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def compression(name: str, value: object) -> str:
    """The compression of rotated files: ``gzip``, ``zstd`` or ``none``."""
    method = value.strip().lower() if isinstance(value, str) else ""
    if method not in ("gzip", "zstd", "none"):
        raise SettingsError(f"setting {name}: expected one of gzip, zstd, none, got {value!r}")
    if method == "zstd" and not has_zstd():
        raise SettingsError(f"setting {name}: zstd needs Python 3.14 or `pip install zstandard`; gzip needs neither")
    return method


def has_zstd() -> bool:
    """Whether this Python can write zstd: version 3.14 or later, or the package `zstandard`."""
    return sys.version_info >= (3, 14) or importlib.util.find_spec("zstandard") is not None


def words(value: str) -> list[str]:
    """The words of a text that is separated by commas, without empty ones."""
    return [word.strip() for word in value.split(",") if word.strip()]


def _json(name: str, value: str) -> Any:
    import json

    try:
        return json.loads(value)
    except ValueError as exc:
        raise SettingsError(f"setting {name}: starts with '{{' but is not valid JSON: {exc}") from None


def _name(name: str, sink: object) -> str:
    if isinstance(sink, str) and sink.strip():
        return sink.strip()
    raise SettingsError(f"setting {name}: expected the name of a sink, got {sink!r}")


def _options(name: str, sink: object, options: object) -> dict[str, Any]:
    if isinstance(options, Mapping) and all(isinstance(option, str) for option in options):
        if sink == "file" and "path" in options:  # now: the current directory may be another when the file is opened
            return {**options, "path": path(f"{name}.file.path", options["path"])}
        return dict(options)
    raise SettingsError(f"setting {name}: the options of {sink!r} must be a table, such as {{{sink!r}: {{…}}}}")


def _object(name: str, sink: object) -> object:
    """`sink`, if it is a valid sink object. A file is not one, although it has the same two methods."""
    if isinstance(sink, type):
        raise SettingsError(f"setting {name}: {sink.__name__} is a class; give an instance of it")
    if hasattr(sink, "writelines"):
        raise SettingsError(f"setting {name}: {sink!r} is a file object; use 'stdout', 'stderr' or FileSink(path)")
    if callable(getattr(sink, "write", None)) and callable(getattr(sink, "close", None)):
        return sink
    raise SettingsError(
        f"setting {name}: {sink!r} is not a sink; expected a name, or an object with write(batch) and close(deadline)"
    )


def _title(sink: object, taken: Mapping[str, Any]) -> str:
    kind = type(sink).__name__
    number = 1 + sum(name.partition(" ")[0] == kind for name in taken)
    return kind if number == 1 else f"{kind} {number}"
