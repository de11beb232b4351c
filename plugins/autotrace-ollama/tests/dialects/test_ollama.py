"""Ollama's dialects: exactly what they read from which wire JSON."""

from __future__ import annotations

from typing import Any

import pytest

from autotrace_ollama.dialects import failure, ollama_chat, ollama_embed, ollama_generate, outcome

DIGEST = {"uri": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5}
IMAGE = {"type": "uri", "modality": "image", **DIGEST}
IN, OUT, FINISH = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.finish_reasons"


@pytest.mark.parametrize(
    ("wire", "want"),
    [
        ({"role": "system", "content": "Be brief."}, {"parts": [{"type": "text", "content": "Be brief."}]}),
        (
            {"role": "user", "content": "See", "images": ["aGVsbG8=", b"hello"]},
            {"parts": [{"type": "text", "content": "See"}, IMAGE, IMAGE]},
        ),
        (
            {
                "role": "assistant",
                "content": "",
                "thinking": "Hm",
                "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
            },
            {"parts": [{"type": "reasoning", "content": "Hm"}, {"type": "tool_call", "name": "f", "arguments": {"a": 1}}]},
        ),
        (
            {"role": "tool", "tool_name": "f", "content": "42"},
            {"name": "f", "parts": [{"type": "tool_call_response", "response": "42"}]},
        ),
    ],
)
def test_chat_messages(read: Any, wire: Any, want: Any) -> None:
    assert read(ollama_chat, {"messages": [wire]}) == {IN: [{"role": wire["role"], **want}]}


def test_chat_request(read: Any) -> None:
    options = {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "num_predict": 9, "seed": 1, "stop": ["END"], "num_ctx": 7}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    request = {"model": "m", "stream": True, "options": options, "format": {"type": "object"}, "think": "high", "tools": tools}
    assert read(ollama_chat, request) == {
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 1,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.stream": True,
        "gen_ai.request.reasoning.level": "high",
        "gen_ai.output.type": "json",
        "autotrace.request.output_schema": {"type": "object"},
        "autotrace.request.parameters": {"num_ctx": 7},
        "gen_ai.tool.definitions": [{"type": "function", "name": "f", "parameters": {}}],
    }
    assert read(ollama_chat, {"options": {"num_predict": -1}, "stream": False, "format": "", "think": True}) == {
        "autotrace.request.parameters": {"think": True}
    }


def test_chat_stream(read: Any) -> None:
    assert ollama_chat.reduce
    chunks = [
        {"model": "m", "message": {"role": "assistant", "thinking": "H"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "thinking": "m"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}},
        {"model": "m", "message": {"role": "assistant", "tool_calls": [{"function": {"name": "g", "arguments": {}}}]}},
        {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": 0},
    ]
    calls = [{"type": "tool_call", "name": name, "arguments": {}} for name in "fg"]
    said = [{"type": "reasoning", "content": "Hm"}, {"type": "text", "content": "Hi"}, *calls]
    assert read(ollama_chat, None, ollama_chat.reduce(chunks)) == {
        "gen_ai.response.model": "m",
        FINISH: ["stop"],
        OUT: [{"role": "assistant", "parts": said, "finish_reason": "stop"}],
        "gen_ai.usage.output_tokens": 0,
        "autotrace.usage.raw": {"eval_count": 0},
    }


def test_generate(read: Any) -> None:
    assert ollama_generate.reduce
    chunks = [{"model": "m", "response": "a"}, {"model": "m", "response": "b", "done_reason": "length", "prompt_eval_count": 3}]
    request = {"model": "m", "system": "Be brief.", "prompt": "Hi", "images": ["aGVsbG8="], "context": [1]}
    assert read(ollama_generate, request, ollama_generate.reduce(chunks)) == {
        "gen_ai.request.model": "m",
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        IN: [{"role": "user", "parts": [{"type": "text", "content": "Hi"}, IMAGE]}],
        "gen_ai.response.model": "m",
        FINISH: ["length"],
        OUT: [{"role": "assistant", "parts": [{"type": "text", "content": "ab"}], "finish_reason": "length"}],
        "gen_ai.usage.input_tokens": 3,
        "autotrace.usage.raw": {"prompt_eval_count": 3},
    }


@pytest.mark.parametrize(
    ("request_body", "texts"),
    [({"input": ["a", "b"]}, ["a", "b"]), ({"input": "a"}, ["a"]), ({"prompt": "a"}, ["a"])],
)
def test_embed(read: Any, request_body: Any, texts: Any) -> None:
    found = read(ollama_embed, request_body, {"model": "m", "embeddings": [[0.1]], "prompt_eval_count": 2})
    assert found == {
        IN: [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in texts],
        "gen_ai.response.model": "m",
        "gen_ai.usage.input_tokens": 2,
        "autotrace.usage.raw": {"prompt_eval_count": 2},
    }


STOPPED = {"code": None, "message": "stopped"}


@pytest.mark.parametrize(
    ("response", "want"),
    [({"error": "stopped"}, STOPPED), ({"message": {"content": "a"}}, None)],
)
def test_failure(response: Any, want: Any) -> None:
    assert failure(response) == want


def test_failure_inside_a_stream() -> None:
    assert ollama_chat.reduce
    assert failure(ollama_chat.reduce([{"message": {"content": "a"}}, {"error": "stopped"}])) == STOPPED


@pytest.mark.parametrize(("response", "want"), [({"done_reason": "length"}, "truncated"), ({"done_reason": "stop"}, None)])
def test_outcome(response: Any, want: Any) -> None:
    assert outcome(response) == want


def usage(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if "usage" in name and name != "autotrace.usage.raw"}


@pytest.mark.parametrize(
    ("body", "want"),
    [
        ({"eval_count": 3}, {"gen_ai.usage.output_tokens": 3}),
        ({"total_duration": 3}, {"autotrace.usage.missing": True}),
        (
            ollama_chat.reduce([{"message": {"content": "a"}}, {"done": True, "prompt_eval_count": 1, "eval_count": 2}]),
            {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 2},
        ),
    ],
)
def test_ledger(read: Any, body: Any, want: Any) -> None:
    assert usage(read(ollama_chat, None, body)) == want
