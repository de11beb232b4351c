"""Outputs that fail, and work again: the program never notices, and nothing is lost for which there is room."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="descriptors of another kind")


def names(data: bytes) -> list[str]:
    return [json.loads(line)["name"] for line in data.splitlines()]


def events(err: bytes) -> list[str]:
    return [json.loads(line)["event"] for line in err.splitlines()]


UNTIL_FLUSHED = """
def until_flushed():
    give_up = time.monotonic() + 600
    while not autotrace.flush():
        assert time.monotonic() < give_up
        time.sleep(0.01)
"""


def test_what_ended_while_stdout_was_closed_is_written_when_it_is_back(start: Any) -> None:
    process = start(
        UNTIL_FLUSHED
        + """
span("a")
autotrace.flush()
from autotrace._writer.writer import writer
while not writer.thread.prepared:  # its imports open files, one of which would be descriptor 1
    time.sleep(0.01)
saved = os.dup(1)
os.close(1)
span("b")
assert not autotrace.flush(0.2)
os.dup2(saved, 1)
until_flushed()
assert autotrace.health()["spans"]["written"] == 2
span("c")
"""
    )
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert names(out) == ["a", "b", "c"]
    said = [json.loads(line)["message"] for line in err.splitlines()]
    assert len(said) == 2
    assert "file descriptor 1" in said[0]
    assert "works again" in said[1]


def test_a_file_that_gets_the_number_of_a_closed_stdout_gets_no_line(start: Any, tmp_path: Path) -> None:
    process = start(
        """
        span("a")
        autotrace.flush()
        from autotrace._writer.writer import writer
        while not writer.thread.prepared:  # its imports open files, one of which would be descriptor 1
            time.sleep(0.01)
        saved = os.dup(1)
        os.close(1)
        data = open("data", "wb")
        assert data.fileno() == 1
        span("b")
        assert autotrace.flush()
        data.write(b"the program's")
        data.close()
        os.dup2(saved, 1)
        span("c")
        """
    )
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert names(out) == ["a", "c"]
    assert names(err.split(b"\n", 1)[1]) == ["b"]
    assert events(err)[0] == "autotrace.stdout"
    assert (tmp_path / "data").read_bytes() == b"the program's"


def test_a_full_disk_that_has_room_again_costs_nothing(start: Any, tmp_path: Path) -> None:
    """Lines that were cut by the end of the room are finished, not begun anew."""
    with (tmp_path / "out").open("wb") as out:
        process = start(
            UNTIL_FLUSHED
            + """
import resource
for number in range(60):
    if number % 20 == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000 + 800 * number, -1))
    span(str(number), text="x" * 1000)
    time.sleep(0.005)
give_up = time.monotonic() + 600
while not autotrace.health()["sinks"]["stdout"]["failing"]:  # it may have got room just now, and not filled it yet
    assert time.monotonic() < give_up
    time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
until_flushed()
assert autotrace.health()["sinks"]["stdout"] == {"failing": False, "waiting": 0}
""",
            stdout=out,
        )
        err = process.communicate(timeout=600)[1]
    assert process.returncode == 0, err
    assert names((tmp_path / "out").read_bytes()) == [str(number) for number in range(60)]
    assert events(err)[:2] == ["autotrace.sink", "autotrace.sink"]


@pytest.mark.parametrize("way", ["os.O_WRONLY", "os.O_RDONLY"], ids=["full", "read-only"])
def test_an_output_that_never_works_delays_nothing_and_is_said(start: Any, tmp_path: Path, way: str) -> None:
    path = "/dev/full" if way == "os.O_WRONLY" else str(tmp_path / "file")
    Path(tmp_path / "file").touch()
    if not os.path.exists(path):
        pytest.skip("this system has no /dev/full")
    fd = os.open(path, os.O_WRONLY if way == "os.O_WRONLY" else os.O_RDONLY)
    process = start(
        """
        for number in range(20):
            span(str(number))
            time.sleep(0.01)
        """,
        stdout=fd,
    )
    os.close(fd)
    begun = time.monotonic()
    err = process.communicate(timeout=600)[1]
    assert process.returncode == 0
    assert events(err) == ["autotrace.sink", "autotrace.dropped"]
    assert json.loads(err.splitlines()[1])["records"] == 20
    assert time.monotonic() - begun < 300


def slowly(process: Any) -> bytes:
    found = b""
    while data := os.read(process.stdout.fileno(), 5000):
        found += data
        time.sleep(0.0002)
    return found


LONG = """
for number in range(40):
    span(str(number), text="x" * (number * 1000))
"""


@pytest.mark.parametrize(
    "before",
    [
        "os.set_blocking(1, False)",
        "import signal; signal.signal(signal.SIGALRM, lambda *_: None); signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)",
        "import io; sys.stdout = io.StringIO()",
        "sys.stdout.close()",
        "sys.stdout = sys.__stdout__ = None",
    ],
    ids=["non-blocking", "interrupted", "replaced", "sys.stdout closed", "none"],
)
def test_lines_stay_whole_whatever_is_done_to_stdout(start: Any, before: str) -> None:
    process = start(f"{before}\n{LONG}", variables={"AUTOTRACE_EXIT_TIMEOUT": "600"})
    out = slowly(process)
    assert process.communicate(timeout=600)[1] == b""
    assert names(out) == [str(number) for number in range(40)]


@pytest.mark.parametrize("action", ["SIG_IGN", "SIG_DFL"])
def test_a_reader_that_is_gone_is_no_end_of_the_program(start: Any, action: str) -> None:
    process = start(
        f"""
        import signal
        signal.signal(signal.SIGPIPE, signal.{action})
        sys.stdin.readline()
        span("a")
        autotrace.flush()
        span("b")
        """
    )
    process.stdout.close()
    process.stdin.write(b"\n")
    process.stdin.flush()
    err = process.stderr.read()
    assert process.wait(600) == 0
    assert events(err) == ["autotrace.sink", "autotrace.dropped"]


def test_a_daemon_goes_on(start: Any) -> None:
    process = start(
        """
        span("a")
        autotrace.flush()
        if os.fork():
            os._exit(0)
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        span("b")
        assert autotrace.flush()
        open("done", "w").close()
        """
    )
    out, err = process.communicate(timeout=600)
    assert (names(out), err) == (["a"], b"")
    give_up = time.monotonic() + 600
    done = Path(process.args[1]).parent / "done"
    while not done.exists():
        assert time.monotonic() < give_up
        time.sleep(0.01)


OWN_SINK = """
class Sink:
    def __init__(self):
        self.got, self.calls = [], 0
    def write(self, batch):
        self.calls += 1
        {body}
    def close(self, deadline):
        print(",".join(self.got))
sink = Sink()
autotrace.enable(sinks=[sink])
for number in range(30):
    span(str(number))
autotrace.flush(0.1)
time.sleep(0.4)
autotrace.flush(5.0)
"""


@pytest.mark.parametrize(
    ("body", "lost", "said"),
    [
        (
            "if self.calls < 3: raise ConnectionError('no route')\n        self.got += [e.record.name for e in batch]",
            [],
            2,
        ),
        ("self.got.append(batch[0].record.name); return 1", [], 0),
        ("if self.calls % 2: return 0\n        self.got += [e.record.name for e in batch[:2]]; return len(batch[:2])", [], 0),
        (
            "for e in batch: int(e.record.attributes['n'] if e.record.name == '7' else 0)\n"
            "        self.got += [e.record.name for e in batch]",
            ["7"],
            1,
        ),
        ("self.got += [e.record.name for e in batch]; return 'all'", [], 1),
    ],
    ids=["fails twice", "one at a time", "now and then", "cannot take one", "answers nonsense"],
)
def test_a_sink_gets_each_record_once_and_in_order(start: Any, body: str, lost: list[str], said: int) -> None:
    process = start(OWN_SINK.replace("{body}", body), enable="")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert out.decode().strip().split(",") == [name for name in map(str, range(30)) if name not in lost]
    assert len(err.splitlines()) == said, err


def test_a_sink_that_waits_does_not_keep_the_others_waiting(start: Any) -> None:
    process = start(
        """
        class Stuck:
            def write(self, batch):
                raise OSError("down")
            def close(self, deadline): ...
        autotrace.enable(sinks=["stdout", Stuck()])
        for number in range(10):
            span(str(number))
        sys.stdin.readline()
        """,
        enable="",
    )
    found = b""
    reader = threading.Timer(30, process.kill)
    reader.start()
    while found.count(b"\n") < 10:
        found += os.read(process.stdout.fileno(), 10_000)
    reader.cancel()
    err = process.communicate(b"\n", timeout=600)[1]
    assert names(found) == [str(number) for number in range(10)]
    assert events(err) == ["autotrace.sink", "autotrace.dropped"]


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("@property\n    def name(self): 1 / 0\n    def write(self, batch): raise OSError('down')", "autotrace.sink"),
        (
            "class Odd(int):\n        def __lt__(self, other): 1 / 0\n    def write(self, batch): return self.Odd(len(batch))",
            "autotrace.failure",
        ),
    ],
    ids=["its name", "its answer"],
)
def test_what_a_sink_raises_anywhere_reaches_nobody(start: Any, sink: str, said: str, sync: bool) -> None:
    process = start(
        f"""
class Sink:
    {sink}
    def close(self, deadline): 1 / 0
autotrace.enable(sinks=["stdout", Sink()], sync={sync})
for number in range(3):
    span(str(number))
autotrace.flush(0.2)
autotrace.health()
""",
        enable="",
        variables={"AUTOTRACE_EXIT_TIMEOUT": "0.2"},
    )
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert names(out) == ["0", "1", "2"]
    assert b"Traceback" not in err
    assert said in events(err)


def test_a_variable_that_was_spoilt_after_it_was_checked_costs_no_record(start: Any) -> None:
    process = start("os.environ['AUTOTRACE_SINKS'] = '{'\nspan('a')")
    out, err = process.communicate(timeout=600)
    assert (process.returncode, names(out), events(err)) == (0, ["a"], ["autotrace.settings"])
