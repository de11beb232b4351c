"""What all dialects say in one form: hidden reasoning, the names of tools, finish reasons, documents with scores."""

from __future__ import annotations

from typing import Any

import pytest

from autotrace.dialects import parts
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_completions import openai_completions
from autotrace.dialects.openai_responses import openai_responses
from autotrace.dialects.rerank import rerank

OUT, TOOLS, SYSTEM = "gen_ai.output.messages", "gen_ai.tool.definitions", "gen_ai.system_instructions"
CIPHER = "aGVsbG8="
HIDDEN = {
    "type": "reasoning",
    "content": "",
    "encrypted": {"uri": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5},
}
"""Hidden reasoning whose encrypted form is the bytes `hello`."""


def chat(**message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes", **message}}]}


def thinking(*events: dict[str, Any]) -> list[dict[str, Any]]:
    text = {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "Yes"}}
    return [{"type": "message_start", "message": {"role": "assistant", "content": []}}, *events, text]


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [
        (openai_responses, {"output": [{"type": "reasoning", "summary": [], "encrypted_content": CIPHER}]}),
        (anthropic_messages, {"content": [{"type": "redacted_thinking", "data": CIPHER}]}),
        (anthropic_messages, {"content": [{"type": "thinking", "thinking": "", "signature": CIPHER}]}),
        (
            anthropic_messages,
            thinking(
                {"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": CIPHER}}
            ),
        ),
        (
            anthropic_messages,
            thinking(
                {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": CIPHER[:3]}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": CIPHER[3:]}},
            ),
        ),
        (openai_chat, chat(reasoning_details=[{"type": "reasoning.encrypted", "data": CIPHER, "id": "r1"}])),
        (openai_chat, chat(content=[{"type": "redacted_thinking", "data": CIPHER}])),
        (
            openai_chat,
            chat(
                content=None,
                tool_calls=[
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                        "extra_content": {"google": {"thought_signature": CIPHER}},
                    }
                ],
            ),
        ),
    ],
)
def test_hidden_reasoning(read: Any, dialect: Any, answer: Any) -> None:
    found = read(dialect, None, dialect.reduce(answer) if isinstance(answer, list) else answer)
    assert found[OUT][0]["parts"][0] == HIDDEN
    assert CIPHER not in str(found)


def test_shown_reasoning_keeps_its_text_beside_its_encrypted_form(read: Any) -> None:
    summary = [{"type": "summary_text", "text": "Hm."}]
    found = read(openai_responses, None, {"output": [{"type": "reasoning", "summary": summary, "encrypted_content": CIPHER}]})
    assert found[OUT][0]["parts"] == [{**HIDDEN, "content": "Hm."}]
    details = [{"type": "reasoning.text", "text": "Hm."}, {"type": "reasoning.encrypted", "data": CIPHER}]
    [message] = read(openai_chat, None, chat(reasoning="Hm.", reasoning_details=details))[OUT]
    assert message["parts"][:2] == [{"type": "reasoning", "content": "Hm."}, HIDDEN]
    assert message["reasoning_details"] == details[:1]


@pytest.mark.parametrize(
    ("dialect", "tool", "name"),
    [
        (openai_chat, {"type": "function", "function": {"name": "f"}}, "f"),
        (openai_chat, {"type": "web_search"}, "web_search"),
        (openai_chat, {"type": "function", "function": {"name": None}}, "function"),
        (openai_chat, "f", "unknown"),
        (openai_responses, {"type": "code_interpreter", "container": "c"}, "code_interpreter"),
        (openai_responses, {"type": "mcp", "server_label": "dice"}, "dice"),
        (anthropic_messages, {"name": "f", "input_schema": {}}, "f"),
        (anthropic_messages, {"type": "mcp_toolset", "mcp_server_name": "dice"}, "dice"),
        (anthropic_messages, {"type": "memory_20250818", "name": ""}, "memory_20250818"),
    ],
)
def test_a_tool_has_a_name(read: Any, dialect: Any, tool: Any, name: str) -> None:
    [definition] = read(dialect, {"tools": [tool]})[TOOLS]
    assert definition["name"] == name


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("guardrail_intervened", "content_filter"),
        ("STOP_SEQUENCE", "stop"),
        ("endoftext", "stop"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("STOP_CRITERIA_MET", "stop"),
        ("TOOL_CALL", "tool_call"),
        ("ERROR_TOXIC", "content_filter"),
        ("model_length", "length"),
        ("another", "another"),
    ],
)
def test_finish_reasons_have_the_conventions_words(reason: str, word: str) -> None:
    assert parts.finish(reason) == word


def closing(*choices: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"choices": [choice]} for choice in choices]


@pytest.mark.parametrize(
    ("chunks", "reasons"),
    [
        (closing({"index": 0, "delta": {"content": "a"}}, {"delta": {}, "finish_reason": "stop"}), ["stop"]),
        (closing({"index": 1, "delta": {"content": "a"}}, {"delta": {}, "finish_reason": "stop"}), ["stop"]),
        (
            closing(
                {"index": 0, "delta": {"content": "a"}, "finish_reason": "length"},
                {"index": 1, "delta": {"content": "b"}},
                {"index": None, "delta": {}, "finish_reason": "stop"},
            ),
            ["length", "stop"],
        ),
        ([{"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}], [None, None]),
    ],
)
def test_a_closing_chunk_without_an_index_ends_the_choice_before(chunks: Any, reasons: Any) -> None:
    for dialect in (openai_chat, openai_completions):
        whole: Any = dialect.reduce
        assert [choice["finish_reason"] for choice in whole(chunks)["choices"]] == reasons


def test_the_text_of_a_stored_prompt_is_read_from_the_answer(read: Any) -> None:
    asked = {"model": "m", "prompt": {"id": "p1", "variables": {"city": "Rome"}}}
    developer = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief on Rome."}]}
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Begin."}]}
    for answer in ({"instructions": [developer, user]}, openai_responses.reduce):
        if callable(answer):
            answer = answer([{"type": "response.created", "response": {"instructions": [developer, user]}}])
        assert read(openai_responses, asked, answer)[SYSTEM] == [
            {"type": "text", "content": "Be brief on Rome."},
            {"role": "user", "type": "text", "content": "Begin."},
        ]
    assert read(openai_responses, asked, {"instructions": "Be brief."})[SYSTEM] == [{"type": "text", "content": "Be brief."}]
    asked = {"model": "m", "instructions": "Be kind."}
    assert read(openai_responses, asked, {"instructions": None})[SYSTEM] == [{"type": "text", "content": "Be kind."}]


def test_a_rerank_has_query_documents_and_scores(read: Any) -> None:
    asked = {"model": "m", "query": "Rome?", "documents": ["A city.", {"text": "A river."}], "top_n": 2}
    answer = {
        "id": "r1",
        "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "A river."}}, {"index": 0, "relevance_score": 0}],
        "usage": {"total_tokens": 4},
    }
    found = read(rerank, asked, answer)
    assert found["gen_ai.retrieval.query.text"] == "Rome?"
    assert found["autotrace.request.documents"] == ["A city.", {"text": "A river."}]
    assert found["gen_ai.retrieval.top_k"] == 2
    assert found["gen_ai.retrieval.documents"] == [
        {"index": 1, "score": 0.9, "content": {"text": "A river."}},
        {"index": 0, "score": 0},
    ]
    assert (found["gen_ai.response.id"], found["gen_ai.usage.input_tokens"]) == ("r1", 4)
