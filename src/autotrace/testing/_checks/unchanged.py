"""The program cannot notice autotrace: the same calls, made twice without it and once with it, look the same.

What differs between the two runs without autotrace comes from the library (a time, an id) and is not compared.
"""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import re
import traceback
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import autotrace
from autotrace.testing._cell import Cell, NotApplicable, require
from autotrace.testing._checks.registering import check

Look = dict[str, Any]

_OURS = os.path.dirname(autotrace.__file__)
_TESTING = os.path.join(_OURS, "testing")


async def _same(cell: Cell, look: Callable[[Any], Awaitable[Look]]) -> None:
    text = cell.ask().text

    async def once() -> Look:
        cell.forget()
        return await look(cell.ask(text=text))

    await once()  # fills the caches of the library
    first, second = await once(), await once()
    cell.enable()
    traced = await once()
    autotrace.disable()
    after = await once()
    for when, observed in (("with autotrace", traced), ("after disable()", after)):
        for name, before in first.items():
            if second[name] == before:
                require(
                    observed[name] == before,
                    f"{cell.name}: {name} is {observed[name]!r:.400} {when}, but {before!r:.400} without autotrace",
                )


@check("same result", needs="call")
async def same_result(cell: Cell) -> None:
    """A call returns the same result: type, content, attributes, copies and pickle."""
    client = await cell.client()

    async def look(ask: Any) -> Look:
        return looks(await cell.side.value(cell.start("call", client, ask)))

    await _same(cell, look)


@check("same stream", needs="stream")
async def same_stream(cell: Cell) -> None:
    """A stream has the same type and attributes, is iterated and entered in the same way, and yields the same items."""
    client = await cell.client()

    async def look(ask: Any) -> Look:
        async with cell.stream(client, ask) as (stream, managed):
            view = {
                "the stream's type": _name(type(stream)),
                "the stream's public attributes": [name for name in dir(stream) if not name.startswith("_")],
                "the stream's name": (getattr(stream, "__name__", None), getattr(stream, "__qualname__", None)),
                "whether it is a generator": (inspect.isgenerator(stream), inspect.isasyncgen(stream)),
                "whether it is its own iterator": _iterator(stream) is stream,
                "whether a context manager wraps it": managed,
            }
            if not managed and cell.side.enters(stream):
                async with cell.side.entered(stream) as entered:
                    view["whether entering it returns itself"] = entered is stream
                    items = await cell.side.items(stream)
            else:
                items = await cell.side.items(stream)
            return {
                **view,
                "the stream's items": [_plain(item) for item in items],
                "closing it twice": await _twice(cell, client, ask),
            }

    await _same(cell, look)


async def _twice(cell: Cell, client: Any, ask: Any) -> str:
    """The outcome of closing a stream that is half read, twice."""
    async with cell.stream(client, ask) as (stream, managed):
        if managed or not hasattr(stream, "close"):
            return ""
        await cell.side.take(stream, 2)
        try:
            await cell.side.close(stream)
            await cell.side.close(stream)
        except Exception as exc:  # any exception, which must be the same with autotrace
            return f"{_name(type(exc))}: {exc}"
        return "no exception"


def _iterator(stream: Any) -> Any:
    return stream.__aiter__() if hasattr(stream, "__aiter__") else stream.__iter__()


@check("same exception", needs="fails")
async def same_exception(cell: Cell) -> None:
    """A call that fails raises the same exception: type, arguments, cause and context, with at most one frame of autotrace."""
    client = await cell.client()

    async def look(_ask: Any) -> Look:
        exc = await cell.fail(client)
        return {"the exception": _shown(exc), "more than one frame of autotrace": len(_our_frames(exc)) > 1}

    await _same(cell, look)


def _shown(exc: BaseException | None) -> tuple[Any, ...] | None:
    """All that a program can see of an exception, without the number of the question."""
    if exc is None:
        return None
    said = re.sub(r"Question \d+", "…", _addresses(repr((exc.args, str(exc), sorted(vars(exc))))))
    return _name(type(exc)), said, _shown(exc.__cause__), _shown(exc.__context__), exc.__suppress_context__


def _our_frames(exc: BaseException) -> list[str]:
    names = [frame.filename for frame in traceback.extract_tb(exc.__traceback__)]
    return [name for name in names if name.startswith(_OURS) and not name.startswith(_TESTING)]


@check("same traffic")
async def same_traffic(cell: Cell) -> None:
    """The provider receives the same requests in the same order: paths, headers and bodies."""
    client = await cell.client()
    _require_requests(cell)

    async def look(ask: Any) -> Look:
        before = len(cell.sent())
        await cell.call(client, ask)
        if cell.has("stream"):
            await cell.read(client, ask)
        sent = cell.sent()[before:]
        view: Look = {"the number of requests": len(sent)}
        for number, one in enumerate(sent):
            for name in ("method", "path", "json"):
                view[f"{name} of request {number}"] = getattr(one, name, None)
            for name, value in getattr(one, "headers", {}).items():
                view[f"header {name} of request {number}"] = value
            view[f"the headers of request {number}"] = list(getattr(one, "headers", {}))
        return view

    await _same(cell, look)


def _require_requests(cell: Cell) -> None:
    if not hasattr(cell.library.provider, "requests"):
        raise NotApplicable("the provider does not keep its requests")


@check("same laziness")
async def same_laziness(cell: Cell) -> None:
    """Nothing is sent earlier or later than before, by a call that is not awaited or a stream that is not read."""
    client = await cell.client()
    _require_requests(cell)

    async def look(ask: Any) -> Look:
        before = len(cell.sent())
        view: Look = {}
        for kind in ("call", "stream"):
            if cell.has(kind):
                made = cell.start(kind, client, ask)
                view[f"requests after a {kind}"] = len(cell.sent()) - before
                made = await cell.side.value(made)
                view[f"requests after a {kind} was awaited"] = len(cell.sent()) - before
                if kind == "stream":
                    await _drain(cell, made)
                    view["requests after the stream was read"] = len(cell.sent()) - before
        return view

    await _same(cell, look)


async def _drain(cell: Cell, made: Any) -> None:
    if cell.side.iterates(made):
        await cell.side.items(made)
        return
    async with cell.side.entered(made) as stream:
        await cell.side.items(stream)


@check("same warnings")
async def same_warnings(cell: Cell) -> None:
    """The program gets the same warnings, none more and none fewer."""
    client = await cell.client()

    async def look(ask: Any) -> Look:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await cell.call(client, ask)
            if cell.has("stream"):
                await cell.read(client, ask)
            if cell.has("fails"):
                await cell.fail(client)
        # Warnings about sockets depend on when they are collected.
        said = [one for one in caught if one.category is not ResourceWarning]
        return {"the warnings": sorted((one.category.__name__, _addresses(str(one.message))) for one in said)}

    await _same(cell, look)


def looks(value: Any) -> Look:
    """What a program can see of a value."""
    return {
        "the result's type": _name(type(value)),
        "the result's content": _plain(value),
        "the result's attributes": sorted(getattr(value, "__dict__", ())),
        "a copy of the result": _tried(copy.copy, value),
        "a deep copy of the result": _tried(copy.deepcopy, value),
        "the pickled result": _tried(lambda one: pickle.loads(pickle.dumps(one)), value),
    }


def _tried(copied: Callable[[Any], Any], value: Any) -> Any:
    try:
        made = copied(value)
    except Exception as exc:  # any exception, which must be the same with autotrace
        return type(exc), _addresses(str(exc))
    return _name(type(made)), _plain(made)


def _plain(value: Any) -> tuple[str, str]:
    return _name(type(value)), _addresses(repr(value))


def _addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
