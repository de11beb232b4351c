"""Tool runners of the SDKs: a run is one agent, with its model calls and its tools inside, however it is driven and ends."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import autotrace

CLAUDE, GPT = "claude-haiku-4-5", "gpt-4o"
SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Rome"]}}, "required": ["city"], "additionalProperties": False}


class ToolBroke(Exception):
    """What a tool raises."""


def look() -> object:
    """What the tool does on its way."""


def weather(city: str) -> str:
    look()
    return f"24 degrees in {city}"


@pytest.fixture
def tool_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    return lambda do: monkeypatch.setitem(globals(), "look", do)


def broken() -> None:
    raise ToolBroke("no weather today")


def tree(spans: list[dict[str, Any]]) -> dict[str | None, list[str]]:
    """The names of the children of each span, by the span's name, in the order of their start."""
    names = {span["span_id"]: span["name"] for span in spans}
    found: dict[str | None, list[str]] = {}
    for span in sorted(spans, key=lambda span: int(span["start_ns"])):
        found.setdefault(names.get(span["parent_id"]), []).append(span["name"])
    assert len({span["trace_id"] for span in spans}) == 1
    return found


def only(spans: list[dict[str, Any]], operation: str) -> dict[str, Any]:
    (found,) = (span for span in spans if span["attributes"].get("gen_ai.operation.name") == operation)
    return found


def attributes(span: dict[str, Any], prefix: str = "gen_ai.") -> dict[str, Any]:
    return {name: value for name, value in span["attributes"].items() if name.startswith(prefix)}


# Anthropic


@pytest.fixture
def anthropic() -> Any:
    return pytest.importorskip("anthropic")


def claude(world: Any, anthropic: Any, wire: Any, question: str = "What is the weather?", **more: Any) -> Any:
    client = world.closing(
        (anthropic.AsyncAnthropic if world.asynchronous else anthropic.Anthropic)(
            base_url=wire.url, api_key="sk-ant-test", max_retries=0
        )
    )

    async def aweather(city: str) -> str:
        await asyncio.sleep(0)
        return weather(city)

    decorate = anthropic.beta_async_tool if world.asynchronous else anthropic.beta_tool
    tool = decorate(name="weather", description="The weather", input_schema=SCHEMA)(aweather if world.asynchronous else weather)
    return client.beta.messages.tool_runner(
        **{
            "model": CLAUDE,
            "max_tokens": 64,
            "messages": [{"role": "user", "content": question}],
            "tools": [tool],
            **more,
        }
    )


LOOP = {None: ["invoke_agent"], "invoke_agent": [f"chat {CLAUDE}", "execute_tool weather", f"chat {CLAUDE}"]}


@pytest.mark.parametrize("drive", ["items", "until_done"])
async def test_a_claude_run_is_an_agent(world: Any, drive: str, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    runner = claude(world, anthropic, wire)
    if drive == "items":
        messages = await world.items(runner)
        assert [message.stop_reason for message in messages] == ["tool_use", "end_turn"]
    else:
        assert (await world.value(runner.until_done())).stop_reason == "end_turn"
    assert tree(captured.spans) == LOOP
    agent, tool = only(captured.spans, "invoke_agent"), only(captured.spans, "execute_tool")
    assert agent["attributes"] == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": CLAUDE,
    }
    assert attributes(tool) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": wire.exchanges[0].said["content"][-1]["id"],
        "gen_ai.tool.call.arguments": {"city": "Rome"},
        "gen_ai.tool.call.result": "24 degrees in Rome",
    }
    assert {(span["kind"], span["end_reason"]) for span in (agent, tool)} == {("INTERNAL", "completed")}


async def test_content_of_tools_is_recorded_by_the_content_policy(world: Any, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable(content=False)
    await world.value(claude(world, anthropic, wire).until_done())
    tool = only(captured.spans, "execute_tool")
    assert {name for name in tool["attributes"] if "tool" in name} == {
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "gen_ai.tool.call.id",
    }


@pytest.mark.parametrize("eager", [False, True])
async def test_a_streamed_claude_run_is_an_agent(world: Any, eager: bool, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    with autotrace.span("program"):
        runner = claude(world, anthropic, wire, stream=True, run_tools_eagerly=eager)
        for stream in await world.items(_each(world, runner)):
            assert stream == "read"
    assert tree(captured.spans) == {**LOOP, None: ["program"], "program": ["invoke_agent"]}
    assert {span["end_reason"] for span in captured.spans} == {"completed"}


def _each(world: Any, runner: Any) -> Any:
    def each() -> Any:
        for stream in runner:
            for _ in stream:
                pass
            yield "read"

    async def aeach() -> Any:
        async for stream in runner:
            async for _ in stream:
                pass
            yield "read"

    return aeach() if world.asynchronous else each()


async def test_tools_that_the_program_has_executed_are_the_agents(world: Any, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    runner = claude(world, anthropic, wire)
    with autotrace.span("program"):
        await world.take(runner, 1)
        response = await world.value(runner.generate_tool_call_response())
        assert response["content"][0]["content"] == "24 degrees in Rome"
        assert await world.value(runner.generate_tool_call_response()) is response  # from its cache
        await world.value(runner.until_done())
    spans = [span for span in captured.spans if span["name"] != "program"]
    assert tree(spans) == LOOP


async def test_two_tools_of_one_reply_are_two_spans(world: Any, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    await world.value(claude(world, anthropic, wire, "both").until_done())
    tools = [span for span in captured.spans if span["name"] == "execute_tool weather"]
    assert len({span["attributes"]["gen_ai.tool.call.id"] for span in tools}) == 2


async def test_a_limit_on_the_replies_completes_the_run(world: Any, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    await world.value(claude(world, anthropic, wire, max_iterations=1).until_done())
    assert tree(captured.spans) == {None: ["invoke_agent"], "invoke_agent": [f"chat {CLAUDE}", "execute_tool weather"]}
    assert only(captured.spans, "invoke_agent")["end_reason"] == "completed"


async def test_what_a_tool_raises_is_on_the_tool_and_the_run_goes_on(
    world: Any, tool_does: Any, anthropic: Any, wire: Any, captured: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tool_does(broken)
    with caplog.at_level(logging.ERROR):
        before = await world.value(claude(world, anthropic, wire).until_done())
        said = [record.getMessage() for record in caplog.records]
        autotrace.enable()
        after = await world.value(claude(world, anthropic, wire).until_done())
    assert [record.getMessage() for record in caplog.records] == said * 2
    assert after.content == before.content
    assert tree(captured.spans) == LOOP
    tool = only(captured.spans, "execute_tool")
    assert tool["status"] == {"code": "ERROR", "description": "no weather today"}
    assert tool["attributes"]["error.type"] == f"{__name__}.ToolBroke"
    assert only(captured.spans, "invoke_agent")["end_reason"] == "completed"
    trace = caplog.records[-1].exc_info
    assert trace is not None
    assert isinstance(trace[1], ToolBroke)
    assert trace[1].__context__ is None


async def test_a_run_that_fails_or_is_interrupted_says_so(
    world: Any, tool_does: Any, anthropic: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    with pytest.raises(anthropic.RateLimitError):
        await world.value(claude(world, anthropic, wire, model="fault-429").until_done())
    assert [(span["name"], span["end_reason"]) for span in captured.spans] == [
        ("chat fault-429", "error"),
        ("invoke_agent", "error"),
    ]
    captured.clear()

    def interrupt() -> None:
        raise asyncio.CancelledError

    tool_does(interrupt)
    with pytest.raises(asyncio.CancelledError):
        await world.value(claude(world, anthropic, wire).until_done())
    assert [(span["name"], span["end_reason"]) for span in captured.spans] == [
        (f"chat {CLAUDE}", "completed"),
        ("execute_tool weather", "cancelled"),
        ("invoke_agent", "cancelled"),
    ]


@pytest.mark.parametrize("how", ["close", "drop", "never read"])
async def test_a_run_that_is_left_early_is_abandoned(world: Any, how: str, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    runner = claude(world, anthropic, wire)
    if how != "never read":
        await world.take(runner, 1)
        assert [span["name"] for span in captured.spans] == [f"chat {CLAUDE}"]
    if how == "close":
        await world.value(runner.close())
        assert await world.items(runner) == []
    else:
        del runner
        for _ in range(3):  # the SDK's generators hold their runner; the event loop closes them one after the other
            gc.collect()
            if world.asynchronous:
                await asyncio.sleep(0.01)
    agents = [(span["name"], span["end_reason"]) for span in captured.spans[1:]]
    assert agents == ([] if how == "never read" else [("invoke_agent", "abandoned")])


async def test_what_a_tool_asks_of_a_model_is_inside_the_tool(
    world: Any, tool_does: Any, anthropic: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()

    def ask() -> None:
        with anthropic.Anthropic(base_url=wire.url, api_key="sk-ant-test") as client:
            client.messages.create(model="claude-inside", max_tokens=9, messages=[{"role": "user", "content": "x"}])
            client.models.list()

    tool_does(ask)
    await world.value(claude(world, anthropic, wire).until_done())
    assert tree(captured.spans) == {**LOOP, "execute_tool weather": ["chat claude-inside"]}
    for span in (only(captured.spans, "execute_tool"), only(captured.spans, "invoke_agent")):
        assert not attributes(span, "http.")
        assert not attributes(span, "autotrace.")


async def test_runners_at_the_same_time_keep_their_own(world: Any, anthropic: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    runners = [claude(world, anthropic, wire, f"question {number}") for number in range(5)]
    if world.asynchronous:
        await asyncio.gather(*(runner.until_done() for runner in runners))
    else:
        while any([await world.take(runner, 1) for runner in runners]):
            pass
    assert len(captured.spans) == 20
    traces: dict[str, list[dict[str, Any]]] = {}
    for span in captured.spans:
        traces.setdefault(span["trace_id"], []).append(span)
    assert [tree(spans) for spans in traces.values()] == [LOOP] * 5


# OpenAI


@pytest.fixture
def openai() -> Any:
    pytest.importorskip("openai")
    return pytest.importorskip("openai.lib.responses_tool_runner", reason="this openai has no tool runner")


class Gpt:
    """A runner, and how it is run in its world."""

    def __init__(self, world: Any, module: Any, wire: Any, question: str = "What is the weather?", **more: Any) -> None:
        import openai

        self.world = world
        make = openai.AsyncOpenAI if world.asynchronous else openai.OpenAI
        self.client = world.closing(make(base_url=wire.provider.openai_url, api_key="sk-test", max_retries=0))

        async def aexecute(arguments: dict[str, Any]) -> str:
            await asyncio.sleep(0)
            return weather(**arguments)

        definition = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
        if world.asynchronous:
            function = module.AsyncRegisteredFunction(definition, aexecute, independent=True)
            self.runner = module.AsyncResponsesToolRunner(functions=[function])
        else:
            function = module.RegisteredFunction(definition, lambda arguments: weather(**arguments), independent=True)
            self.runner = module.ResponsesToolRunner(functions=[function])
        self.arguments = {"client": self.client, "params": {"model": GPT, "input": question, **more}}

    async def run(self, **more: Any) -> Any:
        return await self.world.value(self.runner.run(**self.arguments, **more))

    def iterate(self, **more: Any) -> Any:
        return self.runner.iterate(**self.arguments, **more)


GPT_LOOP = {None: ["invoke_agent"], "invoke_agent": [f"chat {GPT}", "execute_tool weather", f"chat {GPT}"]}
WAYS: dict[str, dict[str, Any]] = {"plain": {}, "stream": {"stream": True}, "eager": {"stream": True, "eager": True}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("drive", ["run", "iterate"])
async def test_a_gpt_run_is_an_agent(world: Any, drive: str, way: str, openai: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    gpt = Gpt(world, openai, wire)
    if drive == "run":
        response = await gpt.run(**WAYS[way])
    else:
        response = (await world.items(gpt.iterate(**WAYS[way])))[-1].response
    assert "24 degrees in Rome" in response.output_text
    assert tree(captured.spans) == GPT_LOOP
    agent, tool = only(captured.spans, "invoke_agent"), only(captured.spans, "execute_tool")
    assert agent["attributes"] == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": GPT,
    }
    first = next(span for span in captured.spans if span["name"] == f"chat {GPT}")
    (call,) = first["attributes"]["gen_ai.output.messages"][0]["parts"]
    assert attributes(tool) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": call["id"],
        "gen_ai.tool.call.arguments": {"city": "Rome"},
        "gen_ai.tool.call.result": "24 degrees in Rome",
    }
    assert {(span["kind"], span["end_reason"]) for span in (agent, tool)} == {("INTERNAL", "completed")}


@pytest.mark.parametrize("drive", ["run", "iterate"])
async def test_what_a_gpt_tool_raises_is_on_the_tool(
    world: Any, drive: str, tool_does: Any, openai: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    tool_does(broken)
    gpt = Gpt(world, openai, wire)
    with pytest.raises(openai.ToolRunnerError) as raised:
        await (gpt.run() if drive == "run" else world.items(gpt.iterate()))
    tool, agent = only(captured.spans, "execute_tool"), only(captured.spans, "invoke_agent")
    assert tool["status"] == {"code": "ERROR", "description": "no weather today"}
    assert tool["attributes"]["error.type"] == f"{__name__}.ToolBroke"
    assert agent["status"] == {"code": "ERROR", "description": str(raised.value)}


async def test_a_gpt_run_is_left_or_limited(world: Any, openai: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    turns = Gpt(world, openai, wire).iterate()
    await world.take(turns, 1)
    await world.close(turns)
    assert [(span["name"], span["end_reason"]) for span in captured.spans] == [
        (f"chat {GPT}", "completed"),
        ("invoke_agent", "abandoned"),
    ]
    captured.clear()
    with pytest.raises(openai.ToolRunnerError):
        await Gpt(world, openai, wire).run(max_steps=1)
    assert [(span["name"], span["end_reason"]) for span in captured.spans][-1] == ("invoke_agent", "error")


async def test_a_gpt_runner_can_be_used_again(world: Any, openai: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    gpt = Gpt(world, openai, wire)
    for _ in range(3):
        await gpt.run()
    await world.items(gpt.iterate())
    assert [span["name"] for span in captured.spans].count("invoke_agent") == 4


class Served:
    """A provider whose only answers are `answers`, one after the other, and a client of it."""

    def __init__(self, world: Any, stack: Any, answers: list[dict[str, Any]]) -> None:
        import openai

        from autotrace.testing import provider
        from autotrace.testing.provider.openai import OPENAI
        from autotrace.testing.provider.wire import json_answer

        said = iter(answers)
        form = OPENAI._replace(owns=lambda _call: True, answer=lambda _call: json_answer(next(said)))
        make = openai.AsyncOpenAI if world.asynchronous else openai.OpenAI
        url = stack.enter_context(provider.serve(formats=[form])).openai_url
        self.client = world.closing(make(base_url=url, api_key="sk-test", max_retries=0))


def either(world: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, as a coroutine function on the asynchronous side."""

    async def asynchronous(*args: Any) -> Any:
        return function(*args)

    return asynchronous if world.asynchronous else function


def decided(choice: str) -> dict[str, Any]:
    answer = {"type": "choice", "name": "next_action", "choice": choice, "confidence": 1.0}
    details = {"input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0}}
    return {
        "id": f"dec_{choice}",
        "object": "decision",
        "model": GPT,
        "answers": [{**answer, "probabilities": [{"value": choice, "probability": 1.0}]}],
        "usage": {
            "input_tokens": 3,
            "output_tokens": 1,
            "total_tokens": 4,
            **details,
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


@pytest.mark.usefixtures("openai")
@pytest.mark.parametrize("breaks", [False, True])
async def test_a_run_of_decisions_is_an_agent_and_its_choices_are_tools(world: Any, breaks: bool, captured: Any) -> None:
    from contextlib import ExitStack, nullcontext

    from openai.lib import decisions_tool_runner as module

    autotrace.enable()
    done: list[object] = []

    def look(cancelled: object) -> None:
        done.append(cancelled)
        with autotrace.span("inside"):
            if breaks:
                broken()

    async def look_later(cancelled: object) -> None:
        look(cancelled)

    candidates = [
        {"id": "look", "description": "Look", "execute": look_later if world.asynchronous else look},
        {"id": "stop", "description": "Stop", "done": True},
    ]
    make = module.AsyncDecisionsToolRunner if world.asynchronous else module.DecisionsToolRunner
    runner = make(observe=either(world, lambda: "a door"), candidates=either(world, lambda _seen: candidates))
    never = bool  # `cancelled`, which is asked and handed on to an executor that has a parameter of this name
    with ExitStack() as stack:
        served = Served(world, stack, [decided("look"), decided("stop")])
        with pytest.raises(module.DecisionsToolRunnerError) if breaks else nullcontext():
            result = await world.value(runner.run(served.client, {"model": GPT, "input": "Leave"}, cancelled=never))
            assert result["status"] == "unverified"
    assert done == [never]
    asked = [f"decisions {GPT}"] * (1 if breaks else 2)
    assert tree(captured.spans) == {
        None: ["invoke_agent"],
        "invoke_agent": [asked[0], "execute_tool look", *asked[1:]],
        "execute_tool look": ["inside"],
    }
    agent, tool = only(captured.spans, "invoke_agent"), only(captured.spans, "execute_tool")
    assert agent["attributes"]["gen_ai.request.model"] == GPT
    assert (agent["end_reason"], tool["end_reason"]) == (("error", "error") if breaks else ("completed", "completed"))
    assert tool["status"]["code"] == ("ERROR" if breaks else "UNSET")


def response(number: int, *output: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "model": GPT,
        "status": "completed",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "output": list(output),
    }


CLICK = {
    "type": "computer_call",
    "id": "cu_1",
    "call_id": "call_1",
    "status": "completed",
    "pending_safety_checks": [],
    "actions": [{"type": "click", "button": "left", "x": 1, "y": 2}],
}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Done", "annotations": []}],
}


@pytest.mark.usefixtures("openai")
@pytest.mark.parametrize("breaks", [False, True])
async def test_a_run_of_a_computer_is_an_agent_and_its_actions_are_tools(world: Any, breaks: bool, captured: Any) -> None:
    from contextlib import ExitStack

    from openai.lib import computer as module

    autotrace.enable()
    names = "click double_click drag keypress move scroll type wait".split()
    picture = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 8).decode()
    driver: Any = type("Driver", (), {})()
    for name in names:
        setattr(driver, name, either(world, (lambda _action: broken()) if breaks else (lambda _action: None)))
    driver.screenshot = either(world, lambda: {"type": "computer_screenshot", "image_url": picture})
    make = module.AsyncComputerToolset if world.asynchronous else module.ComputerToolset
    toolset = make(driver)
    with ExitStack() as stack:
        served = Served(world, stack, [response(1, CLICK), response(2, SAID)])
        try:
            await world.value(toolset.run(served.client, {"model": GPT, "input": "Click"}))
        except ToolBroke:
            assert breaks
    tool, agent = only(captured.spans, "execute_tool"), only(captured.spans, "invoke_agent")
    assert tool["parent_id"] == agent["span_id"]
    assert tool["name"] == "execute_tool computer"
    assert tool["attributes"]["gen_ai.tool.call.id"] == "call_1"
    assert tool["attributes"]["gen_ai.tool.call.arguments"] == CLICK["actions"]
    if breaks:
        assert tool["status"] == {"code": "ERROR", "description": "no weather today"}
    else:
        assert "sha256" in json.dumps(tool["attributes"]["gen_ai.tool.call.result"])
        assert len(captured.spans) == 4


# Native spans


NATIVE = """
import asyncio, inspect, json, sys
import anthropic
from opentelemetry import trace

ours, theirs, asynchronous = sys.argv[1] == "ours", sys.argv[2] == "theirs", sys.argv[3] == "True"
exporter = None
if theirs:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
spans = []
if ours:
    import autotrace
    from autotrace.testing import capture
    capturing = capture()
    capturing.__enter__()
    autotrace.enable()
chat = dict(model="claude-haiku-4-5", max_tokens=64, messages=[{"role": "user", "content": "x"}])
async def weather():
    return "24"
async def value(result):
    return await result if inspect.isawaitable(result) else result
async def main():
    client = anthropic.AsyncAnthropic(max_retries=0) if asynchronous else anthropic.Anthropic(max_retries=0)
    await value(client.messages.create(**chat))
    stream = await value(client.messages.create(**chat, stream=True))
    [event async for event in stream] if asynchronous else list(stream)
    described = dict(name="weather", description="w", input_schema={"type": "object", "properties": {}})
    tool = anthropic.beta_async_tool(weather, **described) if asynchronous else anthropic.beta_tool(lambda: "24", **described)
    await value(client.beta.messages.tool_runner(**chat, tools=[tool]).until_done())
    await value(client.close())
asyncio.run(main())
native = [] if exporter is None else exporter.get_finished_spans()
print(json.dumps({
    "ours": [[s["name"], s["parent_id"], s["span_id"]] for s in capturing.spans] if ours else [],
    "theirs": [[s.name, s.parent and s.parent.span_id, s.status.status_code.name,
        sorted((s.attributes or {}))] for s in native],
    "provider": type(trace.get_tracer_provider()).__name__,
}))
"""


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_native_spans_stay_theirs_and_ours_stay_single(asynchronous: bool, anthropic: Any, wire: Any) -> None:
    pytest.importorskip("opentelemetry.sdk")  # of the group `test`, and not of what an SDK needs

    def told(ours: str, theirs: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", NATIVE, ours, theirs, str(asynchronous)],
            env={**os.environ, "ANTHROPIC_BASE_URL": wire.url, "ANTHROPIC_API_KEY": "sk-ant-test"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    both, native, alone = told("ours", "theirs"), told("not", "theirs"), told("ours", "not")
    names = [name for name, _, _ in both["ours"]]
    assert names == [f"chat {CLAUDE}"] * 3 + ["execute_tool weather", f"chat {CLAUDE}", "invoke_agent"]
    assert names == [name for name, _, _ in alone["ours"]]
    agent = both["ours"][-1][2]
    assert [parent for _, parent, _ in both["ours"]] == [None, None, agent, agent, agent, None]
    assert [(name, bool(parent), *rest) for name, parent, *rest in both["theirs"]] == [
        (name, bool(parent), *rest) for name, parent, *rest in native["theirs"]
    ]
    assert len(native["theirs"]) == 6
    assert both["provider"] == native["provider"] == "TracerProvider"
    assert alone["provider"] == "ProxyTracerProvider"
