"""The synchronous and the asynchronous side of a library, so that a check is written once.

A check is a coroutine. On the asynchronous side an event loop runs it; on the synchronous one it runs without any, and
must not wait for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Coroutine
from typing import Any


class Side:
    """One side: `run` a check on it; in it, `value`, `items`, … do what a program on that side would write."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous
        self._closing: list[Any] = []

    @property
    def name(self) -> str:
        return "async" if self.asynchronous else "sync"

    def closing(self, client: Any) -> Any:
        """`client`, which is closed when `run` ends."""
        self._closing.append(client)
        return client

    def run(self, check: Coroutine[Any, Any, None]) -> None:
        """Run `check` to its end, and close what it left to be closed."""

        async def whole() -> None:
            try:
                await check
            finally:
                for client in self._closing:
                    await self.value(client.close())

        if self.asynchronous:
            asyncio.run(whole())
            return
        with contextlib.suppress(StopIteration):
            whole().send(None)
            raise AssertionError("the synchronous side waited for something")

    async def value(self, result: Any) -> Any:
        """`result`, awaited where it wants to be."""
        return await result if inspect.isawaitable(result) else result

    async def take(self, stream: Any, count: int) -> list[Any]:
        """The first `count` items of `stream`; all, if there are not so many."""
        items: list[Any] = []
        if self.asynchronous:
            iterator = aiter(stream)
            while len(items) < count:
                try:
                    items.append(await anext(iterator))
                except StopAsyncIteration:
                    break
            return items
        iterator = iter(stream)
        while len(items) < count:
            try:
                items.append(next(iterator))
            except StopIteration:
                break
        return items

    async def items(self, stream: Any) -> list[Any]:
        """All items of `stream`."""
        return [item async for item in stream] if self.asynchronous else list(stream)

    async def close(self, stream: Any) -> None:
        """Close `stream` as its kind is closed."""
        close = getattr(stream, "aclose", None) if self.asynchronous else None
        await self.value((close or stream.close)())

    @contextlib.asynccontextmanager
    async def entered(self, manager: Any) -> AsyncIterator[Any]:
        """``with`` or ``async with``; around a bare generator what a program would write for it."""
        if inspect.isgenerator(manager) or inspect.isasyncgen(manager):
            manager = contextlib.aclosing(manager) if self.asynchronous else contextlib.closing(manager)
        if self.asynchronous and hasattr(manager, "__aenter__"):
            async with manager as entered:
                yield entered
        else:
            with manager as entered:
                yield entered

    def iterates(self, value: Any) -> bool:
        """Whether `value` is something to iterate over on this side."""
        return hasattr(value, "__aiter__" if self.asynchronous else "__iter__")

    def enters(self, value: Any) -> bool:
        """Whether `value` is a context manager on this side."""
        return hasattr(value, "__aenter__" if self.asynchronous else "__enter__")

    async def settle(self) -> None:
        """Let the event loop do what it has put off."""
        for _ in range(10 if self.asynchronous else 0):  # a library's generators inside generators close one after the other
            await asyncio.sleep(0)
