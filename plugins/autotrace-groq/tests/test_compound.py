"""What Groq adds to OpenAI's API: the usage of a stream in its own place, and the tools that a compound system has executed."""

from __future__ import annotations

import json
from typing import Any

import groq
import httpx
import pytest

import autotrace

TOOL = {"index": 0, "type": "search", "arguments": '{"query": "weather in Bern"}', "output": "Sunny"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14, "queue_time": 0.1, "total_time": 0.4}
MESSAGE = {"role": "assistant", "content": "It is sunny.", "executed_tools": [TOOL]}
HEAD = {"id": "c1", "model": "compound-beta", "created": 1, "object": "chat.completion"}
WHOLE = {**HEAD, "choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}], "usage": USAGE}
DELTAS = [{"role": "assistant", "executed_tools": [TOOL]}, {"content": "It is "}, {"content": "sunny."}]
CHUNKS = [
    *({**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in DELTAS),
    {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "r1", "usage": USAGE}},
]


def answer(request: httpx.Request) -> httpx.Response:
    if not json.loads(request.content).get("stream"):
        return httpx.Response(200, json=WHOLE)
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n\n"
    return httpx.Response(200, text=lines, headers={"content-type": "text/event-stream"})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_usage_and_executed_tools_are_recorded(captured: Any, stream: bool) -> None:
    autotrace.enable("groq")
    client = groq.Groq(api_key="test", http_client=httpx.Client(transport=httpx.MockTransport(answer)))
    question = [{"role": "user", "content": "The weather in Bern?"}]
    said = client.chat.completions.create(model="compound-beta", messages=question, stream=stream)
    if stream:
        list(said)
    (span,) = captured.spans
    attributes = span["attributes"]
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (11, 3)
    assert attributes["autotrace.usage.raw"]["queue_time"] == 0.1
    (message,) = attributes["gen_ai.output.messages"]
    assert message["parts"][0] == {"type": "text", "content": "It is sunny."}
    assert message["executed_tools"][0]["output"] == "Sunny"
    assert attributes["server.address"] == "api.groq.com"
