"""What comes out of a process: whole lines on its stdout, all of them, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

PREAMBLE = """
import os, sys, autotrace
autotrace.enable()
def span(name, **attributes):
    with autotrace.span(name, attributes=attributes):
        pass
"""


def environment() -> dict[str, str]:
    """Ours without the stdout of these tests, of which the program is to know nothing; and with patience at its end."""
    ours = {name: value for name, value in os.environ.items() if name != "AUTOTRACE_STDOUT"}
    return {"AUTOTRACE_EXIT_TIMEOUT": "600", **ours}


def run(tmp_path: Path, program: str, **options: Any) -> tuple[subprocess.CompletedProcess[bytes], list[Any]]:
    """Run a program; its result and the lines of its stdout, those that are JSON parsed."""
    script = tmp_path / "program.py"
    script.write_text(PREAMBLE + textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, timeout=600, check=False, **{"env": environment(), **options}
    )
    return done, [json.loads(line) if line.startswith(b"{") else line for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ValueError('unhandled')", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("os.kill(os.getpid(), 2)", -signal.SIGINT),
    ],
)
def test_all_spans_are_out_however_the_program_ends(tmp_path: Path, end: str, code: int) -> None:
    done, lines = run(tmp_path, f"for number in range(200): span(f's{{number}}')\n{end}\n")
    assert done.returncode == code
    assert [line["name"] for line in lines] == [f"s{number}" for number in range(200)]
    assert {line["resource"]["service.name"] for line in lines} == {"program"}


def test_spans_that_are_open_at_the_end_are_recorded_as_such(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path,
        """
        import threading
        begun = threading.Event()
        def hang():
            with autotrace.span("hanging"):
                begun.set()
                threading.Event().wait()
        threading.Thread(target=hang, daemon=True).start()
        begun.wait()
        autotrace.span("open").__enter__()
        """,
    )
    assert sorted((line["name"], line["end_reason"]) for line in lines) == [("hanging", "exit"), ("open", "abandoned")]


def test_spans_of_the_programs_own_exit_handlers_are_written(tmp_path: Path) -> None:
    _, lines = run(tmp_path, "import atexit\natexit.register(span, 'late')\nspan('early')\natexit.register(span, 'later')\n")
    assert [line["name"] for line in lines] == ["early", "later", "late"]


def test_the_thread_that_first_needs_threading_is_not_taken_for_the_main_one(tmp_path: Path) -> None:
    done, lines = run(
        tmp_path,
        """
        import time
        span("a")
        time.sleep(0.2)
        import threading
        assert threading.main_thread() is threading.current_thread()
        """,
    )
    assert (done.returncode, len(lines)) == (0, 1), done.stderr


def test_what_redirects_sys_stdout_reads_its_own_output_only(tmp_path: Path) -> None:
    done, lines = run(
        tmp_path,
        """
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()) as text:
            print("mine")
            span("a")
            autotrace.flush()
        assert text.getvalue() == "mine\\n", text.getvalue()
        """,
    )
    assert done.returncode == 0, done.stderr
    assert len(lines) == 1


def test_a_child_whose_stdout_is_parsed_keeps_its_records_off_it(tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(PREAMBLE + "span('of the child')\nprint('answer')\n")
    done, lines = run(
        tmp_path,
        f"""
        import subprocess
        span("of the parent")
        answer = subprocess.check_output([sys.executable, {str(child)!r}])
        assert answer == b"answer\\n", answer
        subprocess.run([sys.executable, {str(child)!r}])
        """,
    )
    assert done.returncode == 0, done.stderr
    names = [line["name"] if isinstance(line, dict) else line for line in lines]
    assert sorted(map(str, names)) == sorted(["of the parent", "of the child", "b'answer'"])
    assert [json.loads(line)["name"] for line in done.stderr.splitlines()] == ["of the child"]


def test_values_that_json_cannot_hold_leave_the_line_valid(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path,
        """
        loop = []
        loop.append(loop)
        span("odd", nan=float("nan"), huge=10**40, surrogate="\\ud800", key={(1, 2): 3, 4: 5}, loop=loop, kind=object, raw=b"x")
        """,
    )
    (line,) = lines
    assert (line["attributes"]["nan"], line["attributes"]["huge"]) == (None, str(10**40))


def test_the_programs_structlog_and_logging_are_left_alone(tmp_path: Path) -> None:
    done, lines = run(
        tmp_path,
        """
        import logging, structlog
        structlog.configure(processors=[lambda *a: 1 / 0])
        logging.basicConfig(level=0)
        span("a")
        autotrace.flush()
        assert structlog.get_config()["processors"][0].__name__ == "<lambda>"
        """,
    )
    assert (done.returncode, len(lines), done.stderr) == (0, 1, b"")


@pytest.mark.parametrize("left", ["sys.stdout.close()", "sys.stdout = type('Odd', (), {'isatty': lambda self: 1 / 0})()"])
def test_a_stdout_that_cannot_be_asked_anything_costs_no_record(tmp_path: Path, left: str) -> None:
    """structlog, which the first record needs, asks whether it is a terminal."""
    file = tmp_path / "spans.jsonl"
    done, _ = run(tmp_path, f"{left}\nspan('a')\nsys.stdout = None\n", env={**environment(), "AUTOTRACE_FILE": str(file)})
    assert (done.returncode, done.stderr) == (0, b"")
    assert [json.loads(line)["name"] for line in file.read_text().splitlines()] == ["a"]
