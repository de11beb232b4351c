"""The environment in which a program runs with autotrace on: for itself, and for the Python programs that it starts."""

from __future__ import annotations

import os
import sys

from autotrace._cli import complain, interpreters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autotrace._cli.interpreters import Interpreter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The directory that the package is installed in."""
SITE = os.path.join(ROOT, "autotrace", "site")
"""Holds the `sitecustomize.py` that stands in for `autotrace.pth` where that is not installed."""
INTERPRETER = "_AUTOTRACE_SITE"
"""Environment variable: the interpreter that `SITE` was put on PYTHONPATH for. `sitecustomize.py` knows it as well."""


def environment(given: Mapping[str, str], line: Sequence[str] = ()) -> dict[str, str]:
    """`given` with autotrace on, unless its operator says otherwise, for a program that is started by the command `line`.

    What keeps autotrace out of that program is said on stderr.
    """
    variables = dict(given)
    for name, value in _from_file().items():
        if name.endswith("_CONTENT") and value == "off":
            variables[name] = value  # the most restrictive source wins
        elif not variables.get(name):
            variables[name] = value
    if not variables.get("AUTOTRACE", "").strip():
        variables["AUTOTRACE"] = "1"
    this = interpreters.Interpreter(sys.executable)
    python = interpreters.running(line, variables) if line else this
    _make_way(variables, this if python is None else python)
    obstacle = obstacle_to(python, line[0]) if line and python is not None else None
    if obstacle is not None and _is_on(variables):
        complain(f"run: {line[0]} {obstacle}; it is not traced")
    return variables


def variables_of_file(directory: str) -> dict[str, str]:
    """What ``[tool.autotrace]`` of the pyproject.toml at or above `directory` says, as ``AUTOTRACE_*`` variables for a process
    that is about to be started. Raises `SettingsError`."""
    from autotrace._settings import settings

    values, tables = settings.from_file(directory)
    said = dict(values)
    for library, table in tables.items():
        said.update({f"{library}_{name}".replace(".", "_").replace("-", "_"): value for name, value in table.items()})
    return {"AUTOTRACE_" + name.upper(): _as_text(value) for name, value in said.items()}


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        import json

        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(value)
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _from_file() -> dict[str, str]:
    """What pyproject.toml says. A file that cannot be right is said, and the program runs without it."""
    from autotrace.errors import SettingsError

    try:
        return variables_of_file(os.getcwd())
    except (SettingsError, OSError) as exc:
        complain(f"run: {exc}; the program runs without these settings")
        return {}


def _is_on(variables: Mapping[str, str]) -> bool:
    return variables["AUTOTRACE"].strip().lower() not in ("0", "false", "no", "off")


def is_installed(python: Interpreter) -> bool:
    """Whether a file that starts autotrace lies where an interpreter looks for such files at its start."""
    names = ["autotrace.pth"]
    if python.version is not None and python.version >= (3, 15):  # PEP 829
        names = ["autotrace.start"] if python.version >= (3, 18) else ["autotrace.start", "autotrace.pth"]
    return any(os.path.isfile(os.path.join(directory, name)) for directory in python.site_directories() for name in names)


def fits(python: Interpreter) -> bool:
    """Whether `SITE` works for another interpreter: its `sitecustomize.py` decides by the same."""
    directories = [os.path.realpath(directory) for directory in python.site_directories()]
    root = os.path.realpath(ROOT)
    if root in directories:
        return True
    if python.version is None or os.path.basename(root) in ("site-packages", "dist-packages"):
        return False
    tags = "cpython-{0}{1}-", "cp{0}{1}-", "abi3."  # as file names have it on POSIX, on Windows, and for all versions
    try:
        compiled = [name for name in os.listdir(os.path.join(root, "msgspec")) if name.startswith("_core.")]
    except OSError:
        return False
    return any(tag.format(*python.version) in name for name in compiled for tag in tags)


def _make_way(variables: dict[str, str], python: Interpreter) -> None:
    """Put `SITE` on PYTHONPATH where no installed file does its work: for `python` if it fits, else for children like us."""
    if is_installed(python):
        return
    before = variables.get("PYTHONPATH", "")
    # An empty entry is the current directory; an empty variable is none.
    others = [path for path in before.split(os.pathsep) if path != SITE] if before else []
    variables["PYTHONPATH"] = os.pathsep.join([SITE, *others])
    if python.is_this or not fits(python):
        variables[INTERPRETER] = interpreter()
    else:
        variables.pop(INTERPRETER, None)


def obstacle_to(python: Interpreter, name: str) -> str | None:
    """Why the program `name` is not traced in `python`, to follow its name; None if nothing is in the way that can be known."""
    if not python.runs_site:
        return "runs with -S, under which Python reads no file at its start"
    if is_installed(python):
        return None
    if not python.is_this and not fits(python) and python.site_directories():
        where = "" if name == python.path else f" ({python.path})"
        return f"runs on another interpreter{where}, where llm-autotrace is not installed"
    if not python.reads_pythonpath:
        letter = "-I" if "I" in python.options else "-E"
        return f"runs with {letter}, under which Python does not look at PYTHONPATH, and autotrace.pth is not installed for it"
    return None


def interpreter() -> str:
    """Which interpreter this is: another version, or another environment, has other libraries."""
    return f"{sys.implementation.cache_tag}:{sys.prefix}"
