"""An MCP client that asks a model, and a server on stdio, ``mcp_client.py ENVIRONMENT``: the server's is all or bare."""

from __future__ import annotations

import asyncio
import os
import sys

from asking import tell
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

BARE = ("OLLAMA_HOST", "ENABLE", "PYTHONPATH", "AUTOTRACE_FILE")


async def main(bare: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name in BARE or not bare}
    parameters = StdioServerParameters(command=sys.executable, args=["mcp_server.py"], env=environment)
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        print("tools", [tool.name for tool in (await session.list_tools()).tools], flush=True)
        for number in range(3):
            result = await session.call_tool("question", {"text": f"tool {number}"})
            print(result.content[0].text, flush=True)
        results = await asyncio.gather(*(session.call_tool("question", {"text": "at a time"}) for _ in range(3)))
        print(*(result.content[0].text for result in results), sep="\n", flush=True)


if __name__ == "__main__":
    tell("client")
    asyncio.run(main(sys.argv[1] == "bare"))
    tell("client")
