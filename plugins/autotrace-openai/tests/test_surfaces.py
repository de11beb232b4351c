"""Every way to call the OpenAI SDK: one record, and it says what went over the wire."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import openai
import pydantic
import pytest

import autotrace

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": CITY}}
RESPONSES_TOOL = {"type": "function", "name": "weather", "description": "The weather", "parameters": CITY, "strict": True}
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "The weather?"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Föhn"},
]
CHAT = {"model": "gpt-4o", "messages": TALK, "tools": [TOOL], "max_tokens": 50}
QUESTION = {"model": "gpt-5", "messages": [{"role": "user", "content": "Grüezi, both?"}], "tools": [TOOL]}
RESPONSES = {"model": "gpt-5", "input": "Grüezi", "instructions": "Be kind.", "reasoning": {"summary": "auto"}}
EMBED = {"model": "text-embedding-3-small", "input": ["one", "two"]}


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

    async def helper(self, manager: Any) -> None:
        async with self.world.entered(manager) as stream:
            await self.world.items(stream)

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
                if isinstance(parsed, (openai.Stream, openai.AsyncStream)):
                    await self.world.items(parsed)


def streaming(method: str, **more: Any) -> Callable[[Side], Awaitable[Any]]:
    return lambda s: s.streaming(s.client.chat.completions.with_streaming_response.create(**CHAT, **more), method)


USAGE = {"stream": True, "stream_options": {"include_usage": True}}
VALUES: dict[str, Callable[[Side], Awaitable[Any]]] = {
    "chat": lambda s: s.plain(s.client.chat.completions.create(**CHAT)),
    "chat-tools": lambda s: s.plain(s.client.chat.completions.create(**QUESTION)),
    "chat-n": lambda s: s.plain(s.client.chat.completions.create(**CHAT, n=2)),
    "chat-cut": lambda s: s.plain(s.client.chat.completions.create(**{**CHAT, "max_tokens": 2})),
    "chat-parse": lambda s: s.plain(s.client.chat.completions.parse(**{**CHAT, "tools": []}, response_format=City)),
    "chat-extra-body": lambda s: s.plain(s.client.chat.completions.create(**CHAT, extra_body={"n": 3})),
    "chat-raw": lambda s: s.raw(s.client.chat.completions.with_raw_response.create(**CHAT)),
    "chat-raw-unparsed": lambda s: s.plain(s.client.chat.completions.with_raw_response.create(**CHAT)),
    "chat-raw-parse": lambda s: s.raw(
        s.client.chat.completions.with_raw_response.parse(**{**CHAT, "tools": []}, response_format=City)
    ),
    "chat-streaming-parse": streaming("parse"),
    "chat-streaming-json": streaming("json"),
    "chat-streaming-text": streaming("text"),
    "chat-streaming-read": streaming("read"),
    "chat-streaming-bytes": streaming("iter_bytes"),
    "responses": lambda s: s.plain(s.client.responses.create(**RESPONSES)),
    "responses-tools": lambda s: s.plain(s.client.responses.create(**RESPONSES, tools=[RESPONSES_TOOL])),
    "responses-cut": lambda s: s.plain(s.client.responses.create(**{**RESPONSES, "max_output_tokens": 2})),
    "responses-parse": lambda s: s.plain(s.client.responses.parse(**RESPONSES, text_format=City)),
    "responses-raw": lambda s: s.raw(s.client.responses.with_raw_response.create(**RESPONSES)),
    "responses-input-tokens": lambda s: s.plain(s.client.responses.input_tokens.count(model="gpt-5", input="Hi")),
    "completions": lambda s: s.plain(s.client.completions.create(model="gpt-3.5-turbo-instruct", prompt=["a", "b"], n=2)),
    "embeddings": lambda s: s.plain(s.client.embeddings.create(**EMBED)),
    "embeddings-raw": lambda s: s.raw(s.client.embeddings.with_raw_response.create(**EMBED)),
    "moderations": lambda s: s.plain(s.client.moderations.create(model="omni-moderation-latest", input="attack")),
    "images": lambda s: s.plain(s.client.images.generate(model="gpt-image-1", prompt="A hill")),
    "speech": lambda s: s.plain(s.client.audio.speech.create(model="tts-1", voice="alloy", input="Hello")),
    "speech-streamed": lambda s: s.streaming(
        s.client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello"), "iter_bytes"
    ),
    "transcription": lambda s: s.plain(s.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound())),
    "files": lambda s: s.plain(s.client.files.create(file=sound(), purpose="batch")),
    "batches": lambda s: s.plain(
        s.client.batches.create(completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-1")
    ),
}
STREAMS: dict[str, Callable[[Side], Awaitable[Any]]] = {
    "chat-stream": lambda s: s.read(s.client.chat.completions.create(**CHAT, stream=True)),
    "chat-stream-usage": lambda s: s.read(s.client.chat.completions.create(**CHAT, **USAGE)),
    "chat-stream-n": lambda s: s.read(s.client.chat.completions.create(**CHAT, **USAGE, n=2)),
    "chat-stream-tools": lambda s: s.read(s.client.chat.completions.create(**QUESTION, **USAGE)),
    "chat-helper": lambda s: s.helper(s.client.chat.completions.stream(**{**CHAT, "tools": []}, response_format=City)),
    "chat-raw-stream": lambda s: s.raw_stream(s.client.chat.completions.with_raw_response.create(**QUESTION, stream=True)),
    "chat-streaming-stream": streaming("parse", stream=True),
    "chat-streaming-lines": streaming("iter_lines", stream=True),
    "chat-streaming-read-stream": streaming("read", stream=True),
    "responses-stream": lambda s: s.read(s.client.responses.create(**RESPONSES, stream=True)),
    "responses-stream-tools": lambda s: s.read(s.client.responses.create(**RESPONSES, tools=[RESPONSES_TOOL], stream=True)),
    "responses-helper": lambda s: s.helper(s.client.responses.stream(**RESPONSES)),
    "responses-raw-stream": lambda s: s.raw_stream(s.client.responses.with_raw_response.create(**RESPONSES, stream=True)),
    "completions-stream": lambda s: s.read(s.client.completions.create(model="babbage", prompt="a", **USAGE)),
    "transcription-stream": lambda s: s.read(
        s.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound(), stream=True)
    ),
}


def sound() -> tuple[str, io.BytesIO]:
    return "sound.mp3", io.BytesIO(b"ID3")


@pytest.mark.parametrize("surface", [*VALUES, *STREAMS])
async def test_each_surface_gives_one_record_of_what_was_said(
    world: Any, surface: str, sdk: Any, wire: Any, captured: Any, records: Any
) -> None:
    autotrace.enable()
    call = VALUES.get(surface) or STREAMS[surface]
    await call(Side(world, world.closing(sdk.client(world.asynchronous, wire.url))))
    (span,) = captured.spans
    (exchange,) = wire.exchanges
    records.check(span, exchange, sdk, streamed=surface in STREAMS or surface == "speech-streamed")


async def test_azure_is_told_from_openai(world: Any, sdk: Any, wire: Any, captured: Any, records: Any) -> None:
    autotrace.enable()
    make = openai.AsyncAzureOpenAI if world.asynchronous else openai.AzureOpenAI
    client = world.closing(make(azure_endpoint=wire.url, api_key="none", api_version="2025-04-01-preview", max_retries=0))
    for call in (VALUES["chat"], STREAMS["chat-stream-tools"], VALUES["embeddings"]):
        await call(Side(world, client))
    assert len(captured.spans) == 3
    for span, exchange in zip(captured.spans, wire.exchanges, strict=True):
        records.check(span, exchange, sdk, **{"gen_ai.provider.name": "azure.ai.openai"})


async def test_a_client_made_before_enable_is_recorded(world: Any, sdk: Any, wire: Any, captured: Any, records: Any) -> None:
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    create = client.chat.completions.create
    autotrace.enable()
    await world.value(create(**CHAT))
    (span,) = captured.spans
    records.check(span, wire.exchanges[0], sdk)


def test_calls_of_the_module_itself_are_recorded(
    sdk: Any, wire: Any, captured: Any, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"base_url": wire.url + "/v1/", "api_key": "none", "_client": None}.items():
        monkeypatch.setattr(openai, name, value, raising=False)
    autotrace.enable()
    openai.chat.completions.create(**CHAT)
    list(openai.chat.completions.create(**QUESTION, stream=True))
    openai._client.close()
    assert len(captured.spans) == 2
    for span, exchange in zip(captured.spans, wire.exchanges, strict=True):
        records.check(span, exchange, sdk)


async def test_a_streaming_response_that_is_never_read_gives_one_unread_record(
    world: Any, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    async with world.entered(client.chat.completions.with_streaming_response.create(**CHAT)) as response:
        assert response.headers["x-request-id"]
    (span,) = captured.spans
    assert span["end_reason"] == "unread"
    assert span["attributes"]["autotrace.request.id"] == wire.exchanges[0].headers["x-request-id"]


async def test_reading_back_what_is_stored_is_not_recorded(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    await world.value(client.models.list())
    await world.value(client.batches.retrieve("batch_1"))
    await world.value(client.files.retrieve("file_1"))
    assert len(wire.exchanges) == 3
    assert captured.spans == []


async def test_retries_stay_inside_one_record(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url, max_retries=2))
    result = await world.value(sdk.value(client, f"retried {world.asynchronous}", model="fault-429-once"))
    assert len(wire.provider.requests) == 2
    (span,) = captured.spans
    assert span["attributes"]["gen_ai.response.id"] == result.id
    assert span["end_reason"] == "completed"


@pytest.mark.parametrize("error", ["length", "validation"])
async def test_an_answer_that_parse_refuses_is_a_failure(world: Any, error: str, sdk: Any, wire: Any, captured: Any) -> None:
    class Impossible(pydantic.BaseModel):
        city: str

        @pydantic.field_validator("city")
        @classmethod
        def never(cls, value: str) -> str:
            raise ValueError("never")

    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    limit = {"max_tokens": 1} if error == "length" else {}
    with pytest.raises((openai.LengthFinishReasonError, pydantic.ValidationError)) as caught:
        await world.value(client.chat.completions.parse(**sdk.chat("x", **limit), response_format=Impossible))
    (span,) = captured.spans
    kind = type(caught.value)
    assert span["attributes"]["error.type"] == f"{kind.__module__}.{kind.__qualname__}"
    assert span["status"]["code"] == "ERROR"


async def test_the_request_of_a_record_is_the_request_that_was_sent(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    options = {"temperature": 0.5, "top_p": 0.25, "seed": 7, "stop": ["a", "b"], "presence_penalty": 0.1}
    await world.value(sdk.value(client, "options", **options))
    (span,) = captured.spans
    sent = wire.provider.requests[0].json
    names = {"stop": "stop_sequences"}
    assert {key: sent[key] for key in options} == options
    assert {key: span["attributes"][f"gen_ai.request.{names.get(key, key)}"] for key in options} == options
    assert "sk-test" not in json.dumps(span)
