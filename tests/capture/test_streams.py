"""Streams: every way to end ends the span once, with what was received, and the program keeps its own object."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrace
from autotrace.testing import Capture

CHUNKS = [{"text": "a"}, {"text": "b"}, {"text": "c"}]
FORMS = ["stream", "generator"]
SIDES = ["sync", "async"]


class World:
    """One program in two flavours: everything is written asynchronously, `run` drives either."""

    def __init__(self, library: Any, form: str, side: str) -> None:
        self.module = library.client
        self.form = form
        self.asynchronous = side == "async"

    def open(self, items: list[Any]) -> Any:
        """What the library returns for a streamed call."""
        if self.form == "stream":
            stream = self.module.AsyncStream(items) if self.asynchronous else self.module.Stream(items)
        else:
            stream = self.module.aiter_items(items) if self.asynchronous else self.module.iter_items(items)
        return self.module.Client().chat("m", [{"role": "user"}], answer=stream), stream

    async def take(self, stream: Any, count: int | None = None) -> list[Any]:
        taken: list[Any] = []
        while count is None or len(taken) < count:
            try:
                taken.append(await stream.__anext__() if self.asynchronous else next(stream))
            except (StopIteration, StopAsyncIteration):
                break
        return taken

    async def close(self, stream: Any) -> None:
        if self.asynchronous:
            await stream.aclose()
        else:
            stream.close()


@pytest.fixture(params=[(form, side) for form in FORMS for side in SIDES], ids="-".join)
def world(request: pytest.FixtureRequest, library: Any) -> World:
    autotrace.enable(library.name)
    return World(library, *request.param)


def text_of(span: dict[str, Any]) -> Any:
    return span["attributes"].get("gen_ai.output.messages")


def test_an_exhausted_stream_is_completed_and_its_chunks_are_the_programs_own(world: World, captured: Capture) -> None:
    async def program() -> None:
        stream, _ = world.open(CHUNKS)
        taken = await world.take(stream)
        assert [id(chunk) for chunk in taken] == [id(chunk) for chunk in CHUNKS]
        assert await world.take(stream) == []

    asyncio.run(program())
    (span,) = captured.spans
    assert span["end_reason"] == "completed"
    assert text_of(span) == "abc"
    assert span["attributes"]["autotrace.stream.chunks"] == 3
    assert 0 <= span["attributes"]["gen_ai.response.time_to_first_chunk"] <= span["duration_ns"] / 1e9


def test_the_object_is_the_librarys_own(world: World, captured: Capture) -> None:
    async def program() -> None:
        stream, original = world.open(CHUNKS)
        if world.form == "stream":
            assert stream is original
        else:
            assert type(stream) is type(original)
            assert inspect.isgenerator(stream) or inspect.isasyncgen(stream)
            assert (stream.__name__, stream.__qualname__) == (original.__name__, original.__qualname__)
        await world.take(stream)

    asyncio.run(program())
    assert len(captured.spans) == 1


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_stream_that_is_left_early_is_abandoned_with_what_was_received(world: World, captured: Capture, end: str) -> None:
    async def program() -> None:
        stream, original = world.open(CHUNKS)
        assert await world.take(stream, 2) == CHUNKS[:2]
        if end == "close":
            await world.close(stream)
            await world.close(stream)
            if world.form == "stream":
                assert original.closed == 2
        del stream, original
        gc.collect()

    asyncio.run(program())
    (span,) = captured.spans
    assert span["end_reason"] == "abandoned"
    assert span["status"] == {"code": "UNSET"}
    assert text_of(span) == "ab"


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_stream_that_is_never_read_is_unread_and_a_lazy_generator_is_nothing(
    world: World, captured: Capture, end: str
) -> None:
    async def program() -> None:
        stream, original = world.open(CHUNKS)
        if end == "close":
            await world.close(stream)
        del stream, original
        gc.collect()

    asyncio.run(program())
    assert [span["end_reason"] for span in captured.spans] == (["unread"] if world.form == "stream" else [])


EAGER = """
from autotrace.plugin import Instrumentor, Operation

CHAT = Operation("chat", request={{"model": "model"}}, reduce=lambda chunks: {{}})


def route(call):
    call.lazy = False
    return CHAT


instrumentor = Instrumentor(targets={{"{name}.client:Client.chat": route}})
"""


@pytest.mark.parametrize("end", ["read", "drop"])
@pytest.mark.parametrize("side", SIDES)
def test_a_generator_whose_request_was_sent_before_is_a_call_from_then_on(
    library: Any, captured: Capture, side: str, end: str
) -> None:
    library.write(f"{library.plugin}.py", EAGER.format(name=library.name))
    autotrace.enable(library.name)
    world = World(library, "generator", side)

    async def program() -> None:
        stream, original = world.open(CHUNKS)
        await asyncio.sleep(0.02)
        if end == "read":
            assert await world.take(stream) == CHUNKS
        del stream, original
        gc.collect()

    asyncio.run(program())
    (span,) = captured.spans
    assert span["end_reason"] == {"read": "completed", "drop": "unread"}[end]
    assert span["duration_ns"] > 10_000_000
    if end == "read":
        assert span["attributes"]["gen_ai.response.time_to_first_chunk"] > 0.01


def test_a_stream_that_nothing_else_holds_is_closed_by_the_librarys_own_method(world: World, captured: Capture) -> None:
    async def program() -> None:
        await world.close(world.open(CHUNKS)[0])

    asyncio.run(program())
    assert [span["end_reason"] for span in captured.spans] == (["unread"] if world.form == "stream" else [])


def test_an_error_inside_the_stream_is_the_calls_error(world: World, captured: Capture) -> None:
    failure = ValueError("cut")

    async def program() -> None:
        stream, _ = world.open([*CHUNKS[:2], failure])
        with pytest.raises(ValueError, match="cut") as caught:
            await world.take(stream)
        assert caught.value is failure

    asyncio.run(program())
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["error.type"], text_of(span)) == ("error", "ValueError", "ab")


def test_a_cancellation_inside_the_stream_cancels_the_call(world: World, captured: Capture) -> None:
    async def program() -> None:
        stream, _ = world.open([CHUNKS[0], asyncio.CancelledError()])
        with pytest.raises(asyncio.CancelledError):
            await world.take(stream)

    asyncio.run(program())
    (span,) = captured.spans
    assert (span["end_reason"], span["status"]["code"], text_of(span)) == ("cancelled", "UNSET", "a")


def test_the_span_is_current_inside_the_librarys_step_and_not_in_the_consumer(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()

    def steps() -> Iterator[dict[str, str]]:
        for chunk in CHUNKS:
            client.chat("inner")
            yield chunk

    for _ in client.chat("outer", answer=steps()):
        client.chat("consumer")
    by_name: dict[str, list[Any]] = {}
    for span in captured.spans:
        by_name.setdefault(span["name"], []).append(span)
    (outer,) = by_name["chat outer"]
    assert [span["parent_id"] for span in by_name["chat inner"]] == [outer["span_id"]] * 3
    assert [span["parent_id"] for span in by_name["chat consumer"]] == [None] * 3


def test_what_is_sent_and_thrown_into_a_generator_reaches_the_librarys(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)

    def echo() -> Any:
        got = yield {"text": "first"}
        try:
            got = yield {"text": got}
        except KeyError:
            got = yield {"text": "caught"}
        return "returned"

    generator = library.client.Client().chat("m", answer=echo())
    assert next(generator) == {"text": "first"}
    assert generator.send("sent") == {"text": "sent"}
    assert generator.throw(KeyError("k")) == {"text": "caught"}
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "returned"
    (span,) = captured.spans
    assert (span["end_reason"], text_of(span)) == ("completed", "firstsentcaught")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=6), st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_wherever_the_consumer_stops_the_record_is_what_was_received(
    library: Any, captured: Capture, texts: list[str], count: int
) -> None:
    autotrace.enable(library.name)
    captured.clear()
    stream = library.client.Client().chat("m", answer=library.client.Stream([{"text": text} for text in texts]))
    for _ in range(count):
        next(stream, None)
    stream.close()
    del stream
    gc.collect()
    (span,) = captured.spans
    received = texts[:count]
    assert text_of(span) == ("".join(received) if received else None)
    reason = "unread" if count == 0 else "completed" if count > len(texts) else "abandoned"
    assert span["end_reason"] == reason


Open = Callable[[], Any]


def test_a_thousand_concurrent_streams_of_every_fate_are_a_thousand_records(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)

    async def one(number: int) -> None:
        items: list[Any] = [*CHUNKS, ValueError("no")] if number % 4 == 1 else list(CHUNKS)
        stream = library.client.Client().chat(f"m{number}", answer=library.client.AsyncStream(items))
        taken = 0
        async for _ in _all(stream):
            await asyncio.sleep(0)
            taken += 1
            if number % 4 == 2 and taken == 1:
                return
            if number % 4 == 3:
                raise asyncio.CancelledError

    async def program() -> None:
        results = await asyncio.gather(*(one(number) for number in range(1000)), return_exceptions=True)
        assert sum(isinstance(result, ValueError) for result in results) == 250

    asyncio.run(program())
    gc.collect()
    reasons = [span["end_reason"] for span in captured.spans]
    assert {reason: reasons.count(reason) for reason in set(reasons)} == {"completed": 250, "error": 250, "abandoned": 500}
    assert len({span["attributes"]["gen_ai.request.model"] for span in captured.spans}) == 1000


async def _all(stream: Any) -> AsyncIterator[Any]:
    async for item in stream:
        yield item
