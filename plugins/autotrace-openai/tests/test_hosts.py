"""Whose answer it is: the provider, the model and the names of attributes follow the host that a request goes to."""

from __future__ import annotations

import importlib
import json
from typing import Any

import openai
import pytest

import autotrace

KIND = openai.DefaultHttpxClient.__mro__[1]
httpx: Any = importlib.import_module(KIND.__module__.partition(".")[0])
"""The HTTP library of the installed version."""

CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
ANSWER = {
    "id": "c1",
    "model": "gpt-4o-2024-08-06",
    "choices": [CHOICE],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


class Asked:
    """A client of the SDK whose requests are answered in the process, and the requests."""

    def __init__(self, world: Any, kind: str, **options: Any) -> None:
        self.requests: list[Any] = []
        prefix = "Async" if world.asynchronous else ""
        transport = httpx.MockTransport(self._answer)
        http_client = (httpx.AsyncClient if world.asynchronous else httpx.Client)(transport=transport)
        self.client = world.closing(getattr(openai, prefix + kind)(api_key="k", http_client=http_client, **options))

    def _answer(self, request: Any) -> Any:
        self.requests.append(request)
        return httpx.Response(200, json=ANSWER)

    @property
    def path(self) -> str:
        return str(self.requests[-1].url.path)


@pytest.mark.parametrize(
    ("base_url", "provider"),
    [
        (None, "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://acme.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://us-central1-aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gcp.gemini"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("http://localhost:11434/v1", None),
        ("http://127.0.0.1:8000/v1", None),
        ("https://llm.acme.internal/v1", None),
        ("https://notopenai.com/v1", None),
        ("https://openai.com.acme.example/v1", None),
    ],
)
async def test_the_provider_is_the_one_at_the_host(
    world: Any, base_url: str | None, provider: str | None, captured: Any
) -> None:
    pytest.importorskip("genai_prices")
    autotrace.enable("openai")
    asked = Asked(world, "OpenAI", base_url=base_url)
    await world.value(asked.client.chat.completions.create(**ASK))
    (span,) = captured.spans
    found = span["attributes"]
    assert found.get("gen_ai.provider.name") == provider
    own = {name for name in found if name.startswith("openai.")}
    if provider == "openai":
        assert own == {"openai.api.type", "openai.response.service_tier", "openai.response.system_fingerprint"}
    else:
        assert own == set()
        assert found["autotrace.api.type"] == "chat_completions"
        assert found["autotrace.response.service_tier"] == "default"
        assert found["autotrace.response.system_fingerprint"] == "fp_1"
    if provider is None:
        assert "autotrace.cost.usd" not in found
        assert found["autotrace.cost.unknown"] == "no price for gpt-4o-2024-08-06"
    if provider in ("openai", "azure.ai.openai"):
        assert found["autotrace.cost.usd"] > 0


@pytest.mark.parametrize(
    ("kind", "options", "path", "model"),
    [
        ("AzureOpenAI", {"azure_deployment": "mine"}, "/openai/deployments/mine/chat/completions", "mine"),
        ("AzureOpenAI", {}, "/openai/deployments/gpt-4o/chat/completions", "gpt-4o"),
        ("OpenAI", {"deployment": "the%20one"}, "/openai/deployments/the one/chat/completions", "the one"),
    ],
)
async def test_the_deployment_of_a_client_is_the_model(
    world: Any, kind: str, options: dict[str, Any], path: str, model: str, captured: Any
) -> None:
    autotrace.enable("openai")
    endpoint = "https://acme.openai.azure.com"
    if "deployment" in options:
        where = {"base_url": f"{endpoint}/openai/deployments/{options['deployment']}"}
    else:
        where = {"azure_endpoint": endpoint, "api_version": "2025-01-01", **options}
    asked = Asked(world, kind, **where)
    await world.value(asked.client.chat.completions.create(**ASK))
    (span,) = captured.spans
    assert asked.path == path
    assert span["attributes"]["gen_ai.request.model"] == model
    assert span["name"] == f"chat {model}"
    assert span["attributes"]["gen_ai.provider.name"] == "azure.ai.openai"
    assert json.loads(asked.requests[0].content)["model"] == "gpt-4o"


async def test_a_path_that_goes_to_no_deployment_has_the_model_of_the_body(world: Any, captured: Any) -> None:
    autotrace.enable("openai")
    where = {"azure_endpoint": "https://acme.openai.azure.com", "api_version": "2025-01-01", "azure_deployment": "mine"}
    asked = Asked(world, "AzureOpenAI", **where)
    await world.value(asked.client.responses.create(model="gpt-5", input="Hi"))
    (span,) = captured.spans
    assert asked.path == "/openai/responses"
    assert span["attributes"]["gen_ai.request.model"] == "gpt-5"


PATHS = [
    ("https://api.openai.com/v1", "/chat/completions"),
    ("https://api.openai.com/v1", "chat/completions"),
    ("https://api.openai.com/v1", "/chat/completions/"),
    ("https://api.openai.com/v1", "chat/completions?trace=1"),
    ("https://api.openai.com", "v1/chat/completions"),
    ("https://gateway.example/a", "/tenants/b/v1/chat/completions"),
    ("https://acme.openai.azure.com/openai", "deployments/gpt-4o/chat/completions?api-version=1"),
    ("https://api.openai.com/v1", "https://gateway.example/llm/chat/completions"),
]


@pytest.mark.parametrize(("base_url", "path"), PATHS)
async def test_a_path_is_the_same_operation_in_each_spelling(world: Any, base_url: str, path: str, captured: Any) -> None:
    autotrace.enable("openai")
    asked = Asked(world, "OpenAI", base_url=base_url)
    await world.value(asked.client.post(path, cast_to=object, body=ASK))
    (span,) = captured.spans
    assert span["name"] == "chat gpt-4o"
    assert span["attributes"]["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "Hello"}]
    assert span["attributes"]["gen_ai.response.finish_reasons"] == ["stop"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("responses/r1/cancel", "cancel_response"),
        ("/responses/compact", "compact_response gpt-4o"),
        ("responses/input_tokens", "count_tokens gpt-4o"),
        ("/v1/files", "files"),
        ("vector_stores/v1/search", "vector_stores"),
    ],
)
async def test_operations_of_responses_have_names_of_their_own(world: Any, path: str, name: str, captured: Any) -> None:
    autotrace.enable("openai")
    asked = Asked(world, "OpenAI")
    body = {} if "cancel" in path or "files" in path or "search" in path else {"model": "gpt-4o", "input": "Hi"}
    await world.value(asked.client.post(path, cast_to=object, body=body))
    (span,) = captured.spans
    assert span["name"] == name
