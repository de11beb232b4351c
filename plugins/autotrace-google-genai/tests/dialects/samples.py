"""Gemini's part in the tests of all dialects (`tests/dialects` of the core): bodies, and the words of its formats."""

from __future__ import annotations

from autotrace_google_genai.dialects.embeddings import gemini_embeddings
from autotrace_google_genai.dialects.generate_content import gemini
from autotrace_google_genai.dialects.interactions import gemini_interactions

DATA = "aGVsbG8="

DIALECTS = [gemini, gemini_embeddings, gemini_interactions]
FIELDS = """
contents candidates systemInstruction system_instruction generationConfig thinkingConfig responseSchema inlineData fileData
functionCall functionResponse args partialArgs jsonPath willContinue executableCode codeExecutionResult thought mimeType
toolCall toolType functionDeclarations finishReason usageMetadata promptTokenCount thoughtsTokenCount promptTokensDetails
modality tokenCount promptFeedback blockReason citationMetadata requests instances steps step event_type interaction
generation_config response_schema metadata signature
""".split()
KINDS = """
step.start step.delta interaction.completed interaction.status_update thought_summary model_output user_input thought
function_result google_search_call google_search_result TEXT $.a $.a[0] STOP
""".split()
NO_CONTENT = ("finishReason", "thoughtSignature", "mimeType", "logprobsResult", "avgLogprobs", "toolType")
"""What the wire says of content, not in it."""
FIELDS_WITHOUT_CONTENT = {("role", "model")}
"""The role of an answer, for which the record has the conventions' word."""
WITHOUT_CONTENT = {("systemInstruction", "user")}
"""By the field of the body: the role of a system instruction, which means nothing."""
RECORDED = {
    "generateContent": (gemini, ("systemInstruction", "contents"), ("candidates",)),
    "interactions": (gemini_interactions, ("system_instruction", "input"), ("steps",)),
}
"""By the endpoint of recorded traffic: the dialect, and where a request and an answer hold content."""
RECORDED_STREAMS = {"streamGenerateContent": gemini, "interactions": gemini_interactions}

_HEAD = {"responseId": "r1", "modelVersion": "m"}
WHOLE_STREAMS = [
    (
        "gemini",
        gemini,
        [
            {
                **_HEAD,
                "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Hello "}]}}],
                "usageMetadata": {"promptTokenCount": 7},
            },
            {
                **_HEAD,
                "candidates": [
                    {
                        "index": 0,
                        "content": {
                            "role": "model",
                            "parts": [
                                {"text": "you!"},
                                {"functionCall": {"id": "t1", "name": "f", "args": {"a": 1}}},
                                {"functionCall": {"id": "t2", "name": "g", "args": {}}},
                            ],
                        },
                    }
                ],
                "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1},
            },
            {
                **_HEAD,
                "candidates": [{"index": 0, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
            },
        ],
    ),
    (
        "interactions",
        gemini_interactions,
        [
            {"event_type": "interaction.start", "interaction": {"id": "i1", "model": "m", "status": "in_progress"}},
            {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
            {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "Hello "}},
            {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "you!"}},
            {"event_type": "step.start", "index": 1, "step": {"type": "function_call", "id": "t1", "name": "f"}},
            {"event_type": "step.delta", "index": 1, "delta": {"type": "arguments_delta", "arguments": '{"a":'}},
            {"event_type": "step.delta", "index": 1, "delta": {"type": "arguments_delta", "arguments": "1}"}},
            {
                "event_type": "interaction.completed",
                "interaction": {
                    "id": "i1",
                    "model": "m",
                    "status": "completed",
                    "usage": {"total_input_tokens": 7, "total_output_tokens": 3},
                },
            },
        ],
    ),
]
"""Streams with all that an answer has: names, dialects and chunks."""

BODIES = [
    {
        "name": "gemini",
        "dialect": gemini,
        "request": {
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
        "response": {
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
        "said": ("systemInstruction", "contents"),
        "answered": ("candidates",),
    },
    {
        "name": "interactions",
        "dialect": gemini_interactions,
        "request": {
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
        "response": {
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
        "said": ("system_instruction", "input"),
        "answered": ("steps",),
    },
]
