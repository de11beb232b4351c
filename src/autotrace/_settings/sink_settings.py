"""How the settings of sinks are read: functions of a setting's name and its value, which raise `SettingsError`.

Loaded when one of them is given, as it is no part of the activation budget.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from autotrace.errors import SettingsError


def sinks(name: str, value: object) -> dict[str, Any]:
    """The sinks by name, each with its options (a dict), or the object itself where one is given.

    `value` is a list of names and objects, one object, names separated by commas, or a mapping from names to options,
    as a dict or as the JSON of one.
    """
    if isinstance(value, str):
        value = _json(name, value) if value.lstrip().startswith("{") else words(value)
    found: dict[str, Any] = {}
    if isinstance(value, Mapping):
        found = {_name(name, sink): _options(name, sink, options) for sink, options in value.items()}
    else:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, str):
                found[_name(name, one)] = {}
            else:
                found[_title(_object(name, one), found)] = one
    if not found:
        raise SettingsError(f"setting {name}: it names no sink; say 'stdout', or leave it out")
    return found


def processors(name: str, value: object) -> list[Any]:
    """Functions, and names of such as ``module:function``: a list, a single one, or names separated by commas."""
    given = words(value) if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    for one in given:
        if isinstance(one, str):
            module, colon, function = one.partition(":")
            if not colon or not all(part.isidentifier() for part in (*module.split("."), *function.split("."))):
                raise SettingsError(f"setting {name}: {one!r} is not of the form module:function")
        elif not callable(one):
            raise SettingsError(f"setting {name}: {one!r} is no function")
    return list(given)


def path(name: str, value: object) -> str:
    """A file's absolute path; ``~`` is the user's home. Relative ones begin where the process is now."""
    import os

    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise SettingsError(f"setting {name}: {value!r} is no path")
    try:
        return os.path.abspath(os.path.expanduser(str(value)))
    except (OSError, ValueError) as exc:  # the current directory has been removed
        raise SettingsError(f"setting {name}: {value!r} leads nowhere: {exc}") from None


def duration(name: str, value: object) -> float:
    """Seconds, from a number of them or a text such as ``90s``, ``15m``, ``12h``, ``1d``; 0, ``off`` and ``none`` are 0."""
    text = str(value).strip().lower()
    number, unit = (text[:-1], _SECONDS[text[-1]]) if text[-1:] in _SECONDS else (text, 1)
    try:
        seconds = 0.0 if text in ("off", "none") else float(number) * unit
    except ValueError:
        seconds = -1.0
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise SettingsError(f"setting {name}: {value!r} is no duration; say seconds, or 15m, 12h, 1d, or 0 for none")
    return seconds


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def compression(name: str, value: object) -> str:
    """How rotated files are compressed: ``gzip``, ``zstd`` or ``none``."""
    method = value.strip().lower() if isinstance(value, str) else ""
    if method not in ("gzip", "zstd", "none"):
        raise SettingsError(f"setting {name}: {value!r} is none of gzip, zstd, none")
    if method == "zstd" and not has_zstd():
        raise SettingsError(f"setting {name}: zstd needs Python 3.14, or `pip install zstandard`; gzip needs nothing")
    return method


def has_zstd() -> bool:
    """Whether this Python can write zstd: from 3.14 on, or with the package `zstandard`."""
    return sys.version_info >= (3, 14) or importlib.util.find_spec("zstandard") is not None


def words(value: str) -> list[str]:
    """What stands between the commas of a text."""
    return [word.strip() for word in value.split(",") if word.strip()]


def _json(name: str, value: str) -> Any:
    import json

    try:
        return json.loads(value)
    except ValueError as exc:
        raise SettingsError(f"setting {name}: it begins like JSON and is none: {exc}") from None


def _name(name: str, sink: object) -> str:
    if isinstance(sink, str) and sink.strip():
        return sink.strip()
    raise SettingsError(f"setting {name}: {sink!r} is not the name of a sink")


def _options(name: str, sink: object, options: object) -> dict[str, Any]:
    if isinstance(options, Mapping) and all(isinstance(option, str) for option in options):
        if sink == "file" and "path" in options:  # now: the program may work in another directory when it is opened
            return {**options, "path": path(f"{name}.file.path", options["path"])}
        return dict(options)
    raise SettingsError(f"setting {name}: what {sink!r} is given is no table of options; say {{{sink!r}: {{…}}}}")


def _object(name: str, sink: object) -> object:
    """`sink`, if it can be one. A file cannot, though it has the same two methods."""
    if isinstance(sink, type):
        raise SettingsError(f"setting {name}: {sink.__name__} is a class; give an instance of it")
    if hasattr(sink, "writelines"):
        raise SettingsError(f"setting {name}: {sink!r} is a file; name one with 'stdout', 'stderr' or FileSink(path)")
    if callable(getattr(sink, "write", None)) and callable(getattr(sink, "close", None)):
        return sink
    raise SettingsError(f"setting {name}: {sink!r} is no sink; give names, or objects with write(batch) and close(deadline)")


def _title(sink: object, taken: Mapping[str, Any]) -> str:
    kind = type(sink).__name__
    number = 1 + sum(name.partition(" ")[0] == kind for name in taken)
    return kind if number == 1 else f"{kind} {number}"
