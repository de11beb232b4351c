"""`observe_stream` and `observe_close`: what a plugin's own function for streams does with an object that it has found."""

from __future__ import annotations

import asyncio
import gc
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

import autotrace

PLUGIN = """
from autotrace.plugin import Instrumentor, Operation, StreamSeam, observe_close, observe_stream

seen = []


def observe(result, call):
    stream = result.get("events") if isinstance(result, dict) else None
    if stream is None or not observe_stream(stream, StreamSeam("_iterator"), call):
        return False
    observe_close(stream, "close", call)
    observe_close(stream, "aclose", call)
    observe_close(result["holder"], "inner.close", call)
    seen.append(call)
    return True


CHAT = Operation(
    "chat", response={{"id": "id", "output_messages": "text"}}, reduce=lambda chunks: {{"text": chunks}}, stream=observe
)
instrumentor = Instrumentor(provider="acme", targets={{"{name}.client:Client.chat": CHAT}})
"""


class Inner:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Holder:
    def __init__(self) -> None:
        self.inner = Inner()


@pytest.fixture
def traced(library: Any) -> Any:
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    return library


def ask(traced: Any, stream: Any) -> dict[str, Any]:
    result = {"events": stream, "holder": Holder()}
    assert traced.client.Client().chat("m", answer=result) is result
    return result


class Consumer:
    """One that reads and closes streams of both kinds, in one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def read(self, stream: Any, count: int) -> list[Any]:
        if not hasattr(stream, "__anext__"):
            return [next(stream) for _ in range(count)]

        async def steps() -> list[Any]:
            return [await stream.__anext__() for _ in range(count)]

        return self.loop.run_until_complete(steps())

    def close(self, stream: Any) -> None:
        if hasattr(stream, "aclose"):
            self.loop.run_until_complete(stream.aclose())
        else:
            stream.close()


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer()
    yield made
    made.loop.close()


@pytest.mark.parametrize("kind", ["Stream", "AsyncStream"])
def test_a_stream_that_is_closed_early_is_abandoned_with_what_was_read(
    kind: str, traced: Any, captured: Any, consumer: Consumer
) -> None:
    stream = getattr(traced.client, kind)([1, 2, 3])
    ask(traced, stream)
    (call,) = __import__(traced.plugin).seen
    assert call.received == 0
    assert consumer.read(stream, 2) == [1, 2]
    assert call.received == 2
    assert captured.spans == []
    consumer.close(stream)
    assert stream.closed == 1
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["gen_ai.output.messages"]) == ("abandoned", [1, 2])
    assert call.received == 0


def test_a_stream_that_is_read_is_complete_and_its_close_says_nothing_more(traced: Any, captured: Any) -> None:
    stream = traced.client.Stream([1, 2])
    ask(traced, stream)
    assert list(stream) == [1, 2]
    stream.close()
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["gen_ai.output.messages"]) == ("completed", [1, 2])


def test_a_method_of_what_an_object_holds_is_watched_by_its_path(traced: Any, captured: Any, consumer: Consumer) -> None:
    stream = traced.client.Stream([1, 2])
    result = ask(traced, stream)
    assert consumer.read(stream, 1) == [1]
    result["holder"].inner.close()
    assert result["holder"].inner.closed == 1
    (span,) = captured.spans
    assert span["end_reason"] == "abandoned"


def test_what_has_no_such_iterator_stays_an_answer(traced: Any, captured: Any) -> None:
    result = {"events": object(), "id": "r1", "holder": Holder()}
    assert traced.client.Client().chat("m", answer=result) is result
    gc.collect()
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["gen_ai.response.id"]) == ("completed", "r1")


WIRED = """
from autotrace.plugin import Instrumentor, Operation, running_call

CHAT = Operation("chat", response={{"id": "id"}}, reduce=lambda chunks: {{"id": "".join(chunk["id"] for chunk in chunks)}})
asked = []


def wired(call):
    call.wire = call.argument("messages")
    asked.append(running_call())
    return CHAT


instrumentor = Instrumentor(provider="acme", targets={{"{name}.client:Client.chat": wired}})
"""


def test_what_the_library_parses_is_the_answer_instead_of_its_objects(library: Any, captured: Any) -> None:
    library.write(f"{library.plugin}.py", WIRED.format(name=library.name))
    autotrace.enable(library.name)
    chat = library.client.Client().chat
    wire: list[Any] = []

    def parsed() -> Iterator[object]:
        for name in "ab":
            wire.append({"id": name})
            yield object()

    assert len(list(chat("m", wire, answer=parsed()))) == 2
    chat("m", [{"id": "c"}], answer=object())
    chat("m", [], answer={"id": "own"})
    assert [span["attributes"]["gen_ai.response.id"] for span in captured.spans] == ["ab", "c", "own"]
    assert importlib.import_module(library.plugin).asked == [None] * 3, "no call runs before its route has chosen"
