"""Automatic function calling: the loop is an agent, with its model calls and the functions that it calls inside."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

import autotrace

MODEL = "gemini-2.5-flash"
CALL = f"generate_content {MODEL}"
OURS = os.path.dirname(autotrace.__file__)


def weather(city: str) -> str:
    """The weather."""
    return f"24 degrees in {city}"


async def weather_there(city: str) -> str:
    """The weather, asked for elsewhere."""
    return weather(city)


def broken(city: str) -> str:
    """The weather, perhaps."""
    raise LookupError("no weather today")


def nested(city: str) -> str:
    """The weather, with a span of its own."""
    with autotrace.span("look"):
        return weather(city)


@pytest.fixture
def both(world: Any, wire: Any) -> genai.Client:
    logging.getLogger("google_genai.models").setLevel(logging.ERROR)  # it recommends its chats
    made = genai.Client(api_key="embedded", http_options=types.HttpOptions(base_url=wire.url))
    world.closing(SimpleNamespace(close=made.aio.aclose if world.asynchronous else made.close))
    return made


async def _content(world: Any, client: Any, tools: list[Any]) -> Any:
    answer = await world.value(client.models.generate_content(model=MODEL, contents="The weather?", config={"tools": tools}))
    return answer.text


async def _content_stream(world: Any, client: Any, tools: list[Any]) -> Any:
    stream = client.models.generate_content_stream(model=MODEL, contents="The weather?", config={"tools": tools})
    return "".join(item.text or "" for item in await world.items(await world.value(stream)))


async def _chat(world: Any, client: Any, tools: list[Any]) -> Any:
    chat = client.chats.create(model=MODEL, config=types.GenerateContentConfig(tools=tools))
    return (await world.value(chat.send_message("The weather?"))).text


async def _chat_stream(world: Any, client: Any, tools: list[Any]) -> Any:
    chat = client.chats.create(model=MODEL, config={"tools": tools})
    return "".join(item.text or "" for item in await world.items(await world.value(chat.send_message_stream("The weather?"))))


LOOPS: dict[str, Callable[..., Awaitable[Any]]] = {
    "content": _content,
    "content-stream": _content_stream,
    "chat": _chat,
    "chat-stream": _chat_stream,
}
loops = pytest.mark.parametrize("loop", LOOPS)


def tree(spans: list[dict[str, Any]]) -> dict[str | None, list[str]]:
    """The names of the children of each span, by the span's name, in the order of their start."""
    names = {span["span_id"]: span["name"] for span in spans}
    found: dict[str | None, list[str]] = {}
    for span in sorted(spans, key=lambda span: int(span["start_ns"])):
        found.setdefault(names.get(span["parent_id"]), []).append(span["name"])
    return found


def only(spans: list[dict[str, Any]], operation: str) -> dict[str, Any]:
    (found,) = (span for span in spans if span["attributes"].get("gen_ai.operation.name") == operation)
    return found


@loops
async def test_a_loop_is_an_agent_with_calls_and_tools_inside(world: Any, loop: str, both: genai.Client, captured: Any) -> None:
    autotrace.enable()
    client = both.aio if world.asynchronous else both
    tool = weather_there if world.asynchronous and loop == "content" else weather
    assert await LOOPS[loop](world, client, [tool]) == "The tool said: “24 degrees in city”"
    found = tree(captured.spans)
    assert found[None] == ["invoke_agent"]
    calls, tools = [CALL, CALL], [f"execute_tool {tool.__name__}"]
    assert sorted(found["invoke_agent"]) == sorted(calls + tools)
    assert len({span["trace_id"] for span in captured.spans}) == 1
    agent, executed = only(captured.spans, "invoke_agent"), only(captured.spans, "execute_tool")
    assert (agent["kind"], agent["end_reason"]) == ("INTERNAL", "completed")
    assert agent["attributes"]["gen_ai.request.model"] == MODEL
    assert agent["attributes"]["gen_ai.provider.name"] == "gcp.gemini"
    assert executed["attributes"]["gen_ai.tool.call.arguments"] == {"city": "city"}
    assert executed["attributes"]["gen_ai.tool.call.result"] == "24 degrees in city"
    assert executed["attributes"]["gen_ai.tool.type"] == "function"


@loops
async def test_what_a_function_does_is_inside_its_tool(world: Any, loop: str, both: genai.Client, captured: Any) -> None:
    """Also where the SDK calls it on another thread."""
    autotrace.enable()
    await LOOPS[loop](world, both.aio if world.asynchronous else both, [nested])
    assert tree(captured.spans)["execute_tool nested"] == ["look"]


async def test_a_function_that_raises_is_a_failed_tool_of_a_good_loop(world: Any, both: genai.Client, captured: Any) -> None:
    autotrace.enable()
    said = await _chat(world, both.aio if world.asynchronous else both, [broken])
    assert "no weather today" in said
    tool, agent = only(captured.spans, "execute_tool"), only(captured.spans, "invoke_agent")
    assert tool["status"]["code"] == "ERROR"
    assert "no weather today" in tool["status"]["description"]
    assert tool["attributes"]["error.type"] == "google.genai.errors.FunctionInvocationError"
    assert agent["status"] == {"code": "UNSET"}


DECLARED = {"function_declarations": [{"name": "weather", "parameters": {"type": "OBJECT", "properties": {}}}]}
PLAIN: dict[str, Any] = {
    "no tools": {},
    "declared": {"tools": [DECLARED]},
    "disabled": {"tools": [weather], "automatic_function_calling": {"disable": True}},
    "no calls": {"tools": [weather], "automatic_function_calling": {"maximum_remote_calls": 0}},
}


@pytest.mark.parametrize("config", PLAIN)
async def test_without_functions_to_call_there_is_no_agent(world: Any, config: str, both: genai.Client, captured: Any) -> None:
    autotrace.enable()
    client = both.aio if world.asynchronous else both
    await world.value(client.models.generate_content(model=MODEL, contents="x", config=PLAIN[config]))
    await world.items(await world.value(client.models.generate_content_stream(model=MODEL, contents="x", config=PLAIN[config])))
    assert [span["name"] for span in captured.spans] == [CALL, CALL]
    assert [span["parent_id"] for span in captured.spans] == [None, None]


@pytest.mark.parametrize("tools", [[], [weather]], ids=["plain", "loop"])
async def test_a_failure_is_the_sdks_own(world: Any, tools: list[Any], both: genai.Client, captured: Any) -> None:
    """The loop has a wrapper of its own: of a call that is no loop its frame is not in the traceback."""
    autotrace.enable()
    client = both.aio if world.asynchronous else both
    config = types.GenerateContentConfig(tools=tools)
    with pytest.raises(errors.ClientError) as caught:
        await world.value(client.models.generate_content(model="fault-400", contents="x", config=config))
    files = [one.filename for one in traceback.extract_tb(caught.value.__traceback__)]
    ours = [name for name in files if name.startswith(OURS) and f"{os.sep}testing{os.sep}" not in name]
    assert len(ours) == (2 if tools else 1)
    assert caught.value.args[0].startswith("400 INVALID_ARGUMENT.")
    assert (caught.value.__cause__, caught.value.code) == (None, 400)
    assert [span["status"]["code"] for span in captured.spans] == ["ERROR"] * (2 if tools else 1)


async def test_a_loop_that_is_left_early_is_abandoned(world: Any, both: genai.Client, captured: Any) -> None:
    autotrace.enable()
    client = both.aio if world.asynchronous else both
    stream = client.models.generate_content_stream(model=MODEL, contents="The weather?", config={"tools": [weather]})
    stream = await world.value(stream)
    await world.take(stream, 1)
    await world.close(stream)
    agent = only(captured.spans, "invoke_agent")
    assert agent["end_reason"] == "abandoned"
