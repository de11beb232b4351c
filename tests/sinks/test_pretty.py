"""Trees instead of lines: on a real terminal, in a pipe, in time and out of it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotrace.sinks import _pretty, _terminal
from autotrace.sinks._descriptor import DescriptorSink
from autotrace.sinks._entry import Entry
from autotrace.sinks._tree import RED

PROGRAM = """
with autotrace.span("plan"):
    span("first")
    try:
        with autotrace.span("fails"):
            raise ValueError("no such city")
    except ValueError:
        pass
    autotrace.flush()
    print("still at it", flush=True)
"""


def test_a_tree_comes_when_its_root_has_ended(run: Callable[..., Any]) -> None:
    ran = run(PROGRAM, AUTOTRACE_FORMAT="pretty")
    assert (ran.code, ran.err) == (0, "")
    at_it, plan, first, fails, why = ran.out.splitlines()
    assert at_it == "still at it"
    assert [line.split()[0] for line in (plan, first, fails, why)] == ["plan", "├─", "└─", "→"]
    assert "ValueError" in fails
    assert "no such city" in why
    assert "\x1b" not in ran.out


def test_run_has_an_option_and_files_stay_json(
    run: Callable[..., Any], tmp_path: Path, environment: Callable[..., Any]
) -> None:
    run("")  # writes program.py
    (tmp_path / "program.py").write_text("import autotrace\nwith autotrace.span('a'): pass\n")
    line = [sys.executable, "-m", "autotrace", "run", "--pretty", "program.py"]
    variables = environment(AUTOTRACE_SINKS="stdout,file", AUTOTRACE_FILE="app.jsonl")
    done = subprocess.run(line, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "a"
    assert (tmp_path / "app.jsonl").read_text().startswith('{"timestamp"')


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudoterminals")
@pytest.mark.parametrize(
    ("variables", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": "", "FORCE_COLOR": "0"}, False)],
)
def test_on_a_terminal_in_its_width_and_in_colour(
    tmp_path: Path, environment: Callable[..., Any], variables: dict[str, str], colored: bool
) -> None:
    import fcntl
    import pty
    import struct
    import termios

    script = tmp_path / "program.py"
    script.write_text("import autotrace\nautotrace.enable(format='pretty')\nspan = autotrace.span\n" + textwrap.dedent(FAILING))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    line = [sys.executable, str(script)]
    subprocess.run(line, stdout=theirs, env=environment(**{"TERM": "xterm", **variables}), check=True, timeout=600)
    os.close(theirs)
    text = read(ours)
    os.close(ours)
    assert (RED in text) is colored
    plain = text.replace("\x1b[31m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert "\x1b" not in plain
    assert max(map(_terminal.columns_of, plain.splitlines())) <= 40
    assert plain.startswith("a name that is much")


FAILING = """
try:
    with span("a name that is much too long for the line"):
        raise ValueError("what went wrong " * 9)
except ValueError:
    pass
"""


def read(fd: int) -> str:
    found = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:  # Linux says so when the other end is closed
            return found.decode()
        if not piece:
            return found.decode()
        found += piece


def test_colour_is_forced_where_there_is_no_terminal(run: Callable[..., Any]) -> None:
    ran = run(PROGRAM, AUTOTRACE_FORMAT="pretty", FORCE_COLOR="1")
    assert RED in ran.out


class Written:
    """What a `PrettySink` writes to a pipe."""

    def __init__(self) -> None:
        self._out, fd = os.pipe()
        os.set_blocking(self._out, False)
        os.set_inheritable(fd, True)
        self.sink = _pretty.PrettySink(DescriptorSink(fd))

    def text(self) -> list[str]:
        try:
            return os.read(self._out, 1 << 20).decode().splitlines()
        except BlockingIOError:
            return []


@pytest.fixture
def written() -> Written:
    return Written()


def entry(captured: Any, name: str, parent: Any = None) -> Entry:
    """An entry for a real span."""
    from autotrace._capture import recording, spans

    operation, origin = spans._manual()
    call = recording.begin(operation, origin, name=name, parent=parent)
    call._claim("completed")
    record = call._draft.record()
    assert record is not None
    return Entry(record)


def test_what_is_late_or_has_no_root_says_so(captured: Any, written: Written) -> None:
    from autotrace._capture.context import SpanContext

    trace = SpanContext(7, 9)
    late, root = entry(captured, "late", trace), entry(captured, "root")
    root.record.trace_id, root.record.span_id = late.record.trace_id, f"{9:016x}"
    assert written.sink.write([root]) == 1
    assert written.text()[0].startswith("root")
    assert written.sink.write([late]) == 1
    (line,) = written.text()
    assert line.startswith("late")
    assert "  late  00000000" in line
    assert written.sink.write([entry(captured, "orphan", SpanContext(8, 9))]) == 1
    assert written.text() == []
    written.sink.close(1e12)
    assert "without its root" in written.text()[0]


def test_memory_is_bounded(captured: Any, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    from autotrace._capture.context import SpanContext

    monkeypatch.setattr(_pretty, "_MOST_RECORDS", 3)
    monkeypatch.setattr(_pretty, "_MOST_TRACES", 2)
    shown = []
    for number in range(1, 7):
        written.sink.write([entry(captured, f"s{number}", SpanContext(number, 9))])
        shown += written.text()
    assert [line.split()[0] for line in shown] == ["s1", "s2", "s3"]
    assert len(written.sink._shown) == 2


def test_what_cannot_be_written_comes_once_when_it_can(captured: Any, tmp_path: Path) -> None:
    """The batch is refused and comes again, as it would from the writer: the trees are there once."""
    full = os.open("/dev/full", os.O_WRONLY)
    os.set_inheritable(full, True)
    sink = _pretty.PrettySink(DescriptorSink(full))
    batch = [entry(captured, "a"), entry(captured, "b")]
    taken = 0
    for _ in range(2):
        try:
            taken = sink.write(batch)
        except OSError:
            continue
        assert taken == 0
    with open(tmp_path / "text", "wb") as file:
        os.set_inheritable(file.fileno(), True)
        os.dup2(file.fileno(), full)
        assert sink.write([*batch, entry(captured, "c")]) == 3
    os.close(full)
    assert [line.split()[0] for line in (tmp_path / "text").read_text().splitlines()] == ["a", "b", "c"]
