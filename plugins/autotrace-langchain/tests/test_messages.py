"""LangChain's messages in the conventions' words: every kind of message, block and answer, of any provider's package."""

from __future__ import annotations

from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, Generation, LLMResult

from autotrace._record import freezing
from autotrace_langchain.messages import langchain_messages, messages
from autotrace_langchain.operations import CHAT
from autotrace_langchain.payloads import answer_of, fields_of

HASH = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
"""Of the bytes `hello`."""

IMAGE = {"type": "uri", "modality": "image", "mime_type": "image/png", "uri": HASH, "size": 5}


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


ROWS: dict[str, tuple[Any, dict[str, Any]]] = {
    "human": (HumanMessage("Hi"), {"role": "user", "parts": [text("Hi")]}),
    "system": (SystemMessage("Be brief."), {"role": "system", "parts": [text("Be brief.")]}),
    "named": (HumanMessage("Hi", name="ada"), {"role": "user", "parts": [text("Hi")], "name": "ada"}),
    "of a role": (ChatMessage("Hi", role="developer"), {"role": "developer", "parts": [text("Hi")]}),
    "chunk": (AIMessageChunk("Hi"), {"role": "assistant", "parts": [text("Hi")]}),
    "tool": (
        ToolMessage("24", tool_call_id="c1", name="weather"),
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "24"}], "name": "weather"},
    ),
    "function": (
        FunctionMessage("24", name="weather"),
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": "24"}], "name": "weather"},
    ),
    "tool calls": (
        AIMessage("So:", tool_calls=[{"name": "w", "args": {"city": "Rome"}, "id": "c1"}]),
        {
            "role": "assistant",
            "parts": [text("So:"), {"type": "tool_call", "name": "w", "id": "c1", "arguments": {"city": "Rome"}}],
        },
    ),
    "tool calls as blocks too": (
        AIMessage(
            [{"type": "text", "text": "So:"}, {"type": "tool_use", "id": "c1", "name": "w", "input": {"city": "Rome"}}],
            tool_calls=[{"name": "w", "args": {"city": "Rome"}, "id": "c1"}],
        ),
        {
            "role": "assistant",
            "parts": [text("So:"), {"type": "tool_call", "name": "w", "id": "c1", "arguments": {"city": "Rome"}}],
        },
    ),
    "tool calls that do not parse": (
        AIMessage("", invalid_tool_calls=[{"name": "w", "args": '{"ci', "id": "c1", "error": "cut"}]),
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "w", "id": "c1", "arguments": '{"ci'}]},
    ),
    "thinking": (
        AIMessage([{"type": "thinking", "thinking": "Well …", "signature": "x"}, {"type": "text", "text": "Hi", "index": 1}]),
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Well …"}, text("Hi")]},
    ),
    "reasoning, standard": (
        AIMessage([{"type": "reasoning", "reasoning": "Well …"}]),
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Well …"}]},
    ),
    "reasoning beside": (
        AIMessage("Hi", additional_kwargs={"reasoning_content": "Well …"}),
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Well …"}, text("Hi")]},
    ),
    "finish reason": (
        AIMessage("Hi", response_metadata={"stop_reason": "end_turn"}),
        {"role": "assistant", "parts": [text("Hi")], "finish_reason": "stop"},
    ),
    "image, OpenAI's": (
        HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}]),
        {"role": "user", "parts": [IMAGE]},
    ),
    "image, standard": (
        HumanMessage([{"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"}]),
        {"role": "user", "parts": [IMAGE]},
    ),
    "image, standard before": (
        HumanMessage([{"type": "image", "source_type": "base64", "data": "aGVsbG8=", "mime_type": "image/png"}]),
        {"role": "user", "parts": [IMAGE]},
    ),
    "image by URL": (
        HumanMessage([{"type": "image", "url": "https://example.com/cat.png"}]),
        {"role": "user", "parts": [{"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"}]},
    ),
    "file by id": (
        HumanMessage([{"type": "file", "file_id": "f1"}]),
        {"role": "user", "parts": [{"type": "file", "modality": "document", "file_id": "f1"}]},
    ),
    "hidden reasoning": (
        AIMessage(
            [
                {"type": "redacted_thinking", "data": "aGVsbG8="},
                {"type": "non_standard", "value": {"type": "redacted_thinking", "data": "aGVsbG8="}},
                {"type": "thinking", "thinking": "", "signature": "aGVsbG8="},
                {"type": "reasoning", "reasoning": "", "extras": {"signature": "aGVsbG8="}},
                {"type": "reasoning", "id": "r1", "summary": [], "encrypted_content": "aGVsbG8="},
            ]
        ),
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "", "encrypted": {"uri": HASH, "size": 5}}] * 5,
        },
    ),
    "audio": (
        HumanMessage([{"type": "audio", "base64": "aGVsbG8=", "mime_type": "audio/wav"}]),
        {"role": "user", "parts": [{**IMAGE, "modality": "audio", "mime_type": "audio/wav"}]},
    ),
}


def frozen(value: Any) -> Any:
    return freezing.thaw(freezing.freeze(value))


@pytest.mark.parametrize("row", ROWS)
def test_a_message(row: str) -> None:
    given, expected = ROWS[row]
    assert messages(frozen([fields_of(given)])) == [expected]


def test_messages_in_other_forms() -> None:
    given = ["Hi", ("system", "Be brief."), {"role": "assistant", "content": "Hello"}, 7]
    assert messages(frozen(given)) == [
        {"role": "user", "parts": [text("Hi")]},
        {"role": "system", "parts": [text("Be brief.")]},
        {"role": "assistant", "parts": [text("Hello")]},
        {"role": "user", "parts": [{"type": "unknown", "content": 7}]},
    ]


def read(result: LLMResult) -> dict[str, Any]:
    """What is read of an answer, by attribute."""
    answer = frozen(answer_of(result))
    return {field.attribute: value for field, getter in CHAT.response if (value := getter(answer)) is not None}


USAGE = {
    "input_tokens": 9,
    "output_tokens": 5,
    "total_tokens": 14,
    "input_token_details": {"cache_read": 4, "cache_creation": 2, "audio": 1},
    "output_token_details": {"reasoning": 3},
}


def answer(message: Any, llm_output: Any = None, **info: Any) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=message, generation_info=info or None)]], llm_output=llm_output)


def test_an_answer_in_full() -> None:
    said = AIMessage(
        "Hi",
        id="lc_run--1",
        usage_metadata=USAGE,  # type: ignore[arg-type]
        response_metadata={"id": "chatcmpl-1", "model_name": "gpt-4o-2", "finish_reason": "tool_calls"},
    )
    found = read(answer(said))
    assert found.pop("gen_ai.output.messages") == [{"role": "assistant", "parts": [text("Hi")], "finish_reason": "tool_call"}]
    assert found == {
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-2",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 2,
        "gen_ai.usage.audio.input_tokens": 1,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "autotrace.usage.raw": USAGE,
    }


def test_an_answer_of_a_completion_model() -> None:
    usage = {"token_usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    found = read(
        LLMResult(generations=[[Generation(text="Hi", generation_info={"finish_reason": "length"})]], llm_output=usage)
    )
    assert found["gen_ai.usage.input_tokens"] == 3
    assert found["gen_ai.usage.output_tokens"] == 2
    assert found["gen_ai.response.finish_reasons"] == ["length"]
    assert found["gen_ai.output.messages"][0]["parts"] == [text("Hi")]


def test_an_answer_that_says_nothing_of_itself() -> None:
    found = read(answer(AIMessage("Hi", id="run-1")))
    assert found == {
        "gen_ai.output.messages": [{"role": "assistant", "parts": [text("Hi")]}],
        "autotrace.usage.missing": True,
    }
    assert answer_of(LLMResult(generations=[])) is None
    assert answer_of(answer(AIMessage("", response_metadata={"status_code": 429}))) is None


def test_several_choices() -> None:
    result = LLMResult(
        generations=[[ChatGeneration(message=AIMessage(one), generation_info={"finish_reason": "stop"}) for one in "ab"]]
    )
    found = read(result)
    assert [message["parts"] for message in found["gen_ai.output.messages"]] == [[text("a")], [text("b")]]
    assert found["gen_ai.response.finish_reasons"] == ["stop", "stop"]


PART = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
MESSAGE = {
    "type": "object",
    "required": ["role", "parts"],
    "properties": {"role": {"type": "string"}, "parts": {"type": "array", "items": PART}},
}
KEY = st.sampled_from(["type", "text", "id", "url", "base64", "data", "tool_calls", "args", "reasoning", "mime_type"])
LEAF = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.sampled_from(["image", "file", "text"])
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=4), max_leaves=12)
FIELD = st.sampled_from(
    "type role content id name tool_calls invalid_tool_calls additional_kwargs response_metadata usage_metadata".split()
)


@given(st.dictionaries(FIELD, JSON, max_size=6))
def test_any_json_is_read_without_a_failure(wire: dict[str, Any]) -> None:
    for message in messages([wire]):
        jsonschema.validate(message, MESSAGE)
    for body in ({"messages": [wire], "llm_output": wire}, {"messages": wire, "params": wire, "defaults": wire}):
        for mapping in (langchain_messages.request, langchain_messages.response, langchain_messages.usage):
            for where in mapping.values():
                if callable(where):
                    assert isinstance(msgspec.json.encode(where(body)), bytes)
