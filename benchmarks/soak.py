"""Four processes, one pipe, a slow reader: `python -m benchmarks.soak [--seconds 60]`.

Together the processes make 5,000 spans per second, with requests of 100 to 9,000 bytes, from the recording core: an SDK and its
transport could not make as many on two cores. The reader reads at most a thousand times per second, and pauses every few
seconds. Afterwards every line is checked: whether it is JSON, which span it is, and whether it is a duplicate.

It is compared with the same loop without recording, for the latency of a call, and with two naive writers, in which each
process writes its lines without a lock. The figures are wall time, so run it on a quiet machine: if the processes do not get a
whole core between them, they cannot write as much as they make.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks import paired

_CHUNK = 1 << 16
_OTHER_ARMS = 6
"""The time of the traced arm is divided by this for each of the others."""


class Reader:
    """Reads a pipe into a file until its end, with a short pause after each read and a long one every few seconds."""

    def __init__(self, fd: int, to: Path, pause: float, every: float) -> None:
        self.pauses = 0
        self._fd, self._to = fd, to
        self._pause, self._every = pause, every
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        next_pause = time.monotonic() + self._every / 2
        with self._to.open("wb") as file:
            while data := os.read(self._fd, _CHUNK):
                file.write(data)
                time.sleep(0.001)
                if self._pause and time.monotonic() > next_pause:
                    time.sleep(self._pause)
                    self.pauses += 1
                    next_pause = time.monotonic() + self._every
        os.close(self._fd)

    def join(self) -> None:
        self._thread.join()


class Arrived(NamedTuple):
    """What came out of the pipe: spans by name, the number of broken lines, and the `size` in bytes."""

    spans: Counter[str]
    broken: int
    size: int


def _look(file: Path) -> Arrived:
    spans: Counter[str] = Counter()
    broken = 0
    with file.open("rb") as lines:
        for line in lines:
            try:
                record = msgspec.json.decode(line)
                if record["event"] == "span":
                    spans[record["name"]] += 1
            except (msgspec.DecodeError, TypeError, KeyError):
                broken += 1
    return Arrived(spans, broken, file.stat().st_size)


class Soaked(NamedTuple):
    """The result of one arm: its processes' figures, what arrived, the pauses of the reader, and the lines on stderr."""

    writers: list[dict[str, Any]]
    arrived: Arrived
    pauses: int
    said: list[str]

    def worst(self, figure: str) -> float:
        """The highest value of `figure` among the processes."""
        return float(max(writer[figure] for writer in self.writers))


def soak(arm: str, seconds: float, given: argparse.Namespace) -> Soaked:
    """Run one arm."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.json" for number in range(given.processes)]
        lines = Path(folder) / "lines"
        end, stdout = os.pipe()
        rate = str(given.rate / given.processes)
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.load", arm, str(number), str(seconds), rate, str(file)],
                stdout=stdout,
                stderr=subprocess.PIPE,
                env=environment,
                text=True,
            )
            for number, file in enumerate(files)
        ]
        os.close(stdout)
        reader = Reader(end, lines, given.pause, given.every)
        said = [process.communicate()[1] for process in processes]
        reader.join()
        writers = [json.loads(file.read_text()) for file in files]
        return Soaked(writers, _look(lines), reader.pauses, [line for text in said for line in text.splitlines()])


def _lost(soaked: Soaked, lost: int) -> str:
    """How many spans were lost, with the reasons that the processes reported."""
    at_exit = sum(record.get("records", 0) for line in soaked.said if (record := _said(line)).get("level") == "error")
    full = sum(writer.get("dropped", 0) for writer in soaked.writers) - at_exit
    reasons = {"for lack of room": full, "at the exit": at_exit, "unexplained": lost - full - at_exit}
    said = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
    return f"lost {lost:,}" + (f" ({said})" if said else "")


def _said(line: str) -> dict[str, Any]:
    return dict(json.loads(line)) if line.startswith("{") else {}


def show(arm: str, soaked: Soaked) -> None:
    """Print the spans that went in and came out, and the other figures of an arm."""
    arrived, writers = soaked.arrived, soaked.writers
    made = sum(writer["calls"] for writer in writers)
    print(f"\n  {arm}: {sum(writer['rate'] for writer in writers):,.0f} spans/s made, {arrived.size / 1e6:,.0f} MB came out")
    print(f"    spans in {made:,}   out {len(arrived.spans):,}   {_lost(soaked, made - len(arrived.spans))}")
    twice = sum(count - 1 for count in arrived.spans.values())
    print(f"    broken lines {arrived.broken:,}   duplicated lines {twice:,}   pauses of the reader {soaked.pauses}")
    if shed := sum(writer.get("contents dropped", 0) for writer in writers):
        print(f"    spans that lost their content {shed:,}")
    memory = "   ".join(f"{name} {soaked.worst(name) / 1e6:.1f} MB" for name in ("before", "after", "peak"))
    print(f"    memory of the largest process: {memory}   CPU for a span {soaked.worst('cpu'):.0f} µs")
    for line in sorted(set(soaked.said))[:5]:
        print(f"    stderr: {line}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=5000, help="spans per second, of all processes together")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds for which the reader stops reading")
    parser.add_argument("--every", type=float, default=5, help="seconds between two such pauses")
    given = parser.parse_args()
    paired.begin(f"Soak: {given.rate:,.0f} spans/s from {given.processes} processes through one pipe, {given.seconds:.0f} s")
    short = max(given.seconds / _OTHER_ARMS, 3)
    nothing = soak("nothing", short, given)
    traced = soak("autotrace", given.seconds, given)
    show("autotrace", traced)
    naive = {arm: soak(arm, short, given) for arm in ("print", "os.write")}
    for arm, one in naive.items():
        show(f"{arm}, no lock", one)
    print("\n  µs of the caller, in the slowest process       p50        p99     began late by p50        p99")
    for name, one in {"nothing recorded": nothing, "autotrace": traced, **naive}.items():
        print(f"    {name:<36}{one.worst('p50'):10.1f} {one.worst('p99'):10.1f}", end="            ")
        print(f"{one.worst('late p50'):10.1f} {one.worst('late p99'):10.1f}")


if __name__ == "__main__":
    main()
