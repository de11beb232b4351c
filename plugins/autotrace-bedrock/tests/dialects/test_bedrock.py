"""Bedrock's own formats: exactly what is read from Converse, guardrails, agents and knowledge bases."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from autotrace_bedrock.dialects.agent import bedrock_agent, bedrock_retrieve
from autotrace_bedrock.dialects.converse import bedrock_converse
from autotrace_bedrock.dialects.converse_stream import converse_response
from autotrace_bedrock.dialects.guardrail import bedrock_guardrail

DIGEST = {"uri": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5}
IN, OUT, FINISH = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.finish_reasons"
USAGE, RAW = "gen_ai.usage.", "autotrace.usage.raw"


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
            {"type": "reasoning", "content": "", "encrypted": DIGEST},
        ),
        (
            {"reasoningContent": {"reasoningText": {"text": "", "signature": "aGVsbG8="}}},
            {"type": "reasoning", "content": "", "encrypted": DIGEST},
        ),
        (
            {"reasoningContent": {"signature": "aGVsbG8="}},
            {"type": "reasoning", "content": "", "encrypted": DIGEST},
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
    OUT: [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "content_filter"}],
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


def test_encrypted_reasoning_that_comes_in_pieces_is_one_part(read: Any) -> None:
    events = [
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": "aGU="}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": "bGxv"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"reasoningContent": {"signature": "aGVsbG8="}}}},
    ]
    [message] = read(bedrock_converse, None, bedrock_converse.reduce(events))[OUT]
    assert message["parts"] == [{"type": "reasoning", "content": "", "encrypted": DIGEST}] * 2


def test_blocks_that_share_an_index_stay_apart() -> None:
    def start(name: str) -> Any:
        return {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": name}}}}

    def delta(text: str) -> Any:
        return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}}}

    whole = converse_response([start("f"), delta('{"a":'), delta("1}"), start("g"), delta("{}")])
    calls = [block["toolUse"] for block in whole["output"]["message"]["content"]]
    assert [(call["name"], call["input"]) for call in calls] == [("f", {"a": 1}), ("g", {})]
