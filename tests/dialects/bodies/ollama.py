"""Ollama: chat and generate."""

from __future__ import annotations

from autotrace_ollama.dialects import ollama_chat, ollama_generate

from .body import DATA, Body

OLLAMA_CHAT = Body(
    "ollama_chat",
    ollama_chat,
    {
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
    {"done_reason": "stop", "message": {"role": "assistant", "content": "A cat.", "thinking": "So it is."}},
    answered=("message",),
)
OLLAMA_GENERATE = Body(
    "ollama_generate",
    ollama_generate,
    {"system": "Be brief.", "prompt": "What is this?", "suffix": "!", "images": [DATA]},
    {"response": "A cat.", "thinking": "Hm.", "done_reason": "stop"},
    said=("system", "prompt", "suffix"),
    answered=("response", "thinking"),
)
