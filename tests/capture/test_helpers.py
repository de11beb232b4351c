"""Helpers of a library, which make something of a stream: what they raise is a failure, what the program raises is not."""

from __future__ import annotations

import asyncio
import gc
import traceback
from pathlib import Path
from typing import Any

import pytest

import autotrace
from autotrace.errors import DeclarationError
from autotrace.plugin import Continues, StreamSeam

OURS = str(Path(autotrace.__file__).parent / "_capture")

CLIENT = """
class OddError(Exception):
    pass


class Stream:
    def __init__(self):
        self._events = iter((1, 2, 3))

    def __iter__(self):
        for event in self._events:
            yield event


class AsyncStream(Stream):
    def __init__(self):
        self._events = self._read()

    async def _read(self):
        for event in (1, 2, 3):
            yield event

    async def __aiter__(self):
        async for event in self._events:
            yield event


class Client:
    def ask(self, kind):
        return AsyncStream() if kind == "async" else Stream()

    def fetch(self):
        return {"text": "whole"}

    def pieces(self):
        yield from (1, 2, 3)

    async def apieces(self):
        for event in (1, 2, 3):
            yield event


class Reader:
    def __init__(self, stream, fault=""):
        self.fault = fault
        self._fail("made")
        self._stream = stream
        self._steps = self._read()

    def _fail(self, when):
        if self.fault == when:
            raise OddError(when)

    def _read(self):
        for event in self._stream:
            if event == 2:
                self._fail("step")
            yield event

    def __iter__(self):
        for event in self._steps:
            yield event

    def answer(self):
        list(self)
        self._fail("answer")
        return 6

    def close(self):
        self._fail("close")


class AsyncReader(Reader):
    async def _read(self):
        async for event in self._stream:
            if event == 2:
                self._fail("step")
            yield event

    async def __aiter__(self):
        async for event in self._steps:
            yield event

    async def answer(self):
        async for _ in self:
            pass
        self._fail("answer")
        return 6

    async def close(self):
        self._fail("close")


def typed(client, fault=""):
    text = client.fetch()["text"]
    if fault:
        raise OddError(text)
    return text


async def typed_async(client, fault=""):
    return typed(client, fault)


def typed_pieces(client, fault=""):
    for event in client.pieces():
        if fault and event == 2:
            raise OddError(event)
        yield event


async def typed_pieces_async(client, fault=""):
    async for event in client.apieces():
        if fault and event == 2:
            raise OddError(event)
        yield event
"""

PLUGIN = """
from autotrace.plugin import Continues, Instrumentor, Operation, StreamSeam

CHAT = Operation(
    "chat",
    response={{"output_messages": "text"}},
    reduce=lambda chunks: {{"text": chunks}},
    stream=lambda result, call: observe(result, call),
)
SEAM = StreamSeam("_steps", close=("close",))


def observe(result, call):
    from autotrace.plugin import observe_stream

    return observe_stream(result, StreamSeam("_events"), call)


def stream(call):
    return call.argument("stream")


instrumentor = Instrumentor(
    provider="acme",
    targets={{
        **{{f"{name}.client:Client.{{one}}": CHAT for one in ("ask", "fetch", "pieces", "apieces")}},
        **{{f"{name}.client:{{one}}.__init__": Continues(stream, seam=SEAM) for one in ("Reader",)}},
        **{{f"{name}.client:{{one}}.answer": Continues() for one in ("Reader", "AsyncReader")}},
        **{{
            f"{name}.client:{{one}}": Continues(inside=True)
            for one in ("typed", "typed_async", "typed_pieces", "typed_pieces_async")
        }},
    }},
)
"""


@pytest.fixture
def client(library: Any) -> Any:
    library.write(f"{library.name}/client.py", CLIENT)
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    return library.client


def ended(captured: Any) -> tuple[str, Any]:
    """How the only call ended: its reason, and the class of its failure."""
    gc.collect()
    (span,) = captured.spans
    return span["end_reason"], span["attributes"].get("error.type", "").rpartition(".")[2]


async def use(reader: Any, *, loop: bool = True, raising: Any = None) -> None:
    """Use a reader as a program does: a loop, the answer, the close. `raising` is what the program raises in the loop."""
    asynchronous = hasattr(type(reader), "__aiter__")
    try:
        if loop and asynchronous:
            async for event in reader:
                if raising is not None and event == 2:
                    raise raising
        elif loop:
            for event in reader:
                if raising is not None and event == 2:
                    raise raising
        answer = reader.answer()
        assert (await answer if asynchronous else answer) == 6
    finally:
        closed = reader.close()
        if asynchronous:
            await closed


def reader_of(client: Any, kind: str, fault: str = "") -> Any:
    return (client.AsyncReader if kind == "async" else client.Reader)(client.Client().ask(kind), fault)


@pytest.mark.parametrize("loop", [True, False], ids=["loop", "answer"])
@pytest.mark.parametrize("fault", ["made", "step", "answer", "close"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_a_helper_raises_is_a_failure_of_its_call(kind: str, fault: str, loop: bool, client: Any, captured: Any) -> None:
    with pytest.raises(client.OddError, match=fault) as raised:
        asyncio.run(use(reader_of(client, kind, fault), loop=loop))
    assert ended(captured) == ("error", "OddError")
    assert len([frame for frame in traceback.extract_tb(raised.tb) if frame.filename.startswith(OURS)]) <= 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_the_program_raises_between_two_steps_is_not(kind: str, client: Any, captured: Any) -> None:
    with pytest.raises(KeyError, match="mine"):
        asyncio.run(use(reader_of(client, kind), raising=KeyError("mine")))
    assert ended(captured) == ("abandoned", "")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_good_helper_ends_its_call_as_completed_with_its_close(kind: str, client: Any, captured: Any) -> None:
    reader = reader_of(client, kind)
    asyncio.run(use(reader))
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["gen_ai.output.messages"]) == ("completed", [1, 2, 3])


def test_a_helper_that_is_dropped_after_the_last_event_has_a_completed_call(client: Any, captured: Any) -> None:
    reader = reader_of(client, "sync")
    assert list(reader) == [1, 2, 3]
    assert captured.spans == []
    del reader
    assert ended(captured) == ("completed", "")


def test_an_exception_that_the_program_has_caught_is_still_the_failure(client: Any, captured: Any) -> None:
    reader = reader_of(client, "sync", "step")
    with pytest.raises(client.OddError):
        list(reader)
    reader.close()
    assert ended(captured) == ("error", "OddError")


async def run(client: Any, name: str, fault: str, raising: Any = None) -> None:
    result = getattr(client, name)(client.Client(), fault)
    if hasattr(result, "__await__"):
        await result
    elif hasattr(result, "__aiter__"):
        async for _ in result:
            if raising is not None:
                await result.aclose()
                raise raising
    elif not isinstance(result, str):
        for _ in result:
            if raising is not None:
                result.close()
                raise raising


@pytest.mark.parametrize("name", ["typed", "typed_async", "typed_pieces", "typed_pieces_async"])
def test_what_a_function_around_the_request_raises_is_a_failure(name: str, client: Any, captured: Any) -> None:
    with pytest.raises(client.OddError) as raised:
        asyncio.run(run(client, name, "odd"))
    assert ended(captured) == ("error", "OddError")
    assert not [frame for frame in traceback.extract_tb(raised.tb) if frame.filename.startswith(OURS)]
    captured.clear()
    asyncio.run(run(client, name, ""))
    assert ended(captured) == ("completed", "")


@pytest.mark.parametrize("name", ["typed_pieces", "typed_pieces_async"])
def test_a_program_that_leaves_the_generator_of_such_a_function_abandons_the_call(
    name: str, client: Any, captured: Any
) -> None:
    with pytest.raises(KeyError):
        asyncio.run(run(client, name, "", KeyError("mine")))
    assert ended(captured) == ("abandoned", "")


def test_helpers_work_as_before_after_disable(client: Any, library: Any, captured: Any) -> None:
    reader = reader_of(client, "sync", "answer")
    autotrace.disable()
    with pytest.raises(client.OddError):
        reader.answer()
    assert client.Reader(client.Client().ask("sync")).answer() == 6
    assert len(captured.spans) <= 1


@pytest.mark.parametrize(
    "made",
    [
        lambda: Continues("stream"),  # type: ignore[arg-type]
        lambda: Continues(seam=StreamSeam("_steps")),
        lambda: Continues(lambda call: call.instance, seam="_steps"),  # type: ignore[arg-type]
        lambda: Continues(lambda call: call.instance, inside=True),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused(made: Any) -> None:
    with pytest.raises(DeclarationError):
        made()
