"""One of the processes of `soak`: makes calls at an even pace and measures them. `python -m benchmarks.load ARM …`.

Its stdout is the pipe under test. It writes its figures to a file.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import resource
import statistics
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXTS = (100, 500, 500, 2_000, 500, 100, 500, 9_000, 500, 500)
"""Bytes of text in the requests, in turn: most lines are shorter than an atomic write to a pipe, some are longer."""


def _request(text: int) -> dict[str, Any]:
    return {"model": "model-1", "messages": [{"role": "user", "content": "x" * text}]}


WARM_UP = 20
"""How many calls are made and written first, without being measured."""

REQUESTS = [_request(text) for text in TEXTS]


def _nothing(_identity: str, _request: dict[str, Any]) -> None:
    return


def _autotrace() -> Callable[[str, dict[str, Any]], None]:
    """Records spans in the way of `plugin.start` and of every replaced function."""
    import autotrace
    from autotrace._capture import recording
    from benchmarks.core import OPERATION, ORIGIN, _answer

    autotrace.enable()
    answer = _answer()

    def call(identity: str, request: dict[str, Any]) -> None:
        recording.begin(OPERATION, ORIGIN, request, name=identity).finish(answer)

    return call


def _print(identity: str, request: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"event": "span", "name": identity, **request}) + "\n")
    sys.stdout.flush()


def _os_write(identity: str, request: dict[str, Any]) -> None:
    line = json.dumps({"event": "span", "name": identity, **request}).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


ARMS: dict[str, Callable[[], Callable[[str, dict[str, Any]], None]]] = {
    "nothing": lambda: _nothing,
    "autotrace": _autotrace,
    "print": lambda: _print,
    "os.write": lambda: _os_write,
}
"""By arm: a factory of the function that is run for each call."""


def resident() -> int:
    """The resident memory of this process in bytes; 0 if the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def run(arm: str, number: int, seconds: float, rate: float) -> dict[str, Any]:
    """Make `rate` calls per second. Returns how many; in µs how long each took and how late it began; memory in bytes.

    A call is late if the thread that slept until its time does not get the interpreter or a processor at once.
    """
    call = ARMS[arm]()
    for warm in range(WARM_UP):
        call(f"{number}.warm.{warm}", REQUESTS[warm % len(REQUESTS)])
    time.sleep(1)  # for the imports of the writer's thread
    took, late = array("d"), array("d")
    before, cpu = resident(), time.process_time()
    begin = time.perf_counter()
    for turn in range(int(seconds * rate)):
        due = begin + turn / rate
        while (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        late.append(-wait * 1e6)
        identity, request = f"{number}.{turn}", REQUESTS[turn % len(REQUESTS)]
        start = time.perf_counter_ns()
        call(identity, request)
        took.append((time.perf_counter_ns() - start) / 1000)
    made = time.perf_counter() - begin
    cuts, late_cuts = statistics.quantiles(took, n=100), statistics.quantiles(late, n=100)
    return {
        "calls": len(took) + WARM_UP,
        "rate": len(took) / made,
        "cpu": (time.process_time() - cpu) / len(took) * 1e6,
        "p50": cuts[49],
        "p99": cuts[98],
        "late p50": late_cuts[49],
        "late p99": late_cuts[98],
        "before": before,
        "after": resident(),
    }


def _end(figures: dict[str, Any], file: Path) -> None:
    """Write the figures, with those that are known only after all records were written or dropped."""
    if (autotrace := sys.modules.get("autotrace")) is not None:
        health = autotrace.health()
        figures["dropped"] = health["spans"]["dropped"]
        figures["contents dropped"] = health["queue"]["contents_dropped"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    file.write_text(json.dumps({**figures, "peak": peak}))


def main() -> None:
    """Run, and write the figures as JSON to the file that the last argument names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("number", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("rate", type=float)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    atexit.register(_end, figures, given.file)  # registered before autotrace's handler, so it runs after that
    figures.update(run(given.arm, given.number, given.seconds, given.rate))


if __name__ == "__main__":
    main()
