"""The embedded provider as boto3 meets it: its event streams pass the SDK's own checks, and every maker's body is there."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autotrace.testing.provider import Provider, serve

boto3 = pytest.importorskip("boto3")
config = pytest.importorskip("botocore.config")
exceptions = pytest.importorskip("botocore.exceptions")

urllib3 = pytest.importorskip("urllib3")
eventstream = pytest.importorskip("botocore.eventstream")

ENDS = (exceptions.ClientError, eventstream.ParserError, urllib3.exceptions.ProtocolError)
SESSION = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]}


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with serve(hang_seconds=1.0) as provider:
        yield provider
        assert provider.failures == []


@pytest.fixture(scope="module")
def bedrock(server: Provider) -> Iterator[Any]:
    options = config.Config(retries={"total_max_attempts": 1})
    client = SESSION.client("bedrock-runtime", endpoint_url=server.url, config=options)
    yield client
    client.close()


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def test_a_conversation_with_a_tool(bedrock: Any) -> None:
    talk = user("The weather?")
    asked = bedrock.converse(modelId="m", messages=talk, toolConfig=TOOLS)
    assert asked["stopReason"] == "tool_use"
    call = asked["output"]["message"]["content"][0]["toolUse"]
    assert (call["name"], call["input"]) == ("weather", {"city": "city"})
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "Föhn"}]}}
    talk += [asked["output"]["message"], {"role": "user", "content": [result]}]
    told = bedrock.converse(modelId="m", messages=talk, toolConfig=TOOLS)
    assert told["output"]["message"]["content"] == [{"text": "The tool said: “Föhn”"}]
    assert told["stopReason"] == "end_turn"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"toolConfig": TOOLS},
        {"inferenceConfig": {"maxTokens": 2}},
        {"additionalModelRequestFields": {"reasoning_config": {"type": "enabled"}}},
        {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}},
        {"system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}]},
    ],
    ids=["plain", "tool", "limit", "reasoning", "guardrail", "cache"],
)
def test_a_stream_is_the_same_answer(more: Any, bedrock: Any) -> None:
    whole = bedrock.converse(modelId="m", messages=user("Grüezi — both?"), **more)
    events = list(bedrock.converse_stream(modelId="m", messages=user("Grüezi — both?"), **more)["stream"])
    assert [next(iter(event)) for event in (events[0], *events[-2:])] == ["messageStart", "messageStop", "metadata"]
    assert events[-2]["messageStop"]["stopReason"] == whole["stopReason"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    content = whole["output"]["message"]["content"]
    assert "".join(delta.get("text", "") for delta in deltas) == "".join(block.get("text", "") for block in content)
    inputs = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
    assert inputs == "".join(json.dumps(block["toolUse"]["input"]) for block in content if "toolUse" in block)


TEXT = "You said: “Hi”"
MAKERS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "anthropic.claude": (
        {"anthropic_version": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
        lambda a: a["content"][0]["text"],
    ),
    "openai.gpt-oss": ({"messages": [{"role": "user", "content": "Hi"}]}, lambda a: a["choices"][0]["message"]["content"]),
    "mistral.large": ({"messages": [{"role": "user", "content": "Hi"}]}, lambda a: a["choices"][0]["message"]["content"]),
    "amazon.nova-lite": ({"messages": user("Hi")}, lambda a: a["output"]["message"]["content"][0]["text"]),
    "amazon.titan-text": ({"inputText": "Hi"}, lambda a: a["results"][0]["outputText"]),
    "meta.llama3": ({"prompt": "Hi"}, lambda a: a["generation"]),
    "mistral.mistral-7b": ({"prompt": "Hi"}, lambda a: a["outputs"][0]["text"]),
    "cohere.command-text": ({"prompt": "Hi"}, lambda a: a["generations"][0]["text"]),
    "cohere.command-r": ({"message": "Hi"}, lambda a: a["text"]),
    "ai21.j2": ({"prompt": "Hi"}, lambda a: a["completions"][0]["data"]["text"]),
}


@pytest.mark.parametrize("model", MAKERS)
def test_every_maker_has_its_own_body(model: str, bedrock: Any) -> None:
    body, text = MAKERS[model]
    answer = bedrock.invoke_model(modelId=model, body=json.dumps(body))
    assert text(json.load(answer["body"])) == TEXT
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-input-token-count"]) > 0
    assert int(headers["x-amzn-bedrock-output-token-count"]) > 0
    chunks = [
        json.loads(event["chunk"]["bytes"])
        for event in bedrock.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"]
    ]
    assert len(chunks) > 3
    assert "amazon-bedrock-invocationMetrics" in chunks[-1]
    assert ("stop_reason" in str(chunks)) >= model.startswith("mistral.")


@pytest.mark.parametrize(
    ("model", "body", "count"),
    [("amazon.titan-embed", {"inputText": "Hi"}, 1), ("cohere.embed", {"texts": ["Hi", "Ho"], "input_type": "x"}, 2)],
)
def test_embeddings(model: str, body: Any, count: int, bedrock: Any) -> None:
    answer = json.load(bedrock.invoke_model(modelId=model, body=json.dumps(body))["body"])
    vectors = answer.get("embeddings") or [answer["embedding"]]
    assert (len(vectors), {len(vector) for vector in vectors}) == (count, {8})


@pytest.mark.parametrize(("fault", "code"), [("429", "ThrottlingException"), ("400-context", "ValidationException")])
@pytest.mark.parametrize("maker", ["", "meta.", "arn:aws:bedrock:us-east-1:1:inference-profile/us.meta."])
def test_a_fault_may_follow_a_maker(fault: str, code: str, maker: str, bedrock: Any) -> None:
    with pytest.raises(exceptions.ClientError) as raised:
        bedrock.invoke_model(modelId=f"{maker}fault-{fault}", body='{"prompt": "Hi"}')
    assert raised.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("cut", "ProtocolError"), ("error-event", "EventStreamError"), ("malformed", "ChecksumMismatch")],
)
def test_streams_break(fault: str, kind: str, bedrock: Any) -> None:
    seen: deque[Any] = deque()
    stream = bedrock.converse_stream(modelId=f"fault-{fault}", messages=user("Hi"))["stream"]
    with contextlib.closing(stream), pytest.raises(ENDS) as raised:
        seen.extend(stream)
    assert type(raised.value).__name__ == kind
    assert len(seen) > 1


def test_the_environment_leads_to_it(server: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("bedrock-runtime")
    assert client.converse(modelId="m", messages=user("Hi"))["output"]["message"]["content"] == [{"text": TEXT}]
    client.close()
