"""OpenAI's dialects: exactly what they read from which wire JSON."""

from __future__ import annotations

from typing import Any

import pytest

from autotrace.dialects.openai_chat import _input_messages as input_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_completions import openai_completions
from autotrace.dialects.openai_embeddings import openai_embeddings
from autotrace.dialects.openai_responses import _input_messages as items
from autotrace.dialects.openai_responses import openai_responses

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
BASE64 = "aGVsbG8="
DIGEST = {"uri": HELLO, "size": 5}
IN, OUT, FINISH = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.finish_reasons"
RAW_FINISH, MISSING = "autotrace.response.finish_reasons", "autotrace.usage.missing"


@pytest.mark.parametrize(
    ("wire", "want"),
    [
        ({"role": "developer", "content": "Be brief."}, ("developer", [{"type": "text", "content": "Be brief."}])),
        ({"role": "user", "content": [{"type": "text", "text": "Hi"}]}, ("user", [{"type": "text", "content": "Hi"}])),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}]},
            ("user", [{"type": "uri", "modality": "image", "uri": "https://x/y.png", "detail": "low"}]),
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + BASE64}}]},
            ("user", [{"type": "uri", "modality": "image", "mime_type": "image/png", **DIGEST}]),
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}}]},
            ("user", [{"type": "uri", "modality": "audio", "mime_type": "audio/wav", **DIGEST}]),
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
            ("user", [{"type": "file", "modality": "document", "file_id": "file-1"}]),
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"filename": "a.txt", "file_data": BASE64}}]},
            ("user", [{"type": "uri", "modality": "document", **DIGEST, "filename": "a.txt"}]),
        ),
        ({"role": "user", "content": [{"type": "hologram", "x": 1}]}, ("user", [{"type": "hologram", "x": 1}])),
        ({"role": "user", "content": 7}, ("user", [{"type": "unknown", "content": 7}])),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            ("assistant", [{"type": "refusal", "content": "No."}]),
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
            },
            ("assistant", [{"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}}]),
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "t2", "type": "custom", "custom": {"name": "g", "input": "1"}}]},
            ("assistant", [{"type": "tool_call", "id": "t2", "name": "g", "arguments": "1"}]),
        ),
        (
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{"}},
            ("assistant", [{"type": "tool_call", "name": "f", "arguments": "{"}]),
        ),
        (
            {"role": "assistant", "reasoning_content": "Hm.", "reasoning": "Hm.", "content": "Yes."},
            ("assistant", [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "Yes."}]),
        ),
        (
            {"role": "assistant", "audio": {"id": "a1"}},
            ("assistant", [{"type": "file", "modality": "audio", "file_id": "a1"}]),
        ),
        (
            {"role": "tool", "tool_call_id": "t1", "content": "42"},
            ("tool", [{"type": "tool_call_response", "id": "t1", "response": "42"}]),
        ),
        (
            {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "42"}]},
            ("tool", [{"type": "tool_call_response", "id": "t1", "response": [{"type": "text", "content": "42"}]}]),
        ),
    ],
)
def test_chat_input(wire: Any, want: Any) -> None:
    role, parts = want
    assert input_messages([wire]) == [{"role": role, "parts": parts}]


def test_chat_request(read: Any) -> None:
    found = read(
        openai_chat,
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "name": "ann", "content": "Hi"}],
            "max_tokens": 5,
            "temperature": 0,
            "stop": "END",
            "n": 2,
            "stream": True,
            "seed": 7,
            "service_tier": "flex",
            "reasoning_effort": "low",
            "response_format": {"type": "json_schema", "json_schema": {}},
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
            "functions": [{"name": "g"}],
        },
    )
    assert found == {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 5,
        "gen_ai.request.temperature": 0,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stream": True,
        "gen_ai.request.seed": 7,
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
        "openai.request.service_tier": "flex",
        "openai.api.type": "chat_completions",
        IN: [{"role": "user", "parts": [{"type": "text", "content": "Hi"}], "name": "ann"}],
        "gen_ai.tool.definitions": [
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}},
            {"type": "function", "name": "g"},
        ],
    }


def test_what_was_not_asked_for_is_absent(read: Any) -> None:
    request = {"model": "m", "messages": [], "n": 1, "stream": False, "service_tier": "auto", "stop": None, "tools": []}
    assert read(openai_chat, request) == {"gen_ai.request.model": "m", "openai.api.type": "chat_completions"}


@pytest.mark.parametrize(
    ("request_body", "want"),
    [
        ({"response_format": {"type": "text"}}, "text"),
        ({"response_format": {"type": "json_object"}}, "json"),
        ({"modalities": ["text", "audio"]}, "speech"),
        ({"modalities": ["text"]}, None),
        ({}, None),
    ],
)
def test_chat_output_type(read: Any, request_body: Any, want: Any) -> None:
    assert read(openai_chat, request_body).get("gen_ai.output.type") == want


def test_chat_response(read: Any) -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 1, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    cited = [{"type": "url_citation", "url_citation": {"url": "https://x"}}]
    audio = {"id": "a1", "data": BASE64, "transcript": "hello"}
    found = read(
        openai_chat,
        None,
        {
            "id": "c1",
            "model": "gpt-4o-2024",
            "system_fingerprint": "fp",
            "service_tier": "default",
            "choices": [
                {"index": 1, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "audio": audio}},
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi", "annotations": cited}},
            ],
            "usage": usage,
        },
    )
    spoken = {"type": "uri", "modality": "audio", **DIGEST, "id": "a1", "transcript": "hello"}
    text = {"type": "text", "content": "Hi", "annotations": cited}
    assert found == {
        "openai.api.type": "chat_completions",
        "gen_ai.response.id": "c1",
        "gen_ai.response.model": "gpt-4o-2024",
        FINISH: ["stop", "tool_calls"],
        OUT: [
            {"role": "assistant", "parts": [text], "finish_reason": "stop"},
            {"role": "assistant", "parts": [spoken], "finish_reason": "tool_call"},
        ],
        "openai.response.system_fingerprint": "fp",
        "openai.response.service_tier": "default",
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_write.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "gen_ai.usage.audio.input_tokens": 1,
        "autotrace.usage.raw": usage,
    }


@pytest.mark.parametrize(
    ("usage", "field", "want"),
    [
        ({"prompt_tokens": 5, "prompt_cache_hit_tokens": 4}, "cache_read.input_tokens", 4),
        ({"prompt_tokens": 5, "cached_tokens": 3}, "cache_read.input_tokens", 3),
        ({"prompt_tokens": 5}, "cache_read.input_tokens", None),
        ({"prompt_tokens": 5}, "output_tokens", None),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 10}
            | {"completion_tokens_details": {"reasoning_tokens": 3}},
            "output_tokens",
            5,  # xAI: reasoning apart
        ),
    ],
)
def test_other_servers_usage(read: Any, usage: Any, field: str, want: Any) -> None:
    assert read(openai_chat, None, {"usage": usage}).get("gen_ai.usage." + field) == want


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def call(**fields: Any) -> dict[str, Any]:
    return chunk(tool_calls=[fields])


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([chunk(role="assistant", content=""), chunk(content="a"), chunk(content="b")], {"content": "ab"}),
        ([chunk(refusal="N"), chunk(refusal="o")], {"content": None, "refusal": "No"}),
        ([chunk(reasoning="H"), chunk(reasoning="m"), chunk(content="!")], {"content": "!", "reasoning": "Hm"}),
        (
            [chunk(function_call={"name": "f", "arguments": ""}), chunk(function_call={"arguments": "{}"})],
            {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
        ),
        (
            [
                call(index=1, id="t2", type="function", function={"name": "g", "arguments": "{"}),
                call(index=0, id="t1", type="custom", custom={"name": "f", "input": "x"}),
                call(index=1, function={"arguments": "}"}),
                call(index=0, custom={"input": "y"}),
            ],
            {
                "content": None,
                "tool_calls": [
                    {"id": "t1", "type": "custom", "custom": {"name": "f", "input": "xy"}},
                    {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                ],
            },
        ),
        (  # Gemini's compatible API: whole calls, all with index 0
            [call(index=0, id="t1", function={"name": "f"}), call(index=0, id="t2", function={"name": "f"})],
            {
                "content": None,
                "tool_calls": [{"id": "t1", "function": {"name": "f"}}, {"id": "t2", "function": {"name": "f"}}],
            },
        ),
        (
            [
                chunk(audio={"id": "a1", "transcript": "he"}),
                chunk(audio={"data": "aGU="}),
                chunk(audio={"data": "bGxv", "transcript": "llo"}),
            ],
            {"content": None, "audio": {"id": "a1", "transcript": "hello", "data": b"hello"}},
        ),
        (  # Mistral: content in typed parts
            [
                chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "H"}]}]),
                chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]),
                chunk(content="Y"),
                chunk(content="es"),
            ],
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                    {"type": "text", "text": "Yes"},
                ]
            },
        ),
    ],
)
def test_chat_chunks(chunks: Any, message: Any) -> None:
    assert openai_chat.reduce
    [choice] = openai_chat.reduce(chunks)["choices"]
    assert choice == {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": None}


def test_chat_stream_of_several_choices_and_usage() -> None:
    assert openai_chat.reduce
    azure = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{}]}
    last = {"id": "c1", "choices": [], "usage": {"prompt_tokens": 0}, "service_tier": "default", "system_fingerprint": "fp"}
    chunks = [azure, chunk(1, content="b"), chunk(0, content="a"), chunk(0, "stop"), chunk(1, "length"), last, {"usage": None}]
    assert openai_chat.reduce(chunks) == {
        "id": "c1",
        "model": "m",
        "service_tier": "default",
        "system_fingerprint": "fp",
        "usage": {"prompt_tokens": 0},
        "prompt_filter_results": [{}],
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": "b"}, "finish_reason": "length"},
        ],
    }


def test_groq_has_its_usage_elsewhere() -> None:
    assert openai_chat.reduce
    assert openai_chat.reduce([{"x_groq": {"usage": {"prompt_tokens": 2}}, "choices": []}])["usage"] == {"prompt_tokens": 2}


def test_text_completions(read: Any) -> None:
    assert openai_completions.reduce
    chunks = [
        {"id": "c1", "choices": [{"index": 0, "text": text, "finish_reason": end}]}
        for text, end in (("a", None), ("b", "stop"))
    ]
    found = read(openai_completions, {"model": "m", "prompt": ["x", "y"]}, openai_completions.reduce(chunks))
    assert found == {
        "gen_ai.request.model": "m",
        IN: [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in "xy"],
        "gen_ai.response.id": "c1",
        FINISH: ["stop"],
        OUT: [{"role": "assistant", "parts": [{"type": "text", "content": "ab"}], "finish_reason": "stop"}],
        MISSING: True,
    }


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({"prompt": [[1, 2], "x"]}, [[{"type": "token_ids", "content": [1, 2]}], [{"type": "text", "content": "x"}]]),
        ({"prompt": [1, 2]}, [[{"type": "token_ids", "content": [1, 2]}]]),
        (
            {"prompt": "a", "suffix": "c", "best_of": 2},
            [[{"type": "text", "content": "a"}, {"type": "suffix", "content": "c"}]],
        ),
    ],
)
def test_prompts_of_text_completions(read: Any, body: Any, parts: Any) -> None:
    found = read(openai_completions, body)
    assert [message["parts"] for message in found[IN]] == parts
    assert found.get("autotrace.request.parameters") == ({"best_of": 2} if "best_of" in body else None)


def test_embeddings(read: Any) -> None:
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    request = {"model": "m", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"}
    assert read(openai_embeddings, request, {"model": "m-1", "usage": usage, "data": [{"embedding": [0.1]}]}) == {
        "gen_ai.request.model": "m",
        "gen_ai.embeddings.dimension.count": 8,
        IN: [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in "ab"],
        "gen_ai.response.model": "m-1",
        "gen_ai.usage.input_tokens": 3,
        "autotrace.usage.raw": usage,
    }


@pytest.mark.parametrize(
    ("item", "role", "parts"),
    [
        ({"role": "user", "content": "Hi"}, "user", [{"type": "text", "content": "Hi"}]),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:image/png;base64," + BASE64}],
            },
            "user",
            [{"type": "uri", "modality": "image", "mime_type": "image/png", **DIGEST}],
        ),
        (
            {"role": "user", "content": [{"type": "input_file", "file_url": "https://x/y.pdf"}]},
            "user",
            [{"type": "uri", "modality": "document", "uri": "https://x/y.pdf"}],
        ),
        (
            {"type": "function_call", "call_id": "t1", "id": "fc_1", "name": "f", "arguments": "{}"},
            "assistant",
            [{"type": "tool_call", "id": "t1", "name": "f", "arguments": {}}],
        ),
        (
            {"type": "custom_tool_call", "call_id": "t1", "name": "f", "input": "1"},
            "assistant",
            [{"type": "tool_call", "id": "t1", "name": "f", "arguments": "1"}],
        ),
        (
            {"type": "function_call_output", "call_id": "t1", "output": "42"},
            "tool",
            [{"type": "tool_call_response", "id": "t1", "response": "42"}],
        ),
        (
            {"type": "function_call_output", "call_id": "t1", "output": [{"type": "input_text", "text": "42"}]},
            "tool",
            [{"type": "tool_call_response", "id": "t1", "response": [{"type": "text", "content": "42"}]}],
        ),
        (
            {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "Hm."}]},
            "assistant",
            [{"type": "reasoning", "content": "Hm."}],
        ),
        ({"type": "reasoning", "id": "r1", "summary": []}, "assistant", [{"type": "reasoning", "content": "", "id": "r1"}]),
        ({"type": "item_reference", "id": "m1"}, "assistant", [{"type": "item_reference", "id": "m1"}]),
        (
            {"type": "computer_call", "call_id": "t1", "action": {"type": "click"}},
            "assistant",
            [{"type": "tool_call", "id": "t1", "name": "computer", "arguments": {"type": "click"}}],
        ),
        (
            {"type": "web_search_call", "id": "w1", "status": "completed", "action": {"query": "q"}},
            "assistant",
            [
                {
                    "type": "server_tool_call",
                    "id": "w1",
                    "name": "web_search",
                    "server_tool_call": {"type": "web_search_call", "status": "completed", "action": {"query": "q"}},
                }
            ],
        ),
        (
            {"type": "image_generation_call", "id": "i1", "result": BASE64, "output_format": "png"},
            "assistant",
            [
                {
                    "type": "server_tool_call",
                    "id": "i1",
                    "name": "image_generation",
                    "server_tool_call": {
                        "type": "image_generation_call",
                        "output_format": "png",
                        "result": {"type": "uri", "modality": "image", "mime_type": "image/png", **DIGEST},
                    },
                }
            ],
        ),
    ],
)
def test_response_items(item: Any, role: str, parts: Any) -> None:
    assert items([item]) == [{"role": role, "parts": parts}]


def test_responses_request(read: Any) -> None:
    tool = {"type": "mcp", "server_label": "s", "authorization": "secret", "headers": {"Authorization": "secret"}}
    found = read(
        openai_responses,
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": "Hi",
            "max_output_tokens": 5,
            "previous_response_id": "r0",
            "conversation": {"id": "v1"},
            "reasoning": {"effort": "high", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "verbosity": "low"},
            "prompt": {"id": "p1", "version": "2", "variables": {"city": "Oslo"}},
            "store": False,
            "metadata": {"team": "a"},
            "top_logprobs": None,
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": None}, tool],
        },
    )
    assert found == {
        "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 5,
        "gen_ai.request.previous_response.id": "r0",
        "gen_ai.conversation.id": "v1",
        "gen_ai.request.reasoning.level": "high",
        "gen_ai.output.type": "json",
        "gen_ai.prompt.name": "p1",
        "gen_ai.prompt.version": "2",
        "autotrace.request.prompt_variables": {"city": "Oslo"},
        "autotrace.request.output_schema": {"type": "object"},
        "autotrace.request.parameters": {
            "store": False,
            "metadata": {"team": "a"},
            "reasoning": {"summary": "auto"},
            "text": {"verbosity": "low"},
        },
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        IN: [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
        "gen_ai.tool.definitions": [
            {"type": "function", "name": "f", "parameters": {}},
            {"type": "mcp", "name": "s", "server_label": "s"},
        ],
        "openai.api.type": "responses",
    }


TEXT_ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}
CALL_ITEM = {"type": "function_call", "call_id": "t1", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("body", "raw", "finish"),
    [
        ({"status": "completed", "output": [TEXT_ITEM]}, ["completed"], "stop"),
        ({"status": "completed", "output": [TEXT_ITEM, CALL_ITEM]}, ["completed"], "tool_call"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [TEXT_ITEM]},
            ["max_output_tokens"],
            "length",
        ),
        ({"status": "failed", "output": []}, ["failed"], "error"),
        ({"status": "in_progress", "output": [TEXT_ITEM]}, None, None),
    ],
)
def test_responses_finish(read: Any, body: Any, raw: Any, finish: Any) -> None:
    found = read(openai_responses, None, body)
    assert found.get(RAW_FINISH) == raw
    assert found.get(FINISH) == ([finish] if finish else None)
    [message] = found[OUT]
    assert message.get("finish_reason") == finish


def test_responses_usage(read: Any) -> None:
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    found = read(openai_responses, None, {"id": "r1", "model": "m", "usage": usage, "service_tier": "flex"})
    assert found == {
        "openai.api.type": "responses",
        "gen_ai.response.id": "r1",
        "gen_ai.response.model": "m",
        "openai.response.service_tier": "flex",
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 1,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "autotrace.usage.raw": usage,
    }


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "response." + kind, **fields}


CREATED = event("created", response={"id": "r1", "model": "m", "status": "in_progress", "output": []})
DELTAS = [
    event("output_item.added", output_index=0, item={"type": "reasoning", "id": "x", "summary": []}),
    event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="H"),
    event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="m"),
    event("output_item.added", output_index=1, item={"type": "message", "role": "assistant", "content": []}),
    event("content_part.added", output_index=1, content_index=0, part={"type": "output_text", "text": ""}),
    event("output_text.delta", output_index=1, content_index=0, delta="Hi"),
    event("refusal.delta", output_index=1, content_index=1, delta="No"),
    event("output_item.done", output_index=2, item=CALL_ITEM),
    event("function_call_arguments.delta", output_index=3, delta='{"a'),
]


def test_a_whole_responses_stream_is_its_last_event() -> None:
    assert openai_responses.reduce
    final = {"id": "r1", "status": "completed", "output": [TEXT_ITEM]}
    assert openai_responses.reduce([CREATED, *DELTAS, event("completed", response=final)]) == final


def test_a_cut_responses_stream_is_rebuilt() -> None:
    assert openai_responses.reduce
    rebuilt = [
        {"type": "reasoning", "id": "x", "summary": [{"type": "summary_text", "text": "Hm"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": "No"}],
        },
        CALL_ITEM,
        {"type": "function_call", "arguments": '{"a'},
    ]
    assert openai_responses.reduce([CREATED, *DELTAS]) == {"id": "r1", "model": "m", "status": "in_progress", "output": rebuilt}
    empty = event("completed", response={"id": "r1", "status": "completed", "output": []})
    assert openai_responses.reduce([CREATED, *DELTAS, empty])["output"] == rebuilt


def test_an_error_event_is_a_failed_response() -> None:
    assert openai_responses.reduce
    found = openai_responses.reduce([CREATED, {"type": "error", "code": "rate_limit", "message": "slow"}])
    assert (found["status"], found["error"]) == ("failed", {"code": "rate_limit", "message": "slow"})


def item(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return event(kind, output_index=index, **fields)


CITED = {"type": "url_citation", "url": "https://x"}


@pytest.mark.parametrize(
    ("events", "want"),
    [
        (  # a text that is done comes once more, whole: no delta needs to have come before
            [item(0, "output_text.done", content_index=0, text="Hi")],
            {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
        ),
        (
            [
                item(0, "output_text.delta", content_index=0, delta="Hi"),
                item(0, "output_text.annotation.added", content_index=0, annotation=CITED),
            ],
            {"type": "message", "content": [{"type": "output_text", "annotations": [CITED], "text": "Hi"}]},
        ),
        (
            [
                item(0, "content_part.added", content_index=0, part={"type": "output_text", "text": "", "annotations": []}),
                item(
                    0, "content_part.done", content_index=0, part={"type": "output_text", "text": "Hi", "annotations": [CITED]}
                ),
            ],
            {"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": [CITED]}]},
        ),
        (
            [
                item(0, "reasoning_summary_text.delta", summary_index=1, delta="b"),
                item(0, "reasoning_summary_text.delta", summary_index=0, delta="a"),
            ],
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in "ab"]},
        ),
        (
            [item(0, "function_call_arguments.delta", delta="{"), item(0, "function_call_arguments.done", arguments="{}")],
            {"type": "function_call", "arguments": "{}"},
        ),
        (
            [item(0, "custom_tool_call_input.delta", delta="a"), item(0, "custom_tool_call_input.delta", delta="b")],
            {"type": "custom_tool_call", "input": "ab"},
        ),
        ([item(0, "mcp_call_arguments.delta", delta="{")], {"type": "mcp_call", "arguments": "{"}),
        ([item(0, "code_interpreter_call_code.delta", delta="p")], {"type": "code_interpreter_call", "code": "p"}),
        (
            [item(0, "image_generation_call.partial_image", partial_image_b64=piece, output_format="png") for piece in "ab"],
            {"type": "image_generation_call", "result": "b", "output_format": "png"},
        ),
        (
            [
                item(0, "output_item.added", item={"type": "shell_call", "call_id": "t", "action": {"timeout_ms": 1}}),
                item(0, "shell_call_command.added", command_index=0, command=""),
                item(0, "shell_call_command.delta", command_index=0, delta="l"),
                item(0, "shell_call_command.delta", command_index=0, delta="s"),
                item(0, "shell_call_command.done", command_index=1, command="pwd"),
            ],
            {"type": "shell_call", "call_id": "t", "action": {"timeout_ms": 1, "commands": ["ls", "pwd"]}},
        ),
        (
            [
                item(0, "shell_call_output_content.delta", command_index=0, delta={"stdout": "a", "stderr": "e"}),
                item(0, "shell_call_output_content.delta", command_index=0, delta={"stdout": "b"}),
                item(0, "shell_call_output_content.done", command_index=1, output=[{"stdout": "c"}]),
            ],
            {"type": "shell_call_output", "output": [{"stdout": "ab", "stderr": "e"}, {"stdout": "c"}]},
        ),
        (
            [item(0, "new_thing.delta", delta="x"), item(0, "new_thing.delta", delta="y")],
            {"type": "message", "new_thing": "xy"},
        ),
        ([item(0, "web_search_call.searching")], None),
    ],
)
def test_items_of_a_cut_responses_stream(events: Any, want: Any) -> None:
    assert openai_responses.reduce
    rebuilt = openai_responses.reduce([CREATED, *events])
    assert rebuilt.get("output", []) == ([want] if want else [])


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (  # several calls without ids, all with index 0: the next begins when this one's arguments are complete
            [
                call(index=0, function={"name": "f", "arguments": '{"a":'}),
                call(index=0, function={"name": "f", "arguments": "1}"}),
                call(index=0, function={"name": "f", "arguments": "{}"}),
            ],
            {
                "content": None,
                "tool_calls": [
                    {"function": {"name": "f", "arguments": '{"a":1}'}},
                    {"function": {"name": "f", "arguments": "{}"}},
                ],
            },
        ),
        (  # Gemini's signatures, and whatever else a server adds
            [call(index=0, id="t", function={"name": "f"}, extra_content={"google": {"thought_signature": "s"}})],
            {
                "content": None,
                "tool_calls": [{"id": "t", "function": {"name": "f"}, "extra_content": {"google": {"thought_signature": "s"}}}],
            },
        ),
        (  # OpenRouter: the same thought twice, once in entries
            [
                chunk(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "H"}]),
                chunk(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "m"}]),
                chunk(reasoning_details=[{"type": "reasoning.text", "index": 1, "text": "!"}]),
            ],
            {
                "content": None,
                "reasoning_details": [
                    {"type": "reasoning.text", "index": 0, "text": "Hm"},
                    {"type": "reasoning.text", "index": 1, "text": "!"},
                ],
            },
        ),
        ([chunk(role="assistant", new="a"), chunk(role="assistant", new="b")], {"content": None, "new": "ab"}),
        (  # cut before its sound came
            [chunk(audio={"id": "a1"}), chunk(audio={"transcript": "he"})],
            {"content": None, "audio": {"id": "a1", "transcript": "he"}},
        ),
    ],
)
def test_chat_chunks_of_other_servers(chunks: Any, message: Any) -> None:
    assert openai_chat.reduce
    [choice] = openai_chat.reduce(chunks)["choices"]
    assert choice == {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": None}


def test_what_stands_beside_a_message_is_in_it(read: Any) -> None:
    assert openai_chat.reduce
    filtered = {"hate": {"filtered": False, "severity": "safe"}}
    chunks = [
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "citations": ["https://x"]},
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": {"content": []}, "content_filter_results": {}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "content_filter_results": filtered}]},
    ]
    assert read(openai_chat, None, openai_chat.reduce(chunks)) == {
        FINISH: ["stop"],
        OUT: [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": "Hi"}],
                "finish_reason": "stop",
                "content_filter_results": filtered,
            }
        ],
        "autotrace.response.details": {"prompt_filter_results": [{"prompt_index": 0}], "citations": ["https://x"]},
        MISSING: True,
        "openai.api.type": "chat_completions",
    }


def test_a_choice_without_a_reason_keeps_its_place(read: Any) -> None:
    assert openai_chat.reduce
    cut = openai_chat.reduce([chunk(0, content="a"), chunk(1, "length", content="b")])
    assert read(openai_chat, None, cut)[FINISH] == ["error", "length"]
    assert FINISH not in read(openai_chat, None, openai_chat.reduce([chunk(0, content="a"), chunk(1, content="b")]))


def test_chat_parameters(read: Any) -> None:
    schema = {"name": "n", "schema": {"type": "object"}}
    request = {
        "response_format": {"type": "json_schema", "json_schema": schema},
        "prediction": {"type": "content", "content": "as before"},
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "metadata": {"team": "a"},
        "store": True,
        "logit_bias": {},
        "verbosity": "low",
        "api_key": "secret",
        "extra_headers": {"Authorization": "secret"},
    }
    assert read(openai_chat, request) == {
        "gen_ai.output.type": "json",
        "autotrace.request.output_schema": schema,
        "autotrace.request.prediction": [{"type": "text", "content": "as before"}],
        "autotrace.request.parameters": {
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": False,
            "metadata": {"team": "a"},
            "store": True,
            "verbosity": "low",
        },
        "openai.api.type": "chat_completions",
    }


def server_call(called: str, id: str, **call: Any) -> dict[str, Any]:
    return {"type": "server_tool_call", "name": called, "server_tool_call": call, "id": id}


@pytest.mark.parametrize(
    ("wire", "part"),
    [
        (
            {"type": "mcp_call", "id": "c", "name": "roll", "server_label": "dice", "arguments": '{"n":2}', "output": "4"},
            server_call("roll", "c", type="mcp_call", name="roll", server_label="dice", arguments={"n": 2}, output="4"),
        ),
        (
            {
                "type": "shell_call",
                "call_id": "h",
                "action": {"commands": ["ls"]},
                "environment": {"type": "container_reference"},
            },
            server_call(
                "shell", "h", type="shell_call", action={"commands": ["ls"]}, environment={"type": "container_reference"}
            ),
        ),
        (
            {"type": "shell_call_output", "call_id": "h", "output": [{"stdout": "a"}]},
            {
                "type": "server_tool_call_response",
                "server_tool_call_response": {"type": "shell_call_output", "output": [{"stdout": "a"}]},
                "id": "h",
            },
        ),
        (
            {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"q": "x"}},
            {"type": "tool_call", "name": "tool_search", "id": "s", "arguments": {"q": "x"}, "execution": "client"},
        ),
        (
            {"type": "tool_search_call", "id": "s", "execution": "server", "arguments": {"q": "x"}},
            server_call("tool_search", "s", type="tool_search_call", execution="server", arguments={"q": "x"}),
        ),
        ({"type": "program", "call_id": "p", "code": "run()"}, server_call("program", "p", type="program", code="run()")),
        (
            {"type": "reasoning", "id": "x", "summary": [], "encrypted_content": BASE64},
            {
                "type": "reasoning",
                "content": "",
                "id": "x",
                "encrypted": DIGEST,
            },
        ),
        (
            {"type": "message", "id": "m", "phase": "commentary", "content": [{"type": "output_text", "text": "Hi"}]},
            {"type": "text", "content": "Hi", "phase": "commentary"},
        ),
        ({"type": "mcp_list_tools", "id": "l", "tools": []}, {"type": "mcp_list_tools", "id": "l", "tools": []}),
    ],
)
def test_response_output(read: Any, wire: Any, part: Any) -> None:
    found = read(openai_responses, None, {"status": "completed", "output": [wire]})
    assert found[OUT][0]["parts"] == [part]


def test_a_compacted_response_says_so(read: Any) -> None:
    found = read(openai_responses, None, {"output": [{"type": "compaction", "encrypted_content": BASE64}]})
    assert found["gen_ai.conversation.compacted"] is True
