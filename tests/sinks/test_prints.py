"""The program's own lines: no record comes between two writes of a print, on whatever it prints and however it is buffered."""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autotrace._process.prints import Prints
from autotrace._system import allocate_lock
from autotrace.sinks import _locking

from .test_lines import output

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

WAYS = """
import threading
class Slow:
    def __init__(self, text):
        self.text = text
    def __str__(self):
        span("inside")
        autotrace.flush(0.1)  # which writes what may be written
        return self.text
def prints():
    for number in range(400):
        print("pieces", number, "of", "many")
    for number in range(3):
        print("slow:", Slow("a text"), number)
        autotrace.flush()  # here nothing is under way
        print("many\\nlines", Slow("and"), "a\\nlast", number)
        autotrace.flush()
        print("first", Slow("second"), "third", sep="\\n")
        autotrace.flush()
    for number in range(60):
        print("long" * (number * 100), number)
    for number in range(60):
        sys.stdout.writelines(["written ", "in ", f"parts {number}\\n"])
    for part in "a line in parts".split():
        print(part, end=" ", flush=True)
        span("between")
    print()
    list(map(print, range(100)))
span("first")
autotrace.flush()
done, begun = threading.Event(), threading.Event()
def records():
    while not done.wait(0.0005):
        span("beside")
        begun.set()
thread = threading.Thread(target=records)
thread.start()
begun.wait()
prints()
done.set()
thread.join()
"""
THREE = ["first", "second", "third"]


def lines_of_the_program() -> list[str]:
    expected = [f"pieces {number} of many" for number in range(400)]
    for number in range(3):
        expected += [f"slow: a text {number}", "many", "lines and a", f"last {number}", *THREE]
    expected += [f"{'long' * (number * 100)} {number}" for number in range(60)]
    expected += [f"written in parts {number}" for number in range(60)]
    return [*expected, "a line in parts ", *map(str, range(100))]


WRAPPED = """
class Unbuffered:
    def __init__(self, stream):
        self.stream = stream
    def write(self, text):
        self.stream.write(text)
        self.stream.flush()
    def __getattr__(self, name):
        return getattr(self.stream, name)
sys.stdout = Unbuffered(sys.stdout)
class Slow:
    def __str__(self):
        span("inside")
        assert not autotrace.flush(1.5)  # longer than a record waits for a line that no print is at
        return "text"
print("slow:", Slow(), "end")
assert autotrace.flush(600)
"""


def test_a_stream_of_the_program_around_stdout_changes_nothing(start: Any) -> None:
    out, err = start(WRAPPED).communicate(timeout=600)
    assert err == b""
    line, record = out.decode().splitlines()
    assert (line, json.loads(record)["name"]) == ("slow: text end", "inside")


@pytest.mark.parametrize(
    ("kind", "buffered"),
    [
        ("pipe", False),
        ("file", False),
        ("appended", False),
        ("terminal", False),
        ("pipe", True),
        ("file", True),
        ("terminal", True),
    ],
)
def test_no_record_comes_between_the_writes_of_a_print(start: Any, tmp_path: Path, kind: str, buffered: bool) -> None:
    with output(kind, tmp_path / "out") as (fd, lines):
        variables = {"AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONUNBUFFERED": "" if buffered else "1"}
        process = start(WAYS, stdout=fd, variables=variables)
        err = process.communicate(timeout=600)[1]
        found = [line.decode() for line in lines()]
    assert (process.returncode, err) == (0, b"")
    records = [line for line in found if line.startswith("{")]
    assert {"first", "inside", "beside", "between"} == {json.loads(line)["name"] for line in records}
    assert [line for line in found if not line.startswith("{")] == lines_of_the_program()
    begins = [number for number, line in enumerate(found) if line == "first"]
    assert [found[begin : begin + 3] for begin in begins] == [THREE] * 3
    last = max(number for number, line in enumerate(found) if not line.startswith("{"))
    assert any('"name":"inside"' in line for line in found[:last])


def test_prints_of_one_process_and_records_of_others(start: Any, tmp_path: Path) -> None:
    program = """
    children = []
    span("first")
    autotrace.flush()
    for number in range(2):
        children.append(os.fork())
        if not children[-1]:
            for count in range(50):
                span(f"{number}.{count}")
                time.sleep(0.001)
            sys.exit()
    for number in range(400):
        print("pieces", number, "of", "many")
        time.sleep(0.0002)
    for child in children:
        os.waitpid(child, 0)
    """
    for kind in ("pipe", "appended"):
        with output(kind, tmp_path / "out") as (fd, lines):
            variables = {"AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONUNBUFFERED": "1"}
            process = start(program, stdout=fd, variables=variables)
            assert process.communicate(timeout=600)[1] == b""
            found = [line.decode() for line in lines()]
        records = [json.loads(line)["name"] for line in found if line.startswith("{")]
        assert sorted(records) == sorted(["first", *(f"{one}.{count}" for one in range(2) for count in range(50))])
        assert [line for line in found if not line.startswith("{")] == [f"pieces {number} of many" for number in range(400)]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_line_that_is_finished_soon_stays_whole_and_one_that_is_not_delays_no_record_for_ever(
    start: Any, unbuffered: str
) -> None:
    process = start(
        """
        print("finished", end="", flush=True)
        span("a")
        print(autotrace.health()["sinks"]["stdout"]["waiting"] if autotrace.flush(0.1) else "held", file=sys.stderr)
        print(" soon")
        assert autotrace.flush(600)
        print("not finished", end="", flush=True)
        span("b")
        assert autotrace.flush(600)
        print("left", end="", flush=True)
        span("c")
        """,
        variables={"AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONUNBUFFERED": unbuffered},
    )
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, b"held\n")
    found = [json.loads(line)["name"] if line.startswith("{") else line for line in out.decode().splitlines()]
    assert found == ["finished soon", "a", "not finished", "b", "left", "c"]


def test_a_patience_that_is_over_costs_no_record(start: Any) -> None:
    program = "print('left', end='', flush=True)\nspan('a')\n"
    for timeout in ("0", "0.05", "0.3"):
        process = start(program, variables={"AUTOTRACE_EXIT_TIMEOUT": timeout}, enable="autotrace.enable(sync=True)")
        out = process.communicate(timeout=600)[0].decode().splitlines()
        assert [json.loads(line)["name"] if line.startswith("{") else line for line in out] == ["left", "a"]


def test_what_prints_on_stderr_is_whole_where_both_are_one_file(start: Any, tmp_path: Path) -> None:
    program = WAYS.replace("def prints():", "def prints():\n    sys.stdout = sys.stderr")
    with output("pipe", tmp_path / "out") as (fd, lines):
        process = start(program, stdout=fd, variables={"AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONUNBUFFERED": "1"}, stderr=fd)
        assert process.wait(600) == 0
        found = [line.decode() for line in lines()]
    assert [line for line in found if not line.startswith("{")] == lines_of_the_program()


# ---------------------------------------------------------------------------------------------------- calls under way


class Held:
    """An object whose text is ready when the test says so."""

    def __init__(self) -> None:
        self.asked, self.ready = threading.Event(), threading.Event()

    def __str__(self) -> str:
        self.asked.set()
        self.ready.wait(600)
        return "second"


def test_a_separator_that_is_a_newline_ends_no_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrace._process.prints._TURN", 600)
    reader, writer = os.pipe()
    stream = io.TextIOWrapper(io.FileIO(writer, "w"), encoding="utf-8", newline="\n", write_through=True)  # type: ignore[arg-type]
    prints, text, locked, pieces = Prints(writer), Held(), allocate_lock(), []
    prints.lock = allocate_lock()

    def write(data: Any) -> int:
        pieces.append(bytes(data))
        if len(pieces) == 4:
            prints.lock = locked  # so that the next piece does not come
        return os.write(writer, data)

    def is_in(function: Any) -> bool:
        frame: Any = sys._current_frames()[thread.ident or 0]
        while frame is not None and frame.f_code is not function.__code__:
            frame = frame.f_back
        return frame is not None

    stream.buffer.write = prints._observed(write)  # type: ignore[method-assign]
    arguments = ("first", text, "third")
    thread = threading.Thread(target=lambda: print(*arguments, sep="\n", file=stream))
    try:
        with locked:
            thread.start()
            text.asked.wait(600)
            due = prints.since - 1
            assert not prints.half
            assert prints.hold_until(due, False, False) > due + 10  # it is the text of this very print
            assert prints.hold_until(due - 100, False, False) < due  # it is one of many, in a loop
            text.ready.set()
            while len(pieces) < 4 or is_in(write):
                time.sleep(0.001)
            assert not prints.half
            assert prints.hold_until(due - 100, False, False) > prints.since  # however long the text took
            prints.since = due + 1000
            assert due < prints.hold_until(due, False, False) < due + 600  # but a loop may print for ever
        thread.join()
        assert prints.hold_until(due, False, False) == 0
    finally:
        text.ready.set()
        thread.join()
        stream.close()
        os.close(reader)
    assert b"".join(pieces) == b"first\nsecond\nthird\n"


# ----------------------------------------------------------------------------------------- completing a buffered line


@example([("aaaaaaaa", 1024), ("a", 1), ("\na", 1)], 4096, 1)
@given(
    st.lists(st.tuples(st.text(st.sampled_from("ab\n"), max_size=8), st.integers(1, 1500)), max_size=12),
    st.sampled_from([4096, 8192]),
    st.integers(1, 3),
)
def test_a_line_is_completed_from_the_programs_buffers_and_nothing_is_lost(
    texts: list[tuple[str, int]], size: int, every: int
) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, getattr(fcntl, "F_SETPIPE_SZ", 1031), 1 << 18)
    os.set_blocking(reader, False)
    stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(writer, "w"), size), encoding="utf-8", newline="\n")
    prints, before, written, seen = Prints(writer), sys.stdout, "", b""

    def read() -> bytes:
        try:
            return os.read(reader, 1 << 20)
        except BlockingIOError:
            return b""

    try:
        sys.stdout = stream
        prints.lock = allocate_lock()
        prints.watch()
        for number, (text, times) in enumerate(texts):
            stream.write(text * times)
            written += text * times
            if number % every == 0 and prints.half:
                seen += read()
                line = len(written.encode()[len(seen) :].partition(b"\n")[0]) + 1
                prints.complete(1 << 18)
                if len(seen) + line <= len(written):
                    seen += read()
                    assert not prints.half
                    assert seen.endswith(b"\n")
        stream.flush()
        seen += read()
    finally:
        sys.stdout = before
        prints.release()
        stream.close()
        os.close(reader)
    assert seen.decode() == written


# ------------------------------------------------------------------------------------------------ notes and locks


@pytest.mark.skipif(sys.platform != "linux", reason="locks of the descriptor itself")
@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_a_note_is_seen_by_others_and_is_no_signal(tmp_path: Path, kind: str) -> None:
    with output(kind, tmp_path / "out") as (fd, _):
        lock = _locking.DescriptorLock(fd)
        signal_before = fcntl.fcntl(fd, fcntl.F_GETSIG)
        assert not lock.is_torn()
        lock.note_torn(True)
        assert fcntl.fcntl(fd, fcntl.F_GETSIG) == signal_before
        child = os.fork()
        if not child:
            os._exit(_locking.DescriptorLock(fd).is_torn() + 2 * _locking.DescriptorLock(fd).enter(0))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert lock.is_torn()
        lock.note_torn(False)
        assert not lock.is_torn()


def test_a_program_keeps_its_lock_on_the_file_that_it_prints_to(start: Any, tmp_path: Path) -> None:
    for mode in ("w", "a+"):
        with open(tmp_path / mode, mode) as log:
            program = """
            import fcntl
            other = open("/proc/self/fd/1", "a") if os.path.exists("/proc/self/fd/1") else sys.stdout
            fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            span("a")
            autotrace.flush()
            print("half", end="", flush=True)
            span("b")
            autotrace.flush()
            print("ready", file=sys.stderr, flush=True)
            sys.stdin.read()
            """
            process = start(program, stdout=log)
            assert process.stderr.readline() == b"ready\n"
            for byte in range(4):
                with pytest.raises(OSError, match="unavailable"):
                    fcntl.lockf(log, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            process.communicate(timeout=600)


# ------------------------------------------------------------------------------------------------ another stdout


@pytest.mark.parametrize("way", ["pipe", "socket", "file"])
def test_what_is_put_in_the_place_of_stdout_gets_no_record(start: Any, tmp_path: Path, way: str) -> None:
    process = start(
        f"""
        import socket
        span("a")
        autotrace.flush()
        saved = os.dup(1)
        if {way!r} == "pipe":
            there, here = os.pipe()
        elif {way!r} == "socket":
            there, here = (one.detach() for one in socket.socketpair())
        else:
            there = os.open("data", os.O_RDWR | os.O_CREAT)
            here = os.dup(there)
        os.dup2(here, 1)
        span("b")
        print("mine", flush=True)
        assert autotrace.flush()
        assert os.pread(there, 100, 0) == b"mine\\n" if {way!r} == "file" else os.read(there, 100) == b"mine\\n"
        os.dup2(saved, 1)
        span("c")
        """
    )
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["a", "c"]
    said, record = map(json.loads, err.splitlines())
    assert (said["event"], record["name"]) == ("autotrace.stdout", "b")
    assert "another file" in said["message"]


def test_a_connection_in_the_place_of_both_gets_nothing_at_all(start: Any) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        process = start(
            f"""
            span("a")
            autotrace.flush()
            for fd in (1, 2):
                os.dup2({theirs.fileno()}, fd)
            os.close({theirs.fileno()})
            span("b")
            print("mine", flush=True)
            assert not autotrace.flush(0.1)
            """,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        out, err = process.communicate(timeout=600)
        assert (process.returncode, err) == (0, b"")
        assert [json.loads(line)["name"] for line in out.splitlines()] == ["a"]
        assert b"".join(iter(lambda: ours.recv(1000), b"")) == b"mine\n"
