"""The plugin for Anthropic, held to the conformance kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import pydantic

import autotrace_anthropic
from autotrace.testing import Ask, Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve


def chat(ask: Ask, **more: Any) -> dict[str, Any]:
    return {"model": ask.model, "max_tokens": 64, "messages": [{"role": "user", "content": ask.text}], **more}


class Form(pydantic.BaseModel):
    """What no answer is."""

    number: int


library = Library(
    "anthropic",
    client=lambda url: anthropic.Anthropic(base_url=url, api_key="sk-ant-test", max_retries=0),
    async_client=lambda url: anthropic.AsyncAnthropic(base_url=url, api_key="sk-ant-test", max_retries=0),
    provider=serve,
    cases=[
        Case(
            "messages",
            operation="chat",
            model="claude-haiku-4-5",
            call=lambda client, ask: client.messages.create(**chat(ask)),
            stream=lambda client, ask: client.messages.create(**chat(ask, stream=True)),
            raw=lambda client, ask: client.messages.with_raw_response.create(**chat(ask)),
            typed=lambda client, ask: client.messages.parse(**chat(ask, output_format=Form)),
        ),
        Case(
            "messages helper",
            operation="chat",
            model="claude-haiku-4-5",
            stream=lambda client, ask: client.messages.stream(**chat(ask)),
            raw=lambda client, ask: client.messages.with_streaming_response.create(**chat(ask)),
        ),
        Case(
            "beta messages",
            operation="chat",
            model="claude-haiku-4-5",
            call=lambda client, ask: client.beta.messages.create(**chat(ask)),
            stream=lambda client, ask: client.beta.messages.create(**chat(ask, stream=True)),
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_anthropic.instrumentor, lacks=["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"])
