"""What the plugin costs: memory that a call leaves behind is a failure, time is a figure."""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import sys
import weakref
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import autotrace
from autotrace._writer.writer import writer
from autotrace.testing._cell import Cell, require
from autotrace.testing._checks.registering import check

_BATCH = 16
_BATCHES = 4
_ROUNDS = 4
_LEAK = 4.0
"""Blocks per call. A leak is more (an object, its dict, its strings); the noise of other threads is less."""

Refer = Callable[[str, Any], None]


class _NullSink:
    """Makes the lines, and drops them."""

    def write(self, batch: list[Any]) -> None:
        for entry in batch:
            assert entry.line

    def close(self, deadline: float) -> None:
        return


@check("memory")
async def memory(cell: Cell) -> None:
    """Nothing that the program received lives longer than without autotrace, and calls leave no memory behind."""
    uses = [("a result", _called)] if cell.has("call") else []
    uses += [("a stream that was read", _read), ("a stream that was closed early", _closed_early)] if cell.has("stream") else []
    uses += [("a failure", _failed)] if cell.has("fails") else []
    client = await cell.client()
    for name, use in uses:
        await _alive(cell, client, use)
        alone = await _alive(cell, client, use)
        cell.enable()
        traced = await _alive(cell, client, use)
        autotrace.disable()
        held = sorted(traced - alone)
        require(not held, f"{cell.name}: after {name}, autotrace or the plugin still holds {', '.join(held)}")
    await _is_flat(cell, client)


async def _alive(cell: Cell, client: Any, use: Any) -> set[str]:
    """The names of the objects that are alive after `use`, when the program has dropped all of them."""
    references: list[tuple[str, Any]] = []

    def refer(name: str, one: Any) -> None:
        try:
            references.append((name, weakref.ref(one)))
        except TypeError:  # a str or a dict has no weak references
            return

    await use(cell, client, refer)
    autotrace.flush()
    for _ in range(3):
        gc.collect()
        await cell.side.settle()
        if cell.side.asynchronous:
            await asyncio.sleep(0.002)
    return {name for name, reference in references if reference() is not None}


async def _called(cell: Cell, client: Any, refer: Refer) -> None:
    refer("the result", await cell.call(client))


async def _read(cell: Cell, client: Any, refer: Refer) -> None:
    async with cell.stream(client) as (stream, _):
        refer("the stream", stream)
        for item in await cell.side.items(stream):
            refer("an item", item)


async def _closed_early(cell: Cell, client: Any, refer: Refer) -> None:
    async with cell.stream(client) as (stream, _):
        refer("the stream", stream)
        for item in await cell.side.take(stream, 2):
            refer("an item", item)


async def _failed(cell: Cell, client: Any, refer: Refer) -> None:
    refer("the exception", await cell.fail(client))


async def _is_flat(cell: Cell, client: Any) -> None:
    """Require that the memory blocks in use do not grow with every batch of calls, or no more than without autotrace."""
    before, writer.sinks = writer.sinks, [_NullSink()]
    try:
        cell.enable()
        traced = await _growth(cell, client)
        cell.figures["blocks of memory left behind per call"] = f"{traced:.1f}"
        if traced < _LEAK:
            return
        autotrace.disable()
        alone = await _growth(cell, client)
        cell.enable()
        # What other threads kept by chance is not kept in so many batches.
        traced = min(traced, await _growth(cell, client, 4 * _BATCHES))
    finally:
        autotrace.flush()
        writer.sinks = before
    cell.figures["blocks of memory left behind per call"] = f"{alone:.1f} without, {traced:.1f} with autotrace"
    require(
        traced - alone < _LEAK, f"{cell.name}: every call leaves {traced:.1f} blocks of memory behind, {alone:.1f} without it"
    )


async def _growth(cell: Cell, client: Any, batches: int = _BATCHES) -> float:
    """The blocks that each call adds, in the batch that adds least: a leak grows in every batch, a cache that fills does not.

    The first batch that adds less than a leak ends the measurement, since more batches cannot raise the minimum.
    """
    ask = cell.ask()
    sizes: list[int] = []
    while len(sizes) < batches and (len(sizes) < 2 or sizes[-1] - sizes[-2] >= _LEAK * _BATCH):
        for _ in range(_BATCH):
            await cell.call(client, ask)
        cell.forget()
        autotrace.flush()
        gc.collect()
        sizes.append(sys.getallocatedblocks())
    return max(0, min(later - earlier for earlier, later in itertools.pairwise(sizes))) / _BATCH


@check("overhead")
async def overhead(cell: Cell) -> None:
    """How much longer a call takes with autotrace: a figure, never a failure."""
    client = await cell.client()
    ask = cell.ask()
    before, writer.sinks = writer.sinks, [_NullSink()]
    times: dict[bool, list[float]] = {False: [], True: []}
    try:
        for number in range(2 * _ROUNDS):
            traced = number % 2 == 1
            if traced:
                cell.enable()
            await cell.call(client, ask)
            times[traced].append(await _time(cell, client, ask))
            autotrace.disable()
    finally:
        writer.sinks = before
    alone, traced_time = (statistics.median(times[traced]) for traced in (False, True))
    more = statistics.median(b - a for a, b in zip(times[False], times[True], strict=True))
    cell.figures["microseconds per call"] = f"{alone:.0f} without, {traced_time:.0f} with autotrace, {more:+.0f}"


async def _time(cell: Cell, client: Any, ask: Any) -> float:
    """Microseconds per call, the mean of a few calls."""
    since = perf_counter_ns()
    for _ in range(_BATCH // 4):
        await cell.call(client, ask)
    return (perf_counter_ns() - since) / 1000 / (_BATCH // 4)
