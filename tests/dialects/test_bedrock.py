"""Bedrock's dialects: exactly what they read from which wire JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from autotrace.dialects import bedrock_invoke
from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.bedrock_agent import bedrock_agent, bedrock_retrieve
from autotrace.dialects.bedrock_converse import bedrock_converse
from autotrace.dialects.bedrock_embeddings import bedrock_embeddings
from autotrace.dialects.bedrock_guardrail import bedrock_guardrail
from autotrace.dialects.bedrock_text import bedrock_text
from autotrace.dialects.cohere_chat import cohere_chat
from autotrace.dialects.openai_chat import openai_chat

DIGEST = {"uri": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5}
IN, OUT, FINISH = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.finish_reasons"
USAGE, RAW, MISSING = "gen_ai.usage.", "autotrace.usage.raw", "autotrace.usage.missing"


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"text": "Hi"}, {"type": "text", "content": "Hi"}),
        (
            {"image": {"format": "png", "source": {"bytes": b"hello"}}},
            {"type": "uri", "modality": "image", "mime_type": "image/png", **DIGEST},
        ),
        (
            {"document": {"format": "pdf", "name": "N", "context": "C", "source": {"bytes": "aGVsbG8="}}},
            {"type": "uri", "modality": "document", "mime_type": "application/pdf", "name": "N", "context": "C", **DIGEST},
        ),
        (
            {"document": {"format": "docx", "name": "N", "source": {"bytes": b"hello"}}},
            {"type": "uri", "modality": "document", "name": "N", "format": "docx", **DIGEST},
        ),
        (
            {"document": {"format": "txt", "name": "N", "source": {"text": "words"}}},
            {"type": "text", "content": "words", "name": "N", "format": "txt"},
        ),
        (
            {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4", "bucketOwner": "o"}}}},
            {"type": "uri", "modality": "video", "mime_type": "video/mp4", "uri": "s3://b/v.mp4", "bucketOwner": "o"},
        ),
        (
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"toolUse": {"toolUseId": "t1", "name": "search", "input": {"q": 1}, "type": "server_tool_use"}},
            {
                "type": "server_tool_call",
                "id": "t1",
                "name": "search",
                "server_tool_call": {"type": "search", "input": {"q": 1}},
            },
        ),
        (
            {"toolResult": {"toolUseId": "t1", "content": [{"text": "ok"}, {"json": {"a": 1}}], "status": "error"}},
            {
                "type": "tool_call_response",
                "id": "t1",
                "response": [{"type": "text", "content": "ok"}, {"type": "json", "content": {"a": 1}}],
                "status": "error",
            },
        ),
        (
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
            {"type": "reasoning", "content": "Hm"},
        ),
        (
            {"reasoningContent": {"redactedContent": b"hello"}},
            {"type": "redacted_reasoning", "modality": "document", **DIGEST},
        ),
        (
            {"guardContent": {"text": {"text": "Hi", "qualifiers": ["query"]}}},
            {"type": "text", "content": "Hi", "qualifiers": ["query"]},
        ),
        (
            {"citationsContent": {"content": [{"text": "A"}, {"text": "B"}], "citations": [{"title": "T"}]}},
            {"type": "text", "content": "AB", "citations": [{"title": "T"}]},
        ),
        ({"cachePoint": {"type": "default"}}, {"type": "cachePoint", "content": {"type": "default"}}),
        ({"hologram": {"scene": 1}}, {"type": "hologram", "content": {"scene": 1}}),
        ({"hologram": {}, "more": 1}, {"type": "unknown", "content": {"hologram": {}, "more": 1}}),
    ],
    ids=lambda value: next(iter(value)) if "type" not in value else "",
)
def test_content_blocks(read: Any, block: Any, part: Any) -> None:
    assert read(bedrock_converse, {"messages": [{"role": "user", "content": [block]}]}) == {
        IN: [{"role": "user", "parts": [part]}]
    }


def test_converse_request(read: Any) -> None:
    tool = {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}}
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "structure": {"jsonSchema": {"name": "n", "schema": json.dumps(schema)}}}
    request = {
        "modelId": "arn:aws:bedrock:us-east-1:1:prompt/PROMPT1:3",
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"top_k": 5},
        "toolConfig": {
            "tools": [tool, {"systemTool": {"name": "nova_grounding"}}, {"cachePoint": {}}],
            "toolChoice": {"any": {}},
        },
        "guardrailConfig": {"guardrailIdentifier": "g1"},
        "promptVariables": {"city": {"text": "Bern"}},
        "performanceConfig": {"latency": "optimized"},
        "outputConfig": {"textFormat": form, "effort": "low"},
    }
    assert read(bedrock_converse, request) == {
        "gen_ai.request.model": "arn:aws:bedrock:us-east-1:1:prompt/PROMPT1:3",
        "gen_ai.prompt.name": "PROMPT1",
        "gen_ai.prompt.version": "3",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 5,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
        "autotrace.request.output_schema": schema,
        "autotrace.request.prompt_variables": {"city": {"text": "Bern"}},
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        "gen_ai.tool.definitions": [
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}},
            {"type": "system_tool", "name": "nova_grounding"},
        ],
        "aws.bedrock.guardrail.id": "g1",
        "autotrace.request.parameters": {
            "additionalModelRequestFields": {"top_k": 5},
            "guardrailConfig": {"guardrailIdentifier": "g1"},
            "performanceConfig": {"latency": "optimized"},
            "toolChoice": {"any": {}},
        },
    }


CACHED = {
    "inputTokens": 4,
    "outputTokens": 5,
    "totalTokens": 29,
    "cacheReadInputTokens": 8,
    "cacheWriteInputTokens": 12,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 7}, {"ttl": "1h", "inputTokens": 5}],
}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "guardrail_intervened",
    "usage": CACHED,
    "metrics": {"latencyMs": 52},
    "trace": {"guardrail": {"modelOutput": ["No"]}, "promptRouter": {"invokedModelId": "amazon.nova-lite-v1:0"}},
    "serviceTier": {"type": "flex"},
}
READ = {
    OUT: [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "guardrail_intervened"}],
    FINISH: ["guardrail_intervened"],
    "gen_ai.response.model": "amazon.nova-lite-v1:0",
    "autotrace.response.guardrail": {"modelOutput": ["No"]},
    "autotrace.response.details": {"metrics": {"latencyMs": 52}, "serviceTier": {"type": "flex"}},
    "autotrace.response.service_tier": "flex",
    USAGE + "input_tokens": 24,
    USAGE + "output_tokens": 5,
    USAGE + "cache_read.input_tokens": 8,
    USAGE + "cache_write.input_tokens": 12,
    "autotrace.usage.cache_write_5m.input_tokens": 7,
    "autotrace.usage.cache_write_1h.input_tokens": 5,
    RAW: CACHED,
}


def test_converse_response(read: Any) -> None:
    assert read(bedrock_converse, None, ANSWER) == READ
    assert bedrock_converse.outcome(ANSWER) == "content_filtered"


@pytest.mark.parametrize(
    ("answer", "tier"),
    [
        ({}, None),
        ({"serviceTier": {"type": "default"}, "performanceConfig": {"latency": "standard"}}, "default"),
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"serviceTier": {"type": "default"}, "performanceConfig": {"latency": "optimized"}}, "optimized"),
    ],
)
def test_the_tier_is_what_the_price_depends_on(read: Any, answer: Any, tier: str | None) -> None:
    assert read(bedrock_converse, None, answer).get("autotrace.response.service_tier") == tier


def test_a_streamed_answer_is_the_same(read: Any) -> None:
    events = [
        {"messageStart": {"role": "assistant", "p": "abc"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "H"}, "p": "abcd"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "i"}, "p": "ab"}},
        {"contentBlockStop": {"contentBlockIndex": 0, "p": "a"}},
        {"messageStop": {"stopReason": "guardrail_intervened", "p": "abc"}},
        {"metadata": {**{key: ANSWER[key] for key in ("usage", "metrics", "trace", "serviceTier")}, "p": "abcdef"}},
    ]
    assert read(bedrock_converse, None, bedrock_converse.reduce(events)) == READ


def test_blocks_of_a_stream_are_those_of_an_answer_that_came_whole() -> None:
    def delta(index: int, **fields: Any) -> dict[str, Any]:
        return {"contentBlockDelta": {"contentBlockIndex": index, "delta": fields}}

    def start(index: int, **fields: Any) -> dict[str, Any]:
        return {"contentBlockStart": {"contentBlockIndex": index, "start": fields}}

    result = {"toolUseId": "t2", "type": "search_result", "status": "success"}
    whole = bedrock_converse.reduce(
        [
            delta(0, reasoningContent={"text": "H"}),
            delta(0, reasoningContent={"text": "m"}),
            delta(0, reasoningContent={"signature": "sig"}),
            delta(1, text="A "),
            delta(2, text="cat."),
            delta(3, text="It is "),
            delta(3, citation={"title": "T"}),
            delta(3, text="two."),
            start(4, toolUse={"toolUseId": "t1", "name": "f"}),
            delta(4, toolUse={"input": '{"a"'}),
            delta(4, toolUse={"input": ": 1}"}),
            start(5, toolResult=result),
            delta(5, toolResult=[{"text": "found"}]),
            start(6, image={"format": "png"}),
            delta(6, image={"source": {"bytes": "aGVsbG8="}}),
        ]
    )
    assert whole["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
        {"text": "A cat."},
        {"citationsContent": {"content": [{"text": "It is two."}], "citations": [{"title": "T"}]}},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
        {"toolResult": {**result, "content": [{"text": "found"}]}},
        {"image": {"format": "png", "source": {"bytes": "aGVsbG8="}}},
    ]


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
        ("cohere.rerank-v3-5:0", '{"query": ""}', "rerank", None),
        ("amazon.nova-canvas-v1:0", '{"taskType": ""}', "image_generation", None),
        ("stability.sd3-5-large-v1:0", '{"prompt": ""}', "image_generation", None),
        ("who.knows", bytearray(b'{"question": ""}'), "invoke_model", bedrock_text),
        (None, object(), "invoke_model", bedrock_text),
    ],
)
def test_whose_body_it_is(model: Any, body: Any, operation: str, dialect: Any) -> None:
    maker = bedrock_invoke.choose(model, body)
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
    invoked = bedrock_invoke.invoked(bedrock_text)
    assert invoked.decode
    asked = invoked.decode({"modelId": "m", "body": json.dumps(request_body).encode(), "guardrailIdentifier": "g1"})
    found = read(invoked, asked, bedrock_invoke.response([json.dumps(answer).encode()], headers))
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
    ],
    ids=["llama", "mistral", "titan", "command", "deepseek"],
)
def test_streams_of_all_makers(read: Any, chunks: Any) -> None:
    metrics = {"inputTokenCount": 1, "outputTokenCount": 2, "cacheReadInputTokenCount": 3}
    invoked = bedrock_invoke.invoked(bedrock_text, "text_completion", streamed=True)
    events = [*chunks[:-1], {**chunks[-1], "amazon-bedrock-invocationMetrics": metrics}]
    framed = [{"chunk": {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"}} for event in events]
    assert invoked.reduce
    found = read(invoked, {}, invoked.reduce(bedrock_invoke.chunks(framed)))
    assert found[OUT] == [{"role": "assistant", "parts": [{"type": "text", "content": "Ho"}], "finish_reason": "stop"}]
    assert found[FINISH] == ["stop"]
    assert found[USAGE + "output_tokens"] == 2
    assert found[USAGE + "input_tokens"] in (1, 4)  # Llama's own count, or Bedrock's with what was cached
    assert found["gen_ai.request.stream"] is True


def test_mistrals_name_for_the_finish_reason_is_openais() -> None:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Ho"}, "stop_reason": "tool_calls"}]}
    whole = bedrock_invoke.response([json.dumps(body).encode()], {})
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


def test_a_guardrail_that_stepped_in_shows(read: Any) -> None:
    invoked = bedrock_invoke.invoked(anthropic_messages)
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
    invoked = bedrock_invoke.invoked(bedrock_text)
    assert invoked.decode
    assert read(invoked, invoked.decode({"modelId": "m", "body": body}))["gen_ai.request.model"] == "m"
    if isinstance(body, bytes):
        read(invoked, {}, bedrock_invoke.response([body], {}))


def test_what_nobody_knows_is_kept(read: Any) -> None:
    found = read(
        bedrock_invoke.invoked(bedrock_text), {"question": "Why?"}, {"reply": {"words": "Because."}, "embedding": [0.1]}
    )
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


def test_guardrails_agents_and_knowledge_bases(read: Any) -> None:
    asked = {
        "guardrailIdentifier": "g1",
        "source": "OUTPUT",
        "content": [{"text": {"text": "a secret", "qualifiers": ["query"]}}],
    }
    answer = {"action": "GUARDRAIL_INTERVENED", "outputs": [{"text": "No."}], "assessments": [{"topicPolicy": {}}], "usage": {}}
    found = read(bedrock_guardrail, asked, answer)
    assert found["aws.bedrock.guardrail.id"] == "g1"
    assert found[IN] == [{"role": "assistant", "parts": [{"type": "text", "content": "a secret", "qualifiers": ["query"]}]}]
    assert found[OUT] == [{"role": "assistant", "parts": [{"type": "text", "content": "No."}]}]
    assert bedrock_guardrail.outcome
    assert bedrock_guardrail.outcome(answer) == "content_filtered"

    chunks = [base64.b64encode(piece).decode() for piece in (b"Gr", "ü".encode()[:1], "ü".encode()[1:] + b"ezi")]
    events: list[Any] = [{"chunk": {"bytes": piece}} for piece in chunks]
    events += [{"trace": {"trace": {}}}, {"returnControl": {"invocationId": "i1"}}]
    assert bedrock_agent.reduce
    found = read(bedrock_agent, {"agentId": "A1", "sessionId": "s1", "inputText": "Hi"}, bedrock_agent.reduce(events))
    assert (found["gen_ai.agent.id"], found["gen_ai.conversation.id"]) == ("A1", "s1")
    assert found[OUT][0]["parts"] == [
        {"type": "text", "content": "Grüezi"},
        {"type": "returnControl", "content": {"invocationId": "i1"}},
    ]

    document = {"content": {"text": "About"}, "location": {"type": "S3", "s3Location": {"uri": "s3://b/1"}}, "score": 0.5}
    found = read(
        bedrock_retrieve, {"knowledgeBaseId": "K1", "retrievalQuery": {"text": "Hi"}}, {"retrievalResults": [document]}
    )
    assert found["gen_ai.retrieval.documents"] == [{"id": "s3://b/1", "score": 0.5, "content": {"text": "About"}}]
    assert (found["gen_ai.data_source.id"], found["gen_ai.retrieval.query.text"]) == ("K1", "Hi")
