"""Anthropic: messages."""

from __future__ import annotations

from autotrace.dialects.anthropic_messages import anthropic_messages

from .body import DATA, Body

MESSAGES = Body(
    "messages",
    anthropic_messages,
    {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
                    {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                    {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                    {"type": "document", "context": "C", "source": {"type": "file", "file_id": "file-1"}},
                    {
                        "type": "document",
                        "source": {"type": "content", "content": [{"type": "text", "text": "in a block"}]},
                    },
                    {
                        "type": "search_result",
                        "source": "https://s",
                        "title": "Found",
                        "content": [{"type": "text", "text": "a result"}],
                    },
                    {"type": "container_upload", "file_id": "file-2"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "hidden"},
                    {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "it"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "A cat."}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "a dog", "is_error": True},
                ],
            },
            {"role": "assistant", "content": "So"},
        ],
    },
    {
        "id": "m1",
        "role": "assistant",
        "stop_reason": "end_turn",
        "content": [
            {
                "type": "text",
                "text": "A cat.",
                "citations": [{"type": "char_location", "cited_text": "cat", "document_title": "T"}],
            },
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "cats"}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s1",
                "content": [{"type": "web_search_result", "url": "https://cats", "title": "Cats"}],
            },
            {"type": "mcp_tool_use", "id": "s2", "name": "roll", "server_name": "dice", "input": {"n": "2"}},
            {"type": "mcp_tool_result", "tool_use_id": "s2", "content": [{"type": "text", "text": "4"}], "is_error": False},
            {
                "type": "bash_code_execution_tool_result",
                "tool_use_id": "s3",
                "content": {"type": "bash_code_execution_result", "stdout": "ran", "stderr": "none"},
            },
            {"type": "mcp_tool_listing", "mcp_server_name": "dice", "tools": [{"name": "roll", "description": "rolls"}]},
            {"type": "compaction", "content": "So far.", "encrypted_content": DATA},
            {"type": "tool_use", "id": "t3", "name": "pet", "input": {}, "toolset_name": "zoo"},
        ],
    },
    said=("system", "messages"),
    answered=("content",),
)
