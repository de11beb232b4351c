"""Other agents beside autotrace. Each combination has a process of its own, as no agent can be taken out of one again.

No agent sends anything: what they would send is dropped or goes to a closed port of this machine.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from autotrace import hooks

PROGRAMS = Path(__file__).parent / "programs"
SOURCE = str(Path(hooks.__file__).parents[2])
SILENT = {
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_TRACE_STARTUP_LOGS": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
    "NEW_RELIC_DEVELOPER_MODE": "true",
    "NEW_RELIC_HOST": "127.0.0.1",
    "NEW_RELIC_LICENSE_KEY": "0" * 40,
    "NEW_RELIC_AI_MONITORING_ENABLED": "true",
    **{f"NEW_RELIC_UTILIZATION_DETECT_{cloud}": "false" for cloud in ("AWS", "AZURE", "DOCKER", "GCP", "KUBERNETES", "PCF")},
}
INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV")
Run = Callable[..., Any]


def _installed(distributions: tuple[str, ...]) -> None:
    for name in distributions:
        try:
            distribution(name)
        except PackageNotFoundError:
            pytest.skip(f"{name} is not installed")


@functools.cache
def _output(program: str, arguments: tuple[str, ...], launcher: tuple[str, ...]) -> Any:
    environment = {name: value for name, value in os.environ.items() if name in INHERITED}
    result = subprocess.run(
        [
            *(str(Path(sys.executable).with_name(name)) for name in launcher),
            sys.executable,
            str(PROGRAMS / f"{program}.py"),
            *arguments,
        ],
        env={**environment, **SILENT, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stderr.splitlines() if "autotrace" in line]
    return {**json.loads(result.stdout.splitlines()[-1]), "said": said}


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a program of `programs` in a fresh process, once for the same arguments; what it printed, parsed.

    `said` holds the lines of its stderr that are of autotrace. Skips where one of `needs` is not installed.
    """

    def run(program: str, *arguments: str, needs: tuple[str, ...] = (), launcher: tuple[str, ...] = ()) -> Any:
        _installed(needs)
        return _output(program, arguments, launcher)

    return run
