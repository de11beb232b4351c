"""However a call ends, it has one record that says how: what a program does to a stream, and what the system does to it.

`test_streams.py` has the endings that a program asks for on the stream itself (exhaustion, close, `with`, garbage collection).
Here are those that come from outside: consumers that are generators, threads, tasks, signals, loops and the interpreter's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import autotrace

SOME = 8
"""Items that a consumer takes before something happens: enough for some text, in every form."""
TEXT = "A text of some length, so that its answer comes in many pieces: one, two, three, four, five, six, seven, eight."
FORMS = {"openai": ("create", "helper", "responses"), "anthropic": ("create", "helper"), "ollama": ("create",)}
"""Every kind of stream object once; `test_streams.py` goes through all the ways to one."""


def partial(sdk: Any, seen: list[Any]) -> str:
    return "".join(map(sdk.text_of, seen))


def recorded(span: dict[str, Any]) -> str:
    said = span["attributes"].get("gen_ai.output.messages", [])
    return "".join(part.get("content", "") for message in said for part in message["parts"])


class Stop(Exception):
    """What the consumer raises."""


class Side:
    """One SDK, one form, one side: opens streams, and keeps what was taken from them."""

    def __init__(self, world: Any, wire: Any, sdk: Any, form: str, client: Any) -> None:
        self.world = world
        self.wire = wire
        self.sdk = sdk
        self.form = form
        self.client = client
        self.seen: list[Any] = []

    async def open(self, stack: Any, **more: Any) -> Any:
        return await self.sdk.FORMS[self.form](self.world, stack, self.client, TEXT, **more)

    async def some(self, stream: Any, count: int = SOME) -> None:
        self.seen += await self.world.take(stream, count)


def run_now(coroutine: Any) -> Any:
    """Run to its end a coroutine that waits for nothing: the synchronous world's."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the synchronous side waited for something")


def in_thread(function: Callable[[], object]) -> None:
    failed: list[BaseException] = []

    def whole() -> None:
        try:
            function()
        except BaseException as exc:  # noqa: BLE001 - raised again where the test sees it
            failed.append(exc)

    thread = threading.Thread(target=whole)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def interrupt_soon() -> None:
    """SIGINT to this process in a moment, while the provider waits before its next piece."""
    timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


def interrupt_while_it_waits(wire: Any) -> None:
    """SIGINT to the main thread as soon as the provider has the next request, and is at work on it (`fault-slow`)."""
    wire.on_request = lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


# -- on the synchronous side


def broken_off(side: Side) -> None:
    with contextlib.ExitStack() as stack:
        for item in sync_open(side, stack):
            side.seen.append(item)
            if len(side.seen) == SOME:
                break


def sync_open(side: Side, stack: contextlib.ExitStack, **more: Any) -> Any:
    both = contextlib.AsyncExitStack()
    stack.callback(lambda: run_now(both.aclose()))
    return run_now(side.open(both, **more))


def generator_closed(side: Side) -> None:
    """The consumer is a generator that hands on; who reads it closes it."""

    def handing_on() -> Any:
        with contextlib.ExitStack() as stack:
            yield from sync_open(side, stack)

    generator = handing_on()
    side.seen += [next(generator) for _ in range(SOME)]
    generator.close()


def generator_dropped(side: Side) -> None:
    def handing_on() -> Any:
        with contextlib.ExitStack() as stack:
            for item in sync_open(side, stack):  # noqa: UP028 - not `yield from`: the other way to write it
                yield item

    generator = handing_on()
    side.seen += [next(generator) for _ in range(SOME)]


def consumer_raises(side: Side) -> None:
    def consume() -> None:
        with contextlib.ExitStack() as stack:
            for item in sync_open(side, stack):
                side.seen.append(item)
                if len(side.seen) == SOME:
                    raise Stop

    with pytest.raises(Stop):
        consume()


def interrupted_waiting(side: Side) -> None:
    def consume() -> None:
        with contextlib.ExitStack() as stack:
            for item in sync_open(side, stack, model="fault-slow"):
                side.seen.append(item)
                if len(side.seen) == SOME:
                    interrupt_soon()

    with pytest.raises(KeyboardInterrupt):
        consume()


def interrupted_between(side: Side) -> None:
    def consume() -> None:
        with contextlib.ExitStack() as stack:
            for item in sync_open(side, stack):
                side.seen.append(item)
                if len(side.seen) == SOME:
                    signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        consume()


def interrupted_opening(side: Side) -> None:
    def consume() -> None:
        with contextlib.ExitStack() as stack:
            interrupt_while_it_waits(side.wire)
            list(sync_open(side, stack, model="fault-slow"))

    with pytest.raises(KeyboardInterrupt):
        consume()


def read_by_a_thread(side: Side) -> None:
    with contextlib.ExitStack() as stack:
        stream = sync_open(side, stack)
        side.seen.append(next(iter(stream)))
        in_thread(lambda: side.seen.extend(stream))


def closed_by_a_thread(side: Side) -> None:
    with contextlib.ExitStack() as stack:
        stream = sync_open(side, stack)
        side.seen += [next(stream) for _ in range(SOME)]
        in_thread(stream.close)


def collected_in_a_thread(side: Side) -> None:
    with contextlib.ExitStack() as stack:
        held = [sync_open(side, stack)]
        side.seen += [next(held[0]) for _ in range(SOME)]
        in_thread(held.clear)


def whole_in_a_thread(side: Side) -> None:
    in_thread(lambda: broken_off(side))


# -- on the asynchronous side


async def async_broken_off(side: Side) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async for item in await side.open(stack):
            side.seen.append(item)
            if len(side.seen) == SOME:
                break


async def async_generator_closed(side: Side) -> None:
    async def handing_on() -> Any:
        async with contextlib.AsyncExitStack() as stack:
            async for item in await side.open(stack):
                yield item

    generator = handing_on()
    await side.some(generator)
    await generator.aclose()


async def async_consumer_raises(side: Side) -> None:
    async def consume() -> None:
        async with contextlib.AsyncExitStack() as stack:
            await side.some(await side.open(stack))
            raise Stop

    with pytest.raises(Stop):
        await consume()


async def cancelled_between(side: Side) -> None:
    """The task is cancelled in the consumer's own wait: nothing was asked of the stream at that moment."""

    async def consume() -> None:
        async with contextlib.AsyncExitStack() as stack:
            await side.some(await side.open(stack))
            waiting.set()
            await asyncio.sleep(60)

    waiting = asyncio.Event()
    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_waiting(side: Side) -> None:
    async def consume() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stream = await side.open(stack, model="fault-slow")
            await side.some(stream)
            waiting.set()
            await side.some(stream, 1000)

    waiting = asyncio.Event()
    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_opening(side: Side) -> None:
    async def consume() -> None:
        async with contextlib.AsyncExitStack() as stack:
            await side.some(await side.open(stack, model="fault-hang"))

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def timed_out(side: Side) -> None:
    async def consume() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stream = await side.open(stack, model="fault-slow")
            await side.some(stream)
            async with asyncio.timeout(0.02):
                await side.some(stream, 1000)

    with pytest.raises(TimeoutError):
        await consume()


async def step_timed_out(side: Side) -> None:
    """`wait_for` around one step, as programs write it for a time limit between chunks."""

    async def consume() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stream = await side.open(stack, model="fault-slow")
            for _ in range(1000):
                side.seen.append(await asyncio.wait_for(anext(stream), 600.0 if len(side.seen) < SOME else 0.02))

    with pytest.raises(asyncio.TimeoutError):
        await consume()


SYNC: dict[str, tuple[Any, str]] = {
    "broken-off": (broken_off, "abandoned"),
    "generator-closed": (generator_closed, "abandoned"),
    "generator-dropped": (generator_dropped, "abandoned"),
    "consumer-raises": (consumer_raises, "abandoned"),
    "interrupted-waiting": (interrupted_waiting, "cancelled"),
    "interrupted-between": (interrupted_between, "abandoned"),
    "interrupted-opening": (interrupted_opening, "cancelled"),
    "read-by-a-thread": (read_by_a_thread, "completed"),
    "closed-by-a-thread": (closed_by_a_thread, "abandoned"),
    "collected-in-a-thread": (collected_in_a_thread, "abandoned"),
    "whole-in-a-thread": (whole_in_a_thread, "abandoned"),
}
ASYNC: dict[str, tuple[Any, str]] = {
    "async-broken-off": (async_broken_off, "abandoned"),
    "async-generator-closed": (async_generator_closed, "abandoned"),
    "async-consumer-raises": (async_consumer_raises, "abandoned"),
    "cancelled-between": (cancelled_between, "abandoned"),
    "cancelled-waiting": (cancelled_waiting, "cancelled"),
    "cancelled-opening": (cancelled_opening, "cancelled"),
    "asyncio-timeout": (timed_out, "cancelled"),
    "step-timed-out": (step_timed_out, "cancelled"),
}
ENDINGS = {**SYNC, **ASYNC}


def can_end(sdk: Any, form: str, ending: str) -> bool:
    """Whether this form ends so: one that a context manager holds is never dropped, and what is not there cannot be used."""
    if form not in FORMS[sdk.PACKAGE] or (ending == "asyncio-timeout" and sys.version_info < (3, 11)):
        return False
    return form not in sdk.MANAGED or not ending.startswith("collected")


@pytest.mark.in_depth
def test_whatever_ends_a_stream_there_is_one_record_of_what_was_received(
    ending: str, sdk: Any, form: str, wire: Any, captured: Any, worlds: Callable[[bool], Any]
) -> None:
    end, reason = ENDINGS[ending]
    world = worlds(ending in ASYNC)
    sides: list[Side] = []

    async def main() -> None:
        client = world.closing(sdk.client(world.asynchronous, wire.url))
        sides.append(Side(world, wire, sdk, form, client))
        result = end(sides[0])
        await world.value(result)
        gc.collect()
        for _ in range(5 if world.asynchronous else 0):
            await asyncio.sleep(0)

    autotrace.enable()
    world.run(main())
    (span,) = captured.spans
    assert span["end_reason"] == reason
    assert (span["status"], span["level"]) == ({"code": "UNSET"}, "info")
    assert recorded(span) == partial(sdk, sides[0].seen)
    assert "error.type" not in span["attributes"]
    assert recorded(span) or ending.endswith("-opening")


async def value_cancelled(call: Any) -> None:
    task = asyncio.create_task(call)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def value_timed_out(call: Any) -> None:
    async with asyncio.timeout(0.2):
        await call


async def value_waited_for(call: Any) -> None:
    await asyncio.wait_for(call, 0.2)


async def value_left_to_the_loop(call: Any) -> None:
    held.append(asyncio.create_task(call))
    await asyncio.sleep(0.2)  # then the loop ends, and cancels what is left


held: list[Any] = []
VALUES: dict[str, tuple[Any, type[BaseException] | None]] = {
    "interrupted": (None, KeyboardInterrupt),
    "cancelled": (value_cancelled, None),
    "wait-for": (value_waited_for, asyncio.TimeoutError),
    "asyncio-timeout": (value_timed_out, TimeoutError),
    "loop-ended": (value_left_to_the_loop, None),
}


@pytest.mark.parametrize("how", VALUES)
def test_a_value_that_is_called_off_has_one_record(how: str, sdk: Any, wire: Any, captured: Any) -> None:
    if how == "asyncio-timeout" and sys.version_info < (3, 11):
        pytest.skip("no asyncio.timeout here")
    end, raised = VALUES[how]

    async def main() -> None:
        client = sdk.client(True, wire.url)
        held.append(client)
        await end(sdk.value(client, TEXT, model="fault-hang"))

    autotrace.enable()
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        if end is None:
            with contextlib.closing(sdk.client(False, wire.url)) as client:
                interrupt_while_it_waits(wire)
                sdk.value(client, TEXT, model="fault-slow")
        else:
            asyncio.run(main())
    held.clear()
    (span,) = captured.spans
    assert (span["end_reason"], span["level"], span["status"]) == ("cancelled", "info", {"code": "UNSET"})
    assert "error.type" not in span["attributes"]


@pytest.mark.parametrize("how", ["reading", "held", "interrupted"])
def test_a_stream_that_outlives_its_loop_has_one_record(
    how: str, sdk: Any, wire: Any, captured: Any, worlds: Callable[[bool], Any]
) -> None:
    """`asyncio.run` cancels the tasks that are left, then closes the asynchronous generators that are left."""
    seen: list[Any] = []
    held: list[Any] = []

    async def consume(client: Any, some: asyncio.Event) -> None:
        stream = await sdk.stream(client, TEXT, model="fault-slow")
        held.append(stream)
        async for item in stream:
            seen.append(item)
            if len(seen) == 3:
                some.set()
                if how == "held":
                    return

    async def main() -> None:
        client = sdk.client(True, wire.url)
        held.append(client)
        some = asyncio.Event()
        held.append(asyncio.create_task(consume(client, some)))
        await some.wait()
        if how == "interrupted":
            interrupt_soon()
            await asyncio.sleep(60)

    autotrace.enable()
    with pytest.raises(KeyboardInterrupt) if how == "interrupted" else contextlib.nullcontext():
        asyncio.run(main())
    (span,) = captured.spans
    assert span["end_reason"] == ("abandoned" if how == "held" else "cancelled")
    assert recorded(span) == partial(sdk, seen) != ""


SCRIPT = """
import asyncio, atexit, runpy, sys, threading, time
path, url, how = sys.argv[1:4]
sdk = runpy.run_path(path)
client = sdk["client"](how == "async-tasks", url)
value, stream = sdk["value"], sdk["stream"]
TEXT = "A text of some length, so that its answer comes in many pieces."
slow = {"model": "fault-slow"}

def said():
    value(client, "in a handler")
    items = stream(client, TEXT)
    next(items)
    items.close()
    held.append(stream(client, TEXT, **slow))
    next(held[-1])

held = []
if how == "daemon-threads":
    def read(some):
        for item in stream(client, TEXT * 200, **slow):  # minutes of pieces: open whenever the interpreter ends
            some.set()
    some = threading.Event()
    value(client, "warm")
    hanging = threading.Thread(target=value, args=(client, "x"), kwargs={"model": "fault-hang"}, daemon=True)
    hanging.start()
    while sys._current_frames()[hanging.ident].f_code.co_name not in ("recv", "read", "recv_into"):
        time.sleep(0.01)
    threading.Thread(target=read, args=(some,), daemon=True).start()
    some.wait()
elif how == "async-tasks":
    async def read():
        async for item in await stream(client, TEXT, **slow):
            some.set()
    async def main():
        global some
        some = asyncio.Event()
        held.append(asyncio.create_task(value(client, "x", model="fault-hang")))
        held.append(asyncio.create_task(read()))
        await some.wait()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
elif how == "atexit-before":  # registered before the first record: runs after our own handler
    atexit.register(said)
elif how == "atexit-after":
    value(client, "first")
    atexit.register(said)
elif how == "atexit-only":
    import autotrace
    atexit.register(lambda: value(client, "the only call"))
elif how == "sys-exit":
    held.append(stream(client, TEXT, **slow))
    next(held[0])
    sys.exit(3)
"""
BOTH = {"completed": 1, "abandoned": 1, "exit": 1}
AT_EXIT: dict[str, tuple[dict[str, int], int]] = {
    "daemon-threads": ({"completed": 1, "exit": 2}, 0),
    "async-tasks": ({"exit": 2}, 0),
    "atexit-before": (BOTH, 0),
    "atexit-after": ({**BOTH, "completed": 2}, 0),
    "atexit-only": ({"completed": 1}, 0),
    "sys-exit": ({"exit": 1}, 3),
}
CRASHES = (-signal.SIGSEGV,) if sys.version_info[:2] == (3, 13) else ()
"""CPython 3.13's own crash where a generator closes a response while the interpreter ends: see `test_streams.py`."""


TRACED = {"AUTOTRACE": "1", "AUTOTRACE_STRICT": "1", "AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONWARNINGS": "ignore"}


@pytest.mark.in_depth
@pytest.mark.parametrize("how", AT_EXIT)
def test_calls_that_the_interpreters_end_meets_are_recorded(how: str, sdk: Any, wire: Any) -> None:
    expected, code = AT_EXIT[how]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUTOTRACE")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, sdk.__file__, wire.url, how],
        env={**environment, **TRACED},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode in (code, *CRASHES), done.stderr
    spans = [json.loads(line) for line in done.stdout.splitlines()]
    assert Counter(span["end_reason"] for span in spans) == expected
    assert len({span["span_id"] for span in spans}) == len(spans)
    assert "autotrace" not in done.stderr
