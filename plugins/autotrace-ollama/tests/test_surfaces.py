"""Every way to call the Ollama SDK: one record, and it says what went over the wire."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import ollama
import pytest
from ollama import chat as chat_of_before
from ollama import generate as generate_of_before

import autotrace

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": PARAMETERS}}
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "The weather?"},
    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Bern"}}}]},
    {"role": "tool", "tool_name": "weather", "content": "Föhn"},
]
CHAT: dict[str, Any] = {"model": "llama3.2", "messages": TALK, "options": {"num_predict": 40, "stop": ["END"]}}
HELLO: dict[str, Any] = {"model": "llama3.2", "messages": [{"role": "user", "content": "Grüezi, both?"}]}
GENERATE: dict[str, Any] = {"model": "llama3.2", "prompt": "Grüezi", "system": "Be brief."}


def weather(city: str) -> str:
    """The weather in a city."""
    return city


class Side(NamedTuple):
    """The world and the client that a call is made with."""

    world: Any
    client: Any

    async def plain(self, result: Any) -> Any:
        return await self.world.value(result)

    async def read(self, stream: Any) -> None:
        await self.world.items(await self.world.value(stream))


SURFACES: dict[str, Callable[[Side], Awaitable[Any]]] = {
    "chat": lambda s: s.plain(s.client.chat(**CHAT)),
    "chat-positional": lambda s: s.plain(s.client.chat("llama3.2", HELLO["messages"])),
    "chat-objects": lambda s: s.plain(s.client.chat("llama3.2", [ollama.Message(role="user", content="Grüezi")])),
    "chat-tools": lambda s: s.plain(s.client.chat(**HELLO, tools=[TOOL])),
    "chat-function-tools": lambda s: s.plain(s.client.chat(**HELLO, tools=[weather])),
    "chat-think": lambda s: s.plain(s.client.chat(**HELLO, think=True)),
    "chat-format": lambda s: s.plain(s.client.chat(**HELLO, format=PARAMETERS)),
    "generate": lambda s: s.plain(s.client.generate(**GENERATE)),
    "generate-think": lambda s: s.plain(s.client.generate(**GENERATE, think=True)),
    "embed": lambda s: s.plain(s.client.embed("nomic-embed-text", ["one", "two"])),
    "embeddings": lambda s: s.plain(s.client.embeddings("nomic-embed-text", "one")),
    "chat-stream": lambda s: s.read(s.client.chat(**CHAT, stream=True)),
    "chat-stream-tools": lambda s: s.read(s.client.chat(**HELLO, tools=[TOOL], stream=True)),
    "chat-stream-think": lambda s: s.read(s.client.chat(**HELLO, think=True, stream=True)),
    "generate-stream": lambda s: s.read(s.client.generate(**GENERATE, stream=True)),
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


@pytest.mark.parametrize(
    "call",
    [
        lambda: chat_of_before(**CHAT),
        lambda: ollama.chat(**HELLO),
        lambda: list(chat_of_before(**CHAT, stream=True)),
        lambda: generate_of_before(**GENERATE),
        lambda: list(ollama.generate(**GENERATE, stream=True)),
        lambda: ollama.embed("nomic-embed-text", "one"),
    ],
    ids=["chat-imported", "chat", "chat-stream", "generate-imported", "generate-stream", "embed"],
)
def test_functions_of_the_module_are_recorded_even_if_imported_before_enable(
    call: Callable[[], Any], sdk: Any, wire: Any, captured: Any, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = chat_of_before.__self__
    with ollama.Client(host=wire.url)._client as here:
        monkeypatch.setattr(client, "_client", here)
        autotrace.enable()
        call()
    (span,) = captured.spans
    records.check(span, wire.exchanges[0], sdk)


async def test_a_client_made_before_enable_is_recorded(world: Any, sdk: Any, wire: Any, captured: Any, records: Any) -> None:
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    chat = client.chat
    autotrace.enable()
    await world.value(chat(**CHAT))
    (span,) = captured.spans
    records.check(span, wire.exchanges[0], sdk)


async def test_a_lazy_stream_that_is_never_read_sends_nothing_and_gives_no_record(
    world: Any, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    stream = await world.value(client.chat(**HELLO, stream=True))
    await world.close(stream)
    stream = await world.value(client.generate(**GENERATE, stream=True))
    del stream
    assert wire.exchanges == []
    assert captured.spans == []


async def test_managing_models_is_not_recorded(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    await world.value(client.list())
    assert len(wire.exchanges) == 1
    assert captured.spans == []


def test_the_package_stays_what_it_is() -> None:
    autotrace.enable()
    module = importlib.import_module("ollama._client")
    assert ollama.Client is module.Client
    assert type(ollama._client) is module.Client
