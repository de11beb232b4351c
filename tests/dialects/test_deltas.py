"""However a provider cuts its deltas, the stream adds up to the same response; a cut stream to the beginning of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrace._declaration.operation import Dialect, Operation
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.bedrock_converse import bedrock_converse
from autotrace.dialects.ollama import ollama_chat
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_responses import openai_responses

Chunks = list[dict[str, Any]]


class Api(NamedTuple):
    """One API: a stream that says a text and calls a tool, given the pieces of both."""

    dialect: Dialect
    stream: Callable[[list[str], list[str]], Chunks]


def chat(texts: list[str], arguments: list[str]) -> Chunks:
    def delta(**fields: Any) -> dict[str, Any]:
        return {"id": "c1", "choices": [{"index": 0, "delta": fields, "finish_reason": None}]}

    call = {"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}
    return [
        {"id": "", "model": "", "choices": [], "prompt_filter_results": []},
        delta(role="assistant", content=""),
        *(delta(content=text) for text in texts),
        delta(tool_calls=[call]),
        *(delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}]) for piece in arguments),
        {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"id": "c1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}},
    ]


def responses(texts: list[str], arguments: list[str]) -> Chunks:
    text = {"output_index": 0, "content_index": 0}
    return [
        {"type": "response.created", "response": {"id": "r1", "model": "m", "status": "in_progress", "output": []}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "message", "role": "assistant", "content": []},
        },
        *({"type": "response.output_text.delta", **text, "delta": piece} for piece in texts),
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {"type": "function_call", "call_id": "t1", "name": "f", "arguments": ""},
        },
        *({"type": "response.function_call_arguments.delta", "output_index": 1, "delta": piece} for piece in arguments),
    ]


def messages(texts: list[str], arguments: list[str]) -> Chunks:
    tool = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    return [
        {"type": "message_start", "message": {"id": "m1", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": tool},
        *(
            {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": piece}}
            for piece in arguments
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def ollama(texts: list[str], arguments: list[str]) -> Chunks:
    call = {"function": {"name": "f", "arguments": json.loads("".join(arguments))}}
    return [
        *({"model": "m", "message": {"role": "assistant", "content": piece}, "done": False} for piece in texts),
        {"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": 0},
    ]


def converse(texts: list[str], arguments: list[str]) -> Chunks:
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


APIS = [
    Api(bedrock_converse, converse),
    Api(openai_chat, chat),
    Api(openai_responses, responses),
    Api(anthropic_messages, messages),
    Api(ollama_chat, ollama),
]
each = pytest.mark.parametrize("api", APIS, ids=lambda api: api.dialect.name)
relaxed = settings(deadline=None)
tool_input = st.dictionaries(st.text(max_size=5), st.text(max_size=10) | st.integers(-9, 9) | st.booleans(), max_size=4)


@st.composite
def cut(draw: st.DrawFn, whole: str) -> list[str]:
    """`whole` in pieces, some of them empty."""
    ends = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[start:end] for start, end in zip([0, *ends], [*ends, len(whole)], strict=True)]


def output(api: Api, response: Any) -> list[dict[str, Any]]:
    readings = Operation("chat", dialect=api.dialect).response
    found = next(getter(response) for field, getter in readings if field.attribute == "gen_ai.output.messages")
    return [part for message in found or () for part in message["parts"]]


@each
@given(data=st.data(), text=st.text(), arguments=tool_input)
@relaxed
def test_the_cuts_do_not_matter(api: Api, data: st.DataObject, text: str, arguments: dict[str, Any]) -> None:
    json_text = json.dumps(arguments)
    assert api.dialect.reduce
    in_pieces = api.dialect.reduce(api.stream(data.draw(cut(text)), data.draw(cut(json_text))))
    assert in_pieces == api.dialect.reduce(api.stream([text], [json_text]))
    said = [{"type": "text", "content": text}] if text else []
    called = {"type": "tool_call", "name": "f", "arguments": arguments}
    if api.dialect is not ollama_chat:
        called["id"] = "t1"
    assert [part for part in output(api, in_pieces) if part != {"type": "text", "content": ""}] == [*said, called]


@each
@given(data=st.data(), text=st.text(), arguments=tool_input)
@relaxed
def test_a_prefix_of_the_stream_is_a_prefix_of_the_text(
    api: Api, data: st.DataObject, text: str, arguments: dict[str, Any]
) -> None:
    chunks = api.stream(data.draw(cut(text)), data.draw(cut(json.dumps(arguments))))
    end = data.draw(st.integers(0, len(chunks)))
    assert api.dialect.reduce
    found = output(api, api.dialect.reduce(chunks[:end]))
    assert text.startswith("".join(part["content"] for part in found if part["type"] == "text"))
    for part in found:
        if part["type"] == "tool_call":
            cut_short = part["arguments"]
            assert cut_short == arguments or cut_short == {} or json.dumps(arguments).startswith(cut_short)
