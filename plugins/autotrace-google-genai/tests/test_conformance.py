"""The plugin for the Google Gen AI SDK, held to the conformance kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google import genai
from google.genai import types

import autotrace_google_genai
from autotrace.testing import Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve


def client(url: str) -> genai.Client:
    return genai.Client(api_key="embedded", http_options=types.HttpOptions(base_url=url))


def async_client(url: str) -> Any:
    """The asynchronous side; the client that it belongs to, which closes what they share, lives as long."""
    both = client(url)
    both.aio.client_itself = both  # type: ignore[attr-defined]
    return both.aio


library = Library(
    "google.genai",
    client=client,
    async_client=async_client,
    provider=serve,
    cases=[
        Case(
            "content",
            operation="generate_content",
            model="gemini-2.5-flash",
            call=lambda client, ask: client.models.generate_content(model=ask.model, contents=ask.text),
            stream=lambda client, ask: client.models.generate_content_stream(model=ask.model, contents=ask.text),
            expects={"gen_ai.provider.name": "gcp.gemini"},
        ),
        Case(
            "embeddings",
            model="gemini-embedding-001",
            call=lambda client, ask: client.models.embed_content(model=ask.model, contents=ask.text),
            lacks=["gen_ai.usage.input_tokens"],
        ),
        Case(
            "interaction",
            operation="generate_content",
            model="gemini-2.5-flash",
            call=lambda client, ask: client.interactions.create(model=ask.model, input=ask.text),
            stream=lambda client, ask: client.interactions.create(model=ask.model, input=ask.text, stream=True),
            raw=lambda client, ask: client.interactions.with_raw_response.create(model=ask.model, input=ask.text),
            exempt={"broken stream": "the SDK translates what its stream raises outside of what makes the request"},
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_google_genai.instrumentor)
