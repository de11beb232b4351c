"""The embedded provider as the Google Gen AI SDK meets it: contents, streams, embeddings, interactions, and faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from autotrace.testing.provider import Provider, serve

genai = pytest.importorskip("google.genai")
errors = pytest.importorskip("google.genai.errors")
types = pytest.importorskip("google.genai.types")
pydantic = pytest.importorskip("pydantic")

MODEL = "gemini-2.5-flash"


class City(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    name: str
    inhabitants: int
    rivers: list[str]


def weather(city: str, days: int) -> str:
    """The weather in a city."""
    return f"sun in {city} for {days} day"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with serve(hang_seconds=1.0) as provider:
        yield provider
        assert provider.failures == []


@pytest.fixture
def client(server: Provider) -> Iterator[Any]:
    server.requests.clear()
    with genai.Client(api_key="none", http_options=types.HttpOptions(base_url=server.url)) as client:
        yield client


def test_contents(client: Any) -> None:
    ask = client.models.generate_content
    answer = ask(model=MODEL, contents="Grüezi")
    assert (answer.text, answer.model_version) == ("You said: “Grüezi”", MODEL)
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count == (
        answer.usage_metadata.prompt_token_count + answer.usage_metadata.candidates_token_count
    )
    cut = ask(model=MODEL, contents="Grüezi", config={"max_output_tokens": 2})
    assert (cut.text, cut.candidates[0].finish_reason) == ("You said", types.FinishReason.MAX_TOKENS)
    several = ask(model=MODEL, contents="Grüezi", config={"candidate_count": 2})
    assert [one.content.parts[0].text for one in several.candidates] == ["You said: “Grüezi”", "You said: “Grüezi” (2)"]
    shaped = ask(model=MODEL, contents="City", config={"response_mime_type": "application/json", "response_schema": City})
    assert shaped.parsed == City(name="name", inhabitants=1, rivers=["rivers"])
    thought = ask(model=MODEL, contents="Hi", config={"thinking_config": {"include_thoughts": True}})
    assert [bool(part.thought) for part in thought.candidates[0].content.parts] == [True, False]
    assert thought.usage_metadata.thoughts_token_count == 16
    assert client.models.count_tokens(model=MODEL, contents="Grüezi").total_tokens == answer.usage_metadata.prompt_token_count


def test_a_stream_adds_up_to_the_answer(client: Any) -> None:
    config = {"thinking_config": {"include_thoughts": True}}
    whole = client.models.generate_content(model=MODEL, contents="Zürich", config=config)
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Zürich", config=config))
    for thought in (True, None):
        said = [part.text for one in chunks for part in one.candidates[0].content.parts if (part.thought or None) is thought]
        assert "".join(said) == next(p.text for p in whole.candidates[0].content.parts if (p.thought or None) is thought)
    assert [one.candidates[0].finish_reason for one in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert len({one.response_id for one in chunks}) == 1


def test_tools_go_round(client: Any, server: Provider) -> None:
    chat = client.chats.create(model=MODEL, config={"tools": [weather]})
    assert chat.send_message("The weather?").text == "The tool said: “sun in city for 1 day”"
    assert len(server.requests) == 2
    assert [content.role for content in chat.get_history()] == ["user", "model", "user", "model"]
    none = {"tools": [weather], "tool_config": {"function_calling_config": {"mode": "NONE"}}}
    assert client.models.generate_content(model=MODEL, contents="Hi", config=none).text == "You said: “Hi”"


def test_embeddings(client: Any) -> None:
    embedded = client.models.embed_content(
        model="gemini-embedding-001", contents=["a", "b"], config={"output_dimensionality": 8}
    )
    assert [len(one.values) for one in embedded.embeddings] == [8, 8]
    assert embedded.embeddings[0].values != embedded.embeddings[1].values


def test_interactions(client: Any) -> None:
    create = client.interactions.create
    answer = create(model=MODEL, input="Grüezi", generation_config={"thinking_summaries": "auto"})
    assert (answer.output_text, answer.status) == ("You said: “Grüezi”", "completed")
    assert [step.type for step in answer.steps] == ["thought", "model_output"]
    events = list(create(model=MODEL, input="Grüezi", stream=True))
    assert list(dict.fromkeys(event.event_type for event in events)) == [
        "interaction.created",
        "step.start",
        "step.delta",
        "step.stop",
        "interaction.completed",
    ]
    assert "".join(event.delta.text for event in events if event.event_type == "step.delta") == answer.output_text
    function = {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"enum": ["Bern"]}}},
    }
    called = create(model=MODEL, input="Grüezi", tools=[function])
    assert (called.status, called.steps[0].arguments) == ("requires_action", {"city": "Bern"})
    result = {"type": "function_result", "call_id": called.steps[0].id, "name": "weather", "result": "sun"}
    told = create(model=MODEL, input=[result], previous_interaction_id=called.id)
    assert told.output_text == "The tool said: “sun”"


FAULTS = {"429": "RESOURCE_EXHAUSTED", "500": "INTERNAL", "401": "UNAUTHENTICATED", "400-context": "INVALID_ARGUMENT"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
def test_failures_have_googles_shape(client: Any, fault: str, stream: bool) -> None:
    ask = client.models.generate_content_stream if stream else client.models.generate_content
    with pytest.raises(errors.APIError) as caught:
        list(ask(model=f"fault-{fault}", contents="x"))
    assert (caught.value.code, caught.value.status) == (int(fault[:3]), FAULTS[fault])
    assert ("retry-after" in caught.value.response.headers) == (fault == "429")


def test_streams_that_break(client: Any) -> None:
    for fault, kind in (
        ("error-event", "ServerError"),
        ("malformed", "UnknownApiResponseError|JSONDecodeError"),
        ("cut", "RemoteProtocolError"),
    ):
        seen = []
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each has its own
            seen.extend(client.models.generate_content_stream(model=f"fault-{fault}", contents="Hi"))
        assert type(caught.value).__name__ in kind.split("|")
    blocked = client.models.generate_content(model="fault-refusal", contents="x")
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    filtered = client.models.generate_content(model="fault-filter", contents="x")
    assert filtered.candidates[0].finish_reason == types.FinishReason.SAFETY


def test_vertex_and_the_asynchronous_side(server: Provider) -> None:
    async def ask() -> str:
        options = types.HttpOptions(base_url=server.url)
        async with genai.Client(vertexai=True, api_key="none", http_options=options).aio as client:
            return str((await client.models.generate_content(model=MODEL, contents="Grüezi")).text)

    assert asyncio.run(ask()) == "You said: “Grüezi”"
    assert f"/publishers/google/models/{MODEL}:generateContent" in server.requests[-1].path


def test_the_environment_leads_to_it(server: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, server.environment()[name])
    with genai.Client() as client:
        assert client.models.generate_content(model=MODEL, contents="Hi").text == "You said: “Hi”"
