"""What autotrace changes in a process beside the functions of libraries, compared with the page that lists it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs/process.md"
ROWS = re.compile(r"^\| (`[^`]+`|threads|descriptors|locks) \|", re.MULTILINE)

PROGRAM = """
import asyncio, atexit, builtins, importlib, io, json, logging, os, signal, struct, sys, threading, time, warnings

class AtExit:  # the module does not tell what it holds
    held, register, unregister = [], staticmethod(atexit.register), staticmethod(atexit.unregister)

def register(function, *args, **kwargs):
    AtExit.held.append(function)
    return AtExit.register(function, *args, **kwargs)

def unregister(function):
    AtExit.held = [one for one in AtExit.held if one != function]
    AtExit.unregister(function)

atexit.register, atexit.unregister = register, unregister
import msgspec, structlog, wrapt, importlib_metadata, autotrace
from autotrace._capture import spans
sys.stdout.write("")

MODULES = (asyncio, atexit, builtins, importlib, io, logging, os, signal, sys, threading, time, warnings, structlog)

def target(path):
    try:
        return os.readlink(path)
    except FileNotFoundError:  # closed meanwhile
        return None

def seen():
    state = {
        f"{module.__name__}.{name}": id(value) for module in MODULES for name, value in vars(module).items() if callable(value)
    }
    state |= {f'os.environ["{name}"]': value for name, value in os.environ.items()}
    state |= {f"signal {number}": repr(signal.getsignal(number)) for number in signal.valid_signals()}
    lists = {"sys.meta_path": sys.meta_path, "sys.path_hooks": sys.path_hooks, "sys.path": sys.path}
    lists["filters"] = warnings.filters
    state |= {name: [id(one) for one in held] for name, held in lists.items()}
    state |= {"asyncgen hooks": repr(sys.get_asyncgen_hooks()), "trace": repr((sys.gettrace(), sys.getprofile()))}
    state |= {"sys.stdout": id(sys.stdout)}
    for name in ("stdout", "stderr"):
        buffer = getattr(sys, name).buffer
        state |= {f"sys.{name}.buffer.raw.write": "write" in getattr(buffer, "raw", buffer).__dict__}
    state |= {"loggers": sorted(logging.root.manager.loggerDict), "atexit": len(AtExit.held)}
    if os.path.isdir("/proc/self/fd"):
        targets = (target(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))
        state |= {"descriptors": sorted(filter(None, targets))}
        state |= {"threads": len(os.listdir("/proc/self/task"))}
        import fcntl  # of all bytes: the lock of an open file description is one of another owner
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        state |= {"locks": struct.unpack("hhqqi4x", fcntl.fcntl(1, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK}
    return state

def differing(before, after):
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))

before = seen()
autotrace.enable()
with autotrace.span("by hand"):
    pass
assert autotrace.flush(600)
print("a line", end="", flush=True)
during = seen()
print(flush=True)
with autotrace.span("after the line"):
    pass
autotrace.disable()
limit = time.monotonic() + 600
while differing(before, seen()) == ["threads"] and time.monotonic() < limit:  # one lives on for a moment
    time.sleep(0.001)
text = json.dumps([differing(before, during), differing(before, seen())])
with open("changes.json", "w") as result:
    result.write(text)
"""


@pytest.fixture
def environment(library: Any) -> dict[str, str]:
    """That of a program for which a plugin is installed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    return {**inherited, "PYTHONPATH": str(library.site)}


def changes(directory: Path, environment: dict[str, str], stdout: Any = subprocess.PIPE) -> list[list[str]]:
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=directory, stdout=stdout, stderr=stdout, check=True)
    result: list[list[str]] = json.loads((directory / "changes.json").read_text())
    return result


def test_the_page_lists_what_changes_and_everything_has_a_way_back(tmp_path: Path, environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    with open(reader), open(writer, "w") as pipe, open(tmp_path / "out", "w") as out:
        to_stdout = [changes(tmp_path, environment, stdout) for stdout in (subprocess.PIPE, pipe, out)]
    to_file = changes(tmp_path, {**environment, "AUTOTRACE_FILE": "records.jsonl"})
    found = [*to_stdout, to_file]
    assert [after for _, after in found] == [[]] * len(found)
    listed = {name.strip("`") for name in ROWS.findall(PAGE.read_text(encoding="utf-8"))}
    if not os.path.isdir("/proc/self/fd"):
        listed -= {"threads", "descriptors", "locks"}
    assert {name for during, _ in found for name in during} == listed


WRAPPED = """
import os, signal, sys, pickle, autotrace
names = {f"os.{name}": getattr(os, name) for name in ("_exit", "execv", "execve", "kill")}
autotrace.enable()
with autotrace.span("one"): pass
ours = [os._exit, os.execv, os.execve, os.kill, signal.raise_signal]
assert os.kill is not names["os.kill"]
for function in ours:
    assert pickle.loads(pickle.dumps(function)) is function
for wrong, error in (
    (lambda: os._exit("x"), TypeError), (lambda: os._exit(), TypeError), (lambda: os._exit(1 << 40), OverflowError),
    (lambda: os.kill("x", 1), TypeError), (lambda: signal.raise_signal("x"), TypeError), (lambda: os.execv("/", 3), TypeError),
    (lambda: os.execv("/no/such/file", ["a"]), OSError), (lambda: os.kill(os.getpid(), 4096), OSError),
):
    try:
        wrong()
    except error:
        continue
    raise AssertionError(wrong)
with autotrace.span("two"): pass
theirs = os._exit = lambda status, below=os._exit: below(status)
autotrace.disable()
assert os._exit is theirs and os.kill is names["os.kill"]
autotrace.enable()
with autotrace.span("three"): pass
os._exit(5)
"""


@pytest.mark.skipif(not hasattr(os, "execv") or sys.platform == "win32", reason="the functions of POSIX")
def test_replaced_functions_refuse_what_they_refused_and_give_way_to_others(environment: dict[str, str]) -> None:
    environment["AUTOTRACE_EXIT_TIMEOUT"] = "600"
    run = subprocess.run([sys.executable, "-c", WRAPPED], env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (5, "")
    assert [json.loads(line)["name"] for line in run.stdout.splitlines()] == ["one", "two", "three"]


STALLED = """
import os, signal, sys, time, autotrace
autotrace.enable()
for _ in range(40):
    with autotrace.span("long", attributes={"pad": "y" * 5000}): pass
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
began = time.monotonic()
for number in (0, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGWINCH):
    os.kill(os.getpid(), number)
    number and signal.raise_signal(number)
sys.stderr.write(f"{time.monotonic() - began}")
sys.stderr.flush()
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_that_ends_nothing_waits_for_no_reader(environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    try:
        run = subprocess.run(
            [sys.executable, "-c", STALLED],
            env={**environment, "AUTOTRACE_EXIT_TIMEOUT": "3600"},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert run.returncode == -15
    assert float(run.stderr) < 600
