"""A thousand calls at once, of which some fail, are cancelled, time out or are left: a thousand records that say so."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import autotrace

CALLS = 1000
AT_ONCE = {"async": 1000, "threads": 50}
"""Tasks, or threads: each thread makes its share of the calls, one after the other."""


PATIENT = 600.0
OPTIONS = {"ollama": {"limits": httpx.Limits(max_connections=CALLS)}}
"""The other SDKs have room for a thousand, and five seconds for a connection, in which a busy machine makes some of them."""


class Stop(Exception):
    """What the consumer raises."""


async def _value(side: Any, text: str) -> None:
    await side.world.value(side.sdk.value(side.client, text))


async def _failed(side: Any, text: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
        await side.world.value(side.sdk.value(side.client, text, model="fault-429"))
    assert getattr(caught.value, "status_code", None) == 429


async def _stream(side: Any, text: str) -> None:
    await side.world.items(await side.world.value(side.sdk.stream(side.client, text)))


async def _broken(side: Any, text: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
        await side.world.items(await side.world.value(side.sdk.stream(side.client, text, model="fault-cut")))


async def _closed(side: Any, text: str) -> None:
    stream = await side.world.value(side.sdk.stream(side.client, text))
    await side.world.take(stream, 2)
    await side.world.close(stream)


async def _left(side: Any, text: str) -> None:
    """Nobody closes it: it is dropped with the frame of the consumer, which raises."""

    async def consume() -> None:
        await side.world.take(await side.world.value(side.sdk.stream(side.client, text)), 2)
        raise Stop

    with contextlib.suppress(Stop):
        await consume()


async def _unread(side: Any, text: str) -> None:
    await side.world.close(await side.world.value(side.sdk.stream(side.client, text)))


async def _cancelled(side: Any, text: str) -> None:
    task = asyncio.create_task(side.sdk.value(side.client, text, model="fault-hang"))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _timed_out(side: Any, text: str) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(side.sdk.value(side.client, text, model="fault-hang"), 0.5)


SHARED: dict[str, tuple[Any, str]] = {
    "value": (_value, "completed"),
    "failed": (_failed, "error"),
    "stream": (_stream, "completed"),
    "broken": (_broken, "error"),
    "closed": (_closed, "abandoned"),
    "left": (_left, "abandoned"),
}
KINDS = {
    "threads": {**SHARED, "unread": (_unread, "unread"), "again": (_value, "completed")},
    "async": {**SHARED, "cancelled": (_cancelled, "cancelled"), "timed-out": (_timed_out, "cancelled")},
}


class Side:
    """What the calls are made with."""

    def __init__(self, world: Any, sdk: Any, client: Any) -> None:
        self.world = world
        self.sdk = sdk
        self.client = client


@pytest.mark.in_depth
# Sockets of streams that nobody closed, which the garbage collector comes to in an order of its own.
@pytest.mark.filterwarnings("ignore:.*unclosed.*:ResourceWarning", "ignore:.*socket.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("how", KINDS)
def test_a_thousand_calls_at_once_are_a_thousand_records(
    how: str, sdk: Any, wire: Any, captured: Any, worlds: Callable[[bool], Any]
) -> None:
    kinds = KINDS[how]
    names = [list(kinds)[number % len(kinds)] for number in range(CALLS)]
    # A bare generator that is closed before its first step has sent nothing, and is no call.
    lazy = sdk.TYPES["create"][0].__name__ == "generator"
    expected = Counter((name, kinds[name][1]) for name in names if not (lazy and name == "unread"))
    world = worlds(how == "async")

    async def tasks(side: Any) -> None:
        await asyncio.gather(*(kinds[name][0](side, f"{name} {number}") for number, name in enumerate(names)))

    def share(side: Any, first: int, failed: list[BaseException]) -> None:
        for number in range(first, CALLS, AT_ONCE[how]):
            try:
                with contextlib.suppress(StopIteration):
                    kinds[names[number]][0](side, f"{names[number]} {number}").send(None)
            except BaseException as exc:  # noqa: BLE001 - shown by the test
                failed.append(exc)

    async def main() -> None:
        side = Side(
            world,
            sdk,
            world.closing(sdk.client(world.asynchronous, wire.url, **OPTIONS.get(sdk.PACKAGE, {"timeout": PATIENT}))),
        )
        if how == "async":
            await tasks(side)
            gc.collect()  # what was left is a cycle of the SDK's own
            await asyncio.sleep(0.1)
            return
        failed: list[BaseException] = []
        threads = [threading.Thread(target=share, args=(side, first, failed)) for first in range(AT_ONCE[how])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        gc.collect()

    autotrace.enable()
    world.run(main())
    spans = captured.spans
    asked = [span["attributes"]["gen_ai.input.messages"][0]["parts"][0]["content"] for span in spans]
    assert Counter((text.split()[0], span["end_reason"]) for text, span in zip(asked, spans, strict=True)) == expected
    assert len(set(asked)) == len(spans)
    assert len({span["span_id"] for span in spans}) == len({span["trace_id"] for span in spans}) == len(spans)
