"""How the settings of sinks are read: functions of a setting's name and its value, which raise `SettingsError`.

Loaded when one of them is given, as it is no part of the activation budget.
"""

from __future__ import annotations

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
