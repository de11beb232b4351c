"""An ASGI application that asks a model on each request, and one when it starts and when it stops."""

from __future__ import annotations

import os
from typing import Any

import ollama

GREETING = "first version"


async def ask(label: str) -> str:
    client = ollama.AsyncClient()
    answer = await client.chat("llama3.2", [{"role": "user", "content": f"{label} (pid {os.getpid()})"}])
    await client.close()
    return str(answer.message.content)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await ask(kind)
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    answer = await ask(f"{GREETING} {scope['path']}")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer.encode()})
