"""Whole lines: several processes on one pipe, file, socket or terminal; a program that prints there, too; a kill."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

SIX = """
import multiprocessing, random

SIZES = [100, 100, 4000, 9000, 70_000, 200]
def work(number):
    for count in range(24):
        write(f"{number}.{count}", "x" * SIZES[count % 6])

write("first", "")
autotrace.flush()
forked = []
for number in range(3, 6):
    forked.append(os.fork())
    if not forked[-1]:
        work(number)
        sys.exit()
children = [multiprocessing.get_context("fork").Process(target=work, args=(number,)) for number in range(3)]
for child in children:
    child.start()
for child in forked:
    os.waitpid(child, 0)
for child in children:
    child.join()
"""
NAMES = sorted(["first", *(f"{number}.{count}" for number in range(6) for count in range(24))])
OURS = "def write(name, text): span(name, text=text)\n"
NAIVE = """
def write(name, text):
    import json
    line = json.dumps({"name": name, "text": text}).encode() + b"\\n"
    while line:
        line = line[os.write(1, line):]
"""
LOCK_FILE = "from autotrace.sinks import _locking; _locking.for_descriptor = _locking.FileLock\n"


class Reader:
    """What comes out at the other end, read by a slow reader."""

    def __init__(self, fd: int) -> None:
        self.data = b""
        self._fd = fd
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 20_000)
            except OSError:  # a terminal that nobody holds any more
                return
            if not data:
                return
            self.data += data
            time.sleep(0.0005)

    def lines(self) -> list[bytes]:
        """All of them, when the last writer is gone."""
        self._thread.join(600)
        return self.data.splitlines()


@contextmanager
def output(kind: str, path: Path) -> Iterator[tuple[int, Callable[[], list[bytes]]]]:
    """A descriptor to write to, and how to read the lines once it is closed everywhere."""
    if kind in ("file", "appended"):
        how = os.O_APPEND if kind == "appended" else 0
        fd, reader = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600), None
    elif kind == "terminal":
        import pty
        import tty

        ours, fd = pty.openpty()
        tty.setraw(fd)
        reader = Reader(ours)
    elif kind == "socket":
        first, second = socket.socketpair()
        ours, fd = first.detach(), second.detach()
        reader = Reader(ours)
    else:
        ours, fd = os.pipe()
        reader = Reader(ours)

    def lines() -> list[bytes]:
        os.close(fd)
        return path.read_bytes().splitlines() if reader is None else reader.lines()

    yield fd, lines
    if reader is not None:
        os.close(ours)


def broken(lines: list[bytes]) -> int:
    number = 0
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            number += 1
    return number


@pytest.mark.parametrize("kind", ["pipe", "file", "appended", "socket", "terminal", "pipe, lock file"])
def test_lines_of_six_processes_are_whole_at_any_size(start: Any, tmp_path: Path, kind: str) -> None:
    if "lock file" in kind and sys.platform == "win32":
        pytest.skip("no descriptors to share")
    with output(kind, tmp_path / "out") as (fd, lines):
        places = {"TMPDIR": str(tmp_path), "AUTOTRACE_EXIT_TIMEOUT": "600"}
        process = start((LOCK_FILE if "lock file" in kind else "") + OURS + SIX, stdout=fd, variables=places)
        err = process.communicate(timeout=600)[1]
        found = lines()
    assert (process.returncode, err) == (0, b"")
    assert broken(found) == 0
    assert sorted(json.loads(line)["name"] for line in found) == NAMES
    assert list(tmp_path.glob("*.lock")) == []


def test_without_a_lock_they_break(start: Any, tmp_path: Path) -> None:
    """The control: what a writer does that knows nothing of the others."""
    with output("pipe", tmp_path / "out") as (fd, lines):
        start(NAIVE + SIX, stdout=fd).communicate(timeout=600)
        found = lines()
    assert broken(found) > 10


PRINTING = """
import itertools, threading
recorded = threading.Event()
def prints(name):  # in one thread: with two, CPython before 3.12.4 prints what is not there
    for number in itertools.count():
        {print}
        if number % 40 == 0:
            time.sleep(0.0005)
            if recorded.is_set():
                return
thread = threading.Thread(target=prints, args=("a",))
thread.start()
for _ in range(150):
    span("s")
    time.sleep(0.003)
recorded.set()
thread.join()
span("s")
"""


@pytest.mark.parametrize("kind", ["pipe", "file", "socket"])
@pytest.mark.parametrize(
    ("how", "whole", "buffered"),
    [
        ("print(name * (number % 90 + 1))", False, True),
        ("print(name * (number % 5 * 3000 + 1))", False, True),
        ("print(name * (number % 90 + 1), flush=True)", True, True),
        ("print(name * 10, end='' if number % 3 else None, flush=not number % 7)", False, True),
        ("sys.stdout.write(name * 10 + '\\n')", True, False),
    ],
    ids=["block-buffered", "long", "flushed", "half lines", "unbuffered"],
)
def test_a_program_that_prints_all_the_time_swallows_no_record(
    start: Any, tmp_path: Path, kind: str, how: str, whole: bool, buffered: bool
) -> None:
    with output(kind, tmp_path / "out") as (fd, lines):
        variables = {"AUTOTRACE_EXIT_TIMEOUT": "600", **({} if buffered else {"PYTHONUNBUFFERED": "1"})}
        process = start(PRINTING.replace("{print}", how), stdout=fd, variables=variables)
        err = process.communicate(timeout=600)[1]
        found = lines()
    records = [line for line in found if line.startswith(b"{")]
    assert broken(records) == 0
    assert (len(records), err) == (151, b"")
    text = b"".join(line for line in found if not line.startswith(b"{"))
    assert set(text) == set(b"a")  # all of the program's own is there, and nothing of ours in it
    if whole:  # else a line may have been cut right before its end
        assert found.count(b"") == 0


def test_half_a_line_of_another_process_swallows_no_record(start: Any, tmp_path: Path) -> None:
    """Of processes that print and record on one pipe, each ends where its buffer is full."""
    program = """
    children = []
    for number in range(4):
        children.append(os.fork())
        if not children[-1]:
            for count in range(2000):
                print("p" * 70)
                if not count % 20:
                    span(str(number))
            sys.exit()
    for child in children:
        os.waitpid(child, 0)
    """
    with output("pipe", tmp_path / "out") as (fd, lines):
        start(program, stdout=fd, variables={"AUTOTRACE_EXIT_TIMEOUT": "600"}).communicate(timeout=600)
        found = lines()
    assert sum(line.startswith(b"{") for line in found) == 400
    assert broken([line for line in found if b"{" in line]) == 0


def test_a_kill_in_a_long_write_tears_one_line_and_the_next_record_is_on_its_own(start: Any) -> None:
    process = start(
        """
        import signal
        child = os.fork()
        if not child:
            span("long", text="x" * 300_000)
            time.sleep(60)
        sys.stdin.readline()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("killed", file=sys.stderr, flush=True)
        span("next")
        span("last")
        """,
    )
    begun = os.read(process.stdout.fileno(), 1000)  # and then nothing, so that the pipe is full
    time.sleep(0.5)
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stderr.readline() == b"killed\n"
    out = begun + process.communicate(timeout=600)[0]
    torn, *whole = out.splitlines()
    assert torn.startswith(b'{"timestamp"')
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(torn)
    assert [json.loads(line)["name"] for line in whole] == ["next", "last"]


def test_a_process_that_was_stopped_does_not_stop_the_others_and_begins_its_line_again(start: Any) -> None:
    program = """
    import signal
    child = os.fork()
    if not child:
        span("long", text="x" * 300_000)
        time.sleep(60)
    sys.stdin.readline()
    os.kill(child, signal.SIGSTOP)
    print("stopped", file=sys.stderr, flush=True)
    span("next")
    sys.stdin.readline()
    autotrace.flush()
    os.kill(child, signal.SIGCONT)
    sys.stdin.readline()
    os.kill(child, signal.SIGKILL)
    """
    process = start(program, variables={"AUTOTRACE_EXIT_TIMEOUT": "600"})
    os.read(process.stdout.fileno(), 1000)
    time.sleep(0.5)
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stderr.readline() == b"stopped\n"
    found = b""
    while not found.endswith(b"\n"):
        found += os.read(process.stdout.fileno(), 100_000)
    last = json.loads(found.splitlines()[-1])
    assert last["name"] == "next"
    process.stdin.write(b"\n")
    process.stdin.flush()
    again = b""
    while not again.endswith(b"\n"):
        again += os.read(process.stdout.fileno(), 100_000)
    whole = json.loads(again)
    assert (whole["name"], len(whole["attributes"]["text"])) == ("long", 300_000)
    process.communicate(b"\n", timeout=600)


def test_another_descriptor_can_be_named(start: Any, tmp_path: Path) -> None:
    with output("pipe", tmp_path / "out") as (fd, lines):
        process = start("print('mine'); span('a')", variables={"AUTOTRACE_FD": str(fd)}, pass_fds=[fd])
        assert process.communicate(timeout=600) == (b"mine\n", b"")
        found = lines()
    assert [json.loads(line)["name"] for line in found] == ["a"]
    process = start("print('mine'); span('a')", variables={"AUTOTRACE_FD": "77"})
    out, err = process.communicate(timeout=600)
    said, record = map(json.loads, err.splitlines())
    assert (out, "77 is not open" in said["message"], record["name"]) == (b"mine\n", True, "a")


@pytest.mark.parametrize("elsewhere", ["file='app.jsonl'", "sinks='file', file='app.jsonl'", "sinks='stderr'"])
def test_a_stdout_that_no_line_goes_to_is_left_alone(run: Any, elsewhere: str) -> None:
    ran = run(
        """
        file = sys.__stdout__.buffer
        span("a")
        autotrace.flush()
        assert "write" not in vars(getattr(file, "raw", file))
        """,
        enable=f"autotrace.enable({elsewhere})",
    )
    assert (ran.code, ran.out) == (0, "")


@pytest.mark.parametrize(("setting", "to_stderr"), [("", ["b", "child"]), ("fd=1", [])])
def test_lines_go_elsewhere_from_when_stdout_is_a_protocol(run: Any, setting: str, to_stderr: list[str]) -> None:
    ran = run(
        f"""
        from autotrace.plugin import leave_stdout
        file = sys.__stdout__.buffer
        file = getattr(file, "raw", file)
        span("a")
        autotrace.flush()
        leave_stdout()
        leave_stdout()
        assert ("write" in vars(file)) == {bool(setting)}
        span("b")
        autotrace.flush()
        child = "import autotrace; autotrace.enable(); autotrace.span('child').__enter__().__exit__(None, None, None)"
        subprocess.run([sys.executable, "-c", child], check=True)
        """,
        enable=f"import subprocess; autotrace.enable({setting})",
    )
    assert [json.loads(line)["name"] for line in ran.err.splitlines()] == to_stderr
    assert ran.names == ["a", *(name for name in ("b", "child") if name not in to_stderr)]


def test_disable_gives_the_programs_stdout_its_own_write_back(run: Any) -> None:
    ran = run(
        """
        file = sys.__stdout__.buffer
        file = getattr(file, "raw", file)
        assert "write" in vars(file)
        span("a")
        autotrace.disable()
        assert "write" not in vars(file)
        """
    )
    assert (ran.code, ran.names, ran.err) == (0, ["a"], "")


def test_a_signals_handler_that_raises_during_a_print_has_nothing_printed_twice(run: Any) -> None:
    """A buffer whose file raises behind a write takes it for one that has failed, and writes the same again."""
    ran = run(
        """
        import signal
        class Alarm(Exception):
            pass
        armed = False
        def alarm(*_):
            global armed
            if armed:
                armed = False
                raise Alarm
        signal.signal(signal.SIGALRM, alarm)
        urgent = signal.getsignal(signal.SIGURG)
        raised = 0
        span("a")
        autotrace.flush()
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for number in range(5_000):
            try:
                armed = True
                print("line", number, flush=True)
                armed = False
            except Alarm:
                raised += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert raised > 10, raised
        assert signal.getsignal(signal.SIGURG) == urgent
        """
    )
    assert (ran.code, ran.err) == (0, "")
    printed = [line for line in ran.out.splitlines() if line.startswith("line")]
    assert len(printed) > 4_000
    assert len(set(printed)) == len(printed)
