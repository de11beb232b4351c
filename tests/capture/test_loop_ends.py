"""An asynchronous stream that is left is closed by the event loop exactly as it is without us, and has one record."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import autotrace
from autotrace.testing import Capture

CHUNK = {"text": "a"}


class Registered:
    """The generators of an event loop in the order in which they came: a WeakSet has that of their addresses."""

    def __init__(self, backwards: bool) -> None:
        self.references: list[weakref.ref[Any]] = []
        self.step = -1 if backwards else 1

    def add(self, generator: Any) -> None:
        self.references.append(weakref.ref(generator))

    def discard(self, generator: Any) -> None:
        self.references = [one for one in self.references if one() is not generator]

    def clear(self) -> None:
        self.references.clear()

    def __iter__(self) -> Any:
        return iter([one for reference in self.references[:: self.step] if (one := reference()) is not None])

    def __len__(self) -> int:
        return sum(1 for _ in self)


async def connection(log: list[str]) -> AsyncIterator[dict[str, str]]:
    try:
        while True:
            await asyncio.sleep(0)
            yield CHUNK
    finally:
        log.append("connection is closing")
        await asyncio.sleep(0)
        log.append("connection is closed")


async def release(log: list[str]) -> None:
    """Give a connection back, as pools do it: what interrupts this waits once more."""
    try:
        await asyncio.sleep(0)
    finally:
        await asyncio.sleep(0)
        log.append("connection is given back")


async def parsed(log: list[str]) -> AsyncIterator[dict[str, str]]:
    source = connection(log)
    try:
        async for chunk in source:
            yield chunk
    except BaseException as exc:
        log.append(f"parser gets {type(exc).__name__}")
        raise
    finally:
        await release(log)
        log.append("parser is closed")


async def left(stream: Any, _: list[Any]) -> None:
    async for _chunk in stream:
        break


async def held(stream: Any, kept: list[Any]) -> None:
    kept.append(stream)
    await anext(stream)


async def closed(stream: Any, _: list[Any]) -> None:
    async with contextlib.aclosing(stream):
        await anext(stream)


async def in_a_generator(stream: Any, _: list[Any]) -> None:
    async def words() -> AsyncIterator[str]:
        async for chunk in stream:
            yield chunk["text"]

    async for _word in words():
        break


async def raised(stream: Any, _: list[Any]) -> None:
    async for _chunk in stream:
        raise ValueError("the program's own")


async def cancelled(stream: Any, kept: list[Any]) -> None:
    async def read() -> None:
        async for _chunk in stream:
            await asyncio.sleep(3600)

    kept.append(asyncio.create_task(read()))
    for _step in range(5):
        await asyncio.sleep(0)


ENDS = (left, held, closed, in_a_generator, raised, cancelled)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("form", ["generator", "stream"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_the_loop_closes_what_is_left_as_without_us(
    library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch, end: Callable[..., Any], form: str, backwards: bool
) -> None:
    module = library.client

    def run() -> list[str]:
        log: list[str] = []
        kept: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda event: log.append(f"unraisable {event.exc_value!r}"))

        def opened() -> Any:
            inner = parsed(log)
            if form == "stream":
                stream = module.AsyncStream([])
                stream._iterator = inner
                return module.Client().chat("m", answer=stream)._iterator
            return module.Client().chat("m", answer=inner)

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: log.append(context["message"].partition(" <")[0]))
            monkeypatch.setattr(loop, "_asyncgens", Registered(backwards))
            await end(opened(), kept)

        with contextlib.suppress(ValueError):
            asyncio.run(main())
        log.append("the loop has ended")
        kept.clear()
        gc.collect()
        return log

    without = run()
    autotrace.enable(library.name)
    assert run() == without
    assert len(captured.spans) == 1
    assert any(line.startswith("parser gets") for line in without)
