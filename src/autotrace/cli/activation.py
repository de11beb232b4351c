"""The environment in which a program runs with autotrace on: for itself, and for the Python programs that it starts."""

from __future__ import annotations

import os
import sys

from autotrace.cli import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")
"""Holds the `sitecustomize.py` that stands in for `autotrace.pth` where that is not installed."""
INTERPRETER = "_AUTOTRACE_SITE"
"""Environment variable: the interpreter that `SITE` was put on PYTHONPATH for. `sitecustomize.py` knows it as well."""


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """`given` with autotrace on, unless its operator says otherwise."""
    variables = dict(given)
    for name, value in _from_file().items():
        if name == "AUTOTRACE_CONTENT" and value == "off":
            variables[name] = value  # the most restrictive source wins
        elif not variables.get(name):
            variables[name] = value
    if not variables.get("AUTOTRACE", "").strip():
        variables["AUTOTRACE"] = "1"
    if not is_installed():
        _add_site(variables)
    return variables


def _from_file() -> dict[str, str]:
    """What pyproject.toml says. A file that cannot be right is said, and the program runs without it."""
    from autotrace import settings
    from autotrace.errors import SettingsError

    try:
        return settings.environment_from_file(os.getcwd())
    except (SettingsError, OSError) as exc:
        complain(f"run: {exc}; the program runs without these settings")
        return {}


def is_installed() -> bool:
    """Whether `autotrace.pth` is where this interpreter looks for such files at its start."""
    return any(os.path.isfile(os.path.join(directory, "autotrace.pth")) for directory in _site_directories())


def _site_directories() -> Iterator[str]:
    import site

    yield from site.getsitepackages()
    if site.ENABLE_USER_SITE:
        yield site.getusersitepackages()


def interpreter() -> str:
    """Which interpreter this is: another version, or another environment, has other libraries."""
    return f"{sys.implementation.cache_tag}:{sys.prefix}"


def _add_site(variables: dict[str, str]) -> None:
    before = variables.get("PYTHONPATH", "").split(os.pathsep)
    variables["PYTHONPATH"] = os.pathsep.join([SITE, *(path for path in before if path and path != SITE)])
    variables[INTERPRETER] = interpreter()
