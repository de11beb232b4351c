"""The table ``[tool.autotrace]`` of a pyproject.toml. Imported only if a file contains one: a TOML parser is slow to load.

A file has authority only if Python itself would run code from its place. Any other file may only take away: content, and parts
of limits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from autotrace._system import io
from autotrace.errors import SettingsError, sentences

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Known = Mapping[str, tuple[Callable[[str, object], Any], Any]]
"""Each setting's reader and default."""

_LIMITS = ("max_line_bytes", "max_text_chars", "queue_bytes")
"""Settings of which a smaller value takes away; 0 is no limit."""


class Table(NamedTuple):
    """What a file says."""

    values: dict[str, Any]
    """The settings, checked. `content` is False if it cannot be read, or if the file cannot."""
    tables: dict[str, Mapping[str, Any]]
    """The tables of single libraries, which their plugins check."""
    problems: list[tuple[str, str]]
    """What is wrong: a message and its consequence for each."""

    def messages(self) -> list[str]:
        """The problems with their consequences."""
        return [sentences(message, consequence) for message, consequence in self.problems]


def read(path: str, known: Known, libraries: Iterable[str]) -> Table:
    """The table in the file at `path`. Each of the `known` settings that can be read is taken, whatever else is wrong.

    `libraries` are the names of the installed plugins, for messages.
    """
    closed = "Content is not recorded."
    try:
        with io.open(path, "rb") as file:
            table = tomllib.load(file).get("tool", {}).get("autotrace", {})
    except (OSError, ValueError) as exc:
        what = f"invalid TOML: {exc}" if isinstance(exc, ValueError) else f"cannot be read: {exc.strerror}"
        return Table({"content": False}, {}, [(f"{path}: {what}", "The file is ignored. " + closed)])
    if not isinstance(table, dict):
        return Table({"content": False}, {}, [(f"{path}: [tool.autotrace] must be a table", "The file is ignored. " + closed)])
    values: dict[str, Any] = {}
    tables: dict[str, Mapping[str, Any]] = {}
    problems = []
    unread = False
    for name, value in table.items():
        if name not in known and isinstance(value, dict):
            tables[name] = value
            continue
        try:
            values[name] = _value(name, value, known, libraries)
        except SettingsError as exc:
            is_private = name in ("content", "redact")  # fail closed: a malformed privacy switch counts as off
            problems.append((f"{path}, [tool.autotrace]: {exc}", closed if is_private else "The value is ignored."))
            unread = unread or is_private
    return Table({**values, "content": False} if unread else values, tables, problems)


def _value(name: str, value: object, known: Known, libraries: Iterable[str]) -> Any:
    if name not in known:
        from autotrace._settings import mistakes

        raise mistakes.unknown(name, known, libraries)
    return known[name][0](name, value)


def restricted(table: Table) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """What a file without authority takes away: content, of all libraries or of single ones, and parts of limits."""
    values = {name: value for name, value in table.values.items() if name in _LIMITS and value}
    if table.values.get("content") is False:
        values["content"] = False
    if "redact" in table.values:
        values["redact"] = table.values["redact"].only_less()
    of_libraries = table.tables.items()
    tables = {name: less for name, one in of_libraries if (less := _less(name, one))}
    return values, tables


def _less(library: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the table of a library in a file without authority takes away."""
    less = {} if table.get("content", True) is True else {"content": table["content"]}
    if "redact" in table:
        from autotrace._settings import redaction

        try:
            less["redact"] = redaction.read(f"{library}.redact", table["redact"]).only_less()
        except SettingsError:
            less["content"] = False
    return less


def notices(path: str, table: Table) -> list[str]:
    """What is wrong with a file without authority, and a message that names what of it is not obeyed, if there is anything."""
    messages, (obeyed, tables) = table.messages(), restricted(table)
    ignored = [name for name, value in table.values.items() if name not in obeyed and (name, value) != ("content", True)]
    ignored += ["redact (patterns, functions)"] if obeyed.get("redact") != table.values.get("redact") else []
    ignored += [f"[tool.autotrace.{name}]" for name, one in table.tables.items() if one.keys() != tables.get(name, {}).keys()]
    if not ignored:
        return messages
    reason = "Python does not run this program's code from there. If you trust the file, set"
    return [*messages, f"{path}: {', '.join(ignored)} ignored: {reason} AUTOTRACE_CONFIG={path}"]
