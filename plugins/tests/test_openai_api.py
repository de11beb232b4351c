"""The plugins for SDKs that Stainless generates and that speak OpenAI's API, held to the conformance kit: one description."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from autotrace.testing import Ask, Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve

PLUGINS = Path(__file__).parents[1]
USAGE = {"stream_options": {"include_usage": True}}


def chat(ask: Ask, **more: Any) -> dict[str, Any]:
    return {"model": ask.model, "messages": [{"role": "user", "content": ask.text}], **more}


def described(package: str, client: str) -> Library:
    sdk = pytest.importorskip(package)
    return Library(
        package,
        client=lambda url: getattr(sdk, client)(base_url=url, api_key="test", max_retries=0),
        async_client=lambda url: getattr(sdk, f"Async{client}")(base_url=url, api_key="test", max_retries=0),
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


groq = described("groq", "Groq")
together = described("together", "Together")
test_groq = conformance(groq)
test_readme_of_groq = carries_scorecard(groq, PLUGINS / "autotrace-groq" / "README.md")
test_together = conformance(together)
test_readme_of_together = carries_scorecard(together, PLUGINS / "autotrace-together" / "README.md")


@pytest.mark.parametrize("package", ["groq", "together"])
def test_the_plugin_is_declared_well(package: str) -> None:
    assert check(importlib.import_module(f"autotrace_{package}").instrumentor)
