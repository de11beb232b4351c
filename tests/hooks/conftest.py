"""Throw-away modules on disk, and everything of the import system put back as it was."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrace import _diagnostics as diagnostics
from autotrace import hooks

SOURCE = str(Path(hooks.__file__).parents[2])
_numbers = itertools.count()


class Modules:
    """A directory on `sys.path` with modules that exist for one test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.python_path = os.pathsep.join((str(directory), SOURCE))

    def name(self) -> str:
        return f"throw_away_{next(_numbers)}"

    def new(self, body: str = "", package: bool = False, **submodules: str) -> str:
        """Write a module, or a package with `submodules`; its name."""
        name = self.name()
        self.write(name, body, package, **submodules)
        return name

    def write(self, name: str, body: str = "", package: bool = False, **submodules: str) -> Path:
        is_package = package or bool(submodules)
        path = self.directory / name / "__init__.py" if is_package else self.directory / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(body))
        for submodule, text in submodules.items():
            (path.parent / f"{submodule}.py").write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return path

    def run(self, program: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `program` in a Python of its own, warnings being errors; it must end well and in time."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
        result = subprocess.run(
            [sys.executable, "-W", "error", *options, *(("-c", textwrap.dedent(program)) if program else ())],
            env={**inherited, "PYTHONPATH": self.python_path, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    directory = tmp_path / "modules"
    directory.mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loaded, path, meta_path = set(sys.modules), list(sys.path), list(sys.meta_path)
    sys.path.insert(0, str(directory))
    importlib.invalidate_caches()
    yield Modules(directory)
    hooks.uninstall()
    left = list(sys.meta_path)
    sys.path[:] = path
    sys.meta_path[:] = meta_path
    for name in set(sys.modules) - loaded:
        if name.startswith("throw_away_"):
            del sys.modules[name]
    for entry in [entry for entry in sys.path_importer_cache if entry.startswith(str(tmp_path))]:
        del sys.path_importer_cache[entry]
    assert left == meta_path


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """As in a program: failures of ours are reported, not raised. The test looks at them here."""
    monkeypatch.setattr(diagnostics, "strict", False)
    yield diagnostics.failures
    diagnostics.forget()


class Gate:
    """Where a module's body stops (`import` the gate, call `wait`) until the test lets it go on."""

    def __init__(self, name: str) -> None:
        self.body = f"import {name}; {name}.wait()\n"
        self._reached = threading.Event()
        self._open = threading.Event()
        stop = types.ModuleType(name)
        stop.wait = self._wait  # type: ignore[attr-defined]
        sys.modules[name] = stop
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def _wait(self) -> None:
        self._reached.set()
        assert self._open.wait(600)

    def start(self, work: Callable[..., Any], *arguments: Any) -> threading.Thread:
        """Do `work` in a thread of its own."""

        def run() -> None:
            try:
                work(*arguments)
            except BaseException as exc:
                self.errors.append(exc)

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()
        return thread

    def reached(self) -> None:
        assert self._reached.wait(600)

    def open(self) -> None:
        """Let the body go on, and wait for all threads."""
        self._open.set()
        for thread in self._threads:
            thread.join(600)
            assert not thread.is_alive()
        assert self.errors == []


@pytest.fixture
def gate(modules: Modules) -> Iterator[Gate]:
    gate = Gate(modules.name())
    yield gate
    gate.open()
