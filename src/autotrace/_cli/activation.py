"""The environment variables that switch autotrace on for a program and for the Python programs that it starts."""

from __future__ import annotations

import os
import sys

from autotrace._cli import complain, interpreters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autotrace._cli.interpreters import Interpreter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The directory in which the package is installed."""
SITE = os.path.join(ROOT, "autotrace", "site")
"""Holds the `sitecustomize.py` that replaces `autotrace.pth` if that is not installed."""
INTERPRETER = "_AUTOTRACE_SITE"
"""Environment variable: the interpreter for which `SITE` was put on PYTHONPATH. `sitecustomize.py` reads it."""


def environment(given: Mapping[str, str], line: Sequence[str] = ()) -> dict[str, str]:
    """Return a copy of `given` with autotrace on, unless it says ``AUTOTRACE=0``, for a program started by the command `line`.

    If the program's interpreter cannot be reached, one line on stderr says why.
    """
    variables = dict(given)
    for name, value in _from_file(line).items():
        if name.endswith("_CONTENT") and value == "off":
            variables[name] = value  # the most restrictive source wins
        elif not variables.get(name):
            variables[name] = value
    if not variables.get("AUTOTRACE", "").strip():
        variables["AUTOTRACE"] = "1"
    this = interpreters.Interpreter(sys.executable)
    python = interpreters.running(line, variables) if line else this
    _add_site(variables, this if python is None else python)
    obstacle = obstacle_to(python, line[0]) if line and python is not None else None
    if obstacle is not None and _is_on(variables):
        complain(f"run: {line[0]} {obstacle}; it is not traced")
    return variables


def variables_of_file(directory: str, trusted: bool = True) -> dict[str, str]:
    """Return the settings of ``[tool.autotrace]`` in the pyproject.toml at or above `directory`, as ``AUTOTRACE_*`` variables
    for a new process, without tables of libraries that have no installed plugin. A file that is not `trusted` only switches
    content off. What is wrong with the file is reported on stderr."""
    from autotrace import _settings as settings
    from autotrace._settings import library_settings, mistakes

    path = settings.nearest_file(directory)
    if path is None:
        return {}
    from autotrace._settings import pyproject

    table = pyproject.read(path, settings.KNOWN, settings.library_names())
    for problem in table.messages() if trusted else ():
        complain(f"run: {problem}")
    if not trusted:
        return {} if table.values.get("content", True) else {"AUTOTRACE_CONTENT": "off"}
    variables = {"AUTOTRACE_" + name.upper(): library_settings.as_text(value) for name, value in table.values.items()}
    installed = {mistakes.normalized(name) for name in settings.library_names()} if table.tables else set()
    for library, of_library in table.tables.items():
        claimed = mistakes.normalized(library) in installed
        # Content that is off is passed on in any case: the program may run in an environment with other plugins.
        variables.update(
            {
                name: text
                for name, text in library_settings.variables_of(library, of_library)
                if claimed or (name.endswith("_CONTENT") and text == "off")
            }
        )
    return variables


def _from_file(line: Sequence[str]) -> dict[str, str]:
    """The variables from pyproject.toml for a program started by the command `line`. `AUTOTRACE_CONFIG` speaks for itself."""
    from autotrace import _settings as settings

    if os.environ.get("AUTOTRACE_CONFIG"):
        return {}
    script = line[1] if len(line) > 1 and line[0] == sys.executable else ""
    try:
        if not line or script in ("-c", "-m"):
            return variables_of_file(os.getcwd())
        directory = settings.directory_of(script or line[0])
        return variables_of_file(os.getcwd(), trusted=False) if directory is None else variables_of_file(directory)
    except OSError:  # the current directory was removed
        return {}


def _is_on(variables: Mapping[str, str]) -> bool:
    return variables["AUTOTRACE"].strip().lower() not in ("0", "false", "no", "off")


def is_installed(python: Interpreter) -> bool:
    """Whether `autotrace.pth` or `autotrace.start` is in one of the interpreter's site directories."""
    names = ["autotrace.pth"]
    if python.version is not None and python.version >= (3, 15):  # PEP 829
        names = ["autotrace.start"] if python.version >= (3, 18) else ["autotrace.start", "autotrace.pth"]
    return any(os.path.isfile(os.path.join(directory, name)) for directory in python.site_directories() for name in names)


def fits(python: Interpreter) -> bool:
    """Whether `SITE` works for another interpreter. Its `sitecustomize.py` applies the same rule."""
    directories = [os.path.realpath(directory) for directory in python.site_directories()]
    root = os.path.realpath(ROOT)
    if root in directories:
        return True
    if python.version is None or os.path.basename(root) in ("site-packages", "dist-packages"):
        return False
    tags = "cpython-{0}{1}-", "cp{0}{1}-", "abi3."  # file names on POSIX, on Windows, and for the stable ABI
    try:
        compiled = [name for name in os.listdir(os.path.join(root, "msgspec")) if name.startswith("_core.")]
    except OSError:
        return False
    return any(tag.format(*python.version) in name for name in compiled for tag in tags)


def _add_site(variables: dict[str, str], python: Interpreter) -> None:
    """Put `SITE` on PYTHONPATH if no installed file starts autotrace: for `python` if it fits, else for our interpreter."""
    if is_installed(python):
        return
    before = variables.get("PYTHONPATH", "")
    # In PYTHONPATH an empty entry means the current directory, but an empty variable means no entry.
    others = [path for path in before.split(os.pathsep) if path != SITE] if before else []
    variables["PYTHONPATH"] = os.pathsep.join([SITE, *others])
    if python.is_this or not fits(python):
        variables[INTERPRETER] = interpreter()
    else:
        variables.pop(INTERPRETER, None)


def obstacle_to(python: Interpreter, name: str) -> str | None:
    """Why the program `name` is not traced in `python`, as a predicate to follow its name; None if no reason is known."""
    if not python.runs_site:
        return "runs with -S, so Python reads no .pth file and no sitecustomize at startup"
    if is_installed(python):
        return None
    if not python.is_this and not fits(python) and python.site_directories():
        where = "" if name == python.path else f" ({python.path})"
        return f"runs on another interpreter{where}, where llm-autotrace is not installed"
    if not python.reads_pythonpath:
        letter = "-I" if "I" in python.options else "-E"
        return f"runs with {letter}, so Python ignores PYTHONPATH, and autotrace.pth is not installed for it"
    return None


def interpreter() -> str:
    """Identify this interpreter: another version or another environment has other libraries."""
    return f"{sys.implementation.cache_tag}:{sys.prefix}"
