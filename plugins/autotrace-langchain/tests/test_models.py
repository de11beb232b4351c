"""One model call is one span: the provider's where its plugin is active, else LangChain's own view, which says the same."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("langchain_openai")

from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

import autotrace
from autotrace_langchain.payloads import provider_of

PICTURE = "data:image/png;base64,aGVsbG8="
MESSAGES = [
    SystemMessage("Be brief."),
    HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]),
]
LOOP = [
    "invoke_agent",
    "  model",
    "    chat gpt-4o",
    "  tools",
    "    execute_tool weather",
    "      look",
    "  model",
    "    chat gpt-4o",
]


ROWS: dict[str, Callable[[Any, Any], Any]] = {
    "call": lambda world, model: (model.ainvoke if world.asynchronous else model.invoke)(MESSAGES),
    "batch": lambda world, model: (model.abatch if world.asynchronous else model.batch)([MESSAGES]),
    "generate": lambda world, model: (model.agenerate if world.asynchronous else model.generate)([MESSAGES]),
}
STREAMS: dict[str, Callable[[Any, Any], Any]] = {
    "stream": lambda world, model: (model.astream if world.asynchronous else model.stream)(MESSAGES),
}
SAME = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.request.temperature",
    "gen_ai.request.max_tokens",
    "gen_ai.request.stop_sequences",
    "gen_ai.request.stream",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.response.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
)


def told(span: dict[str, Any]) -> dict[str, Any]:
    """What both views of a call have to say, and the same."""
    attributes = span["attributes"]
    found = {name: attributes[name] for name in SAME if name in attributes}
    for message in found["gen_ai.output.messages"]:
        message.pop("finish_reason", None)
    return found


async def asked(world: Any, way: str, model: Any) -> None:
    if way in ROWS:
        await world.value(ROWS[way](world, model))
    else:
        await world.items(STREAMS[way](world, model))


@pytest.mark.parametrize("responses", [False, True], ids=["chat completions", "Responses"])
@pytest.mark.parametrize("way", [*ROWS, *STREAMS])
async def test_both_views_of_a_call_say_the_same(
    world: Any, way: str, responses: bool, gpt: Any, wire: Any, langchain: Any, captured: Any
) -> None:
    more = {} if responses else {"stop": ["END"]}
    found = []
    for active in (True, False):
        if not active:
            autotrace.disable("openai")
        model = gpt(temperature=0.5, max_tokens=64, use_responses_api=responses, stream_usage=True, **more)
        with autotrace.span("program"):
            await asked(world, way, model)
        span, _ = captured.spans
        assert span["scope"]["name"] == ("autotrace-openai" if active else "autotrace-langchain")
        assert langchain.tree(captured.spans) == ["program", "  chat gpt-4o"]
        assert (span["kind"], span["status"], span["end_reason"]) == ("CLIENT", {"code": "UNSET"}, "completed")
        assert ("gen_ai.response.time_to_first_chunk" in span["attributes"]) == (way in STREAMS)
        if active or responses or way not in STREAMS:  # langchain-openai drops the id of a stream of chat completions
            assert span["attributes"]["gen_ai.response.id"] in wire.exchanges[-1].body.decode()
        found.append(told(span))
        captured.clear()
    theirs, ours = found
    assert ours == theirs
    assert theirs["gen_ai.usage.input_tokens"]


@pytest.mark.usefixtures("handed_on")
async def test_an_agents_calls_are_its_own(world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any) -> None:
    agent = create_agent(gpt(), [langchain.weather])
    asked = {"messages": [("user", "What is the weather?")]}
    config = {"configurable": {"thread_id": "t1"}, "tags": ["mine"]}
    for way in ("call", "stream"):
        await langchain.run(world, way, agent, asked, config)
        assert langchain.tree(captured.spans) == LOOP
        for span in captured.spans:
            if span["name"].startswith("chat"):
                assert span["scope"]["name"] == recorder
                assert span["attributes"]["gen_ai.conversation.id"] == "t1"
                assert span["attributes"]["autotrace.langchain.tags"] == ["mine"]
                assert span["attributes"]["gen_ai.tool.definitions"][0]["name"] == "weather"
        captured.clear()


async def test_each_attempt_is_a_span(world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any) -> None:
    retried = gpt("fault-429").with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    chain = (RunnableLambda(lambda value: value) | retried.with_fallbacks([gpt()])).with_config(run_name="try")
    await langchain.run(world, "call", chain, "x")
    chats = [span for span in captured.spans if span["name"].startswith("chat")]
    assert [(span["name"], span["end_reason"]) for span in chats] == [
        ("chat fault-429", "error"),
        ("chat fault-429", "error"),
        ("chat gpt-4o", "completed"),
    ]
    assert {span["scope"]["name"] for span in chats} == {recorder}
    assert chats[0]["attributes"]["http.response.status_code"] == 429
    assert chats[0]["attributes"]["autotrace.error.category"] == "rate_limited"
    assert {span["parent_id"] for span in chats} == {captured.spans[-1]["span_id"]}


@pytest.mark.parametrize("ending", ["closed", "cancelled", "connection"])
async def test_calls_that_end_early_are_one_span(
    world: Any, ending: str, recorder: str, gpt: Any, langchain: Any, captured: Any
) -> None:
    model = gpt("fault-hang" if ending == "cancelled" else "gpt-4o")
    if ending == "connection":
        model = gpt()
        for client in (model.root_client, model.root_async_client):
            client.base_url = "http://127.0.0.1:9/v1"
        with pytest.raises(Exception, match="Connection"):
            await asked(world, "call", model)
    elif ending == "closed":
        stream = STREAMS["stream"](world, model)
        await world.take(stream, 3)
        await world.close(stream)
        if world.asynchronous:
            await asyncio.sleep(0.05)  # LangChain leaves the generators inside of its own to the event loop
    elif world.asynchronous:
        task = asyncio.create_task(model.ainvoke("x"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        pytest.skip("what is not asynchronous cannot be cancelled")
    (span,) = captured.spans
    assert span["scope"]["name"] == recorder
    assert span["end_reason"] == {"closed": "abandoned", "cancelled": "cancelled", "connection": "error"}[ending]
    if ending == "closed":
        assert span["attributes"]["gen_ai.output.messages"][0]["parts"][0]["content"]


async def test_a_model_inside_another_models_code_is_inside_it(world: Any, gpt: Any, langchain: Any, captured: Any) -> None:
    class Wrapper(ChatOpenAI):
        """A model class that asks another model, as routers do."""

        inner: Any = None

        def _generate(self, *args: Any, run_manager: Any = None, **more: Any) -> Any:
            return self.inner._generate(*args, **more)

        async def _agenerate(self, messages: Any, *args: Any, run_manager: Any = None, **more: Any) -> Any:
            answer = await self.inner.ainvoke(messages)
            return ChatResult(generations=[ChatGeneration(message=answer)])

    wrapper = Wrapper(model="router", api_key="x", inner=gpt())
    with autotrace.span("program"):
        await asked(world, "call", wrapper)
    assert langchain.tree(captured.spans) == ["program", "  chat gpt-4o"]
    assert captured.spans[0]["scope"]["name"] == "autotrace-openai"


async def test_another_call_in_a_consumer_is_another_span(
    world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any
) -> None:
    stream = STREAMS["stream"](world, gpt())
    with autotrace.span("program"):
        await world.take(stream, 1)
        await asked(world, "call", gpt("gpt-4o-mini"))
        await world.items(stream)
    assert langchain.tree(captured.spans) == ["program", "  chat gpt-4o", "  chat gpt-4o-mini"]


async def test_a_thread_without_context_is_told_by_the_response_id(world: Any, gpt: Any, langchain: Any, captured: Any) -> None:
    class Threaded(ChatOpenAI):
        """A model class that asks its provider on a thread of its own, and hands no context on."""

        def _generate(self, *args: Any, **more: Any) -> Any:
            found: list[Any] = []
            thread = threading.Thread(target=lambda: found.append(ChatOpenAI._generate(self, *args, **more)))
            thread.start()
            thread.join()
            return found[0]

        _agenerate = None  # type: ignore[assignment]

    if world.asynchronous:
        pytest.skip("the same code")
    model = gpt()
    threaded = Threaded(model="gpt-4o", api_key="x")
    for name in ("client", "async_client", "root_client", "root_async_client"):
        setattr(threaded, name, getattr(model, name))
    threaded.invoke("x")
    assert [(span["name"], span["scope"]["name"]) for span in captured.spans] == [("chat gpt-4o", "autotrace-openai")]


async def test_completion_models_are_transparent_as_well(
    world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any
) -> None:
    model = gpt("gpt-3.5-turbo-instruct", kind=OpenAI, max_tokens=9)
    await langchain.run(world, "call", model, "Once upon")
    await langchain.run(world, "stream", model, "Once upon")
    assert langchain.tree(captured.spans) == ["text_completion gpt-3.5-turbo-instruct"] * 2
    for span in captured.spans:
        assert span["scope"]["name"] == recorder
        assert span["attributes"]["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "Once upon"}]
        assert span["attributes"]["gen_ai.output.messages"][0]["parts"][0]["content"]


async def test_prompts_that_are_one_request_are_one_span(
    world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any
) -> None:
    model = gpt("gpt-3.5-turbo-instruct", kind=OpenAI)
    await world.value((model.abatch if world.asynchronous else model.batch)(["one", "two"]))
    asked = [span["attributes"]["gen_ai.input.messages"] for span in captured.spans]
    assert [len(messages) for messages in asked] == ([2] if recorder == "autotrace-openai" else [1, 1])
    assert {span["scope"]["name"] for span in captured.spans} == {recorder}


async def test_embeddings_are_the_providers(world: Any, gpt: Any, wire: Any, langchain: Any, captured: Any) -> None:
    embeddings = OpenAIEmbeddings(base_url=wire.provider.openai_url, api_key="x", check_embedding_ctx_length=False)
    if world.asynchronous:
        pytest.skip("its client lives longer than the loop")
    with autotrace.span("program"):
        embeddings.embed_query("x")
    assert langchain.tree(captured.spans) == ["program", "  embeddings text-embedding-ada-002"]


async def test_a_cached_answer_says_so_and_counts_nothing(
    world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any
) -> None:
    model = gpt(cache=InMemoryCache())
    for _ in range(2):
        await asked(world, "call", model)
    first, second = captured.spans
    assert first["scope"]["name"] == recorder
    assert "autotrace.langchain.cached" not in first["attributes"]
    assert second["scope"]["name"] == "autotrace-langchain"
    assert second["attributes"]["autotrace.langchain.cached"] is True
    assert second["attributes"]["gen_ai.output.messages"]
    assert not [name for name in second["attributes"] if name.startswith("gen_ai.usage")]


async def test_the_new_stream_of_events_is_one_call(world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any) -> None:
    model = gpt()
    if not hasattr(model, "stream_events"):
        pytest.skip("this langchain-core has none")
    warnings.simplefilter("ignore")  # that it is a beta
    with autotrace.span("program"):
        if world.asynchronous:
            await world.items(await model.astream_events(MESSAGES, version="v3"))
            await asyncio.sleep(0.05)  # its producer says last that it has ended
        else:
            list(model.stream_events(MESSAGES, version="v3"))
    assert langchain.tree(captured.spans) == ["program", "  chat gpt-4o"]
    assert captured.spans[0]["scope"]["name"] == recorder


async def test_many_calls_at_the_same_time(world: Any, recorder: str, gpt: Any, langchain: Any, captured: Any) -> None:
    model = gpt()
    if world.asynchronous:
        await asyncio.gather(*(model.ainvoke("x") for _ in range(20)))
    else:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(model.invoke, ["x"] * 20))
    assert [span["name"] for span in captured.spans] == ["chat gpt-4o"] * 20
    assert {span["scope"]["name"] for span in captured.spans} == {recorder}
    assert len({span["attributes"]["gen_ai.response.id"] for span in captured.spans}) == 20


@pytest.mark.parametrize(
    ("metadata", "fields", "provider", "address"),
    [
        ({"ls_provider": "openai"}, {}, "openai", None),
        ({"ls_provider": "openai"}, {"openai_api_base": "https://eu.api.openai.com/v1"}, "openai", "eu.api.openai.com"),
        ({"ls_provider": "openai"}, {"openai_api_base": "http://localhost:8000/v1"}, None, "localhost"),
        ({"ls_provider": "anthropic"}, {"anthropic_api_url": "https://llm.acme.example"}, None, "llm.acme.example"),
        ({"ls_provider": "azure"}, {"openai_api_base": "https://gateway.example"}, "azure.ai.openai", None),
        ({"ls_provider": "openai"}, {"openai_api_base": "http://[::1"}, "openai", None),
        ({"ls_provider": 7}, None, None, None),
        ({}, {}, None, None),
    ],
)
def test_the_provider_is_unknown_at_another_server(
    metadata: Any, fields: Any, provider: str | None, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    name, server = provider_of(metadata, {"kwargs": fields})
    assert (name, server.get("server.address")) == (provider, address)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1234/v1")
    assert provider_of({"ls_provider": "openai"}, None) == (None, {"server.address": "127.0.0.1", "server.port": 1234})
