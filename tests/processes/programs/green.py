"""What the programs with greenlets do once the standard library is patched: ask in many of them at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from asking import ask, tell

import autotrace

inside: list[int] = []
most = 0


def step(number: int) -> None:
    global most
    inside.append(number)
    most = max(most, len(inside))
    with autotrace.span(f"step {number}"):
        time.sleep(0.01)
        ask(f"step {number}")
        time.sleep(0.01)
        print(ask(f"step {number}"), flush=True)
    inside.remove(number)


def main(spawn: Callable[..., Any], join: Callable[[list[Any]], Any]) -> None:
    tell("first")
    with autotrace.span("all"):
        join([spawn(step, number) for number in range(20)])
    print("at a time:", most > 10)
    thread = threading.Thread(target=step, args=(20,))
    thread.start()
    thread.join()
    tell("last")
