"""InvokeModel of Bedrock: whose body it is, and exactly what is read from the makers' own formats."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.rerank import rerank
from autotrace_bedrock.dialects import invoke
from autotrace_bedrock.dialects.cohere_chat import cohere_chat
from autotrace_bedrock.dialects.converse import bedrock_converse
from autotrace_bedrock.dialects.embeddings import bedrock_embeddings
from autotrace_bedrock.dialects.text import bedrock_text

IN, OUT, FINISH = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.finish_reasons"
USAGE = "gen_ai.usage."


@pytest.mark.parametrize(
    ("model", "body", "operation", "dialect"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", '{"messages": []}', "chat", anthropic_messages),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", b'{"messages": []}', "chat", anthropic_messages),
        ("anthropic.claude-v2:1", '{"prompt": ""}', "text_completion", anthropic_complete),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0", "{}", "chat", bedrock_converse),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc",
            '{"anthropic_version": ""}',
            "chat",
            anthropic_messages,
        ),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", '{"schemaVersion": ""}', "chat", bedrock_converse),
        ("arn:aws:bedrock:us-east-1:1:imported-model/abc", '{"prompt": ""}', "text_completion", bedrock_text),
        ("openai.gpt-oss-120b-1:0", '{"messages": []}', "chat", openai_chat),
        ("us.deepseek.r1-v1:0", '{"prompt": ""}', "text_completion", bedrock_text),
        ("qwen.qwen3-32b-v1:0", '{"messages": []}', "chat", openai_chat),
        ("ai21.jamba-1-5-mini-v1:0", '{"messages": []}', "chat", openai_chat),
        ("mistral.mistral-large-2407-v1:0", '{"messages": []}', "chat", openai_chat),
        ("mistral.mistral-7b-instruct-v0:2", '{"prompt": ""}', "text_completion", bedrock_text),
        ("amazon.titan-text-express-v1", '{"inputText": ""}', "text_completion", bedrock_text),
        ("amazon.titan-embed-text-v2:0", '{"inputText": ""}', "embeddings", bedrock_embeddings),
        ("cohere.embed-v4:0", '{"texts": []}', "embeddings", bedrock_embeddings),
        ("cohere.command-r-v1:0", '{"message": ""}', "chat", cohere_chat),
        ("cohere.command-text-v14", '{"prompt": ""}', "text_completion", bedrock_text),
        ("cohere.rerank-v3-5:0", '{"query": ""}', "rerank", rerank),
        ("amazon.nova-canvas-v1:0", '{"taskType": ""}', "image_generation", None),
        ("stability.sd3-5-large-v1:0", '{"prompt": ""}', "image_generation", None),
        ("who.knows", bytearray(b'{"question": ""}'), "invoke_model", bedrock_text),
        (None, object(), "invoke_model", bedrock_text),
    ],
)
def test_whose_body_it_is(model: Any, body: Any, operation: str, dialect: Any) -> None:
    maker = invoke.choose(model, body)
    assert (maker.operation, maker.dialect) == (operation, dialect)


TEXTS = [
    (
        {"prompt": "Hi"},
        {"generation": "Ho", "prompt_token_count": 1, "generation_token_count": 2, "stop_reason": "stop"},
        "stop",
    ),
    ({"prompt": "Hi"}, {"outputs": [{"text": "Ho", "stop_reason": "length"}]}, "length"),
    (
        {"inputText": "Hi"},
        {"inputTextTokenCount": 1.0, "results": [{"tokenCount": 2.0, "outputText": "Ho", "completionReason": "FINISH"}]},
        "FINISH",
    ),
    ({"prompt": "Hi"}, {"generations": [{"text": "Ho", "finish_reason": "COMPLETE"}], "prompt": "Hi"}, "COMPLETE"),
    (
        {"prompt": "Hi"},
        {"completions": [{"data": {"text": "Ho", "tokens": [{}]}, "finishReason": {"reason": "endoftext"}}]},
        "endoftext",
    ),
    ({"prompt": "Hi"}, {"choices": [{"text": "Ho", "stop_reason": "stop"}]}, "stop"),
    ({"inputs": "Hi"}, {"generated_text": "Ho"}, None),
]


@pytest.mark.parametrize(("request_body", "answer", "reason"), TEXTS)
def test_texts_of_all_makers(read: Any, request_body: Any, answer: Any, reason: Any) -> None:
    headers = {"x-amzn-bedrock-input-token-count": "1", "x-amzn-bedrock-output-token-count": "2"}
    invoked = invoke.invoked(bedrock_text)
    assert invoked.decode
    asked = invoked.decode({"modelId": "m", "body": json.dumps(request_body).encode(), "guardrailIdentifier": "g1"})
    found = read(invoked, asked, invoke.response([json.dumps(answer).encode()], headers))
    assert (found["gen_ai.request.model"], found["aws.bedrock.guardrail.id"]) == ("m", "g1")
    assert found[IN] == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    assert [part for message in found[OUT] for part in message["parts"]] == [{"type": "text", "content": "Ho"}]
    assert found.get(FINISH) == ([reason] if reason else None)
    assert (found[USAGE + "input_tokens"], found[USAGE + "output_tokens"]) == (1, 2)


@pytest.mark.parametrize(
    "chunks",
    [
        [{"generation": "H", "prompt_token_count": 1}, {"generation": "o", "generation_token_count": 2, "stop_reason": "stop"}],
        [{"outputs": [{"text": "H", "stop_reason": None}]}, {"outputs": [{"text": "o", "stop_reason": "stop"}]}],
        [{"outputText": "H", "index": 0.0}, {"outputText": "o", "index": 0.0, "completionReason": "stop"}],
        [{"text": "H", "index": 0}, {"text": "o", "index": 0}, {"is_finished": True, "finish_reason": "stop", "index": 0}],
        [{"choices": [{"index": 0, "text": "H"}]}, {"choices": [{"index": 0, "text": "o", "stop_reason": "stop"}]}],
        [{"text": "H", "index": 1}, {"text": "o", "index": 1}, {"is_finished": True, "finish_reason": "stop"}],
    ],
    ids=["llama", "mistral", "titan", "command", "deepseek", "closing chunk without an index"],
)
def test_streams_of_all_makers(read: Any, chunks: Any) -> None:
    metrics = {"inputTokenCount": 1, "outputTokenCount": 2, "cacheReadInputTokenCount": 3}
    invoked = invoke.invoked(bedrock_text, "text_completion", streamed=True)
    events = [*chunks[:-1], {**chunks[-1], "amazon-bedrock-invocationMetrics": metrics}]
    framed = [{"chunk": {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"}} for event in events]
    assert invoked.reduce
    found = read(invoked, {}, invoked.reduce(invoke.chunks(framed)))
    assert found[OUT] == [{"role": "assistant", "parts": [{"type": "text", "content": "Ho"}], "finish_reason": "stop"}]
    assert found[FINISH] == ["stop"]
    assert found[USAGE + "output_tokens"] == 2
    assert found[USAGE + "input_tokens"] in (1, 4)  # Llama's own count, or Bedrock's with what was cached
    assert found["gen_ai.request.stream"] is True


def test_mistrals_name_for_the_finish_reason_is_openais() -> None:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Ho"}, "stop_reason": "tool_calls"}]}
    whole = invoke.response([json.dumps(body).encode()], {})
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


def test_reranking(read: Any) -> None:
    invoked = invoke.invoked(rerank, "rerank")
    assert invoked.decode
    body = json.dumps({"query": "Rome?", "documents": ["A city.", "A river."], "api_version": 2})
    answer = {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}
    headers = {"x-amzn-bedrock-input-token-count": "7"}
    asked = invoked.decode({"modelId": "cohere.rerank-v3-5:0", "body": body})
    found = read(invoked, asked, invoke.response([json.dumps(answer).encode()], headers))
    assert (found["gen_ai.retrieval.query.text"], found["autotrace.request.documents"]) == ("Rome?", ["A city.", "A river."])
    assert found["gen_ai.retrieval.documents"] == [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]
    assert found[USAGE + "input_tokens"] == 7


def test_attributes_of_openai_are_for_its_own_spans() -> None:
    assert invoke.invoked(openai_chat).namespace == "openai"


def test_a_guardrail_that_stepped_in_shows(read: Any) -> None:
    invoked = invoke.invoked(anthropic_messages)
    answer = {
        "content": [],
        "amazon-bedrock-guardrailAction": "INTERVENED",
        "amazon-bedrock-trace": {"guardrail": {"input": {}}},
    }
    assert read(invoked, {}, answer)["autotrace.response.guardrail"] == {"input": {}}
    assert invoked.outcome
    assert invoked.outcome(answer) == "content_filtered"
    assert invoked.outcome({"stop_reason": "max_tokens"}) == "truncated"


@pytest.mark.parametrize("body", [b"\x89PNG", b"[1]", b"", b"{", "<_io.BytesIO>", None, 7])
def test_bodies_that_are_no_object_cost_nothing(read: Any, body: Any) -> None:
    invoked = invoke.invoked(bedrock_text)
    assert invoked.decode
    assert read(invoked, invoked.decode({"modelId": "m", "body": body}))["gen_ai.request.model"] == "m"
    if isinstance(body, bytes):
        read(invoked, {}, invoke.response([body], {}))


def test_what_nobody_knows_is_kept(read: Any) -> None:
    found = read(invoke.invoked(bedrock_text), {"question": "Why?"}, {"reply": {"words": "Because."}, "embedding": [0.1]})
    assert found[IN][0]["parts"] == [{"type": "body", "content": {"question": "Why?"}}]
    assert found[OUT][0]["parts"] == [{"type": "body", "content": {"reply": {"words": "Because."}}}]


@pytest.mark.parametrize(
    ("request_body", "texts", "dimensions"),
    [
        ({"inputText": "Hi", "dimensions": 256}, ["Hi"], 256),
        ({"texts": ["Hi", "Ho"], "input_type": "search_query", "output_dimension": 512}, ["Hi", "Ho"], 512),
        ({"singleEmbeddingParams": {"text": {"value": "Hi"}, "embeddingDimension": 384}}, ["Hi"], 384),
    ],
)
def test_embeddings(read: Any, request_body: Any, texts: Any, dimensions: int) -> None:
    found = read(bedrock_embeddings, request_body, {"embedding": [0.1], "inputTextTokenCount": 3})
    assert [message["parts"][0]["content"] for message in found[IN]] == texts
    assert found["gen_ai.embeddings.dimension.count"] == dimensions
    assert found[USAGE + "input_tokens"] == 3


def test_cohere_chat(read: Any) -> None:
    request = {
        "model": "cohere.command-r-v1:0",
        "preamble": "Be brief.",
        "chat_history": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Ho"}],
        "message": "And?",
        "tools": [{"name": "f", "description": "d", "parameter_definitions": {}}],
    }
    events = [
        {"event_type": "text-generation", "text": "We"},
        {"event_type": "text-generation", "text": "ll"},
        {
            "event_type": "stream-end",
            "finish_reason": "MAX_TOKENS",
            "response": {
                "response_id": "r1",
                "text": "Well",
                "meta": {"billed_units": {"input_tokens": 3.0, "output_tokens": 1.0}},
            },
        },
    ]
    assert cohere_chat.reduce
    found = read(cohere_chat, request, cohere_chat.reduce(events))
    assert [(one["role"], one["parts"][0]["content"]) for one in found[IN]] == [
        ("user", "Hi"),
        ("assistant", "Ho"),
        ("user", "And?"),
    ]
    assert found[OUT] == [{"role": "assistant", "parts": [{"type": "text", "content": "Well"}], "finish_reason": "length"}]
    assert (found["gen_ai.response.id"], found[FINISH]) == ("r1", ["MAX_TOKENS"])
    assert (found[USAGE + "input_tokens"], found[USAGE + "output_tokens"]) == (3, 1)
    begun = cohere_chat.reduce(events[:1])
    assert read(cohere_chat, None, begun)[OUT][0]["parts"] == [{"type": "text", "content": "We"}]


@pytest.mark.parametrize(
    ("model", "request_body", "body", "code"),
    [
        ("anthropic.claude", '{"messages": []}', {"type": "error", "error": {"type": "overloaded_error"}}, "overloaded_error"),
        ("openai.gpt-oss", '{"messages": []}', {"error": {"code": 429, "message": "no"}}, "429"),
        ("amazon.nova-lite", '{"messages": []}', {"error": {"code": 500}}, "500"),
        ("amazon.nova-canvas", "{}", {"images": [], "error": "blocked"}, None),
        ("amazon.titan-embed", "{}", {"error": {"code": "x"}}, "x"),
        ("cohere.command", '{"prompt": ""}', {"generations": [{"text": "a", "finish_reason": "ERROR"}]}, "ERROR"),
        ("cohere.command-r", '{"message": ""}', {"text": "a", "finish_reason": "ERROR_LIMIT"}, "ERROR_LIMIT"),
    ],
)
def test_a_maker_reports_failures_in_its_own_form(model: str, request_body: str, body: Any, code: str | None) -> None:
    maker = invoke.choose(model, request_body)
    dialect = invoke.invoked(maker.dialect, maker.operation)
    assert dialect.failure is not None
    failed = dialect.failure(body)
    assert failed is not None
    assert failed["code"] == code
