"""The plugin for MCP, held to the conformance kit: as a client, of a server that nobody traces."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mcp
from mcp.client.streamable_http import streamable_http_client

import autotrace_mcp
from autotrace.testing import Ask, Case, Library, carries_scorecard, check, conformance

SERVER = """
import asyncio, socket, sys
import mcp.server, uvicorn
MCPServer = getattr(mcp.server, "MCPServer", None) or __import__("mcp.server.fastmcp").server.fastmcp.FastMCP
server = MCPServer("echo", log_level="CRITICAL")

@server.tool()
async def echo(text: str, behave: str) -> str:
    if behave == "fault-hang":
        await asyncio.sleep(10)
    if behave == "fault-slow":
        await asyncio.sleep(0.05)
    return text

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who connects before the server runs waits for it
    print(listener.getsockname()[1], flush=True)
    options = uvicorn.Config(server.streamable_http_app(), log_level="critical", ws="none", timeout_graceful_shutdown=1)
    uvicorn.Server(options).run([listener])
"""


@contextlib.contextmanager
def serve() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(child.stdout.readline())}/mcp"
        finally:
            child.terminate()


@contextlib.asynccontextmanager
async def session(url: str) -> AsyncIterator[Any]:
    async with streamable_http_client(url) as streams, mcp.ClientSession(*streams[:2]) as made:
        await made.initialize()
        yield made


async def echo(client: Any, ask: Ask) -> Any:
    return await client.call_tool("echo", {"text": ask.text, "behave": ask.model})


async def too_late(client: Any, ask: Ask) -> Any:
    """What a tool raises is an answer; what the session raises is that there was none in time."""
    seconds = 0.05
    limit = seconds if version("mcp").startswith("2.") else timedelta(seconds=seconds)
    return await client.call_tool("echo", {"text": ask.text, "behave": "fault-hang"}, read_timeout_seconds=limit)


async def wrong(client: Any, ask: Ask) -> Any:
    """Arguments that do not fit: the answer quotes them."""
    return await client.call_tool("echo", {"text": [ask.text], "behave": ask.model})


library = Library(
    "mcp",
    async_client=session,
    provider=serve,
    cases=[
        Case(
            "tools/call",
            operation="execute_tool",
            model="well",
            call=echo,
            fails=too_late,
            typed=wrong,
            faults=("slow", "hang"),
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_mcp.instrumentor)
