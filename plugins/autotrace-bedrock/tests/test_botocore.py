"""What only botocore has: retry modes, errors by code, event streams, dynamic classes, stubs, and all the other services."""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace.testing.provider import serve
from autotrace.testing.provider.wire import json_answer
from autotrace_bedrock.embedded import BEDROCK

botocore = pytest.importorskip("botocore")
client = pytest.importorskip("botocore.client")
eventstream = pytest.importorskip("botocore.eventstream")
exceptions = pytest.importorskip("botocore.exceptions")
stub = pytest.importorskip("botocore.stub")
urllib3 = pytest.importorskip("urllib3")

HI: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Grüezi"}]}]}


def attributes(captured: Any) -> dict[str, Any]:
    (span,) = captured.spans
    found: dict[str, Any] = span["attributes"]
    return found


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_attempts_are_listed_in_every_retry_mode(mode: str, make: Any, captured: Any) -> None:
    autotrace.enable()
    bedrock = make(retries={"mode": mode, "total_max_attempts": 3})
    messages = [{"role": "user", "content": [{"text": f"{mode}, once"}]}]
    answer = bedrock.converse(modelId="fault-429-once", messages=messages)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    found = attributes(captured)
    refused, answered = found["autotrace.attempts"]
    assert (refused["status"], answered["status"]) == (429, 200)
    assert refused["wait"] > 0
    assert "wait" not in answered
    assert found["http.response.status_code"] == 200
    assert found["autotrace.request.id"] == answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_attempts_without_an_answer_are_listed_too(mode: str, make: Any, captured: Any) -> None:
    autotrace.enable()
    with pytest.raises(exceptions.ConnectionClosedError):
        make(retries={"mode": mode, "total_max_attempts": 2}).converse(modelId="fault-cut", **HI)
    attempts = attributes(captured)["autotrace.attempts"]
    assert [one["error"] for one in attempts] == ["botocore.exceptions.ConnectionClosedError"] * 2


FAILURES = [
    ("429", "ThrottlingException", "rate_limited"),
    ("400", "ValidationException", "invalid_request"),
    ("400-context", "ValidationException", "context_length"),
    ("401", "UnrecognizedClientException", "authentication"),
    ("403", "AccessDeniedException", "permission"),
    ("404", "ResourceNotFoundException", "not_found"),
    ("408", "ModelTimeoutException", "timeout"),
    ("424", "ModelErrorException", "server_error"),
    ("500", "InternalServerException", "server_error"),
    ("503", "ServiceUnavailableException", "overloaded"),
]


@pytest.mark.parametrize(("fault", "code", "category"), FAILURES)
@pytest.mark.parametrize("call", ["converse", "converse_stream", "invoke_model"])
def test_failures_have_code_and_category(fault: str, code: str, category: str, call: str, bedrock: Any, captured: Any) -> None:
    given = {"body": '{"prompt": "Hi"}'} if call == "invoke_model" else HI
    with pytest.raises(exceptions.ClientError) as raised:
        getattr(bedrock, call)(modelId=f"fault-{fault}", **given)
    (span,) = captured.spans
    found = span["attributes"]
    kind = type(raised.value)
    assert span["status"] == {"code": "ERROR", "description": str(raised.value)}
    assert found["error.type"] == f"{kind.__module__}.{kind.__qualname__}"
    assert (found["autotrace.error.code"], found["autotrace.error.category"]) == (code, category)
    assert found["http.response.status_code"] == int(fault[:3])
    assert found["autotrace.request.id"] == raised.value.response["ResponseMetadata"]["RequestId"]


def no_credentials(make: Any) -> None:
    pytest.importorskip("boto3")
    session = pytest.importorskip("botocore.session").Session()
    session.set_credentials("", "")
    session._credentials = None
    session.get_component("credential_provider").providers = []
    session.create_client("bedrock-runtime", "us-east-1", endpoint_url="http://127.0.0.1:9").converse(modelId="m", **HI)


BEFORE: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "arguments": (lambda make: make().converse(**HI), "ParamValidationError", "invalid_request"),
    "credentials": (no_credentials, "NoCredentialsError", "authentication"),
}


@pytest.mark.parametrize("case", BEFORE)
def test_calls_that_are_never_sent_fail_too(case: str, make: Any, captured: Any) -> None:
    call, kind, category = BEFORE[case]
    autotrace.enable()
    with pytest.raises(getattr(exceptions, kind)):
        call(make)
    found = attributes(captured)
    assert (found["error.type"], found["autotrace.error.category"]) == (f"botocore.exceptions.{kind}", category)
    assert "http.response.status_code" not in found


def opened(bedrock: Any, call: str, model: str) -> Any:
    if call == "converse_stream":
        return bedrock.converse_stream(modelId=model, **HI)["stream"]
    body = json.dumps({"prompt": "Grüezi"})
    return bedrock.invoke_model_with_response_stream(modelId=f"meta.{model}", body=body)["body"]


streams = pytest.mark.parametrize("call", ["converse_stream", "invoke_model_with_response_stream"])


@streams
def test_an_event_stream_is_the_sdks_own(call: str, make: Any, captured: Any) -> None:
    def look() -> Any:
        stream = opened(make(), call, "llama")
        return type(stream), sorted(name for name in dir(stream) if not name.startswith("__")), list(stream), list(stream)

    before = look()
    autotrace.enable()
    assert look() == before
    assert before[0] is eventstream.EventStream
    (span,) = captured.spans
    assert span["end_reason"] == "completed"
    assert span["attributes"]["autotrace.stream.chunks"] == len(before[2])


@streams
@pytest.mark.parametrize(
    ("fault", "kind", "category"),
    [
        ("error-event", "EventStreamError", "overloaded"),
        ("malformed", "ChecksumMismatch", "response_invalid"),
        ("cut", "ProtocolError", "connection"),
    ],
)
def test_a_failure_inside_an_event_stream(call: str, fault: str, kind: str, category: str, bedrock: Any, captured: Any) -> None:
    stream = opened(bedrock, call, f"fault-{fault}")
    with (
        contextlib.closing(stream),
        pytest.raises((exceptions.ClientError, eventstream.ParserError, urllib3.exceptions.ProtocolError)) as raised,
    ):
        list(stream)
    (span,) = captured.spans
    found = span["attributes"]
    assert type(raised.value).__name__ == kind == found["error.type"].rpartition(".")[2]
    assert span["status"]["description"] == str(raised.value)
    assert found["autotrace.error.category"] == category
    assert found["gen_ai.output.messages"][0]["parts"][0]["content"].startswith("You said")


def dropped(stream: Any) -> None:
    for _ in stream:
        return


def closed(stream: Any) -> None:
    next(iter(stream))
    stream.close()


def closed_unread(stream: Any) -> None:
    stream.close()


@streams
@pytest.mark.parametrize(("end", "reason"), [(dropped, "abandoned"), (closed, "abandoned"), (closed_unread, "unread")])
def test_an_event_stream_that_is_left(call: str, end: Callable[[Any], None], reason: str, bedrock: Any, captured: Any) -> None:
    stream = opened(bedrock, call, "llama")
    end(stream)
    if end is dropped:
        raw = stream._raw_stream
        del stream
        gc.collect()  # the SDK's own generator holds the stream that holds it
        raw.close()
    (span,) = captured.spans
    assert span["end_reason"] == reason


def test_calls_of_other_services_are_not_recorded(session: Any, make: Any, provider: Any, captured: Any) -> None:
    autotrace.enable()
    with pytest.raises(exceptions.ClientError):
        make("dynamodb").list_tables()
    assert len(provider.requests) == 1
    with pytest.raises(exceptions.ClientError):
        make().list_async_invokes()
    assert captured.spans == []


def test_a_call_of_another_service_inside_is_no_attempt(make: Any, captured: Any) -> None:
    """As for credentials that have to be fetched: the other call's failures and retries are its own."""
    autotrace.enable()
    bedrock, other = make(), make("dynamodb", retries={"mode": "standard", "total_max_attempts": 2})

    def fetch(**_: Any) -> None:
        with pytest.raises(exceptions.ClientError):
            other.list_tables()

    bedrock.meta.events.register("before-send.bedrock-runtime.Converse", fetch)
    bedrock.converse(modelId="m", **HI)
    found = attributes(captured)
    assert "autotrace.attempts" not in found
    assert found["http.response.status_code"] == 200


def test_a_stubbed_answer_is_recorded(make: Any, captured: Any) -> None:
    autotrace.enable()
    bedrock = make()
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 1},
    }
    with stub.Stubber(bedrock) as stubber:
        stubber.add_response("converse", answer)
        assert bedrock.converse(modelId="m", **HI)["output"] == answer["output"]
    found = attributes(captured)
    assert found["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Hi"}]
    assert found["gen_ai.usage.input_tokens"] == 1


def test_what_the_sdk_does_not_know_is_recorded(session: Any, captured: Any) -> None:
    """An older SDK than the service drops what its description lacks; the record is made from the wire."""

    def answer(call: Any) -> Any:
        said = json.loads(BEDROCK.answer(call).body)
        said["output"]["message"]["content"].append({"hologram": {"scene": "a lake"}})
        return json_answer(said)

    autotrace.enable()
    with serve(formats=[BEDROCK._replace(answer=answer)]) as provider:
        bedrock = session.client("bedrock-runtime", endpoint_url=provider.url)
        told = bedrock.converse(modelId="m", **HI)
        bedrock.close()
    assert "a lake" not in str(told)
    found = attributes(captured)["gen_ai.output.messages"][0]["parts"]
    assert found[1] == {"type": "hologram", "content": {"scene": "a lake"}}


def test_clients_and_their_classes_stay_what_they_are(session: Any, make: Any) -> None:
    def look() -> tuple[Any, ...]:
        made = make()
        url = made.generate_presigned_url("converse", {"modelId": "m", **HI}, ExpiresIn=60).partition("?")[0]
        signature = inspect.signature(client.BaseClient._make_api_call)
        kind = type(made)
        return kind.__module__, kind.__qualname__, kind.__mro__[1], str(signature), url, made.meta.region_name

    before, original = look(), client.BaseClient._make_api_call
    autotrace.enable()
    assert look() == before
    replaced = client.BaseClient._make_api_call
    assert replaced is not original
    assert pickle.loads(pickle.dumps(replaced)) is replaced
    assert copy.deepcopy(replaced) is replaced
    autotrace.disable()
    assert client.BaseClient._make_api_call is original


@pytest.mark.parametrize(("name", "others"), [("bedrock", "waiting patched"), ("botocore", "disabled")])
def test_it_answers_to_its_own_name_and_the_packages(name: str, others: str) -> None:
    autotrace.enable(name)
    states = autotrace.status()
    assert states["botocore"]["targets"]["botocore.client:BaseClient._make_api_call"]["state"] == "patched"
    assert states["aiobotocore"]["state"] in others.split()
    autotrace.disable(name)
    states = autotrace.status()
    assert (states["botocore"]["state"], states["aiobotocore"]["state"]) == ("disabled", "disabled")


def test_agents_and_knowledge_bases(make: Any, captured: Any) -> None:
    autotrace.enable()
    agent = make("bedrock-agent-runtime")
    list(agent.invoke_agent(agentId="AGENT1", agentAliasId="ALIAS1", sessionId="s1", inputText="Hi")["completion"])
    agent.retrieve(knowledgeBaseId="KB12345678", retrievalQuery={"text": "Hi"})
    invoked, retrieved = captured.spans
    assert (invoked["name"], invoked["kind"]) == ("invoke_agent", "CLIENT")
    assert invoked["attributes"]["gen_ai.output.messages"][0]["parts"][0]["content"] == "You said: “Hi”"
    assert (retrieved["name"], retrieved["kind"]) == ("retrieval KB12345678", "CLIENT")
    assert retrieved["attributes"]["gen_ai.retrieval.documents"][0]["id"] == "s3://documents/one.txt"


def test_a_reranker_has_query_documents_and_scores(session: Any, captured: Any) -> None:
    texts = ["A city.", "A river."]
    sources = [{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}} for text in texts]
    model = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"
    configured = {"modelConfiguration": {"modelArn": model}, "numberOfResults": 1}
    autotrace.enable()
    said = {"results": [{"index": 1, "relevanceScore": 0.5}]}
    with serve(formats=[BEDROCK._replace(answer=lambda call: json_answer(said), owns=lambda call: True)]) as provider:
        agent = session.client("bedrock-agent-runtime", endpoint_url=provider.url)
        agent.rerank(
            queries=[{"type": "TEXT", "textQuery": {"text": "Rome?"}}],
            sources=sources,
            rerankingConfiguration={
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": configured,
            },
        )
        agent.close()
    found = attributes(captured)
    assert (found["gen_ai.operation.name"], found["gen_ai.request.model"]) == ("rerank", model)
    assert (found["gen_ai.retrieval.query.text"], found["autotrace.request.documents"]) == ("Rome?", texts)
    assert found["gen_ai.retrieval.documents"] == [{"index": 1, "score": 0.5}]


def test_guardrails_and_plain_operations(bedrock: Any, captured: Any) -> None:
    content = [{"text": {"text": "a secret"}}]
    bedrock.apply_guardrail(guardrailIdentifier="g1", guardrailVersion="1", source="INPUT", content=content)
    bedrock.count_tokens(modelId="m", input={"converse": HI})
    target = {"s3OutputDataConfig": {"s3Uri": "s3://bucket/place"}}
    bedrock.start_async_invoke(modelId="amazon.nova-reel-v1:0", modelInput={}, outputDataConfig=target)
    applied, counted, started = captured.spans
    assert applied["attributes"]["autotrace.outcome"] == "content_filtered"
    assert applied["attributes"]["aws.bedrock.guardrail.id"] == "g1"
    assert (counted["name"], counted["attributes"]["autotrace.response.details"]) == ("count_tokens m", 6)
    assert "gen_ai.usage.input_tokens" not in counted["attributes"]  # nothing was used
    assert started["attributes"]["autotrace.response.details"].startswith("arn:aws:bedrock:")


@pytest.mark.parametrize("model", ["fault-filter", "fault-refusal"])
def test_what_became_of_an_answer(model: str, bedrock: Any, captured: Any) -> None:
    bedrock.converse(modelId=model, guardrailConfig={"guardrailIdentifier": "g1", "guardrailVersion": "1"}, **HI)
    found = attributes(captured)
    assert found.get("autotrace.outcome") == ("content_filtered" if model == "fault-filter" else None)
    assert "g1" in found["autotrace.response.guardrail"]["inputAssessment"]


def test_what_is_set_for_its_own_name_holds_for_both_packages(
    make: Any, captured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACE_BEDROCK_CONTENT", "off")
    autotrace.enable()
    make().converse(modelId="m", **HI)
    assert "gen_ai.input.messages" not in attributes(captured)
