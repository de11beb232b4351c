"""Version 3 of the SDK sends chat completions to a host of their own, unless the program names a base URL."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import together

import autotrace

CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
ANSWER = {"id": "c1", "model": "m", "choices": [CHOICE]}


@pytest.mark.skipif(together.__version__ < "3", reason="version 2 knows one host")
@pytest.mark.parametrize(
    ("base_url", "host"), [(None, "api-inference.together.ai"), ("https://gateway.example", "gateway.example")]
)
def test_chat_is_recorded_at_the_host_that_it_goes_to(captured: Any, base_url: str | None, host: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=ANSWER)

    autotrace.enable("together")
    client = together.Together(
        api_key="test", base_url=base_url, http_client=httpx.Client(transport=httpx.MockTransport(answer))
    )
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
    (span,) = captured.spans
    assert asked[0].url.host == span["attributes"]["server.address"] == host
    assert json.loads(asked[0].content)["model"] == span["attributes"]["gen_ai.request.model"] == "m"
    assert (span["name"], span["attributes"]["gen_ai.response.id"]) == ("chat m", "c1")


def test_a_reranking_has_query_documents_and_scores(captured: Any) -> None:
    said = {"id": "r1", "model": "m", "results": [{"index": 1, "relevance_score": 0.5}], "usage": {"prompt_tokens": 3}}
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=said))
    autotrace.enable("together")
    client = together.Together(api_key="test", http_client=httpx.Client(transport=transport))
    client.rerank.create(model="m", query="Rome?", documents=["A city.", "A river."])
    (span,) = captured.spans
    found = span["attributes"]
    assert (span["name"], found["gen_ai.retrieval.query.text"]) == ("rerank m", "Rome?")
    assert found["autotrace.request.documents"] == ["A city.", "A river."]
    assert found["gen_ai.retrieval.documents"] == [{"index": 1, "score": 0.5}]
    assert found["gen_ai.usage.input_tokens"] == 3
