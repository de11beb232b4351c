"""Agents, graphs, chains, tools and retrievers: each with its parents, in every way in which a runnable is run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send

import autotrace

ASKED = {"messages": [("user", "What is the weather?")]}
LOOP = [
    "invoke_agent meteo",
    "  model",
    "    chat",
    "  tools",
    "    execute_tool weather",
    "      look",
    "  model",
    "    chat",
]


class Shelf(BaseRetriever):
    """A retriever over two documents."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        with autotrace.span("search"):
            return [Document(id="d1", page_content=query, metadata={"score": 0.5}), Document(page_content="b")]


def agent(kit: Any) -> Any:
    return create_agent(kit.model(kit.calling(), "done"), [kit.weather], name="meteo")


def unnamed_agent(kit: Any) -> Any:
    return create_agent(kit.model(kit.calling(), "done"), [kit.weather])


def graph(nodes: dict[str, Any], state: Any = MessagesState, name: str = "trip") -> Any:
    """The nodes in a row."""
    built = StateGraph(state)
    before = START
    for node, does in nodes.items():
        built.add_node(node, does)
        built.add_edge(before, node)
        before = node
    built.add_edge(before, END)
    return built.compile(name=name)


def stepping(_: Any) -> dict[str, Any]:
    with autotrace.span("mine"):
        return {"messages": [("user", "x")]}


def branches(kit: Any) -> Any:
    """Two nodes at the same time, each of which asks a model."""
    built = StateGraph(MessagesState)
    for name in "ab":
        built.add_node(name, lambda _: {"messages": [kit.model().invoke("x")]})
        built.add_edge(START, name)
    return built.compile(name="fork")


def tasks(kit: Any) -> Any:
    """One node, sent two tasks."""
    built = StateGraph(MessagesState)
    built.add_node("each", lambda _: {"messages": [kit.model().invoke("x")]})
    built.add_conditional_edges(START, lambda _: [Send("each", {"messages": []})] * 2)
    return built.compile(name="map")


def sub_agent(kit: Any) -> Any:
    """An agent whose tool is another agent, of no name."""

    @tool
    def ask(question: str) -> str:
        """Ask somebody who knows."""
        found = unnamed_agent(kit).invoke({"messages": [("user", question)]})
        return str(found["messages"][-1].content)

    return create_agent(kit.model(kit.calling("ask", question="?"), "done"), [ask], name="boss")


def chain(kit: Any) -> Any:
    return ChatPromptTemplate.from_messages([("user", "{x}")]) | kit.model() | StrOutputParser()


def lambdas(kit: Any) -> Any:
    """A lambda that calls others, as functions do."""
    inner = RunnableLambda(lambda value: kit.model().invoke(str(value))) | RunnableLambda(str)
    return RunnableLambda(lambda value: inner.invoke(value)).with_config(run_name="outer")


def parallel(kit: Any) -> Any:
    return RunnableParallel(a=kit.model(), b=RunnableLambda(stepping)).with_config(run_name="both")


def with_retriever(kit: Any) -> Any:
    return (RunnableLambda(str) | Shelf()).with_config(run_name="look up")


def with_config_by_hand(kit: Any) -> Any:
    """Threads of the program's own, which have no context, and the configuration handed to what runs there."""

    def node(_: Any, config: RunnableConfig) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as pool:
            return {"messages": [pool.submit(kit.model().invoke, "x", config).result()]}

    return graph({"thread": node})


MODEL = ["  model", "    chat"]
ROWS: dict[str, tuple[Callable[[Any], Any], Any, list[str]]] = {
    "agent": (agent, ASKED, LOOP),
    "agent without a name": (unnamed_agent, ASKED, ["invoke_agent", *LOOP[1:]]),
    "agent as a node": (
        lambda kit: graph({"first": stepping, "meteo": agent(kit)}),
        {"messages": []},
        ["invoke_workflow trip", "  first", "    mine", "  meteo", *("    " + line for line in LOOP)],
    ),
    "agent in a node": (
        lambda kit: graph({"first": lambda state: agent(kit).invoke(ASKED) and {}}),
        {"messages": []},
        ["invoke_workflow trip", "  first", *("    " + line for line in LOOP)],
    ),
    "agent in a tool of an agent": (
        sub_agent,
        ASKED,
        [
            "invoke_agent boss",
            *MODEL,
            "  tools",
            "    execute_tool ask",
            *("      " + line for line in ["invoke_agent", *LOOP[1:]]),
            *MODEL,
        ],
    ),
    "graph in a graph": (
        lambda kit: graph({"outer": graph({"inner": stepping}, name="sub")}),
        {"messages": []},
        ["invoke_workflow trip", "  outer", "    inner", "      mine"],
    ),
    "branches": (
        branches,
        {"messages": []},
        ["invoke_workflow fork", "  a", "    chat", "  b", "    chat"],
    ),
    "tasks": (tasks, {"messages": []}, ["invoke_workflow map", "  each", "    chat", "  each", "    chat"]),
    "chain": (chain, {"x": "1"}, ["invoke_workflow RunnableSequence", "  chat"]),
    "lambdas": (lambdas, "x", ["invoke_workflow outer", "  chat"]),
    "parallel": (parallel, "x", ["invoke_workflow both", "  chat", "  mine"]),
    "retriever": (with_retriever, "x", ["invoke_workflow look up", "  retrieval", "    search"]),
    "retriever alone": (lambda kit: Shelf(), "x", ["retrieval", "  search"]),
    "tool alone": (lambda kit: kit.weather, {"city": "Rome"}, ["execute_tool weather", "  look"]),
    "model alone": (lambda kit: kit.model(), "x", ["chat"]),
    "prompt alone": (lambda kit: ChatPromptTemplate.from_messages([("user", "{x}")]), {"x": "1"}, []),
    "threads, configured by hand": (
        with_config_by_hand,
        {"messages": []},
        ["invoke_workflow trip", "  thread", "    chat"],
    ),
}


@pytest.mark.parametrize("way", ["call", "stream", "events"])
@pytest.mark.parametrize("row", ROWS)
async def test_each_run_has_its_parent(world: Any, row: str, way: str, langchain: Any, captured: Any) -> None:
    make, value, expected = ROWS[row]
    with autotrace.span("program"):
        await langchain.run(world, way, make(langchain), value)
        with autotrace.span("afterwards"):
            pass
    found = langchain.tree(captured.spans)
    if row == "parallel":
        found[2:4] = sorted(found[2:4])
    assert found == ["program", *("  " + line for line in expected), "  afterwards"]
    assert {span["end_reason"] for span in captured.spans} == {"completed"}


@pytest.mark.usefixtures("handed_on")
@pytest.mark.parametrize("mode", ["values", "updates", "messages", "custom", ["updates", "messages"]], ids=str)
async def test_each_stream_mode_is_the_same_run(world: Any, mode: Any, langchain: Any, captured: Any) -> None:
    await langchain.run(world, "stream", agent(langchain), ASKED, stream_mode=mode)
    assert langchain.tree(captured.spans) == LOOP
    streamed = [span["attributes"].get("gen_ai.request.stream") for span in captured.spans if span["name"] == "chat"]
    assert streamed == [True if "messages" in mode else None] * 2


async def test_batches_are_a_run_each(world: Any, langchain: Any, captured: Any) -> None:
    made = RunnableLambda(lambda value: langchain.model(value).invoke(value)).with_config(run_name="each")
    with autotrace.span("program"):
        await world.value((made.abatch if world.asynchronous else made.batch)(["a", "b", "c"]))
    assert langchain.tree(captured.spans) == ["program", *["  invoke_workflow each", "    chat"] * 3]
    asked = [span["attributes"]["gen_ai.input.messages"] for span in captured.spans if span["name"] == "chat"]
    assert sorted(message["parts"][0]["content"] for (message,) in asked) == ["a", "b", "c"]


async def test_runs_at_the_same_time_keep_their_own(world: Any, langchain: Any, captured: Any) -> None:
    agents = [agent(langchain) for _ in range(5)]
    if world.asynchronous:
        await asyncio.gather(*(one.ainvoke(ASKED) for one in agents))
    else:
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda one: one.invoke(ASKED), agents))
    traces: dict[str, list[dict[str, Any]]] = {}
    for span in captured.spans:
        traces.setdefault(span["trace_id"], []).append(span)
    assert [langchain.tree(spans) for spans in traces.values()] == [LOOP] * 5


CHAINS = {
    "none": ["invoke_workflow trip", "  chat"],
    "nodes": ["invoke_workflow trip", "  a", "    chat"],
    "all": [
        "invoke_workflow trip",
        "  a",
        "    RunnableSequence",
        "      ChatPromptTemplate",
        "      chat",
        "      StrOutputParser",
    ],
}


@pytest.mark.usefixtures("handed_on")
@pytest.mark.parametrize("chains", CHAINS)
async def test_which_chains_are_spans_is_an_option(world: Any, chains: str, langchain: Any, captured: Any) -> None:
    autotrace.enable("langchain", chains=chains)
    made = graph({"a": lambda state: {"messages": [chain(langchain).invoke({"x": "1"})]}})
    await langchain.run(world, "call", made, {"messages": []})
    assert langchain.tree(captured.spans) == CHAINS[chains]


async def test_what_a_consumer_does_between_chunks_is_its_own(world: Any, langchain: Any, captured: Any) -> None:
    made = langchain.model("one two three")
    stream = made.astream("x") if world.asynchronous else made.stream("x")
    with autotrace.span("program"):
        while await world.take(stream, 1):
            with autotrace.span("consumer"):
                pass
    found = langchain.tree(captured.spans)
    assert found[:2] == ["program", "  chat"]
    assert set(found[2:]) == {"  consumer"}


@pytest.mark.usefixtures("handed_on")
async def test_the_conversation_tags_and_metadata_are_on_every_span_of_a_run(world: Any, langchain: Any, captured: Any) -> None:
    config = {"configurable": {"thread_id": "t1"}, "tags": ["mine"], "metadata": {"tenant": "k"}}
    await langchain.run(world, "call", agent(langchain), ASKED, config)
    for span in captured.spans:
        if span["name"] != "look":
            assert span["attributes"]["gen_ai.conversation.id"] == "t1"
            assert span["attributes"]["autotrace.langchain.tags"] == ["mine"]
            assert span["attributes"]["autotrace.langchain.metadata"] == {"tenant": "k"}
    (first, *_) = (span for span in captured.spans if span["name"] == "model")
    assert first["attributes"]["autotrace.langgraph.node"] == "model"
    assert first["attributes"]["autotrace.langgraph.step"] == 1


async def test_what_agents_tools_and_retrievers_say(world: Any, langchain: Any, captured: Any) -> None:
    await langchain.run(world, "call", agent(langchain), ASKED)
    await langchain.run(world, "call", Shelf(), "books")
    found = langchain.only(captured.spans, "invoke_agent")["attributes"]
    assert found["gen_ai.agent.name"] == "meteo"
    assert found["gen_ai.input.messages"] == [
        {"role": "user", "parts": [{"type": "text", "content": "What is the weather?"}]},
    ]
    said = found["gen_ai.output.messages"]
    assert [message["role"] for message in said] == ["assistant", "tool", "assistant"]
    assert said[-1]["parts"] == [{"type": "text", "content": "done"}]
    attributes = langchain.only(captured.spans, "execute_tool")["attributes"]
    assert attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.agent.name": "meteo",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.description": "The weather in a city.",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": {"city": "Rome"},
        "gen_ai.tool.call.result": "24 degrees in Rome",
    }
    retrieval = langchain.only(captured.spans, "retrieval")["attributes"]
    assert retrieval["gen_ai.retrieval.query.text"] == "books"
    assert retrieval["autotrace.langchain.retriever"] == "Shelf"
    assert retrieval["gen_ai.retrieval.documents"] == [
        {"id": "d1", "score": 0.5, "content": "books", "metadata": {"score": 0.5}},
        {"content": "b"},
    ]


async def test_content_is_recorded_by_the_content_policy(world: Any, langchain: Any, captured: Any) -> None:
    autotrace.enable(content=False)
    await langchain.run(world, "call", agent(langchain), ASKED)
    await langchain.run(world, "call", Shelf(), "books")
    text = str([span["attributes"] for span in captured.spans])
    for said in ("Rome", "done", "What is the weather?", "books"):
        assert said not in text
