"""Ends that run no Python of ours, and what is written before them; forks in the midst of threads."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

MOMENT = 0.05
"""Seconds after which what has ended is out, whatever kills the process."""


def names(out: bytes) -> list[str]:
    return [json.loads(line)["name"] for line in out.splitlines()]


ALL = [str(number) for number in range(200)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_what_ended_a_moment_before_a_signal_is_out(start: Any, number: int, tmp_path: Path) -> None:
    program = f"""
        from autotrace._writer.writer import writer
        span("0")
        while not writer.thread.prepared:  # its first imports take longer
            time.sleep(0.01)
        for number in range(1, 200):
            span(str(number))
        time.sleep({MOMENT})
        sys.stderr.write("now\\n")
        time.sleep(60)
        """
    for attempt in range(4):  # on a machine with other work than this, a moment may be none for the writer
        with (tmp_path / str(attempt)).open("wb") as out:
            process = start(program, stdout=out)
        assert process.stderr.readline() == b"now\n"
        process.send_signal(number)
        process.communicate(timeout=600)
        assert process.returncode == -number
        found = names((tmp_path / str(attempt)).read_bytes())
        if found == ALL:
            break
    assert found == ALL


LEAVING = {
    "killed": "import signal, threading; signal.pthread_kill(threading.get_ident(), signal.SIGKILL)",  # none of ours sees it
    "os._exit": "os._exit(9)",
    "abort": "os.abort()",
}


@pytest.mark.parametrize("way", LEAVING)
def test_with_sync_every_call_that_returned_is_out(start: Any, way: str) -> None:
    process = start(
        f"""
        for number in range(200):
            span(str(number))
        {LEAVING[way]}
        """,
        enable="autotrace.enable(sync=True)",
    )
    out, err = process.communicate(timeout=600)
    assert (process.returncode != 0, names(out)) == (True, ALL), err


def test_with_sync_threads_write_each_record_once(start: Any) -> None:
    process = start(
        """
        import threading
        def work(name):
            for number in range(50):
                span(f"{name}.{number}")
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.kill(os.getpid(), 9)
        """,
        variables={"AUTOTRACE_SYNC": "1"},
    )
    out = process.communicate(timeout=600)[0]
    assert sorted(names(out)) == sorted(f"{name}.{number}" for name in "abcd" for number in range(50))


@pytest.mark.parametrize("sync", [False, True])
def test_a_killed_process_leaves_the_beginning_of_what_it_was_at(start: Any, sync: bool) -> None:
    process = start(
        f"""
        with autotrace.span("outer"):
            with autotrace.span("inner", {{"n": 1}}):
                time.sleep({0 if sync else 2})
                import signal, threading
                signal.pthread_kill(threading.get_ident(), signal.SIGKILL)
        """,
        enable=f"autotrace.enable(starts=True, sync={sync})",
    )
    lines = [json.loads(line) for line in process.communicate(timeout=600)[0].splitlines()]
    assert [(line["event"], line["name"]) for line in lines] == [("span.start", "outer"), ("span.start", "inner")]
    assert lines[1]["parent_id"] == lines[0]["span_id"]
    assert lines[1]["attributes"] == {"n": 1}


def test_a_stalled_reader_delays_the_exit_for_as_long_as_is_set(start: Any) -> None:
    process = start(
        """
        span("a", text="x" * 500_000)
        for _ in range(5):
            span("b")
        print(time.monotonic(), file=sys.stderr, flush=True)
        """,
        variables={"AUTOTRACE_EXIT_TIMEOUT": "1"},
    )
    begun = float(process.stderr.readline())
    process.wait(timeout=600)
    assert 0.9 < time.monotonic() - begun < 300
    said = json.loads(process.stderr.read())
    assert (said["event"], said["records"]) == ("autotrace.dropped", 6)


def read_slowly(process: Any, pause: float) -> bytes:
    found = b""
    while data := os.read(process.stdout.fileno(), 16_384):
        found += data
        time.sleep(pause)
    return found


def test_a_slow_reader_gets_everything_of_every_process_at_the_end(start: Any) -> None:
    """The seconds count from the last byte that it took, also if another process wrote that."""
    process = start(
        """
        span("first")
        autotrace.flush()
        begun, begins = os.pipe()
        children = []
        for child in range(3):
            children.append(os.fork())
            if not children[-1]:
                if child == 0:
                    span("long", text="x" * 3_000_000)
                    assert not autotrace.flush(0.1)
                    os.write(begins, b"12")
                else:
                    os.read(begun, 1)
                    for number in range(20):
                        span(f"{child}.{number}", text="x" * 15_000)
                sys.exit()
        for child in children:
            os.waitpid(child, 0)
        """,
        variables={"AUTOTRACE_EXIT_TIMEOUT": "2", "AUTOTRACE_MAX_LINE_BYTES": "10000000"},
    )
    out = read_slowly(process, 0.02)  # of the long line alone, this takes more than three seconds
    assert process.communicate(timeout=600)[1] == b""
    assert sorted(names(out)) == sorted(["first", "long", *(f"{child}.{number}" for child in (1, 2) for number in range(20))])


def test_a_reader_that_stops_at_the_end_costs_the_records_that_it_has_not_taken(start: Any) -> None:
    process = start(
        """
        for number in range(300):
            span(str(number), text="x" * 15_000)
        """,
        variables={"AUTOTRACE_EXIT_TIMEOUT": "0.3"},
    )
    found = os.read(process.stdout.fileno(), 100)
    assert process.wait(600) == 0
    rest, err = process.communicate(timeout=600)
    whole = (found + rest).rpartition(b"\n")[0]
    out = names(whole)
    assert out == [str(number) for number in range(len(out))]
    said = json.loads(err)
    assert (said["event"], said["records"]) == ("autotrace.dropped", 300 - len(out))


def test_forks_in_a_storm_of_threads_write_each_record_once(start: Any) -> None:
    process = start(
        """
        import threading, warnings
        span("first")  # a fork in the middle of somebody's import is a deadlock, whoever imports
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks in a program that has threads
        done = threading.Event()
        counts = [0] * 4
        def work(name):
            while not done.is_set():
                span(f"{name}.{counts[name]}")
                counts[name] += 1
                time.sleep(0.0005)
        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(25):
            child = os.fork()
            if not child:
                span(f"child {number}")
                print(f"{os.getpid()}", file=sys.stderr, flush=True)
                if number % 2:
                    os._exit(0)
                sys.stdout.flush()
                os._exit(0)
            children.append(child)
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        for thread in threads:
            thread.join()
        print("counts", *counts, file=sys.stderr)
        """
    )
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    *pids, last = err.decode().splitlines()
    threads = [f"{name}.{number}" for name, count in enumerate(last.split()[1:]) for number in range(int(count))]
    assert sorted(names(out)) == sorted(["first", *(f"child {number}" for number in range(25)), *threads])
    by_children = {
        str(record["resource"]["process.pid"])
        for record in map(json.loads, out.splitlines())
        if record["name"].startswith("child")
    }
    assert by_children == set(pids)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="earlier ones do not warn")
def test_a_fork_while_the_reader_is_slow_brings_no_warning(start: Any) -> None:
    process = start(
        """
        from autotrace._writer.writer import writer
        span("a")
        autotrace.flush()
        while not writer.thread.prepared:  # its first imports take longer than a fork waits
            time.sleep(0.01)
        for number in range(5):
            span("b", text="x" * 50_000)
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
        """,
        variables={"AUTOTRACE_EXIT_TIMEOUT": "600"},
    )
    time.sleep(3)
    out, err = process.communicate(timeout=600)
    assert (names(out), err) == (["a", *"bbbbb"], b"")
