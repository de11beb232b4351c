"""Distributions that bring sinks, on a path of their own, and programs that write to them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PREAMBLE = """
import os, sys, time, autotrace
{enable}
def span(name, **attributes):
    with autotrace.span(name, attributes=attributes):
        pass
"""


class Ran:
    """What came of a program."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def names(self) -> list[str]:
        """The names of the spans on stdout."""
        return names(self.out)

    @property
    def said(self) -> list[dict[str, Any]]:
        """What autotrace said about itself."""
        return [json.loads(line) for line in self.err.splitlines() if '"event": "autotrace.' in line]


def names(lines: str) -> list[str]:
    """The names of the spans among lines of JSON."""
    records = [json.loads(line) for line in lines.splitlines()]
    return [record["name"] for record in records if record["event"] == "span"]


class Site:
    """A directory on the programs' path, with what is installed there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, file: str, text: str) -> None:
        target = self.path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))

    def install(self, distribution: str, name: str, value: str) -> None:
        """The metadata of a distribution that brings the sink `name`."""
        folder = f"{distribution.replace('-', '_')}-1.0.dist-info"
        self.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        self.write(f"{folder}/entry_points.txt", f"[autotrace.sinks]\n{name} = {value}\n")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def environment(site: Site) -> Callable[..., dict[str, str]]:
    """The environment of a program, with these variables, and without ours."""

    def made(**variables: str) -> dict[str, str]:
        left_out = ("AUTOTRACE", "NO_COLOR", "FORCE_COLOR")  # what is set where the tests are started is no setting of theirs
        ours = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        return {**ours, "PYTHONPATH": str(site.path), **variables}

    return made


@pytest.fixture
def run(tmp_path: Path, environment: Callable[..., dict[str, str]]) -> Callable[..., Ran]:
    """Run a program that has `span(name)`, in `tmp_path`."""

    def run(program: str, enable: str = "autotrace.enable()", **variables: str) -> Ran:
        script = tmp_path / "program.py"
        script.write_text(PREAMBLE.format(enable=enable) + textwrap.dedent(program))
        line = [sys.executable, str(script)]
        patience = {"AUTOTRACE_EXIT_TIMEOUT": "600"}  # on a busy machine the imports of the first record alone take seconds
        return Ran(
            subprocess.run(
                line,
                env=environment(**patience, **variables),
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
        )

    return run


@pytest.fixture
def start(tmp_path: Path, environment: Callable[..., dict[str, str]]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a program that has `span(name)`, in `tmp_path`, with a buffered stdout."""
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str, enable: str = "autotrace.enable()", stdout: Any = subprocess.PIPE, **options: Any) -> Any:
        script = tmp_path / f"program{len(started)}.py"
        script.write_text(PREAMBLE.format(enable=enable) + textwrap.dedent(program))
        variables = {"PYTHONUNBUFFERED": "", **options.pop("variables", {})}
        started.append(
            subprocess.Popen(
                [sys.executable, str(script)],
                env=environment(**variables),
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=stdout,
                start_new_session=True,
                **{"stderr": subprocess.PIPE, **options},
            )
        )
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
