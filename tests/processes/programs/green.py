"""What the programs with greenlets do once the standard library is patched: ask in many of them at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from asking import ask, tell

import autotrace


def step(number: int) -> None:
    with autotrace.span(f"step {number}"):
        time.sleep(0.01)
        ask(f"step {number}")
        time.sleep(0.01)
        print(ask(f"step {number}"), flush=True)


def main(spawn: Callable[..., Any], join: Callable[[list[Any]], Any]) -> None:
    tell("first")
    started = time.monotonic()
    with autotrace.span("all"):
        join([spawn(step, number) for number in range(20)])
    print("at a time:", time.monotonic() - started < 3.0)
    thread = threading.Thread(target=step, args=(20,))
    thread.start()
    thread.join()
    tell("last")
