"""The method: two arms in one process, in adjacent batches whose order alternates. See the README.

The CPU time of the calling thread is compared: it does not include other processes, and drift of the clock speed affects both
batches of a pair alike. The statistic is the median of the differences of the pairs.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import autotrace
from autotrace._writer.writer import writer
from autotrace.sinks._entry import Entry

WARM_UP = 3
"""How many calls after each switch are not counted: a new class attribute empties the interpreter's caches."""


class Drop:
    """A sink that makes the line and drops it: all the work of a record except the write."""

    def write(self, batch: list[Entry]) -> None:
        for entry in batch:
            _ = entry.line

    def close(self, deadline: float) -> None:
        return


def _no_switch() -> None:
    return


class Arm(NamedTuple):
    """One side of a comparison: the function that is measured, and one that runs before each of its batches."""

    call: Callable[[], object]
    switch: Callable[[], object] = _no_switch


class Cost(NamedTuple):
    """The cost of one call in nanoseconds: on the calling thread, and in the rest of the process until all is written."""

    caller: float
    elsewhere: float


class Figure(NamedTuple):
    """A median with its standard error, and the quartiles of the same values."""

    median: float
    error: float
    low: float
    high: float

    def text(self, unit: float = 1000, digits: int = 2) -> str:
        """The figure as text, in units of `unit` nanoseconds; by default in microseconds."""
        median, error, low, high = (value / unit for value in self)
        return f"{median:+9.{digits}f} ± {error:.{digits}f}  [{low:+.{digits}f} … {high:+.{digits}f}]"


class Comparison(NamedTuple):
    """The cost of the second arm, compared with the first."""

    first: float
    difference: Figure
    elsewhere: Figure
    ratio: Figure


def figure(values: list[float]) -> Figure:
    """The median of `values`. Its standard error is computed from the quartiles, which outliers do not change."""
    low, median, high = statistics.quantiles(values, n=4)
    return Figure(median, 1.2533 * (high - low) / 1.349 / len(values) ** 0.5, low, high)


def batch_of(arm: Arm, calls: int) -> Cost:
    """The cost of a call of `arm`: the mean over one batch of `calls` calls."""
    arm.switch()
    for _ in range(WARM_UP):
        arm.call()
    autotrace.flush()
    gc.collect()
    call, turns = arm.call, range(calls)
    process, caller = time.process_time_ns(), time.thread_time_ns()
    for _ in turns:
        call()
    caller = time.thread_time_ns() - caller
    autotrace.flush()
    process = time.process_time_ns() - process
    return Cost(caller / calls, (process - caller) / calls)


def compare(first: Arm, second: Arm, pairs: int = 200, calls: int = 10, cost: Callable[..., Cost] = batch_of) -> Comparison:
    """Measure `pairs` pairs of batches of `calls` calls."""
    gc.collect()
    gc.freeze()
    costs: list[tuple[Cost, Cost]] = []
    for number in range(pairs + 2):
        if number % 2:
            later = cost(second, calls)
            costs.append((cost(first, calls), later))
        else:
            costs.append((cost(first, calls), cost(second, calls)))
    del costs[:2]
    gc.unfreeze()
    return Comparison(
        statistics.median(one.caller for one, _ in costs),
        figure([two.caller - one.caller for one, two in costs]),
        figure([two.elsewhere - one.elsewhere for one, two in costs]),
        figure([two.caller / one.caller for one, two in costs]),
    )


def show(name: str, comparison: Comparison, elsewhere: bool = False, **form: Any) -> None:
    """Print one line."""
    rest = f"   elsewhere {comparison.elsewhere.text(**form)}" if elsewhere else ""
    print(f"  {name:<36}{comparison.difference.text(**form)}{rest}", flush=True)


def begin(title: str, *distributions: str) -> None:
    """Print what is measured, and on which machine. Send the records to `Drop`."""
    writer.sinks = [Drop()]
    used = []
    for name in ("llm-autotrace", *distributions, "msgspec"):
        try:
            used.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            used.append(f"no {name}")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"# {title}\n  {platform.python_implementation()} {platform.python_version()}, {', '.join(used)}")
    print(f"  {platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}\n")
