"""Streams of the real SDKs: the program's own object, and one record however they end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import pytest

import autotrace

TEXT = "A text of some length, so that its answer comes in many pieces: one, two, three, four, five, six, seven, eight."
SOME = 14


class Stop(Exception):
    """What the consumer raises."""


async def _exhausted(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    seen += await world.items(stream)
    await stack.aclose()


async def _closed(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    seen += await world.take(stream, SOME)
    await world.close(stream)


async def _closed_response(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    seen += await world.take(stream, SOME)
    await world.close(stream.response)


async def _left(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    """`with` (of the stream, or of its manager) is left after some items."""
    if stack is not None:
        seen += await world.take(stream, SOME)
        await stack.aclose()
        return
    async with world.entered(stream) as entered:
        assert entered is stream
        seen += await world.take(stream, SOME)


async def _raised(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    try:
        async with stack if stack is not None else world.entered(stream):
            seen += await world.take(stream, SOME)
            raise Stop
    except Stop:
        return
    raise AssertionError("the manager swallowed what its block raised")


async def _dropped(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    seen += await world.take(stream, SOME)


async def _unread(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    await (stack.aclose() if stack is not None else world.close(stream))


async def _unread_dropped(world: Any, stack: Any, stream: Any, seen: list[Any]) -> None:
    del stream


ENDINGS: dict[str, tuple[Any, str]] = {
    "exhausted": (_exhausted, "completed"),
    "left": (_left, "abandoned"),
    "raised": (_raised, "abandoned"),
    "unread": (_unread, "unread"),
    "closed": (_closed, "abandoned"),
    "response-closed": (_closed_response, "abandoned"),
    "dropped": (_dropped, "abandoned"),
    "unread-dropped": (_unread_dropped, "unread"),
}


def can_end(sdk: Any, form: str, ending: str) -> bool:
    """Whether a stream of this form can end so: one that a context manager holds ends with it."""
    if ending == "response-closed" and sdk.TYPES.get(form) == (GeneratorType, AsyncGeneratorType):
        return False
    return form not in sdk.MANAGED or ending not in ("closed", "response-closed", "dropped", "unread-dropped")


def partial(sdk: Any, seen: list[Any]) -> str:
    return "".join(map(sdk.text_of, seen))


def recorded(span: dict[str, Any]) -> str:
    said = span["attributes"].get("gen_ai.output.messages", [])
    return "".join(part.get("content", "") for message in said for part in message["parts"])


async def test_however_a_stream_ends_there_is_one_record_with_what_was_received(
    world: Any, ending: str, sdk: Any, form: str, wire: Any, captured: Any
) -> None:
    end, reason = ENDINGS[ending]
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    stack = contextlib.AsyncExitStack()
    stream = await sdk.FORMS[form](world, stack, client, TEXT)
    if form in sdk.TYPES:
        assert type(stream) is sdk.TYPES[form][world.asynchronous]
    assert captured.spans == []
    seen: list[Any] = []
    await end(world, stack if form in sdk.MANAGED or end is _exhausted else None, stream, seen)
    del stream
    for _ in range(5 if world.asynchronous else 0):
        await asyncio.sleep(0)
    gc.collect()
    if not wire.exchanges:
        assert (reason, captured.spans) == ("unread", [])
        return
    (span,) = captured.spans
    assert span["end_reason"] == reason
    assert (span["status"], span["level"]) == ({"code": "UNSET"}, "info")
    assert recorded(span) == partial(sdk, seen)
    assert (reason == "unread") == (recorded(span) == "")
    assert ("gen_ai.response.time_to_first_chunk" in span["attributes"]) == bool(seen)
    if reason == "abandoned":
        assert recorded(span) in wire.exchanges[0].body.decode() or len(recorded(span)) < len(TEXT)
        assert "gen_ai.response.finish_reasons" not in span["attributes"]


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_a_stream_that_is_cancelled_while_it_waits_is_recorded_as_cancelled(
    how: str, sdk: Any, form: str, wire: Any, captured: Any, worlds: Callable[[bool], Any]
) -> None:
    world = worlds(True)
    seen: list[Any] = []
    some = asyncio.Event()

    async def consume(client: Any) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stream = await sdk.FORMS[form](world, stack, client, TEXT, model="fault-slow")
            async for item in stream:
                seen.append(item)
                if len(seen) >= 3:
                    some.set()

    async def main() -> None:
        task = asyncio.create_task(consume(world.closing(sdk.client(True, wire.url))))
        if how == "timeout":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(task, 0.35)
            return
        await some.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    autotrace.enable()
    world.run(main())
    (span,) = captured.spans
    assert (span["end_reason"], span["level"]) == ("cancelled", "info")
    assert recorded(span) == partial(sdk, seen)
    assert "error.type" not in span["attributes"]


@pytest.mark.parametrize("fault", ["cut", "error-event", "malformed"])
async def test_a_stream_that_breaks_is_a_failure_with_what_was_received(
    world: Any, fault: str, sdk: Any, form: str, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    seen: list[Any] = []
    raised: BaseException | None = None
    try:
        async with contextlib.AsyncExitStack() as stack:
            stream = await sdk.FORMS[form](world, stack, client, TEXT, model=f"fault-{fault}")
            while items := await world.take(stream, 1):
                seen += items
    except Exception as exc:  # noqa: BLE001 - each SDK has its own
        raised = exc
    (span,) = captured.spans
    if raised is None:
        assert form == "lines"  # who reads lines sees the error event, and no error; the record knows it
        assert fault != "cut"
        assert span["end_reason"] == ("error" if fault == "error-event" else "completed")
        return
    kind = type(raised)
    assert span["end_reason"] == "error"
    assert (span["status"]["code"], span["level"]) == ("ERROR", "error")
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    assert span["attributes"]["error.type"] == name
    assert span["status"]["description"] == str(raised)
    assert recorded(span) == partial(sdk, seen) != ""


async def test_a_stream_keeps_what_the_sdk_gives_it(world: Any, sdk: Any, form: str, wire: Any, captured: Any) -> None:
    """The same attributes as without autotrace, and the same items."""

    async def use() -> tuple[Any, ...]:
        client = world.closing(sdk.client(world.asynchronous, wire.url))
        async with contextlib.AsyncExitStack() as stack:
            stream = await sdk.FORMS[form](world, stack, client, TEXT)
            response = getattr(stream, "response", None)
            status = response and (type(response), response.status_code, response.is_closed)
            looks = (getattr(stream, "__name__", None), getattr(stream, "__qualname__", None))
            names = {name for name in dir(stream) if not name.startswith("__")}
            items = await world.items(stream)
            closed = response and response.is_closed
            return type(stream), looks, names, status, [type(item) for item in items], partial(sdk, items), closed

    before = await use()
    autotrace.enable()
    assert await use() == before
    autotrace.disable()
    assert await use() == before
    assert len(captured.spans) == 1


SCRIPT = """
import asyncio, runpy, sys
path, url, asynchronous = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
sdk = runpy.run_path(path)
client = sdk["client"](asynchronous, url)
stream = sdk["stream"](client, sys.argv[4])
async def some():
    global stream
    stream = await stream
    for _ in range(5):
        await anext(stream)
if asynchronous:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(some())
else:
    for _ in range(5):
        next(stream)
"""


EXIT_CODES = (0, -signal.SIGSEGV) if sys.version_info[:2] == (3, 13) else (0,)
"""CPython 3.13 may crash where a generator closes a response while the interpreter ends (anthropic works around it). Without
autotrace openai 2.54 on 3.13.0 did so in 30 of 30 runs of this script."""


TRACED = {"AUTOTRACE": "1", "AUTOTRACE_STRICT": "1", "AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONWARNINGS": "ignore"}


@pytest.mark.in_depth
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_stream_that_is_open_when_the_interpreter_exits_is_recorded(asynchronous: bool, sdk: Any, wire: Any) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUTOTRACE")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, sdk.__file__, wire.url, str(asynchronous), TEXT],
        env={**environment, **TRACED},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode in EXIT_CODES, done.stderr
    (line,) = done.stdout.splitlines()
    span = json.loads(line)
    assert span["end_reason"] == "exit"
    assert span["attributes"]["gen_ai.operation.name"] == "chat"
    assert 0 < len(recorded(span)) < len(TEXT)
    assert "autotrace" not in done.stderr
