"""Collects reports from processes about themselves: the report file, and the probe, a process that we start."""

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
"""The current directory is removed from the path: it may hold a program named like a library, and an import would run it."""

Data = dict[str, Any]


@contextlib.contextmanager
def reports() -> Iterator[str]:
    """The path of a temporary file to which processes write their reports."""
    import tempfile

    handle, path = tempfile.mkstemp(prefix="autotrace-doctor-", suffix=".jsonl")
    os.close(handle)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def read(path: str) -> list[Data]:
    """The lines of a report file, without incomplete ones of processes that were killed."""
    lines = []
    with open(path, encoding="utf-8") as file:
        for text in file:
            with contextlib.suppress(ValueError):
                lines.append(json.loads(text))
    return lines


def described(process: Data) -> Data:
    """A process without the parts that the views hold, and without internal ones."""
    return {key: value for key, value in process.items() if key not in ("event", "plugins", "packages")}


def probe() -> None:
    """Runs in the probe: write what it knows about itself, and a view of each plugin, to the doctor's file."""
    from autotrace import _instrumentation as instrumentation
    from autotrace import _process
    from autotrace import _settings as settings
    from autotrace._cli import inspection, libraries

    path = os.environ[reporting.VARIABLE]
    on = settings.enabled
    _process.stdout.descriptor()  # decided now, before our stdout is redirected
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
    reporting.append(
        path, {**reporting.collect(instrumentation.status, lambda: instrumentation.library_mistakes(load=True)), **line}
    )


def examine() -> tuple[list[Finding], Data]:
    """Return findings about this interpreter in its environment, and the data behind them."""
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
    """The flags of this interpreter, for the probe."""
    return [flag for name, flag in reporting.FLAGS.items() if getattr(sys.flags, name)]


def _probe_failed(code: int, stderr: str, lines: list[Data]) -> Finding:
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
    importing = [line["package"] for line in lines if line["event"] == "import"]
    if importing:
        text = f"importing {importing[-1]} ends the process ({report.ended(code)}): {last}".rstrip(": ")
        return Finding("plugins", PROBLEM, text)
    return Finding("activation", PROBLEM, f"{sys.executable} cannot be examined ({report.ended(code)}): {last}".rstrip(": "))
