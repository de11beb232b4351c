"""A good answer of which the SDK does not make its objects: the record of the failed call has the answer and its tokens."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pydantic
import pytest

import autotrace
from autotrace.testing.provider import Answer, Call, WireFormat, serve

OURS = str(Path(autotrace.__file__).parent / "_capture")
ASKED = [{"role": "user", "content": "Which city?"}]
MARK = "Ouagadougou"
TEXT = json.dumps({"town": MARK})


class InternalServerError(Exception):
    """The program's own, with the name of a server's failure."""


class City(pydantic.BaseModel):
    city: str


class Odd(pydantic.BaseModel):
    town: str

    @pydantic.field_validator("town")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise InternalServerError(value)


def chat(content: str | None = TEXT, finish: str = "stop", created: Any = 1, **message: Any) -> Any:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"id": "r1", "object": "chat.completion", "created": created, "model": "m-1", "choices": [choice], "usage": usage}


def response(created_at: Any = 1) -> Any:
    message = {"type": "message", "id": "i1", "role": "assistant", "status": "completed"}
    return {
        "id": "r1",
        "object": "response",
        "created_at": created_at,
        "status": "completed",
        "model": "m-1",
        "tools": [],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "output": [{**message, "content": [{"type": "output_text", "text": TEXT, "annotations": []}]}],
        "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
    }


def message(role: Any = "assistant") -> Any:
    return {
        "id": "r1",
        "type": "message",
        "role": role,
        "model": "m-1",
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "content": [{"type": "text", "text": TEXT}],
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }


LLAMA = {
    "model": "m-1",
    "message": {"role": "assistant", "content": TEXT},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 7,
    "eval_count": 3,
    "total_duration": "long",
}
GEMINI = {
    "candidates": [{"index": "first", "content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10},
    "modelVersion": "m-1",
    "responseId": "r1",
}
CALLED = {"tool_calls": [{"id": "t1", "type": "function", "function": {"name": "City", "arguments": TEXT}}]}


def _made(name: str, base: str = "", **options: Any) -> Callable[[Any, str, str], Any]:
    return lambda sdk, side, url: getattr(sdk, side + name)(api_key="none", base_url=url + base, max_retries=0, **options)


def _gemini(sdk: Any, side: str, url: str) -> Any:
    client = sdk.Client(api_key="none", http_options={"base_url": url})
    return client.aio if side else client


STRICT = {"_strict_response_validation": True}
OPENAI, STRICT_OPENAI = _made("OpenAI", "/v1"), _made("OpenAI", "/v1", **STRICT)
ANTHROPIC, STRICT_ANTHROPIC = _made("Anthropic"), _made("Anthropic", **STRICT)


class Way(NamedTuple):
    """One call of an SDK, and the body of an answer that it refuses."""

    package: str
    client: Callable[[Any, str, str], Any]
    call: Callable[[Any], Any]
    body: Any
    finish: str = "stop"
    id: str | None = "r1"


def _parse_chat(client: Any, kind: Any = City) -> Any:
    return client.chat.completions.parse(model="m", messages=ASKED, response_format=kind)


def _parse_messages(messages: Any) -> Any:
    return messages.parse(model="m", max_tokens=9, messages=ASKED, output_format=City)


def _create_chat(client: Any) -> Any:
    return client.chat.completions.create(model="m", messages=ASKED)


def _create_message(client: Any) -> Any:
    return client.messages.create(model="m", max_tokens=9, messages=ASKED)


def _call_tools(client: Any) -> Any:
    sdk: Any = importlib.import_module("openai")
    return client.chat.completions.parse(model="m", messages=ASKED, tools=[sdk.pydantic_function_tool(City)])


def _ask_responses(client: Any) -> Any:
    return client.responses.create(model="m", input="Which city?")


WAYS = {
    "chat-schema": Way("openai", OPENAI, _parse_chat, chat()),
    "chat-cut": Way("openai", OPENAI, _parse_chat, chat(TEXT[:-1], "length"), "length"),
    "chat-filtered": Way("openai", OPENAI, _parse_chat, chat(TEXT[:-1], "content_filter"), "content_filter"),
    "chat-validator": Way("openai", OPENAI, lambda client: _parse_chat(client, Odd), chat()),
    "chat-tools": Way("openai", OPENAI, _call_tools, chat(None, "tool_calls", **CALLED), "tool_call"),
    "chat-strict": Way("openai", STRICT_OPENAI, _create_chat, chat(created="now")),
    "responses-schema": Way(
        "openai",
        OPENAI,
        lambda client: client.responses.parse(model="m", input="Which city?", text_format=City),
        response(),
    ),
    "responses-strict": Way("openai", STRICT_OPENAI, _ask_responses, response(created_at="now")),
    "messages-schema": Way("anthropic", ANTHROPIC, lambda client: _parse_messages(client.messages), message()),
    "beta-messages-schema": Way("anthropic", ANTHROPIC, lambda client: _parse_messages(client.beta.messages), message()),
    "messages-strict": Way("anthropic", STRICT_ANTHROPIC, _create_message, message(role=5)),
    "groq-strict": Way("groq", _made("Groq", **STRICT), _create_chat, chat(created="now")),
    "together-strict": Way("together", _made("Together", **STRICT), _create_chat, chat(created="now")),
    "ollama": Way(
        "ollama",
        lambda sdk, side, url: getattr(sdk, side + "Client")(host=url),
        lambda client: client.chat(model="m", messages=ASKED),
        LLAMA,
        id=None,
    ),
    "gemini": Way(
        "google.genai", _gemini, lambda client: client.models.generate_content(model="m", contents="Which city?"), GEMINI
    ),
}
INTERACTION = {
    "id": "r1",
    "status": "completed",
    "model": "m-1",
    "steps": [{"type": "model_output", "content": [{"type": "text", "text": TEXT}]}],
    "usage": {"total_input_tokens": 7, "total_output_tokens": 3, "total_tokens": 10},
}
DAMAGED = {
    "interaction": Way(
        "google.genai", _gemini, lambda client: client.interactions.create(model="m", input="Which city?"), INTERACTION
    ),
    "chat": Way("openai", OPENAI, _create_chat, chat()),
    "responses": Way("openai", OPENAI, _ask_responses, response()),
    "messages": Way("anthropic", ANTHROPIC, _create_message, message()),
    "groq": Way("groq", _made("Groq"), _create_chat, chat()),
    "together": Way("together", _made("Together"), _create_chat, chat()),
    "gemini": WAYS["gemini"]._replace(body={**GEMINI, "last": 1}),
}


class Server:
    """A server that answers everything with status 200 and what the test says."""

    def __init__(self) -> None:
        self.body = b""
        self.kind = "application/json"
        self.url = ""

    def answer(self, call: Call) -> Answer:
        return Answer(self.body, content_type=self.kind)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    made = Server()
    wire = WireFormat("said", made.answer, lambda call, failure: made.answer(call), lambda call: b"", b"", lambda call: True)
    with serve(formats=[wire]) as provider:
        made.url = provider.url
        yield made


@pytest.fixture
def server(running: Server) -> Server:
    running.kind = "application/json"
    return running


async def refused(world: Any, way: Way, server: Server, captured: Any, body: bytes) -> Any:
    """The attributes of a call whose answer `body` the SDK refuses."""
    server.body = body
    client = way.client(importlib.import_module(way.package), "Async" * world.asynchronous, server.url)
    holder = client if hasattr(client, "close") or hasattr(client, "aclose") else client._client
    world.closing(SimpleNamespace(close=getattr(holder, "close", None) or holder.aclose))
    with pytest.raises(Exception) as raised:  # noqa: PT011  # each SDK raises its own
        await world.value(way.call(client))
    (span,) = captured.spans
    assert (span["end_reason"], span["level"], span["status"]["code"]) == ("error", "error", "ERROR")
    found = span["attributes"]
    assert found["error.type"].endswith(type(raised.value).__name__)
    assert found["autotrace.error.category"] == "response_invalid"
    assert "autotrace.error.code" not in found
    assert found.get("http.response.status_code", 200) == 200
    frames = [frame.filename for frame in traceback.extract_tb(raised.tb) if frame.filename.startswith(OURS)]
    assert len(frames) <= 1
    return found


@pytest.mark.parametrize("name", WAYS)
async def test_a_refused_answer_is_recorded(name: str, world: Any, server: Server, captured: Any) -> None:
    way = WAYS[name]
    pytest.importorskip(way.package)
    autotrace.enable()
    found = await refused(world, way, server, captured, json.dumps(way.body).encode())
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (7, 3)
    assert (found.get("gen_ai.response.id"), found["gen_ai.response.model"]) == (way.id, "m-1")
    assert found["gen_ai.response.finish_reasons"] == [way.finish]
    (said,) = found["gen_ai.output.messages"]
    assert MARK in str(said)


@pytest.mark.parametrize("name", WAYS)
async def test_with_content_off_its_texts_are_left_out(name: str, world: Any, server: Server, captured: Any) -> None:
    way = WAYS[name]
    pytest.importorskip(way.package)
    autotrace.enable(content=False)
    found = await refused(world, way, server, captured, json.dumps(way.body).encode())
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (7, 3)
    assert found["gen_ai.response.finish_reasons"] == [way.finish]
    assert MARK not in json.dumps(captured.spans)


@pytest.mark.parametrize("name", DAMAGED)
async def test_a_damaged_answer_is_recorded_up_to_the_damage(name: str, world: Any, server: Server, captured: Any) -> None:
    way = DAMAGED[name]
    pytest.importorskip(way.package)
    autotrace.enable()
    found = await refused(world, way, server, captured, json.dumps(way.body).encode()[:-1])
    assert found["gen_ai.usage.input_tokens"] == 7
    assert (found["gen_ai.response.id"], found["gen_ai.response.model"]) == ("r1", "m-1")
    assert MARK in str(found["gen_ai.output.messages"])


async def test_a_raw_answer_is_recorded_before_the_program_parses_it(world: Any, server: Server, captured: Any) -> None:
    pytest.importorskip("openai")
    autotrace.enable()
    server.body = json.dumps(chat()).encode()
    client = world.closing(OPENAI(importlib.import_module("openai"), "Async" * world.asynchronous, server.url))
    ask = client.chat.completions.with_raw_response.parse
    raw = await world.value(ask(model="m", messages=ASKED, response_format=City))
    with pytest.raises(pydantic.ValidationError):
        raw.parse()
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["gen_ai.usage.output_tokens"]) == ("completed", 3)
    assert MARK in str(span["attributes"]["gen_ai.output.messages"])


async def test_a_stream_is_recorded_up_to_the_chunk_that_is_refused(world: Any, server: Server, captured: Any) -> None:
    pytest.importorskip("openai")
    autotrace.enable()
    delta = {"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}
    chunk = {"id": "r1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [delta]}
    server.kind = "text/event-stream"
    server.body = b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in (chunk, {**chunk, "created": "now"}))
    client = world.closing(STRICT_OPENAI(importlib.import_module("openai"), "Async" * world.asynchronous, server.url))
    stream = await world.value(client.chat.completions.create(model="m", messages=ASKED, stream=True))
    with pytest.raises(Exception, match="schema"):
        await world.items(stream)
    (span,) = captured.spans
    found = span["attributes"]
    assert (span["end_reason"], found["autotrace.error.category"]) == ("error", "response_invalid")
    assert (found["gen_ai.response.id"], MARK in str(found["gen_ai.output.messages"])) == ("r1", True)


COUNTS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "embed": ({"embeddings": [{"values": "no list"}]}, lambda models: models.embed_content(model="m", contents="hi")),
    "count": ({"totalTokens": "many"}, lambda models: models.count_tokens(model="m", contents="hi")),
}


@pytest.mark.parametrize("name", COUNTS)
async def test_other_answers_that_gemini_refuses_are_failures(name: str, world: Any, server: Server, captured: Any) -> None:
    pytest.importorskip("google.genai")
    autotrace.enable()
    body, ask = COUNTS[name]
    way = Way("google.genai", _gemini, lambda client: ask(client.models), body)
    found = await refused(world, way, server, captured, json.dumps(body).encode())
    assert found["gen_ai.request.model"] == "m"
