"""Every way to call the Anthropic SDK: one record, and it says what went over the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import anthropic
import pydantic
import pytest

import autotrace

MODEL = "claude-haiku-4-5"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
TOOL = {"name": "weather", "description": "The weather", "input_schema": SCHEMA}
TALK = [
    {"role": "user", "content": [{"type": "text", "text": "The weather?", "cache_control": {"type": "ephemeral"}}]},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Föhn"}]},
]
CHAT: dict[str, Any] = {"model": MODEL, "max_tokens": 500, "messages": TALK, "tools": [TOOL]}
HELLO: dict[str, Any] = {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": "Grüezi"}]}
SYSTEM: dict[str, Any] = {**HELLO, "system": "Be brief.", "stop_sequences": ["END"]}
QUESTION: dict[str, Any] = {**HELLO, "tools": [TOOL], "messages": [{"role": "user", "content": "Weather, both days?"}]}
THINKING: dict[str, Any] = {**HELLO, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
COUNT: dict[str, Any] = {"model": MODEL, "messages": HELLO["messages"]}


class City(pydantic.BaseModel):
    name: str
    rivers: list[str]


class Side(NamedTuple):
    """The world and the client that a call is made with."""

    world: Any
    client: Any

    async def plain(self, result: Any) -> Any:
        return await self.world.value(result)

    async def read(self, stream: Any) -> None:
        await self.world.items(await self.world.value(stream))

    async def helper(self, manager: Any, method: str = "") -> None:
        async with self.world.entered(manager) as stream:
            await (self.world.value(getattr(stream, method)()) if method else self.world.items(stream))

    async def raw(self, result: Any) -> Any:
        return await self.world.value((await self.world.value(result)).parse())

    async def raw_stream(self, result: Any) -> None:
        await self.world.items(await self.raw(result))

    async def streaming(self, manager: Any, method: str) -> None:
        async with self.world.entered(manager) as response:
            result = getattr(response, method)()
            if hasattr(result, "__anext__" if self.world.asynchronous else "__next__"):
                await self.world.items(result)
            else:
                parsed = await self.world.value(result)
                if isinstance(parsed, (anthropic.Stream, anthropic.AsyncStream)):
                    await self.world.items(parsed)


def streaming(method: str, **more: Any) -> Callable[[Side], Awaitable[Any]]:
    return lambda s: s.streaming(s.client.messages.with_streaming_response.create(**CHAT, **more), method)


SURFACES: dict[str, Callable[[Side], Awaitable[Any]]] = {
    "create": lambda s: s.plain(s.client.messages.create(**CHAT)),
    "system": lambda s: s.plain(s.client.messages.create(**SYSTEM)),
    "hello": lambda s: s.plain(s.client.messages.create(**HELLO)),
    "tools": lambda s: s.plain(s.client.messages.create(**QUESTION)),
    "thinking": lambda s: s.plain(s.client.messages.create(**THINKING)),
    "cut": lambda s: s.plain(s.client.messages.create(**{**HELLO, "max_tokens": 2})),
    "parse": lambda s: s.plain(s.client.messages.parse(**HELLO, output_format=City)),
    "beta": lambda s: s.plain(s.client.beta.messages.create(**CHAT, betas=["some-beta"])),
    "raw": lambda s: s.raw(s.client.messages.with_raw_response.create(**CHAT)),
    "raw-unparsed": lambda s: s.plain(s.client.messages.with_raw_response.create(**CHAT)),
    "streaming-parse": streaming("parse"),
    "streaming-json": streaming("json"),
    "streaming-text": streaming("text"),
    "streaming-read": streaming("read"),
    "streaming-bytes": streaming("iter_bytes"),
    "count-tokens": lambda s: s.plain(s.client.messages.count_tokens(**COUNT)),
    "beta-count-tokens": lambda s: s.plain(s.client.beta.messages.count_tokens(**COUNT)),
    "stream": lambda s: s.read(s.client.messages.create(**CHAT, stream=True)),
    "stream-tools": lambda s: s.read(s.client.messages.create(**QUESTION, stream=True)),
    "stream-thinking": lambda s: s.read(s.client.messages.create(**THINKING, stream=True)),
    "beta-stream": lambda s: s.read(s.client.beta.messages.create(**CHAT, stream=True)),
    "helper": lambda s: s.helper(s.client.messages.stream(**SYSTEM)),
    "helper-tools": lambda s: s.helper(s.client.messages.stream(**QUESTION)),
    "helper-final": lambda s: s.helper(s.client.messages.stream(**CHAT), "get_final_message"),
    "helper-done": lambda s: s.helper(s.client.messages.stream(**CHAT), "until_done"),
    "helper-parse": lambda s: s.helper(s.client.messages.stream(**HELLO, output_format=City), "get_final_message"),
    "beta-helper": lambda s: s.helper(s.client.beta.messages.stream(**THINKING)),
    "raw-stream": lambda s: s.raw_stream(s.client.messages.with_raw_response.create(**QUESTION, stream=True)),
    "streaming-stream": streaming("parse", stream=True),
    "streaming-lines": streaming("iter_lines", stream=True),
    "streaming-read-stream": streaming("read", stream=True),
}


@pytest.mark.parametrize("surface", SURFACES)
async def test_each_surface_gives_one_record_of_what_was_said(
    world: Any, surface: str, sdk: Any, wire: Any, captured: Any, records: Any
) -> None:
    autotrace.enable()
    await SURFACES[surface](Side(world, world.closing(sdk.client(world.asynchronous, wire.url))))
    (span,) = captured.spans
    (exchange,) = wire.exchanges
    records.check(span, exchange, sdk)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_runner_gives_a_record_for_each_of_its_calls(
    world: Any, stream: bool, sdk: Any, wire: Any, captured: Any, records: Any
) -> None:
    def weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Where
        """
        return f"Föhn in {city}"

    async def later(city: str) -> str:
        """The weather in a city."""
        return weather(city)

    tool = anthropic.beta_async_tool(later) if world.asynchronous else anthropic.beta_tool(weather)
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    with autotrace.span("outer"):
        runner = client.beta.messages.tool_runner(**HELLO, tools=[tool], stream=stream)
        answers = await world.items(runner) if not stream else await _streamed(world, runner)
    spans = [span for span in captured.spans if span["kind"] == "CLIENT"]
    *_, outer = [span for span in captured.spans if span["name"] == "invoke_agent"]
    assert len(spans) == len(wire.exchanges) == len(answers) == 2
    for span, exchange in zip(spans, wire.exchanges, strict=True):
        records.check(span, exchange, sdk)
        assert (span["parent_id"], span["trace_id"]) == (outer["span_id"], outer["trace_id"])


async def _streamed(world: Any, runner: Any) -> list[Any]:
    if world.asynchronous:
        return [await world.items(stream) async for stream in runner]
    return [await world.items(stream) for stream in runner]


async def test_a_client_made_before_enable_is_recorded(world: Any, sdk: Any, wire: Any, captured: Any, records: Any) -> None:
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    create = client.messages.create
    autotrace.enable()
    await world.value(create(**SYSTEM))
    (span,) = captured.spans
    records.check(span, wire.exchanges[0], sdk)


async def test_a_streaming_response_that_is_never_read_gives_one_unread_record(
    world: Any, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    async with world.entered(client.messages.with_streaming_response.create(**CHAT)) as response:
        assert response.headers["request-id"]
    (span,) = captured.spans
    assert span["end_reason"] == "unread"
    assert span["attributes"]["autotrace.request.id"] == wire.exchanges[0].headers["request-id"]


async def test_a_stream_managers_request_is_sent_and_recorded_when_it_is_entered(
    world: Any, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    manager = client.messages.stream(**HELLO)
    assert (captured.spans, wire.exchanges) == ([], [])
    if world.asynchronous:
        async with manager:
            pass
    else:
        with manager:
            pass
    (span,) = captured.spans
    assert span["end_reason"] == "unread"
    assert len(wire.exchanges) == 1


@pytest.mark.parametrize("how", ["create", "raw", "helper"])
async def test_a_stream_that_is_left_before_its_count_has_no_output_tokens(
    world: Any, how: str, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    if how == "helper":
        async with world.entered(client.messages.stream(**HELLO)) as stream:
            await world.take(stream, 2)
    else:
        if how == "raw":
            raw = await world.value(client.messages.with_raw_response.create(**HELLO, stream=True))
            stream = await world.value(raw.parse())
        else:
            stream = await world.value(client.messages.create(**HELLO, stream=True))
        await world.take(stream, 2)
        await world.close(stream)
    (span,) = captured.spans
    assert span["end_reason"] == "abandoned"
    assert span["attributes"]["gen_ai.usage.input_tokens"] > 0
    assert "gen_ai.usage.output_tokens" not in span["attributes"]


async def test_what_was_not_given_is_not_in_the_record(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    await world.value(sdk.value(client, "sparse"))
    (span,) = captured.spans
    asked = {name for name in span["attributes"] if name.startswith("gen_ai.request.")}
    assert asked == {"gen_ai.request.model", "gen_ai.request.max_tokens"}
    assert "gen_ai.system_instructions" not in span["attributes"]
    assert set(wire.exchanges[0].request) == {"model", "max_tokens", "messages"}
