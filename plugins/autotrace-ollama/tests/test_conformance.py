"""The plugin for Ollama, held to the conformance kit."""

from __future__ import annotations

from pathlib import Path

import ollama

import autotrace_ollama
from autotrace.testing import Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve

library = Library(
    "ollama",
    client=lambda url: ollama.Client(host=url),
    async_client=lambda url: ollama.AsyncClient(host=url),
    provider=serve,
    cases=[
        Case(
            "chat",
            model="llama3.2",
            call=lambda client, ask: client.chat(ask.model, [{"role": "user", "content": ask.text}]),
            stream=lambda client, ask: client.chat(ask.model, [{"role": "user", "content": ask.text}], stream=True),
            lacks=["gen_ai.response.id"],
        ),
        Case(
            "generate",
            operation="text_completion",
            model="llama3.2",
            call=lambda client, ask: client.generate(ask.model, ask.text),
            stream=lambda client, ask: client.generate(ask.model, ask.text, stream=True),
            lacks=["gen_ai.response.id"],
        ),
        Case(
            "embed",
            operation="embeddings",
            model="nomic-embed-text",
            call=lambda client, ask: client.embed(ask.model, ask.text),
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_ollama.instrumentor)
