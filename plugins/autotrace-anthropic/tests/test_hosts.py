"""Whose answer it is: the provider follows the client's class and the host that a request goes to."""

from __future__ import annotations

import importlib
from typing import Any

import anthropic
import pytest

import autotrace

httpx: Any = importlib.import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
"""The HTTP library of the installed version."""

ANSWER = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 3},
}
ASK = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("kind", "options", "provider"),
    [
        ("Anthropic", {}, "anthropic"),
        ("Anthropic", {"base_url": "https://api.deepseek.com/anthropic"}, "deepseek"),
        ("Anthropic", {"base_url": "https://openrouter.ai/api"}, "openrouter"),
        ("Anthropic", {"base_url": "http://localhost:4000"}, None),
        ("Anthropic", {"base_url": "https://llm.acme.internal"}, None),
        ("AnthropicFoundry", {"base_url": "https://gateway.acme.internal/anthropic"}, "azure.ai.inference"),
    ],
)
async def test_the_provider_is_the_one_at_the_host(
    world: Any, kind: str, options: dict[str, Any], provider: str | None, captured: Any
) -> None:
    pytest.importorskip("genai_prices")
    autotrace.enable("anthropic")
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=ANSWER))
    http_client = (httpx.AsyncClient if world.asynchronous else httpx.Client)(transport=transport)
    make = getattr(anthropic, ("Async" if world.asynchronous else "") + kind)
    client = world.closing(make(api_key="k", http_client=http_client, **options))
    await world.value(client.messages.create(**ASK))
    (span,) = captured.spans
    assert span["attributes"].get("gen_ai.provider.name") == provider
    if provider is None:
        assert "autotrace.cost.usd" not in span["attributes"]
        assert span["attributes"]["autotrace.cost.unknown"] == "no price for claude-sonnet-4-5-20250929"


@pytest.mark.parametrize("path", ["/v1/messages", "v1/messages", "v1/messages?beta=true", "/v1/messages/"])
async def test_a_path_is_the_same_operation_in_each_spelling(world: Any, path: str, captured: Any) -> None:
    autotrace.enable("anthropic")
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=ANSWER))
    http_client = (httpx.AsyncClient if world.asynchronous else httpx.Client)(transport=transport)
    make = anthropic.AsyncAnthropic if world.asynchronous else anthropic.Anthropic
    client = world.closing(make(api_key="k", http_client=http_client))
    await world.value(client.post(path, cast_to=object, body=ASK))
    (span,) = captured.spans
    assert span["name"] == "chat claude-haiku-4-5"
    assert span["attributes"]["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Hi"}]
