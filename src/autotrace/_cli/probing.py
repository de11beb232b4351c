"""Asking processes what they know about themselves: the file that they report to, and the probe, a process of our own."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from autotrace._cli import activation, interpreters, report
from autotrace._cli.report import PROBLEM, Finding
from autotrace._instrumentation import reporting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE = "import sys; sys.path[:] = filter(None, sys.path); from autotrace._cli import probing; probing.probe()"
"""Without the current directory, where a program named like a library may lie: importing it would run it."""

Data = dict[str, Any]


@contextlib.contextmanager
def reports() -> Iterator[str]:
    """The path of a file, which is removed at the end, for processes to write their reports to."""
    import tempfile

    handle, path = tempfile.mkstemp(prefix="autotrace-doctor-", suffix=".jsonl")
    os.close(handle)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def read(path: str) -> list[Data]:
    """The lines of a file of reports; not those that a process which was killed left half written."""
    found = []
    with open(path, encoding="utf-8") as file:
        for text in file:
            with contextlib.suppress(ValueError):
                found.append(json.loads(text))
    return found


def described(process: Data) -> Data:
    """A process without what the views say better, and what only we need."""
    return {key: value for key, value in process.items() if key not in ("event", "plugins", "packages")}


def probe() -> None:
    """In the process that examines: what it knows about itself, and a view of each plugin, into the doctor's file."""
    from autotrace import _process
    from autotrace._cli import inspection, libraries
    from autotrace._instrumentation import activation
    from autotrace._settings import settings

    path = os.environ[reporting.VARIABLE]
    on = settings.enabled
    _process.stdout.descriptor()  # decided by the stdout that we were given, before that is redirected
    if not on:
        settings.current.settle()
    views = inspection.look(
        quiet=False, before_import=lambda package: reporting.append(path, {"event": "import", "package": package})
    )
    line = {
        "event": "probe",
        "on": on,
        "views": views,
        "without_plugin": libraries.without_plugin(view["distribution"] for view in views),
    }
    reporting.append(path, {**reporting.collect(activation.status), **line})


def examine() -> tuple[list[Finding], Data]:
    """Findings on the interpreter that runs us, in the environment that it is in, and the data that they come from."""
    import subprocess

    line = [sys.executable, *_flags(), "-c", PROBE]
    with reports() as path:
        environment = {**os.environ, reporting.VARIABLE: path}
        done = subprocess.run(line, env=environment, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        lines = read(path)
    process = next((one for one in lines if one["event"] == "probe"), None)
    if process is None:
        return [_probe_failed(done.returncode, done.stderr, lines)], {"process": None, "plugins": []}
    views, without = process.pop("views"), process.pop("without_plugin")
    this = interpreters.Interpreter(sys.executable, frozenset(flag[1] for flag in _flags()))
    activated = report.of_way(process) if process["on"] else report.of_nothing(process, activation.is_installed(this))
    findings = [
        report.interpreter(process),
        *activated,
        *report.of_diagnostics(done.stderr),
        *report.of_settings(process),
        *report.of_output(process),
        *report.of_plugins(views, without),
    ]
    return findings, {"process": described(process), "plugins": views}


def _flags() -> list[str]:
    """The flags of this interpreter, for one like it."""
    return [flag for name, flag in reporting.FLAGS.items() if getattr(sys.flags, name)]


def _probe_failed(code: int, stderr: str, lines: list[Data]) -> Finding:
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
    importing = [line["package"] for line in lines if line["event"] == "import"]
    if importing:
        text = f"importing {importing[-1]} ends the process ({report.ended(code)}): {last}".rstrip(": ")
        return Finding("plugins", PROBLEM, text)
    return Finding("activation", PROBLEM, f"{sys.executable} cannot be examined ({report.ended(code)}): {last}".rstrip(": "))
