"""However the network cuts a response, and wherever the consumer stops reading: the record is what was received."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotrace
from autotrace.testing.provider import Answer, Call, WireFormat, installed, serve

WORDS = "Grüezi, 你好, 👩‍🚀! How are you – both of you – today?"


class Knife:
    """Cuts the bodies of streams at `points`: between any two bytes, characters and events or not."""

    def __init__(self) -> None:
        self.points: list[int] = []

    def on(self, form: WireFormat) -> WireFormat:
        def answer(call: Call) -> Answer | None:
            made = form.answer(call)
            if made is None or made.pieces is None:
                return made
            body = b"".join(made.pieces)
            at = [0, *sorted({point % len(body) for point in self.points} - {0}), len(body)]
            return made._replace(pieces=[body[begin:end] for begin, end in itertools.pairwise(at)])

        return form._replace(answer=answer)


@pytest.fixture(scope="module")
def knife(_wire: Any) -> Iterator[tuple[Knife, str]]:
    knife = Knife()
    with serve(formats=[knife.on(form) for form in installed()]) as provider:
        yield knife, provider.url


def arguments_of(items: list[Any]) -> list[Any]:
    """The arguments of each tool call that `items` of a stream bring: joined text, or for Ollama the object."""
    calls: dict[Any, Any] = {}
    for item in items:
        event = getattr(item, "chunk", item)
        kind = getattr(item, "type", "")
        for choice in getattr(event, "choices", None) or ():
            for call in choice.delta.tool_calls or ():
                calls[call.index] = calls.get(call.index, "") + (call.function.arguments or "")
        if kind == "response.function_call_arguments.delta":
            calls[item.output_index] = calls.get(item.output_index, "") + item.delta
        elif kind == "content_block_delta" and item.delta.type == "input_json_delta":
            calls[item.index] = calls.get(item.index, "") + item.delta.partial_json
        for call in getattr(getattr(item, "message", None), "tool_calls", None) or ():
            calls[len(calls)] = dict(call.function.arguments)
    return [calls[key] for key in sorted(calls) if calls[key]]


def parsed(arguments: Any) -> Any:
    """Complete arguments as an object, others as the text that they are."""
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments


def recorded(span: dict[str, Any], kind: str, key: str) -> list[Any]:
    said = span["attributes"].get("gen_ai.output.messages", [])
    return [part[key] for message in said for part in message["parts"] if part["type"] == kind and part.get(key)]


def can_end(sdk: Any, form: str, ending: str) -> bool:
    """Every kind of stream object once: each example is a request."""
    return form in ("create", "helper", "responses")


ENDINGS = ("text", "tools")


def test_a_record_is_what_was_received_however_it_was_cut(
    world: Any, sdk: Any, form: str, ending: str, knife: tuple[Knife, str], captured: Any
) -> None:
    cutting, url = knife
    loop = asyncio.new_event_loop()

    async def use(take: int, client: Any) -> list[Any]:
        more = {"tools": [_tool(sdk, form)]} if ending == "tools" else {}
        async with contextlib.AsyncExitStack() as stack:
            stream = await sdk.FORMS[form](world, stack, client, WORDS, **more)
            return list(await world.take(stream, take))

    async def settle(found: Any) -> Any:
        items = await found
        await asyncio.sleep(0)
        return items

    def run(coroutine: Any) -> Any:
        if world.asynchronous:
            return loop.run_until_complete(settle(coroutine))
        with pytest.raises(StopIteration) as done:
            coroutine.send(None)
        return done.value.value

    async def closed(client: Any) -> None:
        await world.value(client.close())

    @settings(max_examples=12)
    @given(points=st.lists(st.integers(0, 100_000), max_size=12), take=st.integers(0, 40))
    def holds(points: list[int], take: int) -> None:
        cutting.points = points
        captured.clear()
        items = run(use(take, client))
        spans = _ended(captured, run, world)
        if sdk.PACKAGE == "ollama" and take == 0:
            assert spans == []  # a generator that was never asked: nothing was sent
            return
        (span,) = spans
        assert span["end_reason"] in (("unread",) if take == 0 else ("abandoned", "completed"))
        assert "".join(recorded(span, "text", "content")) == "".join(map(sdk.text_of, items))
        assert recorded(span, "tool_call", "arguments") == [parsed(one) for one in arguments_of(items)]

    autotrace.enable()
    client = sdk.client(world.asynchronous, url)
    try:
        holds()
    finally:
        run(closed(client))
        run(_nothing())
        loop.close()


def _ended(captured: Any, run: Any, world: Any) -> Any:
    """The records, once the garbage collector and the loop have done their part."""
    for _ in range(3):
        if captured.spans:
            break
        gc.collect()
        run(asyncio.sleep(0.01) if world.asynchronous else _nothing())
    return captured.spans


async def _nothing() -> None:
    return


def _tool(sdk: Any, form: str) -> Any:
    tool = sdk.tool("weather", "The weather", "Zürich – and all that lies around it")
    return {"type": "function", **tool["function"], "strict": True} if form.startswith("responses") else tool
