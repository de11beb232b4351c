"""Which parent a record has, and when nothing is recorded."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import autotrace
from autotrace._capture import context, recording
from autotrace._declaration import conventions
from autotrace._declaration.operation import Operation
from autotrace._record.origin import Origin
from autotrace.testing._cell import Cell, require
from autotrace.testing._checks.registering import check

_CONCURRENT = {True: 24, False: 8}
"""How many calls run at the same time: tasks on the asynchronous side (true), threads on the other."""


@check("concurrency")
async def concurrency(cell: Cell) -> None:
    """Of many concurrent calls, in tasks or in threads, each has one record, with its own request and its own parent."""
    cell.enable()
    client = await cell.client()
    count = _CONCURRENT[cell.side.asynchronous]
    asks = [cell.ask() for _ in range(count)]

    async def one(number: int) -> None:
        with autotrace.span(f"caller {number}"):
            if number % 2 and cell.has("stream"):
                await cell.read(client, asks[number])
            else:
                await cell.call(client, asks[number])

    if cell.side.asynchronous:
        await asyncio.gather(*map(one, range(count)))
    else:
        _in_threads([lambda number=number: type(cell.side)(False).run(one(number)) for number in range(count)])
    spans = cell.records(count, f"{count} concurrent calls")
    callers = {span["span_id"]: span["name"] for span in cell.all_spans if span["name"].startswith("caller ")}
    parents = [_caller(span, cell.all_spans, callers) for span in spans]
    require(
        len(set(parents)) == count and None not in parents,
        f"{cell.name}: expected one record under each of {count} callers, got them under {parents}",
    )
    for span, caller in zip(spans, parents, strict=True):
        asked = span["attributes"].get("gen_ai.input.messages")
        own = asks[int(str(caller).split()[1])].text
        require(
            asked is None or own in json.dumps(asked, ensure_ascii=False),
            f"{cell.name}: a record has the request of another call: {asked}",
        )


def _caller(span: dict[str, Any], spans: list[dict[str, Any]], callers: dict[str, str]) -> str | None:
    """The caller above `span`, skipping what the library recorded between the two."""
    by_id = {one["span_id"]: one for one in spans}
    while span["parent_id"] in by_id:
        span = by_id[span["parent_id"]]
        if span["span_id"] in callers:
            return callers[span["span_id"]]
    return None


def _in_threads(functions: list[Any]) -> None:
    failed: list[BaseException] = []

    def run(function: Any) -> None:
        try:
            function()
        except BaseException as exc:  # raised again in the thread of the check
            failed.append(exc)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@check("nesting")
async def nesting(cell: Cell) -> None:
    """A record's parent is the span that the call was made in. No call or stream stays current after it returns."""
    cell.enable()
    client = await cell.client()
    with autotrace.span("outer"):
        await cell.call(client)
        with autotrace.span("after"):
            pass
        if cell.has("stream"):
            async with cell.stream(client) as (stream, _):
                await cell.side.take(stream, 1)
                with autotrace.span("between"):
                    pass
                await cell.side.items(stream)
        if cell.has("fails"):
            await cell.fail(client)
    with autotrace.span("behind"):
        pass
    spans = cell.all_spans
    by_name = {span["name"]: span for span in spans if span["scope"]["name"] == "autotrace"}
    outer = by_name["outer"]
    require(outer["parent_id"] is None, f"{cell.name}: the outermost span of the program has a parent")
    require(by_name["behind"]["parent_id"] is None, f"{cell.name}: the library's span is still current after the call")
    for name in ("after", "between"):
        span = by_name.get(name)
        require(
            span is None or span["parent_id"] == outer["span_id"],
            f"{cell.name}: a span {name} calls is not a child of the span around them; the library's span stays current",
        )
    ours = cell.spans
    require(
        len(ours) == 1 + cell.has("stream") + cell.has("fails"), f"{cell.name}: {len(ours)} records, expected one for each call"
    )
    for span in ours:
        require(
            _caller(span, spans, {outer["span_id"]: "outer"}),
            f"{cell.name}: a record is not under the span that its call was made in",
        )


@check("transparency")
async def transparency(cell: Cell) -> None:
    """Inside a transparent inference of the same kind, the library's record replaces the outer one and takes its parent."""
    cell.enable()
    client = await cell.client()
    outer = Operation(cell.case.operation, transparent=cell.case.operation not in conventions.INTERNAL_OPERATIONS)
    with autotrace.span("program"):
        call = recording.begin(outer, Origin("around", library="around"))
        token = context.current.set(call.context)
        try:
            await cell.call(client)
        finally:
            context.reset(context.current, token)
            call.finish()
    (span,) = cell.records(1, "a call inside a transparent one")
    program = next(one for one in cell.all_spans if one["name"] == "program")
    around = [one for one in cell.all_spans if one["scope"]["library"] == "around"]
    if outer.transparent:
        require(not around, f"{cell.name}: two records for one model call; the inner call did not replace the outer one")
        require(
            _caller(span, cell.all_spans, {program["span_id"]: "program"}),
            f"{cell.name}: the record does not have the right parent",
        )
    else:
        require(
            _caller(span, cell.all_spans, {around[0]["span_id"]: "around"}),
            f"{cell.name}: the record does not have the right parent",
        )


@check("suppression")
async def suppression(cell: Cell) -> None:
    """Inside `suppress()`, of everything or of this library, nothing is recorded. Suppressing another library has no effect."""
    cell.enable()
    client = await cell.client()
    for libraries in ((), (cell.library.package,)):
        with autotrace.suppress(*libraries):
            await cell.call(client)
            if cell.has("stream"):
                await cell.read(client)
        ours = [span["name"] for span in cell.all_spans if span["scope"]["library"] == cell.library.package]
        require(not ours, f"{cell.name}: records were made inside suppress{libraries}: {ours}")
    with autotrace.suppress("another"):
        await cell.call(client)
    cell.records(1, "a call inside suppress() of another library")


@check("double enable")
async def double_enable(cell: Cell) -> None:
    """After several calls of `enable()`, a call still has one record."""
    cell.enable()
    cell.enable()
    autotrace.enable()
    await cell.call(await cell.client())
    cell.records(1, "a call after enable() was called three times")


@check("late activation")
async def late_activation(cell: Cell) -> None:
    """If autotrace is enabled late, existing clients are recorded, and a stream that is already open goes on unchanged."""
    client = await cell.client()
    await cell.call(client)
    if not cell.has("stream"):
        cell.enable()
    else:
        async with cell.stream(client) as (stream, _):
            await cell.side.take(stream, 1)
            cell.enable()
            await cell.side.items(stream)
    cell.clear()
    await cell.call(client)
    cell.records(1, "a call of a client that was made before enable()")


@check("revert")
async def revert(cell: Cell) -> None:
    """After `disable()`, nothing is recorded, a stream that was open still has its record, and `enable()` works again."""
    client = await cell.client()
    for _ in range(2):
        cell.enable()
        if cell.has("stream"):
            async with cell.stream(client) as (stream, _managed):
                await cell.side.take(stream, 1)
                autotrace.disable(cell.library.package)
                await cell.side.items(stream)
            cell.records(1, "a stream that was open at disable()")
        else:
            await cell.call(client)
            autotrace.disable(cell.library.package)
        cell.clear()
        await cell.call(client)
        if cell.has("fails"):
            await cell.fail(client)
        ours = [span["name"] for span in cell.all_spans if span["scope"]["library"] == cell.library.package]
        require(not ours, f"{cell.name}: records were made after disable(): {ours}; on_ready must return what removes its hook")
