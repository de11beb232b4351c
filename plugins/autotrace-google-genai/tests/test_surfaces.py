"""Every way to call the Google Gen AI SDK: one record for a request, and it says what went over the wire."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from google import genai
from google.auth.credentials import Credentials
from google.genai import errors, types

import autotrace
from autotrace.testing.provider import Answer, Call, serve
from autotrace.testing.provider.wire import json_answer
from autotrace_google_genai.embedded import GEMINI

MODEL = "gemini-2.5-flash"
PICTURE = b"\x89PNG\r\n\x1a\n"
SCHEMA = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
DECLARED = {"function_declarations": [{"name": "weather", "description": "The weather", "parameters": SCHEMA}]}
FUNCTION = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TALK: list[Any] = [
    {"role": "user", "parts": [{"text": "The weather?"}, {"inline_data": {"mime_type": "image/png", "data": PICTURE}}]},
    {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "weather", "args": {"city": "Bern"}}}]},
    {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "weather", "response": {"result": "Föhn"}}}]},
]
BRIEF: dict[str, Any] = {"system_instruction": "Be brief.", "max_output_tokens": 40, "top_k": 3, "stop_sequences": ["END"]}


def client(url: str, **more: Any) -> genai.Client:
    return genai.Client(api_key="embedded", http_options=types.HttpOptions(base_url=url, **more))


class Token(Credentials):  # type: ignore[misc]
    """What Vertex AI is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "embedded"

    def refresh(self, request: Any) -> None:
        """It never expires."""


def vertex(url: str) -> genai.Client:
    options = types.HttpOptions(base_url=url)
    return genai.Client(vertexai=True, project="p", location="europe-west6", credentials=Token(), http_options=options)


class Side(NamedTuple):
    """The world and the client that a call is made with."""

    world: Any
    both: genai.Client

    @property
    def client(self) -> Any:
        return self.both.aio if self.world.asynchronous else self.both

    async def plain(self, result: Any) -> Any:
        return await self.world.value(result)

    async def read(self, stream: Any) -> list[Any]:
        return list(await self.world.items(await self.world.value(stream)))


def side_of(world: Any, both: genai.Client) -> Side:
    """A side of a client, which is closed when the test ends."""
    world.closing(SimpleNamespace(close=both.aio.aclose if world.asynchronous else both.close))
    return Side(world, both)


@pytest.fixture
def side(world: Any, wire: Any) -> Side:
    return side_of(world, client(wire.url))


SURFACES: dict[str, Callable[[Side], Awaitable[Any]]] = {
    "content": lambda s: s.plain(s.client.models.generate_content(model=MODEL, contents=TALK, config=BRIEF)),
    "content-positional-model": lambda s: s.plain(
        s.client.models.generate_content(model=f"models/{MODEL}", contents=types.Part.from_text(text="Grüezi"))
    ),
    "content-declared-tools": lambda s: s.plain(
        s.client.models.generate_content(model=MODEL, contents="Both?", config={"tools": [DECLARED]})
    ),
    "content-schema": lambda s: s.plain(
        s.client.models.generate_content(
            model=MODEL, contents="City", config={"response_schema": SCHEMA, "response_mime_type": "application/json"}
        )
    ),
    "content-thoughts": lambda s: s.plain(
        s.client.models.generate_content(
            model=MODEL, contents="Grüezi", config={"thinking_config": {"include_thoughts": True, "thinking_budget": 64}}
        )
    ),
    "content-candidates": lambda s: s.plain(
        s.client.models.generate_content(model=MODEL, contents="Grüezi", config={"candidate_count": 2})
    ),
    "chat": lambda s: s.plain(s.client.chats.create(model=MODEL, history=copy.deepcopy(TALK[:1])).send_message("And now?")),
    "content-stream": lambda s: s.read(s.client.models.generate_content_stream(model=MODEL, contents=TALK, config=BRIEF)),
    "content-stream-tools": lambda s: s.read(
        s.client.models.generate_content_stream(model=MODEL, contents="In both?", config={"tools": [DECLARED]})
    ),
    "content-stream-candidates": lambda s: s.read(
        s.client.models.generate_content_stream(
            model=MODEL,
            contents="Grüezi",
            config={"candidate_count": 2, "thinking_config": {"include_thoughts": True}},
        )
    ),
    "chat-stream": lambda s: s.read(s.client.chats.create(model=MODEL).send_message_stream("Grüezi")),
}


def expected(exchange: Any) -> dict[str, Any]:
    """What a record has to say, read from the request and the bytes of the answer."""
    asked, said = exchange.request, exchange.said
    chunks = said if isinstance(said, list) else [said]
    config = asked.get("generationConfig") or {}
    usage = chunks[-1]["usageMetadata"]
    count = len(chunks[-1]["candidates"]) if not isinstance(said, list) else config.get("candidateCount", 1)
    system = asked.get("systemInstruction")
    declared = [one["name"] for tool in asked.get("tools") or () for one in tool["functionDeclarations"]]
    return {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.max_tokens": config.get("maxOutputTokens"),
        "gen_ai.request.stop_sequences": config.get("stopSequences"),
        "gen_ai.request.choice.count": config.get("candidateCount"),
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}] if system else None,
        "gen_ai.tool.definitions": declared or None,
        "gen_ai.input.messages": [part for one in asked["contents"] for part in _parts(one["role"], one["parts"])],
        "gen_ai.output.messages": [part for index in range(count) for part in _joined(_of_candidate(chunks, index))],
        "gen_ai.response.id": chunks[0]["responseId"],
        "gen_ai.response.model": MODEL,
        "gen_ai.response.finish_reasons": ["stop"] * count,
        "gen_ai.usage.input_tokens": usage["promptTokenCount"],
        "gen_ai.usage.output_tokens": usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0),
        "gen_ai.usage.reasoning.output_tokens": usage.get("thoughtsTokenCount"),
        "gen_ai.usage.cache_read.input_tokens": usage["cachedContentTokenCount"],
    }


def _of_candidate(chunks: list[Any], index: int) -> list[tuple[Any, ...]]:
    held = [one for chunk in chunks for one in chunk["candidates"] if one["index"] == index]
    return [part for one in held for part in _parts("model", one["content"]["parts"])]


def _parts(role: str, parts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    said = "assistant" if role == "model" else role
    found: list[tuple[Any, ...]] = []
    for part in parts:
        if part.get("text"):
            found.append((said, "reasoning" if part.get("thought") else "text", part["text"]))
        elif "functionCall" in part:
            call = part["functionCall"]
            found += [(said, "reasoning", "")] if "thoughtSignature" in part else []  # of thoughts that are not shown
            found.append((said, "tool_call", call.get("id"), call["name"], call["args"]))
        elif "functionResponse" in part:
            answer = part["functionResponse"]
            found.append((said, "tool_call_response", answer.get("id"), answer["response"]))
        elif "inlineData" in part:
            uri = "sha256:" + hashlib.sha256(PICTURE).hexdigest()
            found.append((said, "uri", "uri", "image", "image/png", uri, len(PICTURE)))
    return found


def _joined(parts: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Texts of one kind that follow one another are one."""
    found: list[tuple[Any, ...]] = []
    for part in parts:
        if found and part[1] in ("text", "reasoning") and found[-1][:2] == part[:2]:
            found[-1] = (*part[:2], found[-1][2] + part[2])
        else:
            found.append(part)
    return found


@pytest.mark.parametrize("surface", SURFACES)
async def test_each_surface_gives_one_record_of_what_was_said(
    world: Any, surface: str, side: Side, wire: Any, captured: Any, records: Any
) -> None:
    autotrace.enable()
    await SURFACES[surface](side)
    (span,) = captured.spans
    (exchange,) = wire.exchanges
    attributes = span["attributes"]
    got = {name: attributes.get(name) for name in expected(exchange)}
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        got[name] = records.messages(got[name])
    tools = attributes.get("gen_ai.tool.definitions")
    got["gen_ai.tool.definitions"] = [tool["name"] for tool in tools] if tools else None
    assert got == expected(exchange)
    assert attributes.get("gen_ai.request.stream") == (True if exchange.streamed else None)
    assert attributes["http.response.status_code"] == 200
    assert (span["name"], span["kind"], span["end_reason"]) == (f"generate_content {MODEL}", "CLIENT", "completed")
    assert ("gen_ai.response.time_to_first_chunk" in attributes) == exchange.streamed
    assert span["scope"]["library"] == "google.genai"
    assert span["scope"]["library_version"] == version("google-genai")
    assert attributes["server.port"] == int(wire.url.rsplit(":", 1)[1])


async def test_settings_schema_and_extra_body_are_what_was_sent(world: Any, side: Side, captured: Any) -> None:
    autotrace.enable()
    config = {
        "temperature": 0.5,
        "seed": 7,
        "response_schema": SCHEMA,
        "response_mime_type": "application/json",
        "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "thinking_config": {"thinking_budget": 64},
        "http_options": {"extra_body": {"labels": {"team": "alps"}, "generation_config": {"topP": 0.25}}},
    }
    await side.plain(side.client.models.generate_content(model=MODEL, contents="City", config=config))
    (span,) = captured.spans
    attributes = span["attributes"]
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.request.seed"] == 7
    assert attributes["gen_ai.request.top_p"] == 0.25
    assert attributes["gen_ai.output.type"] == "json"
    assert attributes["autotrace.request.output_schema"]["required"] == ["city"]
    parameters = attributes["autotrace.request.parameters"]
    assert parameters["labels"] == {"team": "alps"}
    assert parameters["thinkingConfig"] == {"thinkingBudget": 64}
    assert parameters["safetySettings"][0]["threshold"] == "BLOCK_NONE"


async def test_embeddings_and_token_counts(world: Any, side: Side, captured: Any) -> None:
    autotrace.enable()
    config = {"output_dimensionality": 8, "task_type": "RETRIEVAL_QUERY"}
    embed = side.client.models.embed_content
    vectors = await side.plain(embed(model="gemini-embedding-001", contents=["one", "two"], config=config))
    counted = await side.plain(side.client.models.count_tokens(model=MODEL, contents="Grüezi"))
    embedded, count = captured.spans
    assert len(vectors.embeddings[0].values) == 8
    assert embedded["name"] == "embeddings gemini-embedding-001"
    assert embedded["attributes"]["gen_ai.embeddings.dimension.count"] == 8
    assert embedded["attributes"]["autotrace.request.parameters"] == {"taskType": "RETRIEVAL_QUERY"}
    assert [one["parts"][0]["content"] for one in embedded["attributes"]["gen_ai.input.messages"]] == ["one", "two"]
    assert "gen_ai.output.messages" not in embedded["attributes"]
    assert count["name"] == f"count_tokens {MODEL}"
    assert count["attributes"]["autotrace.response.details"] == {"totalTokens": counted.total_tokens}


async def test_vertex_is_a_provider_of_its_own(world: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    side = side_of(world, vertex(wire.url))
    await side.plain(side.client.models.generate_content(model=MODEL, contents="Grüezi"))
    await side.read(side.client.models.generate_content_stream(model=f"google/{MODEL}", contents="Grüezi"))
    await side.plain(side.client.models.embed_content(model="text-embedding-005", contents=["Grüezi"]))
    content, streamed, embedded = captured.spans
    assert "/projects/p/locations/europe-west6/publishers/google/models/" in wire.exchanges[0].call.path
    for span in captured.spans:
        assert span["attributes"]["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert content["name"] == streamed["name"] == f"generate_content {MODEL}"
    assert content["attributes"]["gen_ai.usage.input_tokens"] > 0
    assert embedded["name"] == "embeddings text-embedding-005"
    assert embedded["attributes"]["gen_ai.usage.input_tokens"] == 2
    assert embedded["attributes"]["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "Grüezi"}]


@pytest.mark.filterwarnings("ignore:The generate_")
async def test_images_and_videos_have_model_and_time(world: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    cloud = side_of(world, vertex(wire.url))
    await cloud.plain(cloud.client.models.generate_images(model="imagen-4.0-generate-001", prompt="A cat"))
    await cloud.plain(cloud.client.models.generate_videos(model="veo-3.0", prompt="A cat"))
    assert [span["name"] for span in captured.spans] == ["image_generation imagen-4.0-generate-001", "video_generation veo-3.0"]
    assert "iVBORw0KGgo" not in str(captured.spans)


async def test_a_batch_has_model_id_and_time(world: Any, side: Side, captured: Any) -> None:
    autotrace.enable()
    batch = await side.plain(side.client.batches.create(model=MODEL, src=[{"contents": [{"parts": [{"text": "later"}]}]}]))
    (span,) = captured.spans
    assert span["name"] == f"batches {MODEL}"
    assert span["attributes"]["gen_ai.response.id"] == batch.name
    assert "later" not in str(span)


async def test_a_blocked_prompt_has_no_answer_and_an_outcome(world: Any, side: Side, captured: Any) -> None:
    autotrace.enable()
    await side.plain(side.client.models.generate_content(model="fault-refusal", contents="x"))
    await side.read(side.client.models.generate_content_stream(model="fault-filter", contents="x"))
    blocked, filtered = captured.spans
    assert blocked["attributes"]["autotrace.outcome"] == "content_filtered"
    assert blocked["attributes"]["autotrace.response.details"]["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "gen_ai.output.messages" not in blocked["attributes"]
    assert filtered["attributes"]["autotrace.outcome"] == "content_filtered"
    assert filtered["attributes"]["gen_ai.response.finish_reasons"] == ["content_filter"]
    assert filtered["attributes"]["autotrace.response.finish_reasons"] == ["SAFETY"]


CATEGORIES = {
    "429": ("RESOURCE_EXHAUSTED", "rate_limited"),
    "500": ("INTERNAL", "server_error"),
    "503": ("INTERNAL", "overloaded"),
    "400": ("INVALID_ARGUMENT", "invalid_request"),
    "400-context": ("INVALID_ARGUMENT", "context_length"),
    "401": ("UNAUTHENTICATED", "authentication"),
    "403": ("PERMISSION_DENIED", "permission"),
    "404": ("NOT_FOUND", "not_found"),
}


@pytest.mark.parametrize("fault", CATEGORIES)
async def test_a_failure_has_googles_code_and_a_category(world: Any, fault: str, side: Side, captured: Any) -> None:
    autotrace.enable()
    with pytest.raises(errors.APIError) as caught:
        await side.plain(side.client.models.generate_content(model=f"fault-{fault}", contents="x"))
    with pytest.raises(errors.APIError):
        await side.read(side.client.models.generate_content_stream(model=f"fault-{fault}", contents="x"))
    code, category = CATEGORIES[fault]
    for span in captured.spans:
        attributes = span["attributes"]
        assert attributes["error.type"] == f"google.genai.errors.{type(caught.value).__name__}"
        assert (attributes["autotrace.error.code"], attributes["autotrace.error.category"]) == (code, category)
        assert attributes["http.response.status_code"] == caught.value.code
        assert ("http.response.header.retry-after" in attributes) == (fault == "429")


def test_a_reason_is_a_better_code_than_invalid_argument(captured: Any, wire: Any) -> None:
    """Google refuses a wrong key as an invalid argument."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    body = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}}

    def refuse(*_: Any, **__: Any) -> None:
        raise errors.ClientError(400, body, None)

    autotrace.enable()
    one = client(wire.url)
    one._api_client._request = refuse  # type: ignore[method-assign]
    with pytest.raises(errors.ClientError):
        one.models.generate_content(model=MODEL, contents="x")
    (span,) = captured.spans
    assert span["attributes"]["autotrace.error.code"] == "API_KEY_INVALID"
    assert span["attributes"]["autotrace.error.category"] == "authentication"


RETRY = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02)


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
async def test_retries_are_attempts_inside_the_call(world: Any, stream: bool, wire: Any, captured: Any) -> None:
    autotrace.enable()
    side = side_of(world, client(wire.url, retry_options=RETRY))
    text = f"{stream} {world.asynchronous}"
    if stream:
        await side.read(side.client.models.generate_content_stream(model="fault-500-once", contents=text))
    else:
        await side.plain(side.client.models.generate_content(model="fault-500-once", contents=text))
    with pytest.raises(errors.ClientError):
        await side.plain(side.client.models.generate_content(model="fault-429", contents=text))
    good, failed = captured.spans
    first, second = good["attributes"]["autotrace.attempts"]
    assert (first["status"], second["status"]) == (500, 200)
    assert 0 < first["wait"] <= 0.02
    assert good["attributes"]["http.response.status_code"] == 200
    assert [one["status"] for one in failed["attributes"]["autotrace.attempts"]] == [429, 429, 429]


async def test_a_stream_begins_when_its_request_is_sent(world: Any, side: Side, captured: Any) -> None:
    """The asynchronous side waits for the answer before it gives the generator: that time is in the span."""
    autotrace.enable()
    client = side.client._api_client
    request = {"contents": [{"role": "user", "parts": [{"text": "Grüezi"}]}]}
    name = "async_request_streamed" if world.asynchronous else "request_streamed"
    stream = await side.plain(getattr(client, name)("post", f"models/{MODEL}:streamGenerateContent?alt=sse", request))
    assert captured.spans == []
    del stream
    if not world.asynchronous:
        assert captured.spans == []  # a generator that nobody asked for its first item has sent nothing
        return
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["http.response.status_code"]) == ("unread", 200)


INTERACTIONS: dict[str, Callable[[Side], Awaitable[Any]]] = {
    "text": lambda s: s.plain(s.client.interactions.create(model=MODEL, input="Grüezi", system_instruction="Be brief.")),
    "steps": lambda s: s.plain(
        s.client.interactions.create(
            model=MODEL,
            input=[
                {"type": "user_input", "content": [{"type": "text", "text": "Grüezi"}]},
                {"type": "function_call", "id": "c1", "name": "weather", "arguments": {"city": "Bern"}},
                {"type": "function_result", "call_id": "c1", "name": "weather", "result": "Föhn"},
            ],
        )
    ),
    "tools": lambda s: s.plain(s.client.interactions.create(model=MODEL, input="Grüezi", tools=[FUNCTION])),
    "agent": lambda s: s.plain(s.client.interactions.create(agent="deep-research", input="Grüezi", background=True)),
    "stream": lambda s: s.read(
        s.client.interactions.create(
            model=MODEL, input="Grüezi", stream=True, generation_config={"thinking_summaries": "auto", "temperature": 0.5}
        )
    ),
    "stream-tools": lambda s: s.read(
        s.client.interactions.create(model=MODEL, input="Grüezi, both", stream=True, tools=[FUNCTION])
    ),
    "raw": lambda s: s.plain(s.client.interactions.with_raw_response.create(model=MODEL, input="Grüezi")),
}


@pytest.mark.parametrize("surface", INTERACTIONS)
async def test_each_interaction_is_one_record(
    world: Any, surface: str, side: Side, wire: Any, captured: Any, records: Any
) -> None:
    autotrace.enable()
    await INTERACTIONS[surface](side)
    (span,) = captured.spans
    (exchange,) = wire.exchanges
    attributes = span["attributes"]
    whole = exchange.said[-1]["interaction"] if exchange.streamed else exchange.said
    asked = exchange.request
    assert span["name"] == f"generate_content {asked.get('model') or asked['agent']}"
    assert attributes.get("gen_ai.agent.name") == asked.get("agent")
    assert attributes["gen_ai.provider.name"] == "gcp.gemini"
    assert attributes["gen_ai.response.id"] == whole["id"]
    assert attributes["gen_ai.response.status"] == whole["status"]
    assert attributes["gen_ai.response.finish_reasons"] == ["tool_call" if "tools" in surface else "stop"]
    usage = whole["usage"]
    assert attributes["gen_ai.usage.input_tokens"] == usage["total_input_tokens"]
    assert attributes["gen_ai.usage.output_tokens"] == usage["total_output_tokens"] + usage["total_thought_tokens"]
    assert attributes["http.response.status_code"] == 200
    said = records.messages(attributes["gen_ai.output.messages"])
    if "tools" in surface:
        assert (*said[0][:2], *said[0][3:]) == ("assistant", "tool_call", "weather", {"city": "city"})
        assert len(said) == (2 if "stream" in surface else 1)
    else:
        answer = "The tool said: “Föhn”" if surface == "steps" else "You said: “Grüezi”"
        assert said[-1] == ("assistant", "text", answer)
    assert said[0][1] == ("reasoning" if surface == "stream" else said[-1][1])
    asked_with = records.messages(attributes["gen_ai.input.messages"])
    assert asked_with[0][:3] == ("user", "text", asked["input"] if isinstance(asked["input"], str) else "Grüezi")


async def test_a_background_interaction_is_recorded_when_it_is_complete(world: Any, captured: Any) -> None:
    steps = [{"type": "model_output", "content": [{"type": "text", "text": "Done."}]}]
    usage = {"total_input_tokens": 5, "total_output_tokens": 6}
    reads: list[Call] = []

    def answer(call: Call) -> Answer:
        begun = {"id": f"v1_{world.name}", "object": "interaction", "agent": "deep-research", "status": "in_progress"}
        if call.method == "GET":
            reads.append(call)
        return json_answer({**begun, "status": "completed", "steps": steps, "usage": usage} if len(reads) > 1 else begun)

    autotrace.enable()
    with serve(formats=[GEMINI._replace(answer=answer, owns=lambda call: True)]) as provider:
        side = side_of(world, client(provider.url))
        begun = await side.plain(side.client.interactions.create(agent="deep-research", input="Grüezi", background=True))
        for _ in range(4):
            await side.plain(side.client.interactions.get(begun.id))
    first, fetched = captured.spans
    assert len(reads) == 4
    assert first["attributes"]["gen_ai.response.status"] == "in_progress"
    assert (fetched["name"], fetched["attributes"]["gen_ai.response.status"]) == ("fetch_response", "completed")
    assert fetched["links"] == [{"trace_id": first["trace_id"], "span_id": first["span_id"]}]
    assert fetched["attributes"]["gen_ai.usage.output_tokens"] == 6
    assert fetched["attributes"]["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Done."}]


@pytest.mark.skipif(version("google-genai").startswith("2."), reason="that version has no decisions")
async def test_a_decision_has_model_usage_and_time(world: Any, side: Side, captured: Any) -> None:
    autotrace.enable()
    question = {"type": "score", "instructions": "How good is it?", "criteria": ["bad", "good"]}
    await side.plain(side.client.decisions.create(model="models/d1", input="A book.", questions={"q": question}))
    (span,) = captured.spans
    assert span["name"] == "decisions models/d1"
    assert span["attributes"]["gen_ai.usage.output_tokens"] == 1
    assert span["attributes"]["http.response.status_code"] == 200


async def test_an_interaction_that_fails_or_is_retried(world: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    side = side_of(world, client(wire.url, retry_options=RETRY))
    with pytest.raises(Exception, match="404"):
        await side.plain(side.client.interactions.create(model="fault-404", input="x"))
    await side.plain(side.client.interactions.create(model="fault-500-once", input=f"again {world.asynchronous}"))
    failed, good = captured.spans
    assert (failed["attributes"]["autotrace.error.code"], failed["attributes"]["autotrace.error.category"]) == (
        ("not_found",) * 2
    )
    assert failed["attributes"]["http.response.status_code"] == 404
    assert [one["status"] for one in good["attributes"]["autotrace.attempts"]] == [500, 200]
