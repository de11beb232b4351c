"""The matrix as pytest runs it: in a session of its own, with options, the scorecard and the README."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ACME = Path(__file__).parent / "acme"
TEST = """
from pathlib import Path

import acme
from description import library

from autotrace.testing import carries_scorecard, conformance
from autotrace.testing._checks.registering import ORDER

library.cases = library.cases[:1]
(chat,) = library.cases
some = {"call", "stream", "raw", "error", "revert", "overhead", "signature"}
chat.exempt = dict.fromkeys(set(ORDER) - some, "takes too long")
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parent / "README.md")
"""
Run = Callable[..., "tuple[int, str]"]


@pytest.fixture
def session(tmp_path: Path) -> Run:
    """Run pytest with these arguments beside the plugin for `acme`: the exit code, and what it printed."""
    for file in ACME.glob("*.py"):
        shutil.copy(file, tmp_path)
    for name, version in (("acme", "2.1"), ("autotrace_acme", "0.1")):
        info = tmp_path / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[autotrace.instrumentors]\nacme = autotrace_acme:instrumentor\n")
    (tmp_path / "test_acme.py").write_text(TEST)
    (tmp_path / "README.md").write_text("# autotrace-acme\n")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTEST"))}

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout

    return run


PLUGIN = ("-p", "autotrace.testing.pytest_plugin")
SOME = "call or stream or revert or readme"


def test_the_scorecard_is_printed_and_written_and_kept_true(session: Run, tmp_path: Path) -> None:
    code, said = session(*PLUGIN, "--autotrace-scorecard", "--autotrace-scorecard-file", "README.md")
    assert code == 0, said
    assert "| acme (sync, async) | chat |" in said
    assert "| signature | ✓ |" in said
    assert "| memory | † |" in said
    assert "† chat, memory: takes too long" in said
    assert "microseconds per call" in said
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("# autotrace-acme\n\n<!-- autotrace scorecard -->\n| acme (sync, async) | chat |")
    code, said = session()
    assert code == 0, said
    (tmp_path / "README.md").write_text(readme.replace("| raw | ✓ |", "| raw | – |"))
    code, said = session()
    assert code == 1
    assert "its scorecard is not up to date" in said
    assert said.count("FAILED") == 1


def test_a_part_of_the_matrix_says_nothing_about_the_readme(session: Run) -> None:
    code, said = session("-rs", "-k", SOME)
    assert code == 0, said
    assert "only some of the checks were run" in said


def test_a_fault_is_one_failure_that_says_what_and_what_to_do(session: Run, tmp_path: Path) -> None:
    plugin = tmp_path / "autotrace_acme.py"
    plugin.write_text(plugin.read_text().replace('"http_status": "status_code", ', ""))
    code, said = session(*PLUGIN, "--autotrace-scorecard", "-k", "error or revert")
    assert code == 1
    expected = "chat-error-sync: the exception has status 400, the record has None; declare where it is: Instrumentor(errors="
    assert expected in said
    assert "| error | ✗ |" in said
    assert "| revert | ✓ |" in said
    assert "Traceback" not in said
