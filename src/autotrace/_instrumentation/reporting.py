"""What a traced process reports about itself to `autotrace doctor`, which waits for the process to end.

The doctor names a file in `VARIABLE`. A process with that variable appends two lines of JSON: one when autotrace is enabled, so
that a process that is killed has reported that much, and one from `collect` at its end. If the file no longer exists, nothing
is written. Only activation imports this module, and only if the variable is set.
"""

from __future__ import annotations

import atexit
import json
import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace import _settings as settings
from autotrace._settings import library_settings
from autotrace._system import os
from autotrace.errors import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Status = Callable[[], dict[str, dict[str, Any]]]
    Mistakes = Callable[[], list[str]]
    Way = dict[str, str | None]

VARIABLE = "AUTOTRACE_DOCTOR"
"""Environment variable: the file that reports are appended to."""

FLAGS = {"isolated": "-I", "ignore_environment": "-E", "no_site": "-S", "no_user_site": "-s"}
"""The interpreter flags that affect activation without code, by their names in `sys.flags`."""

PYTHON_VARIABLES = ("AUTOTRACE", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPATH")
"""The environment variables that affect activation without code."""

_registered = _process.Claim()
"""Taken once the report at the end of this process is registered."""


def at_exit(status: Status, mistakes: Mistakes) -> None:
    """Report that autotrace is being enabled, and report everything when the process ends. The arguments are `collect`'s."""
    path = os.environ.get(VARIABLE)
    if not path or not _registered.take():
        return
    append(path, {"event": "start", "pid": os.getpid(), "argv": _argv()})
    # An import at the end of the process may run `eval` on text, as namedtuple does. Python then forgets that a
    # KeyboardInterrupt ended the program, and its exit code is 1. So `library_mistakes` must find its module loaded.
    from autotrace._instrumentation import mistakes as _  # noqa: F401

    atexit.register(_report, path, status, mistakes, way())


def _report(path: str, status: Status, mistakes: Mistakes, activated: Way) -> None:
    try:
        append(path, {"event": "end", **collect(status, mistakes, activated)})
    except Exception as exc:  # must not disturb the end of the program
        diagnostics.failed("report to the doctor", exc, aside=True)


def _argv() -> list[str]:
    """The command line of this process; while content is off, without the program's arguments, which may be prompts."""
    recorded = settings.current.valid("content") and not diagnostics.without_content
    return sys.orig_argv if recorded else without_arguments(sys.orig_argv)


def without_arguments(argv: list[str]) -> list[str]:
    """A command line up to the program; ``…`` stands for what follows, and for the code after ``-c``."""
    kept = argv[:1]
    if kept and os.path.basename(kept[0]).startswith("python"):
        for word in argv[1:]:
            kept.append(word)
            if word == "-c" or not word.startswith("-"):
                break
    return kept if len(kept) == len(argv) else [*kept, "…"]


def append(path: str, line: dict[str, Any]) -> None:
    """Append one line to the file at `path` with one write. Does nothing if the file does not exist."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
    except OSError:  # the doctor has ended
        return
    try:
        os.write(file, json.dumps(line, default=repr).encode() + b"\n")
    finally:
        os.close(file)


def collect(status: Status, mistakes: Mistakes, activated: Way | None = None) -> dict[str, Any]:
    """The report on this process, as plain JSON values.

    `status` is `autotrace.status`. `mistakes` returns a message on each mistake in the settings of single libraries.
    `activated` is the `way` in which autotrace was enabled.
    """
    values, wrong = _settings()
    plugins, unclaimed = status(), library_settings.unclaimed()
    return {
        "pid": os.getpid(),
        "argv": _argv(),
        "executable": sys.executable,
        "python": ".".join(map(str, sys.version_info[:3])),
        "enabled": settings.enabled,
        "way": activated or (way() if settings.enabled else {"how": None, "where": None}),
        "flags": [flag for name, flag in FLAGS.items() if getattr(sys.flags, name)],
        "variables": {name: os.environ[name] for name in PYTHON_VARIABLES if name in os.environ},
        "settings": values,
        "malformed": [*wrong, *mistakes()],
        "unknown_variables": unclaimed[0],
        "unknown_tables": unclaimed[1],
        "output": _output(),
        "plugins": plugins,
        "failures": dict(diagnostics.failures),
        "records": _records(),
        "packages": sorted({name.partition(".")[0] for name in tuple(sys.modules)}),
    }


# --------------------------------------------------------------------------------------------------- how it was enabled


def way() -> Way:
    """`how` autotrace is being enabled (``.pth``, ``.start``, ``sitecustomize``, ``code``), and `where`: a file or a line of
    code."""
    boot = sys.modules.get("_autotrace_boot")
    if boot is None or not boot._started:
        return {"how": "code", "where": _caller()}
    for how in (".start", ".pth"):
        where = _site_file("autotrace" + how)
        if where is not None and (how == ".pth" or sys.version_info >= (3, 15)):
            return {"how": how, "where": where}
    return {
        "how": "sitecustomize",
        "where": os.path.join(os.path.dirname(os.path.dirname(__file__)), "site", "sitecustomize.py"),
    }


def _caller() -> str | None:
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "autotrace":
        frame = frame.f_back
    return None if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _site_file(name: str) -> str | None:
    """The path of the file `name` in a directory that `site` searches for files such as `autotrace.pth`."""
    if sys.flags.no_site:
        return None
    import site

    directories = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return next(filter(os.path.isfile, (os.path.join(directory, name) for directory in directories)), None)


# ------------------------------------------------------------------------------------------------------------ settings


def _settings() -> tuple[dict[str, Any], list[str]]:
    """Each setting's `value` and `source`, with those of single libraries under `libraries`; and the malformed ones."""
    values: dict[str, Any] = {}
    for name in settings.KNOWN:
        values[name] = {
            **_setting(name, None),
            "libraries": {library: _setting(name, library) for library in settings.current.libraries(name)},
        }
    return values, settings.Settings().settle()


def _setting(name: str, library: str | None) -> dict[str, Any]:
    try:
        value, source = settings.current.find(name, library)
    except SettingsError:  # reported under "malformed"
        return {"value": None, "source": "variable"}
    return {"value": list(value) if name == "sinks" and value else value, "source": source}  # options of sinks may be secret


# -------------------------------------------------------------------------------------------------------------- output


def _output() -> dict[str, Any]:
    """Each sink with its destination (`registry.places`); the descriptor used for stdout; and whether stdout is ``open``,
    ``closed``, or ``another`` than that of the first process."""
    from autotrace.sinks import _registry

    descriptor, stdout = _process.stdout.descriptor(), "open"
    try:
        os.fstat(1)
    except OSError:
        stdout = "closed"
    else:
        stdout = "another" if descriptor == 2 else "open"
    return {"sinks": _registry.places(), "descriptor": descriptor, "stdout": stdout}


def _records() -> int | None:
    """How many records this process has written: 0 if nothing was recorded, ``None`` if there is no count."""
    module = sys.modules.get("autotrace._writer.writer")
    return 0 if module is None else getattr(module.writer, "written", None)
