"""The program, and other tracers beside ours, cannot tell."""

from __future__ import annotations

import inspect
import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.llms import BaseLLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool
from langchain_core.tracers import context
from langchain_core.tracers.base import BaseTracer

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace_langchain import runs
from autotrace_langchain.handler import Handler

ASKED = {"messages": [("user", "What is the weather?")]}


class Runs(BaseTracer):
    """A tracer as LangSmith's is: it keeps whole runs."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def _persist_run(self, run: Any) -> None:
        self.kept.append(_shape(run))


def _shape(run: Any) -> Any:
    return (run.name, run.run_type, run.error, str(run.outputs is None), [_shape(child) for child in run.child_runs])


class Events(BaseCallbackHandler):
    """A handler that notes what it is told, and raises at one of it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_chain_start(self, *_: Any, name: str = "", **__: Any) -> None:
        self.told.append(f"chain {name}")

    def on_tool_end(self, output: Any, **_: Any) -> None:
        self.told.append(f"tool said {output.content}")

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.told.append(f"model said {response.generations[0][0].message.content}")


@pytest.mark.parametrize("way", ["call", "stream", "events"])
async def test_others_are_told_what_they_were_told_before(world: Any, way: str, langchain: Any, caplog: Any) -> None:
    found = []
    for active in (False, True):
        autotrace.enable() if active else autotrace.disable()
        tracer, handler = Runs(), Events()
        agent = create_agent(langchain.model(langchain.calling(), "done"), [langchain.weather], name="meteo")
        with caplog.at_level(logging.WARNING):
            result = await langchain.run(world, way, agent, ASKED, {"callbacks": [tracer, handler]})
        found.append((tracer.kept, handler.told, _plain(result)))
    before, after = found
    assert after == before
    assert before[0]
    assert before[1]
    assert caplog.records == []


def _plain(result: Any) -> Any:
    """Without the ids, which are made anew for each run."""
    if isinstance(result, list):
        return [_plain(one) for one in result]
    if isinstance(result, dict):
        return {name: _plain(value) for name, value in result.items() if name not in ("run_id", "parent_ids", "metadata", "id")}
    return getattr(result, "content", None) or type(result).__name__


def test_the_hook_and_the_functions_come_and_go(langchain: Any) -> None:
    autotrace.disable()
    hooks, stream, run = list(context._configure_hooks), BaseChatModel.stream, BaseTool.arun
    for _ in range(2):
        autotrace.enable("langchain")
        assert len(context._configure_hooks) == len(hooks) + 1
        assert BaseChatModel.stream is not stream
    assert inspect.signature(BaseChatModel.stream) == inspect.signature(stream)
    assert inspect.iscoroutinefunction(BaseTool.arun)
    autotrace.disable("langchain_core")
    assert context._configure_hooks == hooks
    assert (BaseChatModel.stream, BaseTool.arun) == (stream, run)
    state = autotrace.status()["langchain_core"]
    assert state["state"] == "disabled"


def test_every_target_is_there(langchain: Any) -> None:
    assert BaseLLM
    assert BaseRetriever
    state = autotrace.status()["langchain_core"]
    assert state["state"] == "patched"
    states = {name: target["state"] for name, target in state["targets"].items()}
    assert set(states.values()) == {"patched"}, states


async def test_nothing_is_recorded_once_it_is_off(world: Any, langchain: Any, captured: Any) -> None:
    made = (RunnableLambda(lambda value: value) | langchain.model("one two")).with_config(run_name="chain")
    stream = made.astream("x") if world.asynchronous else made.stream("x")
    await world.take(stream, 1)
    autotrace.disable()
    await world.items(stream)
    with autotrace.suppress():
        autotrace.enable()
        await langchain.run(world, "call", langchain.model(), "x")
    await langchain.run(world, "call", langchain.model(), "x")
    assert [span["name"] for span in captured.spans] == ["chat", "invoke_workflow chain", "chat"]
    assert runs._references == runs._nearest == {}


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(diagnostics, "strict", False)
    yield
    diagnostics.forget()


class Odd:
    """Raises at whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("name", [name for name in dir(BaseCallbackHandler) if name.startswith("on_")])
def test_no_failure_of_ours_reaches_a_run(name: str, langchain: Any, captured: Any) -> None:
    method = getattr(Handler(), name)
    for given in (None, Odd(), [], [[Odd()]], {"x": Odd()}):
        positional = [
            parameter
            for parameter in inspect.signature(getattr(BaseCallbackHandler, name)).parameters.values()
            if parameter.kind == parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
        ]
        answer = method(*[given for _ in positional], run_id=uuid.uuid4(), parent_run_id=None, tags=None, metadata=None)
        assert answer is None  # the library would take anything else for its own callbacks' word


def test_the_handler_has_all_that_the_managers_ask_of_one() -> None:
    asked = {name for name in dir(BaseCallbackHandler) if not name.startswith("_")}
    assert asked - set(dir(Handler)) == set()


PROGRAM = """
import sys
import langchain_core
assert "langchain_core.tracers.context" not in sys.modules, "imported by us"
from langchain_core.runnables import RunnableLambda
RunnableLambda(lambda value: value).with_config(run_name="chain").invoke("x")
"""


def test_nothing_is_imported_that_the_program_does_not() -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**ours, "AUTOTRACE": "1", "AUTOTRACE_EXIT_TIMEOUT": "600"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = map(json.loads, done.stdout.splitlines())
    assert line["name"] == "invoke_workflow chain"
    assert line["scope"]["name"] == "autotrace-langchain"
    assert line["scope"]["library"] == "langchain_core"
    assert line["scope"]["library_version"]
