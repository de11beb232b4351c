"""Ollama's part in the tests of all dialects (`tests/dialects` of the core): bodies, streams, and the words of its format."""

from __future__ import annotations

import json
from typing import Any

from autotrace_ollama.dialects import ollama_chat, ollama_embed, ollama_generate

DATA = "aGVsbG8="

DIALECTS = [ollama_chat, ollama_generate, ollama_embed]
FIELDS = "options num_predict images image done_reason think".split()
RECORDED = {
    "chat": (ollama_chat, ("messages",), ("message",)),
    "generate": (ollama_generate, ("system", "prompt"), ("response", "thinking")),
}
"""By the endpoint of recorded traffic: the dialect, and where a request and an answer hold content."""
EXCHANGES = {
    ("ollama", "chat"): "ollama_chat",
    ("ollama", "generate"): "ollama_generate",
    ("ollama", "embeddings"): "ollama_embed",
}
"""By provider and endpoint of recorded traffic: the name of the dialect."""


def chat(texts: list[str], arguments: list[str]) -> list[dict[str, Any]]:
    """A stream that says a text and calls a tool, given the pieces of both."""
    call = {"function": {"name": "f", "arguments": json.loads("".join(arguments))}}
    return [
        *({"model": "m", "message": {"role": "assistant", "content": piece}, "done": False} for piece in texts),
        {"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": 0},
    ]


STREAMS = [{"dialect": ollama_chat, "stream": chat, "call_id": None}]

_END = {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}
WHOLE_STREAMS = [
    (
        "ollama-chat",
        ollama_chat,
        [
            {"model": "m", "message": {"role": "assistant", "content": "Hello "}, "done": False},
            {
                "model": "m",
                "message": {
                    "role": "assistant",
                    "content": "you!",
                    "tool_calls": [
                        {"id": "t1", "function": {"name": "f", "arguments": {"a": 1}}},
                        {"id": "t2", "function": {"name": "g", "arguments": {}}},
                    ],
                },
                "done": False,
            },
            {**_END, "message": {"role": "assistant", "content": ""}},
        ],
    ),
    (
        "ollama-generate",
        ollama_generate,
        [{"model": "m", "response": "Hello "}, {"model": "m", "response": "you!"}, {**_END, "response": ""}],
    ),
]
"""Streams with all that an answer has: names, dialects and chunks."""

BODIES = [
    {
        "name": "ollama_chat",
        "dialect": ollama_chat,
        "request": {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is this?", "images": [DATA]},
                {
                    "role": "assistant",
                    "content": "Let me see.",
                    "thinking": "Hm.",
                    "tool_calls": [{"id": "t1", "function": {"name": "look", "arguments": {"at": "it"}}}],
                },
                {"role": "tool", "tool_name": "look", "content": "A cat."},
            ],
        },
        "response": {"done_reason": "stop", "message": {"role": "assistant", "content": "A cat.", "thinking": "So it is."}},
        "answered": ("message",),
    },
    {
        "name": "ollama_generate",
        "dialect": ollama_generate,
        "request": {"system": "Be brief.", "prompt": "What is this?", "suffix": "!", "images": [DATA]},
        "response": {"response": "A cat.", "thinking": "Hm.", "done_reason": "stop"},
        "said": ("system", "prompt", "suffix"),
        "answered": ("response", "thinking"),
    },
]
