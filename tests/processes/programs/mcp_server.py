"""An MCP server on stdio whose tool asks a model. With ENABLE set it switches autotrace on itself."""

from __future__ import annotations

import os
import sys
from typing import Any

import mcp.server

if os.environ.get("ENABLE"):
    import autotrace

    autotrace.enable()

from asking import ask

Server: Any = getattr(mcp.server, "MCPServer", None) or __import__("mcp.server.fastmcp").server.fastmcp.FastMCP
server = Server("questions", log_level="ERROR")


@server.tool()
def question(text: str) -> str:
    """Ask the model."""
    return ask(text)


if __name__ == "__main__":
    server.run()
    print("the server is done", file=sys.stderr)
