"""The plugin for Groq, held to the conformance kit."""

from __future__ import annotations

from typing import Any

import groq

import autotrace_groq
from autotrace.testing import Ask, Case, Library, check, conformance
from autotrace.testing.provider import serve

USAGE = {"stream_options": {"include_usage": True}}


def chat(ask: Ask, **more: Any) -> dict[str, Any]:
    return {"model": ask.model, "messages": [{"role": "user", "content": ask.text}], **more}


library = Library(
    "groq",
    client=lambda url: groq.Groq(base_url=url, api_key="test", max_retries=0),
    async_client=lambda url: groq.AsyncGroq(base_url=url, api_key="test", max_retries=0),
    provider=serve,
    cases=[
        Case(
            "chat",
            model="llama-3.3-70b",
            call=lambda client, ask: client.chat.completions.create(**chat(ask)),
            stream=lambda client, ask: client.chat.completions.create(**chat(ask, stream=True, extra_body=USAGE)),
            raw=lambda client, ask: client.chat.completions.with_raw_response.create(**chat(ask)),
        ),
    ],
)
test_conformance = conformance(library)


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_groq.instrumentor)
