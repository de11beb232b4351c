"""What environment and file say of one library alone.

``AUTOTRACE_OPENAI_STREAM_USAGE=on`` and ``[tool.autotrace.openai] stream_usage = true``: any name that the library's plugin
answers to, with ``_`` for each dot and dash. Values are kept as they were written: only the plugin knows its options, and it is
loaded later. Imported where something of that kind is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from autotrace._settings import settings

_PREFIX = "AUTOTRACE_"

_packages: dict[str, set[str]] = {}
"""The packages that installed plugins watch, by the names that the plugins answer to: several of one that watches several."""


def answer(package: str, names: Iterable[str]) -> None:
    """A plugin for `package` is installed, and answers to `names`."""
    for name in names:
        _packages.setdefault(_spelled(name), set()).add(package)


def said(package: str) -> dict[str, tuple[object, str]]:
    """What is said of `package`: value, as it is written, and place, by the setting's name. Variables win over tables."""
    found: dict[str, tuple[object, str]] = {}
    for name, table in settings.current.tables.items():
        if package in _packages.get(_spelled(name), ()):
            found.update({setting: (value, f"[tool.autotrace.{name}] {setting}") for setting, value in table.items()})
    for variable in settings.unknown_variables():
        owner = _owner(variable)
        if owner is not None and package in owner[0] and os.environ[variable]:
            found[owner[1]] = (os.environ[variable], variable)
    return found


def unanswered() -> tuple[list[str], list[str]]:
    """The variables, and the names of tables, that are about no library that an installed plugin watches."""
    variables = [name for name in settings.unknown_variables() if _owner(name) is None]
    return variables, [name for name in settings.current.tables if _spelled(name) not in _packages]


def _owner(variable: str) -> tuple[set[str], str] | None:
    """The packages and the setting that a variable is about: of several names that fit, by the longest."""
    rest = variable[len(_PREFIX) :].lower()
    name = max((name for name in _packages if rest.startswith(name + "_")), key=len, default="")
    return (_packages[name], rest[len(name) + 1 :]) if name else None


def _spelled(name: str) -> str:
    return name.lower().replace(".", "_").replace("-", "_")
