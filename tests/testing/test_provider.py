"""The embedded provider, met by the real SDKs: sync and async are parameters of one test."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from autotrace.testing.provider import Provider, serve

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")
ollama = pytest.importorskip("ollama")
pydantic = pytest.importorskip("pydantic")

WEATHER = {
    "name": "weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    },
}
CHAT_TOOL = {"type": "function", "function": WEATHER}
RESPONSES_TOOL = {"type": "function", **WEATHER}
ANTHROPIC_TOOL = {"name": "weather", "description": "The weather", "input_schema": WEATHER["parameters"]}
FILLED = {"city": "city", "days": 1, "unit": "C"}


class City(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    name: str
    inhabitants: int
    rivers: list[str]


class Sdk:
    """One of the two worlds, so that a test is written once: `value` waits where there is something to wait for."""

    def __init__(self, kind: str, provider: Provider) -> None:
        self.asynchronous = kind == "async"
        self.provider = provider
        self.closing: list[Any] = []

    def _made(self, sync: Any, other: Any, **options: Any) -> Any:
        client = (other if self.asynchronous else sync)(**options)
        self.closing.append(client)
        return client

    def openai(self, **options: Any) -> Any:
        options = {"base_url": self.provider.openai_url, "api_key": "none", "max_retries": 0, "timeout": 600, **options}
        return self._made(openai.OpenAI, openai.AsyncOpenAI, **options)

    def azure(self) -> Any:
        options = {"azure_endpoint": self.provider.url, "api_key": "none", "api_version": "2025-04-01-preview"}
        return self._made(openai.AzureOpenAI, openai.AsyncAzureOpenAI, **options)

    def anthropic(self, **options: Any) -> Any:
        options = {"base_url": self.provider.url, "api_key": "none", "max_retries": 0, "timeout": 600, **options}
        return self._made(anthropic.Anthropic, anthropic.AsyncAnthropic, **options)

    def ollama(self) -> Any:
        return self._made(ollama.Client, ollama.AsyncClient, host=self.provider.url)

    async def value(self, result: Any) -> Any:
        assert inspect.isawaitable(result) == self.asynchronous
        return await result if self.asynchronous else result

    async def items(self, stream: Any) -> list[Any]:
        stream = await stream if inspect.isawaitable(stream) else stream
        return [item async for item in stream] if self.asynchronous else list(stream)

    @contextlib.asynccontextmanager
    async def entered(self, manager: Any) -> Any:
        if self.asynchronous:
            async with manager as entered:
                yield entered
        else:
            with manager as entered:
                yield entered

    async def close(self) -> None:
        for client in self.closing:
            closed = client.close()
            if inspect.isawaitable(closed):
                await closed


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with serve(hang_seconds=1.0) as provider:
        yield provider
        assert provider.failures == []


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest, server: Provider) -> Sdk:
    server.requests.clear()
    return Sdk(request.param, server)


def awaited(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test, and close what it opened."""

    @functools.wraps(test)
    def run(sdk: Sdk, **more: Any) -> None:
        async def all_of_it() -> None:
            try:
                await test(sdk, **more)
            finally:
                await sdk.close()

        asyncio.run(all_of_it())

    return run


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


# ---------------------------------------------------------------------------------------------------- OpenAI chat


@awaited
async def test_chat_answer_is_complete(sdk: Sdk) -> None:
    answer = await sdk.value(sdk.openai().chat.completions.create(model="gpt-4o", messages=user("Grüezi"), n=2))
    assert [choice.message.content for choice in answer.choices] == ["You said: “Grüezi”", "You said: “Grüezi” (2)"]
    assert [choice.finish_reason for choice in answer.choices] == ["stop", "stop"]
    assert answer.model == "gpt-4o-2024-08-06"
    assert answer.id.startswith("chatcmpl-")
    assert answer._request_id.startswith("req_")
    assert (answer.system_fingerprint, answer.service_tier) == ("fp_embedded01", "default")
    used = answer.usage
    assert used.total_tokens == used.prompt_tokens + used.completion_tokens > 0
    assert used.prompt_tokens_details.cached_tokens == used.prompt_tokens // 4 > 0
    assert used.completion_tokens_details.reasoning_tokens == 0
    assert sdk.provider.requests[0].json["messages"] == user("Grüezi")


@awaited
async def test_reasoning_is_a_part_of_the_output(sdk: Sdk) -> None:
    create = sdk.openai().chat.completions.create
    plain = await sdk.value(create(model="gpt-4o", messages=user("Hi")))
    thought = await sdk.value(create(model="o3", messages=user("Hi")))
    assert thought.usage.completion_tokens_details.reasoning_tokens == 16
    assert thought.usage.completion_tokens == plain.usage.completion_tokens + 16


@awaited
async def test_chat_tools_go_round(sdk: Sdk) -> None:
    create = sdk.openai().chat.completions.create
    messages: list[Any] = user("What is the weather?")
    asked = await sdk.value(create(model="gpt-4o", messages=messages, tools=[CHAT_TOOL]))
    assert asked.choices[0].finish_reason == "tool_calls"
    [call] = asked.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", FILLED)
    messages += [asked.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    told = await sdk.value(create(model="gpt-4o", messages=messages, tools=[CHAT_TOOL]))
    assert told.choices[0].message.content == "The tool said: “sunny”"


@awaited
async def test_both_makes_two_calls(sdk: Sdk) -> None:
    create = sdk.openai().chat.completions.create
    stream = create(model="gpt-4o", messages=user("In both cities?"), tools=[CHAT_TOOL], stream=True)
    arguments, ids, pieces = {0: "", 1: ""}, set(), 0
    for chunk in await sdk.items(stream):
        for part in chunk.choices[0].delta.tool_calls or ():
            arguments[part.index] += part.function.arguments
            ids |= {part.id} - {None}
            pieces += 1
    assert json.loads(arguments[0]) == FILLED
    assert json.loads(arguments[1]) == {"city": "city 2", "days": 2, "unit": "F"}
    assert len(ids) == 2
    assert pieces > 6


@awaited
async def test_chat_streams_in_pieces(sdk: Sdk) -> None:
    create = sdk.openai().chat.completions.create
    chunks = await sdk.items(create(model="gpt-4o", messages=user("Zürich 東京"), stream=True))
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(texts) == "You said: “Zürich 東京”"
    assert len([text for text in texts if text]) >= 3
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1


@awaited
async def test_chat_stream_tells_usage_when_asked(sdk: Sdk) -> None:
    create = sdk.openai().chat.completions.create
    options = {"model": "gpt-4o", "messages": user("Hi"), "n": 2}
    chunks = await sdk.items(create(**options, stream=True, stream_options={"include_usage": True}))
    whole = await sdk.value(create(**options))
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {chunk.choices[0].index for chunk in chunks[:-1]} == {0, 1}


@awaited
async def test_chat_parse_fills_the_schema(sdk: Sdk) -> None:
    parse = sdk.openai().chat.completions.parse
    answer = await sdk.value(parse(model="gpt-4o", messages=user("A city"), response_format=City))
    assert answer.choices[0].message.parsed == City(name="name", inhabitants=1, rivers=["rivers"])
    with pytest.raises(openai.LengthFinishReasonError) as caught:
        await sdk.value(parse(model="gpt-4o", messages=user("A city"), response_format=City, max_tokens=3))
    assert caught.value.completion.usage is not None


@awaited
async def test_chat_stream_helper(sdk: Sdk) -> None:
    manager = sdk.openai().chat.completions.stream(model="gpt-4o", messages=user("A city"), response_format=City)
    async with sdk.entered(manager) as stream:
        kinds = {event.type for event in await sdk.items(stream)}
        final = await sdk.value(stream.get_final_completion())
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.parsed.name == "name"


@awaited
async def test_raw_and_streaming_responses(sdk: Sdk) -> None:
    completions = sdk.openai().chat.completions
    raw = await sdk.value(completions.with_raw_response.create(model="gpt-4o", messages=user("Hi")))
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.parse().choices[0].message.content == "You said: “Hi”"
    async with sdk.entered(completions.with_streaming_response.create(model="gpt-4o", messages=user("Hi"))) as response:
        parsed = await sdk.value(response.parse())
    assert parsed.choices[0].message.content == "You said: “Hi”"


@awaited
async def test_azure_reaches_its_deployment(sdk: Sdk) -> None:
    create = sdk.azure().chat.completions.create
    answer = await sdk.value(create(model="gpt-4o", messages=user("Hi")))
    assert answer.model == "gpt-4o-2024-08-06"
    assert answer.model_extra["prompt_filter_results"]
    assert sdk.provider.requests[-1].path.startswith("/openai/deployments/gpt-4o/chat/completions?api-version=")
    chunks = await sdk.items(create(model="gpt-4o", messages=user("Hi"), stream=True))
    assert chunks[0].choices == []
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:]) == "You said: “Hi”"


@awaited
async def test_outcomes(sdk: Sdk) -> None:
    create = sdk.openai().chat.completions.create
    cut = await sdk.value(create(model="gpt-4o", messages=user("Hi there"), max_completion_tokens=2))
    assert (cut.choices[0].finish_reason, cut.choices[0].message.content) == ("length", "You said")
    refused = await sdk.value(create(model="fault-refusal", messages=user("Hi")))
    assert refused.choices[0].message.refusal
    filtered = await sdk.value(create(model="fault-filter", messages=user("Hi")))
    assert filtered.choices[0].finish_reason == "content_filter"


# ------------------------------------------------------------------------------------------------ OpenAI responses


@awaited
async def test_responses(sdk: Sdk) -> None:
    create = sdk.openai().responses.create
    answer = await sdk.value(create(model="gpt-4o", input="Hi", instructions="Be brief", metadata={"k": "v"}))
    assert answer.output_text == "You said: “Hi”"
    assert (answer.status, answer.model, answer.instructions) == ("completed", "gpt-4o-2024-08-06", "Be brief")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.usage.input_tokens_details.cached_tokens > 0
    cut = await sdk.value(create(model="gpt-4o", input="Hi", max_output_tokens=1))
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    failed = await sdk.value(create(model="fault-failed", input="Hi"))
    assert (failed.status, failed.error.code) == ("failed", "server_error")


@awaited
async def test_responses_stream_every_event(sdk: Sdk) -> None:
    create = sdk.openai().responses.create
    stream = create(model="gpt-5", input="Zürich", stream=True, reasoning={"effort": "low", "summary": "auto"})
    events = await sdk.items(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = list(dict.fromkeys(event.type for event in events))
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.completed",
    ]
    assert events[-1].response.output_text == "You said: “Zürich”"
    assert events[-1].response.usage.output_tokens_details.reasoning_tokens == 16


@awaited
async def test_responses_tools_and_helper(sdk: Sdk) -> None:
    responses = sdk.openai().responses
    given: list[Any] = user("What is the weather?")
    async with sdk.entered(responses.stream(model="gpt-4o", input=given, tools=[RESPONSES_TOOL])) as stream:
        deltas = [e.delta for e in await sdk.items(stream) if e.type == "response.function_call_arguments.delta"]
        asked = await sdk.value(stream.get_final_response())
    [call] = asked.output
    assert "".join(deltas) == call.arguments
    assert json.loads(call.arguments) == FILLED
    given += [call.to_dict(), {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
    told = await sdk.value(responses.create(model="gpt-4o", input=given, tools=[RESPONSES_TOOL]))
    assert told.output_text == "The tool said: “rain”"
    parsed = await sdk.value(responses.parse(model="gpt-4o", input="A city", text_format=City))
    assert parsed.output_parsed.rivers == ["rivers"]


# ------------------------------------------------------------------------------------------------- OpenAI, the rest


@awaited
async def test_embeddings(sdk: Sdk) -> None:
    create = sdk.openai().embeddings.create
    packed = await sdk.value(create(model="text-embedding-3-small", input=["a", "b"]))
    plain = await sdk.value(create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float"))
    assert [len(one.embedding) for one in packed.data] == [1536, 1536]
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding, rel=1e-5)
    assert packed.usage.total_tokens == 2
    short = await sdk.value(create(model="text-embedding-3-large", input="a", dimensions=4))
    assert len(short.data[0].embedding) == 4


@awaited
async def test_text_endpoints(sdk: Sdk) -> None:
    client = sdk.openai()
    old = await sdk.value(client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi"))
    assert (old.choices[0].text, old.choices[0].finish_reason) == ("You said: “Hi”", "stop")
    stream = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi", stream=True)
    assert "".join(chunk.choices[0].text for chunk in await sdk.items(stream)) == "You said: “Hi”"
    flagged = await sdk.value(client.moderations.create(input=["attack them", "hello"]))
    assert [one.flagged for one in flagged.results] == [True, False]
    assert flagged.results[0].categories.violence
    names = [model.id for model in await sdk.items(client.models.list())]
    assert "gpt-4o" in names


@awaited
async def test_media_endpoints(sdk: Sdk) -> None:
    client = sdk.openai()
    images = await sdk.value(client.images.generate(model="gpt-image-1", prompt="a cat", n=2))
    assert len(images.data) == 2
    assert images.usage.output_tokens == 544
    sound = await sdk.value(client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi"))
    assert sound.content.startswith(b"ID3")
    async with sdk.entered(
        client.audio.speech.with_streaming_response.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi")
    ) as response:
        assert len(b"".join(await sdk.items(response.iter_bytes()))) == len(sound.content)
    transcribe = client.audio.transcriptions.create
    heard = await sdk.value(transcribe(model="gpt-4o-transcribe", file=("a.wav", b"\x00\r\n\r\n--\x01" * 9)))
    assert heard.text == "Hello — this is what I heard."
    assert heard.usage.type == "tokens"
    assert sdk.provider.requests[-1].json == {"model": "gpt-4o-transcribe", "file": {"filename": "a.wav", "size": 72}}
    verbose = await sdk.value(transcribe(model="whisper-1", file=("a.wav", b"1"), response_format="verbose_json"))
    assert verbose.duration == 2.0
    events = await sdk.items(transcribe(model="gpt-4o-transcribe", file=("a.wav", b"1"), stream=True))
    assert events[-1].text == "".join(event.delta for event in events[:-1])


@awaited
async def test_files_and_batches(sdk: Sdk) -> None:
    client = sdk.openai()
    file = await sdk.value(client.files.create(file=("in.jsonl", b"{}\n"), purpose="batch"))
    assert (file.filename, file.bytes, file.purpose) == ("in.jsonl", 3, "batch")
    batch = await sdk.value(
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    )
    assert (batch.status, batch.input_file_id) == ("validating", file.id)
    assert (await sdk.value(client.batches.retrieve(batch.id))).request_counts.completed == 2
    assert len(await sdk.items(client.batches.list())) == 1


# ------------------------------------------------------------------------------------------------------ Anthropic


@awaited
async def test_messages(sdk: Sdk) -> None:
    messages = sdk.anthropic().messages
    answer = await sdk.value(messages.create(model="claude-haiku-4-5", max_tokens=100, messages=user("Grüezi")))
    assert [block.text for block in answer.content] == ["You said: “Grüezi”"]
    assert (answer.model, answer.stop_reason) == ("claude-haiku-4-5-20251001", "end_turn")
    assert answer._request_id.startswith("req_")
    assert answer.usage.service_tier == "standard"
    count = await sdk.value(messages.count_tokens(model="claude-haiku-4-5", messages=user("Grüezi")))
    assert count.input_tokens == answer.usage.input_tokens
    cut = await sdk.value(messages.create(model="claude-haiku-4-5", max_tokens=1, messages=user("Hi")))
    assert cut.stop_reason == "max_tokens"
    system = [{"type": "text", "text": "Be brief. " * 9, "cache_control": {"type": "ephemeral"}}]
    used = (await sdk.value(messages.create(model="claude-x", max_tokens=9, system=system, messages=user("Hi")))).usage
    assert used.cache_read_input_tokens > used.cache_creation_input_tokens > 0


@awaited
async def test_messages_stream_every_event(sdk: Sdk) -> None:
    messages = sdk.anthropic().messages
    thinking = {"type": "enabled", "budget_tokens": 1024}
    options = {"model": "claude-haiku-4-5", "max_tokens": 2000, "messages": user("Zürich"), "thinking": thinking}
    events = await sdk.items(messages.create(**options, stream=True))
    assert list(dict.fromkeys(event.type for event in events)) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    async with sdk.entered(messages.stream(**options)) as stream:
        final = await sdk.value(stream.get_final_message())
    whole = await sdk.value(messages.create(**options))
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert [block.model_dump(exclude={"signature"}) for block in final.content] == [
        block.model_dump(exclude={"signature"}) for block in whole.content
    ]
    assert (final.usage.input_tokens, final.usage.output_tokens) == (whole.usage.input_tokens, whole.usage.output_tokens)
    assert events[-2].usage.output_tokens == whole.usage.output_tokens


@awaited
async def test_messages_tools_go_round(sdk: Sdk) -> None:
    client = sdk.anthropic()
    options = {"model": "claude-haiku-4-5", "max_tokens": 500, "tools": [ANTHROPIC_TOOL]}
    asked: list[Any] = user("In both cities?")
    async with sdk.entered(client.messages.stream(**options, messages=asked)) as stream:
        final = await sdk.value(stream.get_final_message())
    assert final.stop_reason == "tool_use"
    assert [block.input["city"] for block in final.content] == ["city", "city 2"]
    results = [{"type": "tool_result", "tool_use_id": block.id, "content": "sun"} for block in final.content]
    asked += [{"role": "assistant", "content": final.content}, {"role": "user", "content": results}]
    told = await sdk.value(client.messages.create(**options, messages=asked))
    assert told.content[0].text == "The tool said: “sun sun”"


@awaited
async def test_messages_parse(sdk: Sdk) -> None:
    parse = sdk.anthropic().messages.parse
    answer = await sdk.value(parse(model="claude-haiku-4-5", max_tokens=500, messages=user("City"), output_format=City))
    assert answer.parsed_output == City(name="name", inhabitants=1, rivers=["rivers"])


@awaited
async def test_beta_tool_runner(sdk: Sdk) -> None:
    if sdk.asynchronous:

        @anthropic.beta_async_tool  # type: ignore[untyped-decorator]
        async def weather(city: str) -> str:
            """The weather in a city."""
            return f"sun in {city}"
    else:

        @anthropic.beta_tool  # type: ignore[untyped-decorator]
        def weather(city: str) -> str:
            """The weather in a city."""
            return f"sun in {city}"

    runner = sdk.anthropic().beta.messages.tool_runner(
        model="claude-haiku-4-5", max_tokens=500, tools=[weather], messages=user("What is the weather?")
    )
    said = await sdk.items(runner)
    assert [message.stop_reason for message in said] == ["tool_use", "end_turn"]
    assert said[-1].content[0].text == "The tool said: “sun in city”"
    assert len(sdk.provider.requests) == 2


# --------------------------------------------------------------------------------------------------------- Ollama


@awaited
async def test_ollama(sdk: Sdk) -> None:
    client = sdk.ollama()
    whole = await sdk.value(client.chat("llama3.2", messages=user("Grüezi")))
    assert (whole.message.content, whole.done_reason, whole.model) == ("You said: “Grüezi”", "stop", "llama3.2")
    parts = await sdk.items(client.chat("llama3.2", messages=user("Grüezi"), stream=True))
    assert "".join(part.message.content for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].prompt_eval_count, parts[-1].eval_count) == (whole.prompt_eval_count, whole.eval_count)
    thought = await sdk.value(client.chat("llama3.2", messages=user("Hi"), think=True))
    assert thought.message.thinking
    written = await sdk.value(client.generate("llama3.2", prompt="Hi", options={"num_predict": 2}))
    assert (written.response, written.done_reason) == ("You said", "length")
    pieces = await sdk.items(client.generate("llama3.2", prompt="Hi", stream=True))
    assert "".join(piece.response for piece in pieces) == "You said: “Hi”"
    embedded = await sdk.value(client.embed("nomic-embed-text", input=["a", "b"]))
    assert [len(vector) for vector in embedded.embeddings] == [768, 768]
    assert (await sdk.value(client.list())).models[0].model == "llama3.2:latest"
    shaped = await sdk.value(client.chat("llama3.2", messages=user("City"), format=City.model_json_schema()))
    assert City.model_validate_json(shaped.message.content).name == "name"


@awaited
async def test_ollama_tools_go_round(sdk: Sdk) -> None:
    client = sdk.ollama()
    messages: list[Any] = user("What is the weather?")
    [asked] = [
        part.message
        for part in await sdk.items(client.chat("l", messages=messages, tools=[CHAT_TOOL], stream=True))
        if part.message.tool_calls
    ]
    assert asked.tool_calls[0].function.arguments == FILLED
    messages += [asked, {"role": "tool", "tool_name": "weather", "content": "sun"}]
    told = await sdk.value(client.chat("l", messages=messages, tools=[CHAT_TOOL]))
    assert told.message.content == "The tool said: “sun”"


# --------------------------------------------------------------------------------------------------------- faults


def test_failures_have_the_providers_shape(sdk: Sdk) -> None:
    @awaited
    async def test(sdk: Sdk) -> None:
        chat, messages = sdk.openai().chat.completions.create, sdk.anthropic().messages.create
        for name, status, kind in (("429", 429, "RateLimitError"), ("401", 401, "AuthenticationError"), ("500", 500, "")):
            for call in (
                functools.partial(chat, messages=user("x")),
                functools.partial(messages, messages=user("x"), max_tokens=9),
            ):
                module = openai if call.func is chat else anthropic
                with pytest.raises(getattr(module, kind or "InternalServerError")) as caught:
                    await sdk.value(call(model=f"fault-{name}"))
                assert caught.value.status_code == status
                assert caught.value.request_id.startswith("req_")
                assert ("retry-after" in caught.value.response.headers) == (status == 429)
        with pytest.raises(openai.BadRequestError) as long:
            await sdk.value(chat(model="fault-400-context", messages=user("x")))
        assert long.value.code == "context_length_exceeded"
        with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
            await sdk.value(messages(model="fault-400-context", messages=user("x"), max_tokens=9))
        with pytest.raises(ollama.ResponseError) as busy:
            await sdk.value(sdk.ollama().chat("fault-429", messages=user("x")))
        assert (busy.value.status_code, busy.value.error) == (429, "too many requests")

    test(sdk)


@awaited
async def test_once_is_once(sdk: Sdk) -> None:
    text = f"once {sdk.asynchronous}"
    answer = await sdk.value(sdk.openai(max_retries=1).chat.completions.create(model="fault-429-once", messages=user(text)))
    message = await sdk.value(
        sdk.anthropic(max_retries=1).messages.create(model="fault-500-once", max_tokens=99, messages=user(text))
    )
    assert answer.choices[0].message.content == message.content[0].text == f"You said: “{text}”"
    assert len(sdk.provider.requests) == 4


STREAMS: dict[str, Callable[[Sdk, str], Any]] = {
    "chat": lambda sdk, model: sdk.openai().chat.completions.create(model=model, messages=user("Hi"), stream=True),
    "responses": lambda sdk, model: sdk.openai().responses.create(model=model, input="Hi", stream=True),
    "messages": lambda sdk, model: sdk.anthropic().messages.create(
        model=model, max_tokens=99, messages=user("Hi"), stream=True
    ),
    "ollama": lambda sdk, model: sdk.ollama().chat(model, messages=user("Hi"), stream=True),
}


async def read(sdk: Sdk, stream: Any) -> tuple[int, BaseException | None]:
    """How many items came, and what ended them."""
    seen = 0
    try:
        stream = await stream if inspect.isawaitable(stream) else stream
        if sdk.asynchronous:
            async for _ in stream:
                seen += 1
        else:
            for _ in stream:
                seen += 1
    except Exception as exc:  # noqa: BLE001 - whatever the SDK makes of it
        return seen, exc
    return seen, None


@pytest.mark.parametrize("surface", STREAMS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("cut", "APIConnectionError|RemoteProtocolError"),
        ("error-event", "APIError|InternalServerError|OverloadedError|ResponseError|APIStatusError"),
        ("malformed", "JSONDecodeError|APIResponseValidationError"),
        ("slow", "None"),
    ],
)
@awaited
async def test_streams_that_break(sdk: Sdk, surface: str, fault: str, error: str) -> None:
    started = time.monotonic()
    seen, exc = await read(sdk, STREAMS[surface](sdk, f"fault-{fault}"))
    assert seen > 0
    assert re.fullmatch(error, type(exc).__name__ if exc else "None"), repr(exc)
    if fault == "slow":
        assert time.monotonic() - started > 0.05 * seen * 0.9


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut", "APIConnectionError"), ("error-event", "InternalServerError"), ("malformed", "JSONDecodeError"), ("slow", "")],
)
@awaited
async def test_answers_that_break(sdk: Sdk, fault: str, error: str) -> None:
    create = sdk.openai().chat.completions.create
    raised = ""
    try:
        await sdk.value(create(model=f"fault-{fault}", messages=user("Hi")))
    except Exception as exc:  # noqa: BLE001 - whatever the SDK makes of it
        raised = type(exc).__name__
    assert raised == error


@awaited
async def test_hang_ends(sdk: Sdk) -> None:
    with pytest.raises(openai.APITimeoutError):
        await sdk.value(sdk.openai(timeout=0.2).chat.completions.create(model="fault-hang", messages=user("Hi")))


def test_hang_ends_with_the_server() -> None:
    failed: list[BaseException] = []

    def ask(client: Any) -> None:
        try:
            client.chat.completions.create(model="fault-hang", messages=user("Hi"))
        except openai.APIConnectionError as exc:
            failed.append(exc)

    serving = serve(hang_seconds=600)
    with serving as provider, openai.OpenAI(base_url=provider.openai_url, api_key="x", max_retries=0) as client:
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        while not provider.requests:
            time.sleep(0.01)
    thread.join(600)
    assert len(failed) == 1


# --------------------------------------------------------------------------------------------------------- server


def test_answers_are_the_same_on_every_run() -> None:
    def run() -> list[Any]:
        with serve() as provider, openai.OpenAI(base_url=provider.openai_url, api_key="x") as client:
            return [client.chat.completions.create(model="gpt-4o", messages=user("Hi")).to_dict() for _ in range(2)]

    first, second = run(), run()
    assert first == second
    assert first[0]["id"] != first[1]["id"]


def test_hundreds_of_connections_at_once(server: Provider) -> None:
    async def all_at_once() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key="x", max_retries=0, timeout=600) as client:
            calls = [client.chat.completions.create(model="gpt-4o", messages=user(f"{i}")) for i in range(300)]
            return [answer.choices[0].message.content or "" for answer in await asyncio.gather(*calls)]

    assert asyncio.run(all_at_once()) == [f"You said: “{i}”" for i in range(300)]


def test_clients_that_leave_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"model": "fault-slow", "messages": user("Hi " * 50), "stream": True}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    with serve() as provider:
        address = ("127.0.0.1", int(provider.url.rsplit(":", 1)[1]))
        for sent in (b"", b"POS", head % (len(body) + 5) + body, head % len(body) + body, b"\x16\x03\x01 nonsense\r\n\r\n"):
            with socket.create_connection(address) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.sendall(sent)
                time.sleep(0.1)
        time.sleep(0.3)
        assert provider.failures == []
    assert capfd.readouterr() == ("", "")


@awaited
async def test_what_nobody_speaks_is_a_404(sdk: Sdk) -> None:
    with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(GET /v1/vector_stores\)"):
        await sdk.items(sdk.openai().vector_stores.list())
    with pytest.raises(ollama.ResponseError):
        await sdk.value(sdk.ollama().ps())


def test_the_environment_leads_to_it(server: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    with openai.OpenAI() as first, anthropic.Anthropic() as second, ollama.Client() as third:
        assert first.models.list().data
        assert second.models.list().data[0].id.startswith("claude-")
        assert third.chat("l", messages=user("Hi")).message.content == "You said: “Hi”"
