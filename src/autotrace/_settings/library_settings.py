"""Settings of single libraries, from the environment and the file.

Examples are ``AUTOTRACE_OPENAI_STREAM_USAGE=on`` and ``[tool.autotrace.openai] stream_usage = true``. The library is named by
any name of its plugin, with ``_`` for each dot and dash. Values are kept as written, because only the plugin knows its options,
and it is loaded later. This module is imported only if there is such a setting.
"""

from __future__ import annotations

from autotrace import _settings as settings
from autotrace._settings.mistakes import normalized
from autotrace._system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

_PREFIX = "AUTOTRACE_"

_packages: dict[str, set[str]] = {}
"""The normalized names of installed plugins, each with the packages that the plugins of that name watch."""


def register(package: str, names: Iterable[str]) -> None:
    """Register an installed plugin that watches `package` and is called by any of `names`."""
    for name in names:
        _packages.setdefault(normalized(name), set()).add(package)


def given(package: str) -> dict[str, tuple[object, str]]:
    """The settings given for `package`, by name: the value as written, and where it is written. Variables override tables."""
    values: dict[str, tuple[object, str]] = {}
    for name, table in settings.current.tables.items():
        if package in _packages.get(normalized(name), ()):
            values.update({setting: (value, f"[tool.autotrace.{name}] {setting}") for setting, value in table.items()})
    for variable in _variables():
        owner = _owner(variable)
        if owner is not None and package in owner[0] and os.environ[variable]:
            values[owner[1]] = (os.environ[variable], variable)
    return values


def unclaimed() -> tuple[list[str], list[str]]:
    """The variables, and the names of tables, that match no installed plugin."""
    variables = [name for name in _variables() if _owner(name) is None]
    return variables, [name for name in settings.current.tables if normalized(name) not in _packages]


def _variables() -> list[str]:
    """The variables of single libraries, without those that `autotrace run` made from the file: the user wrote the table."""
    made = {name: text for library, table in settings.current.tables.items() for name, text in variables_of(library, table)}
    return [name for name in settings.unknown_variables() if made.get(name) != os.environ[name]]


def variables_of(library: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The variables that have the effect of ``[tool.autotrace.LIBRARY]``: the name and the text of each."""
    for name, value in table.items():
        yield f"{_PREFIX}{normalized(library)}_{normalized(name)}".upper(), as_text(value)


def as_text(value: object) -> str:
    """The value of a setting in the file as the text of a variable."""
    if isinstance(value, dict):
        import json

        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(map(str, value))
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _owner(variable: str) -> tuple[set[str], str] | None:
    """The packages and the setting that `variable` is about. If several names match, the longest one counts."""
    rest = variable[len(_PREFIX) :].lower()
    name = max((name for name in _packages if rest.startswith(name + "_")), key=len, default="")
    return (_packages[name], rest[len(name) + 1 :]) if name else None
