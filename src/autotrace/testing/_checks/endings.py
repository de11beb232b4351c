"""Each call has one record, which says how the call ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

from autotrace.testing._cell import Cell, NotApplicable, require
from autotrace.testing._checks.records import text_of
from autotrace.testing._checks.registering import check

_TIMEOUT = 600.0
"""Seconds, for what happens at once unless there is a fault or the machine is busy."""


@check("broken stream", needs="stream", faults=("cut", "error-event", "malformed"))
async def broken_stream(cell: Cell) -> None:
    """A stream that breaks off has one record of the failure, with what was received before it."""
    cell.enable()
    client = await cell.client()
    for fault in cell.faults:
        cell.clear()
        raised: BaseException | None = None
        items: list[Any] = []
        try:
            async with cell.stream(client, cell.ask(fault=fault)) as (stream, _):
                while more := await cell.side.take(stream, 1):
                    items += more
        except Exception as exc:  # each library has exceptions of its own
            raised = exc
        span = cell.record(f"a stream with the fault {fault!r}", "error" if raised else "completed")
        if raised is not None:
            kind = type(raised)
            require(
                span["attributes"].get("error.type", "").endswith(kind.__qualname__),
                f"{cell.name}: error.type does not name {kind}",
            )
        whole = await _whole_text(cell, client)
        text = text_of(span)
        require(
            not whole or not items or text, f"{cell.name}: the text received before the fault {fault!r} is not on the record"
        )


@check("early close", needs="stream")
async def early_close(cell: Cell) -> None:
    """A stream that the program closes or leaves early is recorded at once as abandoned, with what was received."""
    cell.enable()
    client = await cell.client()
    ask = cell.ask()
    total = len(await cell.read(client, ask))
    require(total > 1, f"{cell.name}: the stream has {total} items; describe one that has several")
    whole = text_of(cell.record("a stream that was read", "completed"))
    for count in sorted({1, total // 2, total - 1}):
        cell.clear()
        gc.disable()  # it must be recorded when it is closed, not when it is collected
        try:
            async with cell.stream(client, ask) as (stream, managed):
                await cell.side.take(stream, count)
                if not managed:
                    await _close(cell, stream)
                    await cell.side.settle()
                    early = cell.spans
            span = cell.record(f"a stream that was closed after {count} of {total} items", "abandoned")
            require(managed or early, f"{cell.name}: the close was recorded late; name the method in StreamSeam(close=…)")
        finally:
            gc.enable()
        text = text_of(span)
        require(whole.startswith(text), f"{cell.name}: the recorded text {text!r:.100} is not the beginning of {whole!r:.100}")
        require(len(text) < len(whole) or count > total // 2 or not whole, f"{cell.name}: more text was recorded than received")
    require(
        not whole or text, f"{cell.name}: after {total - 1} of {total} items no text was recorded; give the Operation a reduce="
    )


async def _close(cell: Cell, stream: Any) -> None:
    if not any(hasattr(stream, name) for name in ("close", "aclose")):
        raise NotApplicable(f"a {type(stream).__qualname__} has no close method")
    await cell.side.close(stream)


async def _whole_text(cell: Cell, client: Any) -> str:
    cell.clear()
    await cell.read(client)
    return text_of(cell.record("a stream that was read", "completed"))


@check("never read", needs="stream")
async def never_read(cell: Cell) -> None:
    """A stream that is never read has one record, unread, or none if the library sends nothing before the first item."""
    cell.enable()
    client = await cell.client()
    before = len(cell.sent())
    async with cell.stream(client) as (stream, managed):
        if not managed and any(hasattr(stream, name) for name in ("close", "aclose")):
            await cell.side.close(stream)
        del stream
    await _collect(cell)
    if len(cell.sent()) > before or (cell.spans and not cell.sent()):
        cell.record("a stream that was never read", "unread")
    else:
        cell.records(0, "a stream that sent nothing")


@check("garbage collection", needs="stream")
async def garbage_collection(cell: Cell) -> None:
    """A stream that is dropped half read has one record, abandoned, when it is collected."""
    cell.enable()
    client = await cell.client()
    stack = contextlib.AsyncExitStack()
    stream, managed = await stack.enter_async_context(cell.stream(client))
    if managed:
        await stack.aclose()
        raise NotApplicable("its context manager keeps the stream alive")
    await cell.side.take(stream, 2)
    del stream
    stack.pop_all()
    await _collect(cell)
    cell.record("a stream that was dropped after 2 items", "abandoned")


async def _collect(cell: Cell) -> None:
    """Collect several times: generators in cycles, and an event loop that closes them, need more than one collection."""
    for _ in range(3):
        gc.collect()
        await cell.side.settle()
        if cell.side.asynchronous:
            await asyncio.sleep(0.002)


@check("cancel", sides=(True,), faults=("hang", "slow"))
async def cancel(cell: Cell) -> None:
    """A task that is cancelled while it waits has one record, cancelled, without an error; a stream keeps what was received."""
    cell.enable()
    client = await cell.client()
    if "hang" in cell.faults:
        await _cancelled(cell, asyncio.create_task(_waiting(cell, client)), 0.05)
        _require_cancelled(cell, "a call that was cancelled")
    if "slow" in cell.faults and cell.has("stream"):
        cell.clear()
        received = asyncio.Event()
        await _cancelled(cell, asyncio.create_task(_reading(cell, client, received)), received)
        _require_cancelled(cell, "a stream that was cancelled")


async def _waiting(cell: Cell, client: Any) -> None:
    await cell.call(client, cell.ask(fault="hang"))


async def _reading(cell: Cell, client: Any, received: asyncio.Event) -> None:
    async with cell.stream(client, cell.ask(fault="slow")) as (stream, _):
        async for _ in stream:
            received.set()


async def _cancelled(cell: Cell, task: asyncio.Task[None], when: float | asyncio.Event) -> None:
    if isinstance(when, asyncio.Event):
        waiter = asyncio.create_task(when.wait())
        await asyncio.wait({waiter, task}, timeout=_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
    else:
        await asyncio.wait({task}, timeout=when)
    require(not task.done(), f"{cell.name}: the call ended before it could be cancelled: {task!r:.300}")
    task.cancel()
    await asyncio.wait({task}, timeout=_TIMEOUT)
    require(task.cancelled(), f"{cell.name}: the cancelled task still runs, or ended in another way: {task!r:.300}")


def _require_cancelled(cell: Cell, of: str) -> None:
    span = cell.record(of, "cancelled")
    require("error.type" not in span["attributes"] and span["level"] == "info", f"{cell.name}: {of} is recorded as an error")
