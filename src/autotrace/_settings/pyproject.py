"""The table ``[tool.autotrace]`` of a pyproject.toml. Imported only if a file contains one: a TOML parser is slow to load."""

from __future__ import annotations

import sys
from typing import Any

from autotrace.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def table(path: str) -> dict[str, Any]:
    """The table in the file at `path`, as it is written. Raises `SettingsError` for invalid TOML, and if it is not a table."""
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file).get("tool", {}).get("autotrace", {})
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{path}: invalid TOML: {exc}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: [tool.autotrace] must be a table")
    return found
