"""However a run ends, it is one record, which says how."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManager
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from autotrace_langchain import runs

ASKED = {"messages": [("user", "What is the weather?")]}


class ToolBroke(Exception):
    """What a tool raises."""


def broken() -> None:
    raise ToolBroke("no weather today")


def graph(does: Any, checkpointer: Any = None) -> Any:
    built = StateGraph(MessagesState)
    built.add_node("node", does)
    built.add_edge(START, "node")
    return built.compile(name="trip", checkpointer=checkpointer)


@pytest.mark.parametrize("way", ["call", "stream", "events"])
async def test_what_a_tool_raises_is_on_all_that_it_ends(
    world: Any, way: str, tool_does: Any, langchain: Any, captured: Any
) -> None:
    tool_does(broken)
    agent = create_agent(langchain.model(langchain.calling(), "done"), [langchain.weather], name="meteo")
    with pytest.raises(ToolBroke) as raised:
        await langchain.run(world, way, agent, ASKED)
    assert langchain.ends(captured.spans) == [
        ("chat", "completed"),
        ("model", "completed"),
        ("look", "error"),
        ("execute_tool weather", "error"),
        ("tools", "error"),
        ("invoke_agent meteo", "error"),
    ]
    for span in captured.spans[2:]:
        assert span["status"] == {"code": "ERROR", "description": "no weather today"}
        assert span["attributes"]["error.type"].endswith(".ToolBroke")
    assert raised.value.__context__ is None


async def test_an_exception_that_a_tool_makes_an_answer_is_a_failure(world: Any, langchain: Any, captured: Any) -> None:
    @tool
    def picky(city: str) -> str:
        """Refuses."""
        raise ToolException("not that city")

    picky.handle_tool_error = True
    agent = create_agent(langchain.model(langchain.calling("picky"), "done"), [picky])
    await langchain.run(world, "call", agent, ASKED)
    span = langchain.only(captured.spans, "execute_tool")
    assert span["status"] == {"code": "ERROR", "description": "not that city"}
    assert span["attributes"]["gen_ai.tool.call.result"] == "not that city"
    assert langchain.only(captured.spans, "invoke_agent")["end_reason"] == "completed"


@pytest.mark.usefixtures("handed_on")
@pytest.mark.parametrize("where", ["node", "tool"])
async def test_a_graph_that_asks_a_human_has_not_failed(world: Any, where: str, langchain: Any, captured: Any) -> None:
    @tool
    def ask(question: str) -> str:
        """Ask a human."""
        return str(interrupt(question))

    config = {"configurable": {"thread_id": "t1"}}
    if where == "node":
        made = graph(lambda _: {"messages": [("assistant", interrupt("ok?"))]}, InMemorySaver())
    else:
        made = create_agent(
            langchain.model(langchain.calling("ask", question="ok?"), "done"), [ask], checkpointer=InMemorySaver(), name="trip"
        )
    await langchain.run(world, "call", made, ASKED, config)
    assert {(span["end_reason"], span["status"]["code"]) for span in captured.spans} == {("completed", "UNSET")}
    asking = [span["name"] for span in captured.spans if span["attributes"].get("autotrace.langchain.interrupted")]
    assert asking == (["node"] if where == "node" else ["execute_tool ask", "tools"])
    captured.clear()
    await langchain.run(world, "call", made, Command(resume="yes"), config)
    assert not [span for span in captured.spans if span["attributes"].get("autotrace.langchain.interrupted")]
    assert {span["attributes"]["gen_ai.conversation.id"] for span in captured.spans} == {"t1"}


def runnables(kit: Any) -> dict[str, tuple[Any, Any, list[str]]]:
    words = "one two three"
    return {
        "model": (kit.model(words), "x", ["chat"]),
        "chain": (
            (RunnableLambda(lambda value: value) | kit.model(words)).with_config(run_name="chain"),
            "x",
            ["chat", "invoke_workflow chain"],
        ),
    }


@pytest.mark.parametrize("how", ["closed", "dropped"])
@pytest.mark.parametrize("kind", ["model", "chain"])
async def test_a_stream_that_is_left_early_is_abandoned(world: Any, kind: str, how: str, langchain: Any, captured: Any) -> None:
    runnable, value, names = runnables(langchain)[kind]
    stream = runnable.astream(value) if world.asynchronous else runnable.stream(value)
    await world.take(stream, 1)
    assert captured.spans == []
    if how == "closed":
        await world.close(stream)
    del stream
    for _ in range(3):
        gc.collect()
        if world.asynchronous:
            await asyncio.sleep(0.01)
    assert sorted(langchain.ends(captured.spans)) == [(name, "abandoned") for name in names]
    chat = langchain.only(captured.spans, "chat")
    assert chat["attributes"]["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "one"}]


async def test_a_graph_whose_stream_is_left_early_is_abandoned(world: Any, langchain: Any, captured: Any) -> None:
    agent = create_agent(langchain.model(langchain.calling(), "done"), [langchain.weather], name="meteo")
    stream = agent.astream(ASKED) if world.asynchronous else agent.stream(ASKED)
    await world.take(stream, 1)
    await world.close(stream)
    assert langchain.ends(captured.spans)[-1] == ("invoke_agent meteo", "abandoned")
    assert {reason for name, reason in langchain.ends(captured.spans) if name in ("chat", "model")} == {"completed"}


async def test_a_stream_that_is_never_read_is_no_run(world: Any, langchain: Any, captured: Any) -> None:
    for runnable, value, _ in runnables(langchain).values():
        stream = runnable.astream(value) if world.asynchronous else runnable.stream(value)
        await world.close(stream)
    assert captured.spans == []


@pytest.mark.parametrize("kind", ["model", "tool", "graph"])
def test_what_is_cancelled_is_cancelled(kind: str, langchain: Any, captured: Any) -> None:
    @tool
    async def slow(city: str) -> str:
        """Takes its time."""
        begun.set()
        await asyncio.sleep(30)
        return city

    class Slow(type(langchain.model())):  # type: ignore[misc]
        async def _agenerate(self, *_: Any, **__: Any) -> Any:
            begun.set()
            await asyncio.sleep(30)

    async def asleep(_: Any) -> None:
        begun.set()
        await asyncio.sleep(30)

    begun = asyncio.Event()

    async def main() -> None:
        runnable, value = {
            "model": (Slow(said=iter(())), "x"),
            "tool": (slow, {"city": "Rome"}),
            "graph": (graph(asleep), {"messages": []}),
        }[kind]
        task = asyncio.create_task(runnable.ainvoke(value))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (
        langchain.ends(captured.spans)
        == {
            "model": [("chat", "cancelled")],
            "tool": [("execute_tool slow", "cancelled")],
            "graph": [("node", "cancelled"), ("invoke_workflow trip", "cancelled")],
        }[kind]
    )


def test_interrupted_by_the_keyboard(langchain: Any, captured: Any) -> None:
    def press(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunnableLambda(press).with_config(run_name="chain").invoke("x")
    assert langchain.ends(captured.spans) == [("invoke_workflow chain", "cancelled")]


def test_a_run_that_vanishes_without_a_word_is_recorded(langchain: Any, captured: Any) -> None:
    manager = CallbackManager.configure()
    run = manager.on_tool_start({"name": "lost"}, "x")
    child = CallbackManager.configure(run.get_child()).on_chain_start(None, {}, name="inside")
    model = CallbackManager.configure(child.get_child()).on_tool_start({"name": "found"}, "x")
    assert captured.spans == []
    model.on_tool_end("y")
    del run, child, model
    gc.collect()
    assert langchain.tree(captured.spans) == ["execute_tool lost", "  execute_tool found"]
    assert langchain.ends(captured.spans) == [("execute_tool found", "completed"), ("execute_tool lost", "abandoned")]
    assert runs._references == runs._nearest == {}


EXIT = """
import os, sys
import autotrace
autotrace.enable()
from langchain_core.runnables import RunnableLambda
def end(how):
    if how == "exit":
        sys.exit(0)
    os._exit(3)
RunnableLambda(lambda value: value).with_config(run_name="done").invoke("x")
autotrace.flush()
kept = RunnableLambda(lambda value: value).with_config(run_name="kept").stream("x")
next(kept)
sys.modules["keep"] = kept
RunnableLambda(end).with_config(run_name="left").invoke(sys.argv[1])
"""


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_what_is_open_when_the_process_ends(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXIT, how],
        env={name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    ended = {line["name"]: line["end_reason"] for line in lines if line["event"] == "span"}
    assert ended.pop("invoke_workflow done") == "completed"
    if how == "kill":
        assert (done.returncode, ended) == (3, {"invoke_workflow left": "exit", "invoke_workflow kept": "exit"})
        return
    assert ended == {"invoke_workflow left": "cancelled", "invoke_workflow kept": "exit"}
    assert "Traceback" not in done.stderr
