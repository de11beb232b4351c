"""Amazon Bedrock: Converse, and bodies of makers' own."""

from __future__ import annotations

from autotrace_bedrock.dialects.cohere_chat import cohere_chat
from autotrace_bedrock.dialects.converse import bedrock_converse
from autotrace_bedrock.dialects.text import bedrock_text

from .body import DATA, Body

CONVERSE = Body(
    "converse",
    bedrock_converse,
    {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "What is this?"},
                    {"image": {"format": "png", "source": {"bytes": DATA}}},
                    {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://x/y.png", "bucketOwner": "somebody"}}}},
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
                    {"toolUse": {"toolUseId": "t2", "name": "search", "type": "server_tool_use", "input": {"query": "cats"}}},
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
    {
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
    said=("system", "messages"),
    answered=("output",),
)
BEDROCK_TEXT = Body(
    "bedrock_text",
    bedrock_text,
    {"prompt": "What is this?"},
    {
        "results": [
            {"outputText": "A cat.", "completionReason": "FINISH", "tokenCount": 3},
            {"outputText": "A dog.", "completionReason": "LENGTH", "tokenCount": 3},
        ]
    },
    said=("prompt",),
    answered=("results",),
)
COHERE_CHAT = Body(
    "cohere_chat",
    cohere_chat,
    {
        "preamble": "Be brief.",
        "chat_history": [
            {"role": "USER", "message": "What is this?"},
            {"role": "CHATBOT", "message": "Let me see.", "tool_calls": [{"name": "look", "parameters": {"at": "it"}}]},
        ],
        "message": "And that?",
        "tool_results": [{"call": {"name": "look", "parameters": {}}, "outputs": [{"seen": "a cat"}]}],
    },
    {
        "text": "A cat.",
        "finish_reason": "COMPLETE",
        "citations": [{"start": 0, "end": 1, "text": "A"}],
        "tool_calls": [{"name": "pet", "parameters": {"how": "softly"}}],
    },
    said=("preamble", "chat_history", "message", "tool_results"),
    answered=("text", "tool_calls", "citations"),
)
