"""What the tests of this plugin share: runnables that are run in every way, and trees to compare."""

from __future__ import annotations

import json
import os
import sys

os.environ["LANGSMITH_TRACING"] = "false"

from collections.abc import Callable, Iterator
from typing import Any

import pytest

core = pytest.importorskip("langchain_core")
pytest.importorskip("langgraph")

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import tool

import autotrace


def tree(spans: list[dict[str, Any]]) -> list[str]:
    """The spans' names, each below its parent and indented by two, in the order of their start."""
    known = {span["span_id"] for span in spans}
    below: dict[Any, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda span: int(span["start_ns"])):
        assert span["parent_id"] is None or span["parent_id"] in known
        below.setdefault(span["parent_id"], []).append(span)

    def lines(parent: Any, indent: str) -> Iterator[str]:
        for span in below.get(parent, ()):
            yield indent + span["name"]
            yield from lines(span["span_id"], indent + "  ")

    return list(lines(None, ""))


def ends(spans: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Name and ending of each span, in the order of their ends."""
    return [(span["name"], span["end_reason"]) for span in spans]


def only(spans: list[dict[str, Any]], operation: str) -> dict[str, Any]:
    (found,) = (span for span in spans if span["attributes"].get("gen_ai.operation.name") == operation)
    return found


class Model(BaseChatModel):
    """A model that says what it is told to, one message at each call, word by word if streamed. No provider is asked."""

    said: Any

    @property
    def _llm_type(self) -> str:
        return "told"

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, Any]:
        return self.bind(tools=[{"type": "function", "function": {"name": tool.name}} for tool in tools])

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        said = next(self.said)
        if isinstance(said, BaseException):
            raise said
        return ChatResult(generations=[ChatGeneration(message=said)])

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Iterator[ChatGenerationChunk]:
        said = next(self.said)
        if isinstance(said, BaseException):
            raise said
        calls: Any = [
            {"name": call["name"], "args": json.dumps(call["args"]), "id": call["id"], "index": index}
            for index, call in enumerate(said.tool_calls)
        ]
        for word in [*str(said.content).split(), *calls]:
            text, call = (word, []) if isinstance(word, str) else ("", [word])
            yield ChatGenerationChunk(message=AIMessageChunk(content=text, tool_call_chunks=call))


def model(*said: Any) -> Model:
    return Model(said=iter([AIMessage(one) if isinstance(one, str) else one for one in said or ("hello there",)]))


def calling(name: str = "weather", **arguments: Any) -> AIMessage:
    """A message that asks for a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments or {"city": "Rome"}, "id": "call_1"}])


def look() -> object:
    """What the tool does on its way."""


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    with autotrace.span("look"):
        look()
    return f"24 degrees in {city}"


@pytest.fixture
def tool_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    return lambda do: monkeypatch.setitem(globals(), "look", do)


@pytest.fixture
def handed_on(world: Any) -> None:
    """LangGraph hands its configuration to what a node calls: before Python 3.11 not to what it awaits."""
    if world.asynchronous and sys.version_info < (3, 11):
        pytest.skip("before Python 3.11 LangGraph does not hand its configuration on to what a node awaits")


async def run(world: Any, way: str, runnable: Any, value: Any, config: Any = None, **more: Any) -> Any:
    """Run it to its end: called, streamed, or by the stream of its events, which there is on the asynchronous side alone."""
    if way == "call":
        return await world.value((runnable.ainvoke if world.asynchronous else runnable.invoke)(value, config, **more))
    if way == "stream":
        return await world.items((runnable.astream if world.asynchronous else runnable.stream)(value, config, **more))
    if not world.asynchronous:
        pytest.skip("the stream of events is asynchronous")
    return await world.items(runnable.astream_events(value, config, version="v2"))


@pytest.fixture
def langchain() -> Any:
    """What the tests of this plugin take from here: with the import mode of this project a conftest cannot be imported."""
    from types import SimpleNamespace

    autotrace.enable()
    return SimpleNamespace(
        tree=tree, ends=ends, only=only, model=model, calling=calling, weather=weather, run=run, AIMessage=AIMessage
    )


@pytest.fixture(params=[True, False], ids=["with openai's plugin", "without"])
def recorder(request: pytest.FixtureRequest, langchain: Any) -> str:
    """Whose span is the record of a model call."""
    pytest.importorskip("langchain_openai")
    if not request.param:
        autotrace.disable("openai")
    return "autotrace-openai" if request.param else "autotrace-langchain"


@pytest.fixture
def gpt(world: Any, wire: Any) -> Callable[..., Any]:
    """OpenAI's chat model of LangChain, on the embedded provider, with clients of this test's own."""
    openai = pytest.importorskip("openai")
    from langchain_openai import ChatOpenAI

    def make(name: str = "gpt-4o", kind: Any = ChatOpenAI, **more: Any) -> Any:
        of = {"base_url": wire.provider.openai_url, "api_key": "sk-test", "max_retries": 0}
        root, aroot = openai.OpenAI(**of), openai.AsyncOpenAI(**of)
        world.closing(aroot if world.asynchronous else root)
        made = kind(model=name, **of, **more)
        part = "chat.completions" if kind is ChatOpenAI else "completions"
        for client in (root, aroot):
            found: Any = client
            for step in part.split("."):
                found = getattr(found, step)
            setattr(made, "client" if client is root else "async_client", found)
        if kind is ChatOpenAI:
            made.root_client, made.root_async_client = root, aroot
        return made

    return make
