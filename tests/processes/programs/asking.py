"""What the programs here have in common: a question to a model, in words that say which process asked."""

from __future__ import annotations

import os
from typing import Any

import ollama

_clients: dict[int, Any] = {}


def ask(label: str) -> str:
    """Ask the model; its answer. A client for each process: connections are not to be shared over a fork."""
    client = _clients.setdefault(os.getpid(), None) or ollama.Client()
    _clients[os.getpid()] = client
    answer = client.chat("llama3.2", [{"role": "user", "content": f"{label} (pid {os.getpid()})"}])
    return str(answer.message.content)


def tell(label: str, times: int = 1) -> None:
    """Ask `times` times and print the answers, one write for each."""
    for _ in range(times):
        print(ask(label), flush=True)
