"""Bedrock's part in the tests of all dialects (`tests/dialects` of the core): bodies, streams, and the words of its formats."""

from __future__ import annotations

from typing import Any

from autotrace.dialects.openai_chat import openai_chat
from autotrace_bedrock.dialects.agent import bedrock_agent, bedrock_rerank, bedrock_retrieve
from autotrace_bedrock.dialects.cohere_chat import cohere_chat
from autotrace_bedrock.dialects.converse import bedrock_converse
from autotrace_bedrock.dialects.embeddings import bedrock_embeddings
from autotrace_bedrock.dialects.guardrail import bedrock_guardrail
from autotrace_bedrock.dialects.invoke import invoked
from autotrace_bedrock.dialects.text import bedrock_text

DATA = "aGVsbG8="

DIALECTS = [
    bedrock_converse,
    bedrock_text,
    bedrock_embeddings,
    bedrock_guardrail,
    bedrock_agent,
    bedrock_retrieve,
    bedrock_rerank,
    cohere_chat,
    invoked(openai_chat),
    invoked(bedrock_text, "text_completion", streamed=True),
]
FIELDS = """
outputText inputText generation results outputs generations completions generated_text completionReason
toolUse toolResult toolUseId reasoningContent reasoningText redactedContent guardContent citationsContent cachePoint json
document video bytes s3Location qualifiers stopReason toolConfig toolSpec systemTool inputSchema
inferenceConfig additionalModelRequestFields guardrailConfig trace cacheDetails ttl messageStart contentBlockStart
contentBlockDelta contentBlockIndex messageStop metadata start chunk attribution chat_history event_type preamble
tool_results outputConfig textFormat structure jsonSchema amazon-bedrock-invocationMetrics
amazon-bedrock-guardrailAction retrievalResults location body
""".split()
READS_ALL = {"bedrock_text": "a body of a maker that is not known is kept as it came, and read from its own bytes"}
"""Dialects that name no fields of an answer, and why."""
NO_CONTENT = ("toolUseId", "completionReason")
"""What the wire says of content, not in it."""
BINARY = ("bytes", "redactedContent")
"""Where a text is taken for base64, and hashed."""
ROLES = ("USER", "CHATBOT")
"""Cohere's words for roles, for which the record has the conventions'."""


def converse(texts: list[str], arguments: list[str]) -> list[dict[str, Any]]:
    """A stream that says a text and calls a tool, given the pieces of both."""

    def delta(index: int, **fields: Any) -> dict[str, Any]:
        return {"contentBlockDelta": {"contentBlockIndex": index, "delta": fields, "p": "abc"}}

    return [
        {"messageStart": {"role": "assistant", "p": "abc"}},
        *(delta(0, text=piece) for piece in texts),
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}}},
        *(delta(1, toolUse={"input": piece}) for piece in arguments),
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 0}}},
    ]


STREAMS = [{"dialect": bedrock_converse, "stream": converse}]

WHOLE_STREAMS = [
    (
        "converse",
        bedrock_converse,
        [
            *converse(["Hello ", "you!"], ['{"a":', "1}"])[:-3],
            {"contentBlockStart": {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t2", "name": "g"}}}},
            {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"b":2}'}}}},
            {"messageStop": {"stopReason": "tool_use"}},
            {"metadata": {"usage": {"inputTokens": 7, "outputTokens": 3}}},
        ],
    ),
    (
        "cohere",
        cohere_chat,
        [
            {"event_type": "stream-start", "generation_id": "g1"},
            {"event_type": "text-generation", "text": "Hello "},
            {"event_type": "text-generation", "text": "you!"},
            {"event_type": "tool-calls-generation", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]},
            {
                "event_type": "stream-end",
                "finish_reason": "COMPLETE",
                "response": {"response_id": "r1", "meta": {"billed_units": {"input_tokens": 7, "output_tokens": 3}}},
            },
        ],
    ),
    (
        "text",
        bedrock_text,
        [
            {"outputText": "Hello ", "index": 0, "inputTextTokenCount": 7},
            {"outputText": "you!", "index": 0, "totalOutputTextTokenCount": 3, "completionReason": "FINISH"},
        ],
    ),
]
"""Streams with all that an answer has: names, dialects and chunks."""

BODIES = [
    {
        "name": "converse",
        "dialect": bedrock_converse,
        "request": {
            "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"text": "What is this?"},
                        {"image": {"format": "png", "source": {"bytes": DATA}}},
                        {
                            "image": {
                                "format": "png",
                                "source": {"s3Location": {"uri": "s3://x/y.png", "bucketOwner": "somebody"}},
                            }
                        },
                        {"document": {"format": "pdf", "name": "N", "context": "C", "source": {"bytes": DATA}}},
                        {"document": {"format": "txt", "name": "T", "source": {"text": "words"}}},
                        {"document": {"format": "md", "name": "M", "source": {"content": [{"text": "in a block"}]}}},
                        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://x/z.mp4"}}}},
                        {"guardContent": {"text": {"text": "guard this", "qualifiers": ["query"]}}},
                        {"guardContent": {"image": {"format": "png", "source": {"bytes": DATA}}}},
                        {"searchResult": {"source": "https://s", "title": "Found", "content": [{"text": "a result"}]}},
                        {"cachePoint": {"type": "default", "ttl": "5m"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
                        {"reasoningContent": {"redactedContent": DATA}},
                        {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "it"}}},
                        {
                            "toolUse": {
                                "toolUseId": "t2",
                                "name": "search",
                                "type": "server_tool_use",
                                "input": {"query": "cats"},
                            }
                        },
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "t1", "content": [{"text": "A cat."}, {"json": {"age": "two"}}]}},
                        {"toolResult": {"toolUseId": "t2", "type": "search_result", "content": [{"text": "Cats."}]}},
                    ],
                },
            ],
        },
        "response": {
            "stopReason": "end_turn",
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {"text": "A cat."},
                        {
                            "citationsContent": {
                                "content": [{"text": "It is two."}],
                                "citations": [{"title": "T", "sourceContent": [{"text": "two years"}]}],
                            }
                        },
                        {"toolUse": {"toolUseId": "t3", "name": "pet", "input": {"how": "softly"}}},
                    ],
                }
            },
        },
        "said": ("system", "messages"),
        "answered": ("output",),
    },
    {
        "name": "bedrock_text",
        "dialect": bedrock_text,
        "request": {"prompt": "What is this?"},
        "response": {
            "results": [
                {"outputText": "A cat.", "completionReason": "FINISH", "tokenCount": 3},
                {"outputText": "A dog.", "completionReason": "LENGTH", "tokenCount": 3},
            ]
        },
        "said": ("prompt",),
        "answered": ("results",),
    },
    {
        "name": "cohere_chat",
        "dialect": cohere_chat,
        "request": {
            "preamble": "Be brief.",
            "chat_history": [
                {"role": "USER", "message": "What is this?"},
                {"role": "CHATBOT", "message": "Let me see.", "tool_calls": [{"name": "look", "parameters": {"at": "it"}}]},
            ],
            "message": "And that?",
            "tool_results": [{"call": {"name": "look", "parameters": {}}, "outputs": [{"seen": "a cat"}]}],
        },
        "response": {
            "text": "A cat.",
            "finish_reason": "COMPLETE",
            "citations": [{"start": 0, "end": 1, "text": "A"}],
            "tool_calls": [{"name": "pet", "parameters": {"how": "softly"}}],
        },
        "said": ("preamble", "chat_history", "message", "tool_results"),
        "answered": ("text", "tool_calls", "citations"),
    },
]
