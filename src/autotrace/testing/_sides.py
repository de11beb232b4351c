"""The synchronous and the asynchronous side of a library, so that a check is written once.

A check is a coroutine. On the asynchronous side, an event loop runs it. On the synchronous side, it runs without an event
loop, and must not await anything that is not ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Coroutine
from typing import Any


class Side:
    """One side. `run` runs a check on it; `value`, `items`, … do in the check what a program on that side would do."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous
        self._closing: list[Any] = []

    @property
    def name(self) -> str:
        return "async" if self.asynchronous else "sync"

    def closing(self, client: Any) -> Any:
        """Return `client`, and close it when `run` ends."""
        self._closing.append(client)
        return client

    def run(self, check: Coroutine[Any, Any, None]) -> None:
        """Run `check` to its end, then close the clients passed to `closing`."""

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
            raise AssertionError("a check awaited something on the synchronous side that was not ready")

    async def value(self, result: Any) -> Any:
        """`result`, awaited if it is awaitable."""
        return await result if inspect.isawaitable(result) else result

    async def take(self, stream: Any, count: int) -> list[Any]:
        """The first `count` items of `stream`, or all of them if there are fewer."""
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
        """Close `stream`, by ``aclose`` on the asynchronous side if it has one."""
        close = getattr(stream, "aclose", None) if self.asynchronous else None
        await self.value((close or stream.close)())

    @contextlib.asynccontextmanager
    async def entered(self, manager: Any) -> AsyncIterator[Any]:
        """``with`` or ``async with``; a bare generator is wrapped in ``closing`` or ``aclosing``, as a program would do."""
        if inspect.isgenerator(manager) or inspect.isasyncgen(manager):
            manager = contextlib.aclosing(manager) if self.asynchronous else contextlib.closing(manager)
        if self.asynchronous and hasattr(manager, "__aenter__"):
            async with manager as entered:
                yield entered
        else:
            with manager as entered:
                yield entered

    def iterates(self, value: Any) -> bool:
        """Whether `value` is iterable on this side."""
        return hasattr(value, "__aiter__" if self.asynchronous else "__iter__")

    def enters(self, value: Any) -> bool:
        """Whether `value` is a context manager on this side."""
        return hasattr(value, "__aenter__" if self.asynchronous else "__enter__")

    async def settle(self) -> None:
        """Let the event loop run the callbacks that are scheduled."""
        for _ in range(10 if self.asynchronous else 0):  # nested generators of a library close one per iteration
            await asyncio.sleep(0)
