"""Clocks that stand still and files that are not there, as tools for tests make them, neither stop us nor change a record."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotrace

SOURCE = Path(autotrace.__file__).parent
AT_RUN_TIME = [
    path
    for path in sorted(SOURCE.rglob("*.py"))
    if path.relative_to(SOURCE).parts[0] not in ("testing", "_cli", "site", "_pyinstaller", "surface.py", "__main__.py")
]
OURS = ("_system.py", "process_exit.py")
"""Where the functions are taken from, and what replaces them in the program."""


@pytest.mark.parametrize("path", AT_RUN_TIME, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_clocks_and_files_come_from_one_place(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert path.name in OURS or not imported & {"os", "time", "io", "fcntl"}


FAKES = """
import builtins, io, os, sys, time
slept, real = time.sleep, {name: getattr(time, name) for name in (
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "gmtime", "localtime", "strftime"
)}

def refuse(*args, **kwargs):
    raise FileNotFoundError("there is no such file here")

def replace():
    '''Replace the functions as tools do: in their own modules, and wherever a module refers to them.'''
    fakes = {id(function): lambda *args, value=function("%Y" if name == "strftime" else 0) if name in (
        "strftime", "gmtime", "localtime") else function(): value for name, function in real.items()}
    for name in real:
        setattr(time, name, fakes[id(real[name])])
    fake_os = type(os)("os")
    vars(fake_os).update({**vars(os), **dict.fromkeys(("open", "stat", "fstat", "lstat", "mkdir", "write", "listdir"), refuse)})
    sys.modules["os"], builtins.open, io.open = fake_os, refuse, refuse
    fakes[id(os)] = fake_os
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if type(module) is type(sys) and module is not builtins else ():
            if id(value) in fakes and module.__name__ not in ("posixpath", "genericpath", "os", "__main__"):
                setattr(module, name, fakes[id(value)])
"""
PROGRAM = """
print("half a line ", end="", flush=True)
with autotrace.span("by hand"):
    slept(0.05)
assert autotrace.flush(timeout=600)
"""
ORDERS = {
    "before autotrace is imported": "import msgspec, structlog, logging\nreplace()\nimport autotrace; autotrace.enable()\n",
    "before the first call": "import autotrace; autotrace.enable()\nimport msgspec, structlog, logging\nreplace()\n",
    "after a call": "import autotrace; autotrace.enable()\nwith autotrace.span('1'): pass\nautotrace.flush(600)\nreplace()\n",
}


@pytest.mark.parametrize("sink", ["stdout", "file"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_program_under_replaced_functions_has_its_record(order: str, sink: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHONUNBUFFERED"))}
    file = tmp_path / "records.jsonl"
    if sink == "file":
        environment["AUTOTRACE_FILE"] = str(file)
    run = subprocess.run(
        [sys.executable, "-c", FAKES + ORDERS[order] + PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    text = file.read_text(encoding="utf-8") if sink == "file" else run.stdout.partition("half a line")[2]
    (*_, span) = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert span["name"] == "by hand"
    assert span["duration_ns"] >= 40_000_000
    assert abs(span["start_ns"] / 1e9 - file.parent.stat().st_mtime) < 3600
