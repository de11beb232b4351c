"""The SDK of the Model Context Protocol, whichever of its two generations is installed, over memory, stdio and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mcp
import pytest
import uvicorn
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

import autotrace
from autotrace_mcp import operations

NEW = version("mcp").startswith("2.")

if NEW:
    from mcp import Client, MCPError
    from mcp.server import MCPServer
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver.exceptions import ToolError as TOOL_ERROR
else:
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer
    from mcp.server.fastmcp.exceptions import ToolError as TOOL_ERROR
    from mcp.shared.exceptions import McpError as MCPError
    from mcp.shared.memory import create_connected_server_and_client_session


@pytest.fixture(autouse=True)
def _enabled() -> None:
    autotrace.enable("mcp")


SERVER = """
import asyncio
import autotrace

def equip(server, seen=None):
    @server.tool()
    def add(a: int, b: int) -> int:
        with autotrace.span("inside"):
            return a + b

    @server.tool()
    def fail(why: str) -> str:
        raise ValueError(why)

    @server.tool()
    async def wait(seconds: float) -> str:
        with autotrace.span("waiting"):
            await asyncio.sleep(seconds)
        return "done"

    @server.prompt()
    def greet(name: str) -> str:
        return f"Say hello to {name}"

    @server.resource("note://{number}")
    def note(number: str) -> str:
        return f"note {number}"

    return server
"""
STDIO = (
    SERVER
    + """
import mcp.server
MCPServer = getattr(mcp.server, "MCPServer", None) or __import__("mcp.server.fastmcp").server.fastmcp.FastMCP
if __name__ == "__main__":
    equip(MCPServer("demo", log_level="ERROR")).run()
"""
)
_made: dict[str, Any] = {}
exec(SERVER, _made)  # the same server here and in a child


def served() -> Any:
    return _made["equip"](MCPServer("demo", log_level="CRITICAL"))


@contextlib.asynccontextmanager
async def connected(server: Any) -> AsyncIterator[Any]:
    if NEW:
        async with Client(server) as client:
            yield client
    else:
        async with create_connected_server_and_client_session(server._mcp_server) as session:
            yield session


@contextlib.asynccontextmanager
async def in_memory(_folder: Path) -> AsyncIterator[Any]:
    async with connected(served()) as session:
        yield session


@contextlib.asynccontextmanager
async def on_stdio(folder: Path) -> AsyncIterator[Any]:
    """A child that is traced as well; its records go to a file."""
    program = folder / "server.py"
    program.write_text(STDIO)
    environment = {"AUTOTRACE": "1", "AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONPATH": ":".join(sys.path)}
    environment["AUTOTRACE_FILE"] = str(folder / "server.jsonl")
    parameters = mcp.StdioServerParameters(command=sys.executable, args=[str(program)], env=environment)
    async with stdio_client(parameters) as streams, mcp.ClientSession(*streams[:2]) as session:
        await session.initialize()
        yield session


@contextlib.asynccontextmanager
async def over_http(_folder: Path) -> AsyncIterator[Any]:
    with listening(served().streamable_http_app()) as url:
        async with streamable_http_client(url) as streams, mcp.ClientSession(*streams[:2]) as session:
            await session.initialize()
            yield session


@contextlib.contextmanager
def listening(app: Any) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            thread.join()


WAYS: dict[str, Callable[[Path], Any]] = {"memory": in_memory, "stdio": on_stdio, "http": over_http}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    return WAYS[request.param]


@pytest.fixture
def drive(way: Callable[[Path], Any], tmp_path: Path, captured: Any) -> Callable[..., list[dict[str, Any]]]:
    """Runs a coroutine function of a session; the records of client and server, wherever that is."""

    def run(steps: Callable[[Any], Coroutine[Any, Any, None]]) -> list[dict[str, Any]]:
        async def whole() -> None:
            async with way(tmp_path) as session:
                await steps(session)

        asyncio.run(whole())
        file = tmp_path / "server.jsonl"
        elsewhere = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [*captured.spans, *(record for record in elsewhere if record["event"] == "span")]

    return run


def one(spans: list[dict[str, Any]], name: str, kind: str = "INTERNAL") -> dict[str, Any]:
    (found,) = [span for span in spans if (span["name"], span["kind"]) == (name, kind)]
    return found


def pair(spans: list[dict[str, Any]], name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return one(spans, name, "CLIENT"), one(spans, name, "SERVER")


def test_a_tool_call_is_asked_and_served_in_one_trace(drive: Any) -> None:
    async def steps(session: Any) -> None:
        with autotrace.span("outer"):
            result = await session.call_tool("add", {"a": 1, "b": 2})
        assert result.content[0].text == "3"

    spans = drive(steps)
    asked, answered = pair(spans, "execute_tool add")
    outer, inside = one(spans, "outer"), one(spans, "inside")
    assert [asked["parent_id"], answered["parent_id"], inside["parent_id"]] == [
        outer["span_id"],
        asked["span_id"],
        answered["span_id"],
    ]
    assert len({span["trace_id"] for span in spans}) == 1
    for span in (asked, answered):
        attributes = span["attributes"]
        assert attributes["gen_ai.operation.name"] == "execute_tool"
        assert attributes["mcp.method.name"] == "tools/call"
        assert attributes["gen_ai.tool.name"] == "add"
        assert attributes["gen_ai.tool.call.arguments"] == {"a": 1, "b": 2}
        assert attributes["gen_ai.tool.call.result"]["structuredContent"] == {"result": 3}
        assert attributes["gen_ai.tool.call.result"]["content"][0]["text"] == "3"
        assert span["scope"]["name"] == "autotrace-mcp"
        assert (span["status"]["code"], span["end_reason"]) == ("UNSET", "completed")
    number = answered["attributes"]["jsonrpc.request.id"]
    assert asked["attributes"].get("jsonrpc.request.id", number) == number  # in memory nobody numbers


def test_a_tool_that_fails_says_so_on_both_sides(drive: Any) -> None:
    async def steps(session: Any) -> None:
        result = await session.call_tool("fail", {"why": "no luck"})
        assert result.is_error if NEW else result.isError

    for span in pair(drive(steps), "execute_tool fail"):
        assert span["status"]["code"] == "ERROR"
        assert "fail" in span["status"]["description"]
        wanted = "ValueError" if span["kind"] == "SERVER" else "tool_error"
        assert span["attributes"]["error.type"] == wanted


class OddError(Exception):
    """What a tool of the test raises."""


def _raise(exc: Exception) -> None:
    raise exc


async def called(server: Any, name: str, arguments: Any) -> Any:
    async with connected(server) as session:
        return await session.call_tool(name, arguments)


@pytest.mark.parametrize(
    ("body", "arguments", "raised"),
    [
        (lambda: _raise(OddError("no")), {}, "OddError"),
        (lambda: _raise(TimeoutError("late")), {}, "TimeoutError"),
        (lambda: _raise(TOOL_ERROR("told")), {}, "ToolError"),
        (lambda why: why, {}, "ValidationError"),
    ],
    ids=["own", "built-in", "deliberate", "arguments"],
)
def test_the_span_of_a_server_has_the_class_of_what_its_tool_raised(
    body: Any, arguments: Any, raised: str, captured: Any
) -> None:
    server = MCPServer("demo", log_level="CRITICAL")
    server.tool(name="odd")(body)
    result = asyncio.run(called(server, "odd", arguments))
    assert result.is_error if NEW else result.isError
    types = {span["kind"]: span["attributes"]["error.type"] for span in captured.spans}
    assert types["CLIENT"] == "tool_error"
    assert types["SERVER"].rpartition(".")[2] == raised
    assert {span["end_reason"] for span in captured.spans} == {"error"}


def test_a_tool_that_catches_the_exception_of_another_has_not_failed(captured: Any) -> None:
    server = MCPServer("demo", log_level="CRITICAL")

    @server.tool()
    def fail() -> str:
        raise OddError("no")

    @server.tool()
    async def forgive() -> str:
        try:
            await server.call_tool("fail", {})
        except TOOL_ERROR:
            return "fine"
        return "odd"

    result = asyncio.run(called(server, "forgive", {}))
    assert not (result.is_error if NEW else result.isError)
    assert {(span["kind"], span["status"]["code"]) for span in captured.spans} == {("CLIENT", "UNSET"), ("SERVER", "UNSET")}


def test_an_error_of_the_protocol_is_the_clients_failure_and_not_the_servers(drive: Any) -> None:
    async def steps(session: Any) -> None:
        with pytest.raises(MCPError):
            await session.read_resource("nothing://5")

    asked, answered = pair(drive(steps), "resources/read")
    code = asked["attributes"]["rpc.response.status_code"]
    assert (asked["status"]["code"], asked["attributes"]["error.type"]) == ("ERROR", code)
    assert answered["attributes"]["mcp.resource.uri"] == asked["attributes"]["mcp.resource.uri"] == "nothing://5"
    assert "gen_ai.operation.name" not in asked["attributes"]
    assert answered["attributes"]["rpc.response.status_code"] == code
    assert answered["status"]["code"] == ("UNSET" if int(code) in operations.CALLERS_FAULT else "ERROR")


def test_a_call_that_is_called_off_is_cancelled_on_both_sides(drive: Any) -> None:
    async def steps(session: Any) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.call_tool("wait", {"seconds": 30}), 0.5)
        await session.call_tool("add", {"a": 1, "b": 2})  # the session lives on
        await asyncio.sleep(0.1)

    spans = drive(steps)
    asked = one(spans, "execute_tool wait", "CLIENT")
    assert (asked["end_reason"], asked["status"]["code"]) == ("cancelled", "UNSET")
    if NEW:  # mcp 1 does not tell the server
        assert one(spans, "execute_tool wait", "SERVER")["end_reason"] == "cancelled"


def test_many_calls_at_a_time_keep_their_own_parents(drive: Any) -> None:
    async def call(session: Any, number: int) -> None:
        with autotrace.span("caller", attributes={"number": number}):
            await session.call_tool("add", {"a": number, "b": 0})

    async def steps(session: Any) -> None:
        await asyncio.gather(*(call(session, number) for number in range(25)))

    spans = drive(steps)
    callers = {span["span_id"]: span["attributes"]["number"] for span in spans if span["name"] == "caller"}
    asked = {span["span_id"]: span for span in spans if span["name"] == "execute_tool add" and span["kind"] == "CLIENT"}
    answered = [span for span in spans if span["name"] == "execute_tool add" and span["kind"] == "SERVER"]
    assert len(asked) == len(answered) == 25
    for span in answered:
        above = asked[span["parent_id"]]
        numbers = [one["attributes"]["gen_ai.tool.call.arguments"]["a"] for one in (span, above)]
        assert numbers == [callers[above["parent_id"]]] * 2


@pytest.mark.parametrize(
    ("requests", "names"),
    [
        ("tools", {"execute_tool add"}),
        ("named", {"execute_tool add", "prompts/get greet"}),
        ("all", {"execute_tool add", "prompts/get greet", "tools/list"}),
    ],
)
def test_the_option_says_which_requests_are_spans(requests: str, names: set[str], captured: Any, tmp_path: Path) -> None:
    async def whole() -> None:
        async with in_memory(tmp_path) as session:
            captured.clear()
            await session.call_tool("add", {"a": 1, "b": 2})
            greeting = await session.get_prompt("greet", {"name": "Bo"})
            assert greeting.messages[0].content.text == "Say hello to Bo"
            await session.list_tools()

    autotrace.enable("mcp", requests=requests)
    asyncio.run(whole())
    found = {span["name"] for span in captured.spans if span["kind"] in ("CLIENT", "SERVER")}
    assert found - {"initialize", "server/discover"} == names


@pytest.mark.parametrize("content", [True, False])
def test_content_that_is_not_wanted_is_on_neither_side(captured: Any, tmp_path: Path, content: bool) -> None:
    # As long as a time in nanoseconds: those hold every short run of digits some day.
    secret = 987654321098765432

    async def whole() -> None:
        async with in_memory(tmp_path) as session:
            await session.call_tool("add", {"a": secret, "b": 2})
            await session.get_prompt("greet", {"name": str(secret)})

    autotrace.enable("mcp", content=content)
    asyncio.run(whole())
    assert len(captured.spans) >= 4
    assert (str(secret) in json.dumps(captured.spans)) is content


def test_suppressed_and_disabled_there_is_nothing(captured: Any, tmp_path: Path) -> None:
    async def whole() -> None:
        async with in_memory(tmp_path) as session:
            with autotrace.suppress("mcp"):
                await session.call_tool("add", {"a": 1, "b": 2})
            autotrace.disable("mcp")
            await session.call_tool("add", {"a": 1, "b": 2})

    asyncio.run(whole())
    served = [] if NEW else ["execute_tool add"]  # mcp 1 serves in tasks of its own, where nobody has suppressed anything
    assert [span["name"] for span in captured.spans if "add" in span["name"]] == served


async def _sampled(context: Any, params: Any) -> Any:
    with autotrace.span("sampled"):
        text = mcp.types.TextContent(type="text", text=f"{params.messages[0].content.text}!")
        reason = {"stop_reason" if NEW else "stopReason": "endTurn"}
        return mcp.types.CreateMessageResult(role="assistant", content=text, model="m-1", **reason)


@contextlib.asynccontextmanager
async def _asking_back() -> AsyncIterator[Any]:
    """A session whose server asks for sampling, which is a request the other way round."""
    from mcp.shared.memory import create_client_server_memory_streams

    server = MCPServer("asking", log_level="CRITICAL")

    @server.tool()
    async def ask(text: str, context: Context) -> str:
        said = mcp.types.SamplingMessage(role="user", content=mcp.types.TextContent(type="text", text=text))
        result = await context.session.create_message(messages=[said], max_tokens=20)
        return str(result.content.text)

    low = server._lowlevel_server if NEW else server._mcp_server
    async with create_client_server_memory_streams() as (client_streams, server_streams):
        serving = asyncio.ensure_future(low.run(*server_streams, low.create_initialization_options()))
        async with mcp.ClientSession(*client_streams, sampling_callback=_sampled) as session:
            await session.initialize()
            yield session
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@pytest.mark.filterwarnings("ignore:The sampling capability is deprecated")
def test_a_server_that_asks_back_is_a_client_of_its_client(captured: Any) -> None:
    async def whole() -> None:
        async with _asking_back() as session:
            result = await session.call_tool("ask", {"text": "ping"})
            assert result.content[0].text == "ping!"

    asyncio.run(whole())
    names = ["execute_tool ask", "sampling/createMessage"]
    chain = [span for name in names for span in pair(captured.spans, name)] + [one(captured.spans, "sampled")]
    assert [span["parent_id"] for span in chain] == [None, *(span["span_id"] for span in chain[:-1])]
    for span in chain[2:4]:
        attributes = span["attributes"]
        assert attributes["gen_ai.input.messages"] == [{"role": "user", "parts": [{"type": "text", "content": "ping"}]}]
        assert attributes["gen_ai.output.messages"] == [{"role": "assistant", "parts": [{"type": "text", "content": "ping!"}]}]
        assert (attributes["gen_ai.response.model"], attributes["gen_ai.request.max_tokens"]) == ("m-1", 20)


class _Seen:
    """In the place of the stream to the server: keeps what is sent."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.messages: list[dict[str, Any]] = []

    async def send(self, message: Any) -> Any:
        self.messages.append(message.message.model_dump(by_alias=True, mode="json", exclude_none=True))
        return await self.stream.send(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    async def __aenter__(self) -> Any:
        await self.stream.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> Any:
        return await self.stream.__aexit__(*exc)


def test_the_messages_are_the_programs_but_for_the_trace(captured: Any) -> None:
    """With autotrace there is a `traceparent` more in what goes to the server; what the program has given is not touched."""
    from mcp.shared.memory import create_client_server_memory_streams

    given = {"a": 1, "b": 2}
    meta = {"acme": {"deep": [1]}}

    async def whole() -> list[dict[str, Any]]:
        low = served()._lowlevel_server if NEW else served()._mcp_server
        async with create_client_server_memory_streams() as (client_streams, server_streams):
            serving = asyncio.ensure_future(low.run(*server_streams, low.create_initialization_options()))
            seen = _Seen(client_streams[1])
            async with mcp.ClientSession(client_streams[0], seen) as session:
                await session.initialize()
                await session.call_tool("add", given, meta=meta)
                await session.list_tools()
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
        return seen.messages

    traced = asyncio.run(whole())
    autotrace.disable("mcp")
    plain = asyncio.run(whole())
    asked = one(captured.spans, "execute_tool add", "CLIENT")
    (carrying,) = [message for message in traced if message.get("method") == "tools/call"]
    assert carrying["params"]["_meta"].pop("traceparent") == f"00-{asked['trace_id']}-{asked['span_id']}-01"
    assert traced == plain
    assert (given, meta) == ({"a": 1, "b": 2}, {"acme": {"deep": [1]}})


@pytest.mark.skipif(not NEW, reason="mcp 1 knows nothing of OpenTelemetry")
@pytest.mark.parametrize("way", ["http"], indirect=True)
def test_opentelemetrys_own_trace_stays_its_own_and_ours_single(drive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp.shared import _otel
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    theirs = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    monkeypatch.setattr(_otel, "_tracer", provider.get_tracer("mcp-python-sdk"))  # as a global provider would have it

    async def steps(session: Any) -> None:
        await session.call_tool("add", {"a": 1, "b": 2})

    asked, answered = pair(drive(steps), "execute_tool add")
    assert answered["parent_id"] == asked["span_id"]
    sent, handled = (
        next(span for span in theirs.get_finished_spans() if span.name == name)
        for name in ("MCP send tools/call add", "tools/call add")
    )
    assert handled.parent is not None
    assert (handled.parent.span_id, handled.context.trace_id) == (sent.context.span_id, sent.context.trace_id)
