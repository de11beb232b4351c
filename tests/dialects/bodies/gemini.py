"""Gemini: contents and interactions."""

from __future__ import annotations

from autotrace_google_genai.dialects.generate_content import gemini
from autotrace_google_genai.dialects.interactions import gemini_interactions

from .body import DATA, Body

GEMINI = Body(
    "gemini",
    gemini,
    {
        "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "What is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": DATA, "displayName": "pic"}},
                    {"file_data": {"file_uri": "https://x/y.pdf", "mime_type": "application/pdf"}},
                    {"fileData": {"fileUri": "gs://b/z.mp4"}, "videoMetadata": {"startOffset": "10s"}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True, "thoughtSignature": "sig"},
                    {"functionCall": {"id": "t1", "name": "look", "args": {"at": "it"}}, "thoughtSignature": "sig"},
                    {"toolCall": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["cats"]}}},
                    {"toolResponse": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "response": {"found": "a cat"}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "t1",
                            "name": "look",
                            "response": {"result": "A cat."},
                            "parts": [{"inlineData": {"mimeType": "image/png", "data": DATA}}],
                        }
                    }
                ],
            },
            {"parts": "Shorter."},
        ],
    },
    {
        "responseId": "r1",
        "candidates": [
            {
                "index": 0,
                "finishReason": "STOP",
                "avgLogprobs": -0.1,
                "logprobsResult": {"topCandidates": [{"token": "secretly"}]},
                "safetyRatings": [{"category": "HARM", "probability": "LOW"}],
                "citationMetadata": {"citationSources": [{"uri": "https://cats", "license": "free"}]},
                "groundingMetadata": {"webSearchQueries": ["a cat"], "groundingChunks": [{"web": {"title": "Cats"}}]},
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Let me count.", "thought": True},
                        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
                        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "one"}},
                        {"text": "A cat."},
                        {"text": "", "thoughtSignature": "sig"},
                    ],
                },
            },
            {
                "index": 1,
                "finishReason": "MALFORMED_FUNCTION_CALL",
                "finishMessage": "it is torn",
                "content": {"role": "model", "parts": [{"functionCall": {"name": "pet", "args": {"how": "softly"}}}]},
            },
        ],
    },
    said=("systemInstruction", "contents"),
    answered=("candidates",),
)
INTERACTIONS = Body(
    "interactions",
    gemini_interactions,
    {
        "system_instruction": "Be brief.",
        "input": [
            {"type": "text", "text": "What is this?"},
            {"type": "image", "data": DATA, "mime_type": "image/png", "resolution": "low"},
            {"type": "document", "uri": "https://x/y.pdf"},
            {"type": "thought", "signature": "sig", "summary": [{"type": "text", "text": "Hm."}]},
            {"type": "function_call", "id": "t1", "name": "look", "arguments": {"at": "it"}},
            {"type": "function_result", "call_id": "t1", "name": "look", "result": [{"type": "text", "text": "A cat."}]},
            {"type": "user_input", "content": [{"type": "text", "text": "Sure?"}]},
            {"role": "model", "content": "I was."},
            {"role": "user", "content": [{"type": "text", "text": "Well."}]},
        ],
    },
    {
        "id": "i1",
        "status": "completed",
        "steps": [
            {"type": "thought", "signature": "sig", "summary": [{"type": "text", "text": "Let me search."}]},
            {"type": "google_search_call", "id": "s1", "arguments": {"queries": ["cats"]}, "signature": "sig"},
            {"type": "google_search_result", "call_id": "s1", "result": [{"title": "Cats", "url": "https://cats"}]},
            {"type": "mcp_server_tool_call", "id": "s2", "name": "roll", "server_name": "dice", "arguments": {"n": "2"}},
            {"type": "mcp_server_tool_result", "call_id": "s2", "result": "four"},
            {
                "type": "model_output",
                "content": [
                    {
                        "type": "text",
                        "text": "A cat.",
                        "annotations": [{"type": "url_citation", "url": "https://cats", "title": "Cats"}],
                    },
                    {"type": "image", "data": DATA, "mime_type": "image/png"},
                ],
            },
            {"type": "function_call", "id": "t2", "name": "pet", "arguments": {}},
        ],
    },
    said=("system_instruction", "input"),
    answered=("steps",),
)
