"""A program with children, started in the way that its argument names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from asking import ask, tell

import autotrace

CHILD = [sys.executable, __file__, "child"]
A_MOMENT = 0.05
"""Seconds in which the writer, which nobody can tell of what follows, has written what there was."""


def run() -> None:
    subprocess.run([*CHILD, "3"], check=True)


def popen() -> None:
    for child in [subprocess.Popen([*CHILD, "3"]) for _ in range(2)]:
        child.wait()


def posix_spawn() -> None:
    os.waitpid(os.posix_spawn(sys.executable, [*CHILD, "3"], os.environ), 0)


def fork() -> None:
    child = os.fork()
    if child == 0:
        tell("child", 3)
        sys.exit(4)
    print("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def fork_exit() -> None:
    """A forked child that ends as the documentation of `os.fork` has it end: nothing of Python's runs any more."""
    for _ in range(4):
        child = os.fork()
        if child == 0:
            tell("child")
            time.sleep(A_MOMENT)
            os._exit(4)
        print("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def forks() -> None:
    """Forks while there is something to write; CPython warns of one when it sees another thread."""
    for _ in range(10):
        with autotrace.span("before a fork"):
            pass
        child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)


def prints() -> None:
    """Lines of the program's own while many records go out."""
    done = threading.Event()

    def prints() -> None:
        while not done.wait(0.00002):
            print("line", flush=True)

    thread = threading.Thread(target=prints)
    thread.start()
    for _ in range(600):
        with autotrace.span("meanwhile", attributes={"text": "x" * 500}):
            time.sleep(0.0005)
    done.set()
    thread.join()


def execv() -> None:
    time.sleep(A_MOMENT)
    os.execv(sys.executable, [*CHILD, "execv"])


def fork_exec() -> None:
    child = os.fork()
    if child == 0:
        os.execv(sys.executable, [*CHILD, "3"])
    print("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def check_output() -> None:
    """The child's stdout is data, and so is its child's."""
    answer = subprocess.check_output([sys.executable, __file__, "answer", "deep"])
    print(json.loads(answer), flush=True)


def half() -> None:
    """The second half of a line comes when the first has been out for a while."""
    for _ in range(3):
        print("asking … ", end="", flush=True)
        answer = ask("parent")
        autotrace.flush()
        print(answer, flush=True)


def child(times: str) -> None:
    """What the others start: asks, and replaces itself a few times if `times` says so."""
    if times.startswith("execv"):
        tell("child")
        if times.count("v") < 4:
            os.execv(sys.executable, [*CHILD, times + "v"])
    else:
        tell("child", int(times))
        sys.exit(4 if times == "3" and len(sys.argv) > 3 else 0)


def answer(deep: str) -> None:
    below = json.loads(subprocess.check_output([sys.executable, __file__, "answer"])) if deep else None
    print(json.dumps({"said": ask("answering"), "below": below}, indent=1))


WAYS: dict[str, Callable[[], None]] = {
    way.__name__: way for way in (run, popen, posix_spawn, fork, fork_exit, forks, prints, execv, fork_exec, check_output, half)
}

if __name__ == "__main__":
    way, argument = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    if way == "child":
        child(argument)
    elif way == "answer":
        answer(argument)
    else:
        tell("parent")
        if way == "execv":  # which no block around it would see the end of
            execv()
        with autotrace.span("starting"):
            tell("parent")
            WAYS[way]()
        tell("parent")
        sys.exit(7)
