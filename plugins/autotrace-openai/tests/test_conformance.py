"""The plugin for OpenAI, held to the conformance kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pydantic

import autotrace_openai
from autotrace.testing import Ask, Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve

USAGE = {"stream_options": {"include_usage": True}}


def chat(ask: Ask, **more: Any) -> dict[str, Any]:
    return {"model": ask.model, "messages": [{"role": "user", "content": ask.text}], **more}


class Form(pydantic.BaseModel):
    """What no answer is."""

    number: int


library = Library(
    "openai",
    client=lambda url: openai.OpenAI(base_url=url + "/v1", api_key="sk-test", max_retries=0),
    async_client=lambda url: openai.AsyncOpenAI(base_url=url + "/v1", api_key="sk-test", max_retries=0),
    provider=serve,
    cases=[
        Case(
            "chat",
            model="gpt-4o",
            call=lambda client, ask: client.chat.completions.create(**chat(ask)),
            stream=lambda client, ask: client.chat.completions.create(**chat(ask, stream=True, **USAGE)),
            raw=lambda client, ask: client.chat.completions.with_raw_response.create(**chat(ask)),
            typed=lambda client, ask: client.chat.completions.parse(**chat(ask, response_format=Form)),
        ),
        Case(
            "chat helper",
            operation="chat",
            model="gpt-4o",
            stream=lambda client, ask: client.chat.completions.stream(**chat(ask, **USAGE)),
            raw=lambda client, ask: client.chat.completions.with_streaming_response.create(**chat(ask)),
        ),
        Case(
            "responses",
            operation="chat",
            model="gpt-4o",
            call=lambda client, ask: client.responses.create(model=ask.model, input=ask.text),
            stream=lambda client, ask: client.responses.create(model=ask.model, input=ask.text, stream=True),
            raw=lambda client, ask: client.responses.with_raw_response.create(model=ask.model, input=ask.text),
            typed=lambda client, ask: client.responses.parse(model=ask.model, input=ask.text, text_format=Form),
        ),
        Case(
            "completions",
            operation="text_completion",
            model="gpt-3.5-turbo-instruct",
            call=lambda client, ask: client.completions.create(model=ask.model, prompt=ask.text),
            stream=lambda client, ask: client.completions.create(model=ask.model, prompt=ask.text, stream=True, **USAGE),
        ),
        Case(
            "embeddings",
            model="text-embedding-3-small",
            call=lambda client, ask: client.embeddings.create(model=ask.model, input=ask.text),
            raw=lambda client, ask: client.embeddings.with_raw_response.create(model=ask.model, input=ask.text),
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_openai.instrumentor)
