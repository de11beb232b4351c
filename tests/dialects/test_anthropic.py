"""Anthropic's dialects: exactly what they read from which wire JSON."""

from __future__ import annotations

from typing import Any

import pytest

from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages

DIGEST = {"uri": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5}
IN, OUT, FINISH = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.finish_reasons"
MISSING = "autotrace.usage.missing"


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "Hi", "cache_control": {}}, {"type": "text", "content": "Hi"}),
        ({"type": "text", "text": "Hi", "citations": [{"a": 1}]}, {"type": "text", "content": "Hi", "citations": [{"a": 1}]}),
        ({"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "reasoning", "content": "Hm."}),
        (
            {"type": "redacted_thinking", "data": "aGVsbG8="},
            {"type": "reasoning", "content": "", "encrypted": DIGEST},
        ),
        (
            {"type": "thinking", "thinking": "", "signature": "aGVsbG8="},
            {"type": "reasoning", "content": "", "encrypted": DIGEST},
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}},
            {"type": "uri", "modality": "image", "mime_type": "image/png", **DIGEST},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
            {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
        ),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            {"type": "text", "content": "words", "title": "T"},
        ),
        (
            {"type": "document", "source": {"type": "file", "file_id": "f1"}},
            {"type": "file", "modality": "document", "file_id": "f1"},
        ),
        (
            {"type": "document", "source": {"type": "content", "content": "words"}},
            {"type": "document", "source": {"type": "content", "content": "words"}},
        ),
        (
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"type": "tool_result", "tool_use_id": "t1", "content": "42", "is_error": True},
            {"type": "tool_call_response", "id": "t1", "response": "42", "is_error": True},
        ),
        (
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}]},
            {"type": "tool_call_response", "id": "t1", "response": [{"type": "text", "content": "42"}]},
        ),
        (
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
            {
                "type": "server_tool_call",
                "id": "s1",
                "name": "web_search",
                "server_tool_call": {"type": "web_search", "input": {"query": "q"}},
            },
        ),
        (
            {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "url": "u"}]},
            {
                "type": "server_tool_call_response",
                "id": "s1",
                "server_tool_call_response": {
                    "type": "web_search_tool_result",
                    "content": [{"type": "web_search_result", "url": "u"}],
                },
            },
        ),
        ({"type": "container_upload", "file_id": "f1"}, {"type": "file", "modality": "document", "file_id": "f1"}),
        ({"type": "compaction", "content": "so far"}, {"type": "compaction", "content": "so far"}),
        ({"type": "new", "x": 1}, {"type": "new", "x": 1}),
    ],
)
def test_blocks(read: Any, block: Any, part: Any) -> None:
    request = {"messages": [{"role": "user", "content": [block]}]}
    response = {"content": [block], "stop_reason": "end_turn"}
    assert read(anthropic_messages, request, response) == {
        IN: [{"role": "user", "parts": [part]}],
        OUT: [{"role": "assistant", "parts": [part], "finish_reason": "stop"}],
        FINISH: ["end_turn"],
        MISSING: True,
        **({"gen_ai.conversation.compacted": True} if block["type"] == "compaction" else {}),
    }


def test_request(read: Any) -> None:
    found = read(
        anthropic_messages,
        {
            "model": "claude",
            "max_tokens": 9,
            "top_k": 3,
            "stream": True,
            "stop_sequences": ["END"],
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {}}],
            "messages": [{"role": "user", "content": "Hi"}],
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tool_choice": {"type": "auto"},
            "metadata": {"user_id": "u"},
            "tools": [
                {"name": "f", "description": "d", "input_schema": {"type": "object"}},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 1},
            ],
            "mcp_servers": [{"type": "url", "url": "https://x", "authorization_token": "secret"}],
        },
    )
    assert found == {
        "gen_ai.request.model": "claude",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.top_k": 3,
        "gen_ai.request.stream": True,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
        "autotrace.request.output_schema": {"type": "object"},
        "autotrace.request.mcp_servers": [{"type": "url", "url": "https://x"}],
        "autotrace.request.parameters": {
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tool_choice": {"type": "auto"},
            "metadata": {"user_id": "u"},
        },
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        IN: [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
        "gen_ai.tool.definitions": [
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 1},
        ],
    }


@pytest.mark.parametrize(
    ("usage", "want"),
    [
        ({"input_tokens": 3, "output_tokens": 0}, {"input_tokens": 3, "output_tokens": 0}),
        (
            {"input_tokens": 3, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 100}
            | {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 2}},
            {"input_tokens": 113, "cache_read.input_tokens": 10, "cache_write.input_tokens": 100}
            | {"output_tokens": 5, "reasoning.output_tokens": 2},
        ),
        ({"input_tokens": 3, "cache_read_input_tokens": None}, {"input_tokens": 3}),
    ],
)
def test_usage(read: Any, usage: Any, want: Any) -> None:
    found = read(anthropic_messages, None, {"usage": usage})
    assert found == {"autotrace.usage.raw": usage, **{"gen_ai.usage." + key: value for key, value in want.items()}}


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def test_stream() -> None:
    assert anthropic_messages.reduce
    head = {"id": "m1", "role": "assistant", "model": "claude", "content": [], "stop_reason": None}
    events = [
        {"type": "message_start", "message": {**head, "usage": {"input_tokens": 9, "output_tokens": 1, "service_tier": "x"}}},
        {"type": "ping"},
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm", estimated_tokens=3),
        delta(0, "signature_delta", signature="sig"),
        start(1, type="text", text=""),
        delta(1, "text_delta", text="Hi"),
        delta(1, "citations_delta", citation={"url": "u"}),
        start(2, type="tool_use", id="t1", name="f", input={}),
        delta(2, "input_json_delta", partial_json='{"a"'),
        delta(2, "input_json_delta", partial_json=": 1}"),
        start(3, type="tool_use", id="t2", name="g", input={"kept": True}),
        start(4, type="tool_use", id="t3", name="h", input={}),
        delta(4, "input_json_delta", partial_json='{"cut'),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None, "container": {"id": "k"}},
            "usage": {"output_tokens": 7, "input_tokens": None},
        },
        {"type": "message_stop"},
    ]
    assert anthropic_messages.reduce(events) == {
        **head,
        "stop_reason": "tool_use",
        "container": {"id": "k"},
        "usage": {"input_tokens": 9, "output_tokens": 7, "service_tier": "x"},
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "sig"},
            {"type": "text", "text": "Hi", "citations": [{"url": "u"}]},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {"kept": True}},
            {"type": "tool_use", "id": "t3", "name": "h", "input": '{"cut'},
        ],
    }


def test_nothing_received_is_nothing() -> None:
    assert anthropic_messages.reduce
    assert anthropic_messages.reduce([]) == {}


def test_legacy_completion(read: Any) -> None:
    assert anthropic_complete.reduce
    chunks = [{"type": "ping"}] + [
        {"type": "completion", "id": "c1", "model": "claude-2", "completion": text, "stop_reason": reason}
        for text, reason in ((" Hi", None), ("!", None), ("", "stop_sequence"))
    ]
    request = {"model": "claude-2", "prompt": "\n\nHuman: Hi\n\nAssistant:", "max_tokens_to_sample": 5}
    assert read(anthropic_complete, request, anthropic_complete.reduce(chunks)) == {
        "gen_ai.request.model": "claude-2",
        "gen_ai.request.max_tokens": 5,
        IN: [{"role": "user", "parts": [{"type": "text", "content": "\n\nHuman: Hi\n\nAssistant:"}]}],
        "gen_ai.response.id": "c1",
        "gen_ai.response.model": "claude-2",
        FINISH: ["stop_sequence"],
        OUT: [{"role": "assistant", "parts": [{"type": "text", "content": " Hi!"}], "finish_reason": "stop"}],
        MISSING: True,
    }


def test_blocks_that_all_have_the_same_index() -> None:
    assert anthropic_messages.reduce
    events = [start(0, type="text", text="a"), delta(0, "text_delta", text="b"), start(0, type="text", text="c")]
    assert [block["text"] for block in anthropic_messages.reduce(events)["content"]] == ["ab", "c"]


def test_deltas_of_kinds_to_come() -> None:
    assert anthropic_messages.reduce
    events = [
        start(0, type="compaction", content=None),
        delta(0, "compaction_delta", content="so ", encrypted_content="x"),
        delta(0, "compaction_delta", content="far"),
        start(1, type="new"),
        delta(1, "new_delta", list=["a"], object={"b": 1}),
        delta(1, "new_delta", list=["c"], object={"d": 1}),
    ]
    assert anthropic_messages.reduce(events)["content"] == [
        {"type": "compaction", "content": "so far", "encrypted_content": "x"},
        {"type": "new", "list": ["a", "c"], "object": {"d": 1}},
    ]


def test_details_of_an_answer(read: Any) -> None:
    response = {
        "stop_reason": "refusal",
        "stop_sequence": None,
        "stop_details": {"type": "refusal", "category": "cyber"},
        "container": {"id": "k"},
        "context_management": {"applied_edits": []},
    }
    assert read(anthropic_messages, None, response) == {
        FINISH: ["refusal"],
        MISSING: True,
        "autotrace.response.details": {
            "stop_details": {"type": "refusal", "category": "cyber"},
            "container": {"id": "k"},
            "context_management": {"applied_edits": []},
        },
    }
