"""What keeps a program from being traced is one line on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autotrace import _pyinstaller

SOURCE = Path(_pyinstaller.__file__).parents[2]


def said(program: str, site: Path, *options: str) -> list[dict[str, Any]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    path = f"import sys\nsys.path[:] = [{str(site)!r}, {str(SOURCE)!r}, *(p for p in sys.path if '-packages' not in p)]\n"
    run = subprocess.run(
        [sys.executable, "-S", *options, "-c", path + program], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stderr.splitlines()]


@pytest.mark.parametrize(
    ("before", "advice"), [("", 'pip install "llm-autotrace[NAME]"'), ("sys.frozen = True\n", "--copy-metadata")]
)
def test_that_no_plugin_is_installed_is_said_once(tmp_path: Path, before: str, advice: str) -> None:
    (line,) = said(f"{before}import autotrace\nautotrace.enable()\nautotrace.enable()", tmp_path)
    assert line["event"] == "autotrace.plugin"
    assert line["message"].startswith("no plugin is installed")
    assert advice in line["message"]


FINDER = """
from importlib.machinery import PathFinder
class Theirs:
    def find_spec(self, name, path=None, target=None):
        return PathFinder.find_spec(name, path) if name.startswith({name!r}) else None
"""


@pytest.mark.parametrize("passed", ["", ".client"])
def test_what_another_finder_served_is_said_at_the_end(library: Any, passed: str) -> None:
    packages = [path for path in sys.path if "-packages" in path]
    program = f"sys.path += {packages!r}\nimport autotrace\nautotrace.enable({library.name!r})\n"
    program += FINDER.format(name=library.name + passed)
    program += f"import logging\n{'import ' + library.name if passed else ''}\n"
    program += f"sys.meta_path.insert(0, Theirs())\nimport {library.name}.client\n"
    (line,) = said(program, library.site)
    assert line["event"] == "autotrace.target"
    assert f"{library.name}{passed} came from a finder in front of autotrace's; call enable() again" in line["message"]
    assert said(program + "autotrace.enable()", library.site) == []
    assert said(program + "autotrace.disable()", library.site) == []


def test_an_executable_gets_what_only_a_running_program_would_show(library: Any) -> None:
    assert library.plugin in _pyinstaller.modules()
    assert {"llm-autotrace", library.distribution} <= {*_pyinstaller.distributions()}
    (directory,) = _pyinstaller.hook_directories()
    assert (Path(directory) / "hook-autotrace.py").is_file()
