"""Bodies that hold every kind of content their APIs know, for tests that change them."""

from __future__ import annotations

from typing import Any, NamedTuple

from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.bedrock_converse import bedrock_converse
from autotrace.dialects.bedrock_text import bedrock_text
from autotrace.dialects.cohere_chat import cohere_chat
from autotrace.dialects.gemini import gemini
from autotrace.dialects.gemini_interactions import gemini_interactions
from autotrace.dialects.ollama import ollama_chat, ollama_generate
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_responses import openai_responses
from autotrace.operation import Dialect

DATA = "aGVsbG8="
PICTURE = "data:image/png;base64," + DATA


class Body(NamedTuple):
    """A request and its answer, and where in them the content of messages is."""

    name: str
    dialect: Dialect
    request: dict[str, Any]
    response: dict[str, Any]
    said: tuple[str, ...] = ("messages",)
    answered: tuple[str, ...] = ("choices",)


CHAT = Body(
    "chat",
    openai_chat,
    {
        "model": "m",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
            {
                "role": "user",
                "name": "ann",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": PICTURE}},
                    {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
                    {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}},
                    {"type": "file", "file": {"file_data": PICTURE, "filename": "b.pdf"}},
                    {"type": "video_url", "video_url": {"url": "https://x/z.mp4"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Let me see."}, {"type": "refusal", "refusal": "Not that."}],
                "refusal": "I will not.",
                "audio": {"id": "audio-1"},
                "reasoning_content": "Hm, a picture.",
                "tool_calls": [
                    {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}},
                    {"id": "t2", "type": "custom", "custom": {"name": "sql", "input": "select one"}},
                ],
                "function_call": {"name": "older", "arguments": '{"b": "c"}'},
            },
            {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "A cat."}]},
            {"role": "function", "name": "older", "content": "A dog."},
        ],
    },
    {
        "id": "c1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": {"content": [{"token": "secretly"}]},
                "message": {
                    "role": "assistant",
                    "content": "A cat.",
                    "annotations": [{"type": "url_citation", "url_citation": {"url": "https://cats", "title": "Cats"}}],
                    "audio": {"id": "audio-2", "data": DATA, "transcript": "a cat", "expires_at": 1},
                },
            },
            {
                "index": 1,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": "No more.",
                    "reasoning": "It purrs.",
                    "tool_calls": [{"id": "t3", "type": "function", "function": {"name": "pet", "arguments": "{}"}}],
                },
            },
        ],
    },
)
RESPONSES = Body(
    "responses",
    openai_responses,
    {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "What is this?"},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "And this?"},
                    {"type": "input_image", "image_url": PICTURE, "detail": "high"},
                    {"type": "input_image", "file_id": "file-1"},
                    {"type": "input_file", "file_url": "https://x/y.pdf"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": PICTURE},
                ],
            },
            {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "A picture."}]},
            {"type": "function_call", "call_id": "t1", "name": "look", "arguments": '{"at": "it"}'},
            {"type": "function_call_output", "call_id": "t1", "output": [{"type": "input_text", "text": "A cat."}]},
            {"type": "custom_tool_call", "call_id": "t2", "name": "sql", "input": "select one"},
            {"type": "custom_tool_call_output", "call_id": "t2", "output": "one"},
            {"type": "computer_call", "call_id": "t3", "action": {"type": "type", "text": "typed"}},
            {
                "type": "computer_call_output",
                "call_id": "t3",
                "output": {"type": "computer_screenshot", "image_url": "https://x/shot.png"},
                "acknowledged_safety_checks": [{"id": "s1", "message": "looks odd"}],
            },
            {"type": "local_shell_call", "call_id": "t4", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "local_shell_call_output", "id": "t4", "output": "a file"},
            {"type": "apply_patch_call", "call_id": "t5", "operation": {"type": "update_file", "diff": "+ line", "path": "p"}},
            {"type": "apply_patch_call_output", "call_id": "t5", "output": "patched"},
            {"type": "mcp_approval_response", "approval_request_id": "a1", "approve": True, "reason": "I may"},
            {"type": "item_reference", "id": "m0"},
        ],
    },
    {
        "id": "r1",
        "status": "completed",
        "output": [
            {
                "type": "reasoning",
                "id": "x",
                "summary": [{"type": "summary_text", "text": "First."}],
                "content": [{"type": "reasoning_text", "text": "Then."}],
            },
            {
                "type": "message",
                "id": "m1",
                "role": "assistant",
                "phase": "final_answer",
                "content": [
                    {
                        "type": "output_text",
                        "text": "A cat.",
                        "annotations": [{"type": "url_citation", "url": "https://cats", "title": "Cats"}],
                        "logprobs": [],
                    },
                    {"type": "refusal", "refusal": "No more."},
                ],
            },
            {"type": "function_call", "call_id": "t6", "name": "pet", "arguments": "{}", "namespace": "zoo"},
            {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "cats"}},
            {"type": "file_search_call", "id": "f", "queries": ["cat"], "results": [{"text": "found", "filename": "c.txt"}]},
            {
                "type": "code_interpreter_call",
                "id": "i",
                "code": "print(1)",
                "outputs": [{"type": "logs", "logs": "1"}, {"type": "image", "url": PICTURE}],
            },
            {"type": "mcp_call", "id": "c", "name": "roll", "server_label": "dice", "arguments": '{"n": "2"}', "output": "4"},
            {"type": "mcp_list_tools", "id": "l", "server_label": "dice", "tools": [{"name": "roll", "description": "rolls"}]},
            {"type": "mcp_approval_request", "id": "a", "name": "roll", "server_label": "dice", "arguments": "{}"},
            {"type": "image_generation_call", "id": "g", "result": DATA, "revised_prompt": "a grey cat"},
            {"type": "shell_call", "call_id": "h", "action": {"commands": ["pwd"]}, "environment": {"type": "local"}},
            {"type": "shell_call_output", "call_id": "h", "output": [{"stdout": "/home", "stderr": "none"}]},
            {"type": "program", "call_id": "p", "code": "run()", "fingerprint": "fp"},
            {"type": "program_output", "call_id": "p", "result": "ran"},
            {"type": "compaction", "id": "k", "encrypted_content": DATA},
        ],
    },
    said=("instructions", "input"),
    answered=("output",),
)
MESSAGES = Body(
    "messages",
    anthropic_messages,
    {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
                    {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                    {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                    {"type": "document", "context": "C", "source": {"type": "file", "file_id": "file-1"}},
                    {
                        "type": "document",
                        "source": {"type": "content", "content": [{"type": "text", "text": "in a block"}]},
                    },
                    {
                        "type": "search_result",
                        "source": "https://s",
                        "title": "Found",
                        "content": [{"type": "text", "text": "a result"}],
                    },
                    {"type": "container_upload", "file_id": "file-2"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "hidden"},
                    {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "it"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "A cat."}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "a dog", "is_error": True},
                ],
            },
            {"role": "assistant", "content": "So"},
        ],
    },
    {
        "id": "m1",
        "role": "assistant",
        "stop_reason": "end_turn",
        "content": [
            {
                "type": "text",
                "text": "A cat.",
                "citations": [{"type": "char_location", "cited_text": "cat", "document_title": "T"}],
            },
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "cats"}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s1",
                "content": [{"type": "web_search_result", "url": "https://cats", "title": "Cats"}],
            },
            {"type": "mcp_tool_use", "id": "s2", "name": "roll", "server_name": "dice", "input": {"n": "2"}},
            {"type": "mcp_tool_result", "tool_use_id": "s2", "content": [{"type": "text", "text": "4"}], "is_error": False},
            {
                "type": "bash_code_execution_tool_result",
                "tool_use_id": "s3",
                "content": {"type": "bash_code_execution_result", "stdout": "ran", "stderr": "none"},
            },
            {"type": "mcp_tool_listing", "mcp_server_name": "dice", "tools": [{"name": "roll", "description": "rolls"}]},
            {"type": "compaction", "content": "So far.", "encrypted_content": DATA},
            {"type": "tool_use", "id": "t3", "name": "pet", "input": {}, "toolset_name": "zoo"},
        ],
    },
    said=("system", "messages"),
    answered=("content",),
)
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
CONVERSE = Body(
    "converse",
    bedrock_converse,
    {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "What is this?"},
                    {"image": {"format": "png", "source": {"bytes": DATA}}},
                    {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://x/y.png", "bucketOwner": "somebody"}}}},
                    {"document": {"format": "pdf", "name": "N", "context": "C", "source": {"bytes": DATA}}},
                    {"document": {"format": "txt", "name": "T", "source": {"text": "words"}}},
                    {"document": {"format": "md", "name": "M", "source": {"content": [{"text": "in a block"}]}}},
                    {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://x/z.mp4"}}}},
                    {"guardContent": {"text": {"text": "guard this", "qualifiers": ["query"]}}},
                    {"guardContent": {"image": {"format": "png", "source": {"bytes": DATA}}}},
                    {"searchResult": {"source": "https://s", "title": "Found", "content": [{"text": "a result"}]}},
                    {"cachePoint": {"type": "default", "ttl": "5m"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
                    {"reasoningContent": {"redactedContent": DATA}},
                    {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "it"}}},
                    {"toolUse": {"toolUseId": "t2", "name": "search", "type": "server_tool_use", "input": {"query": "cats"}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "t1", "content": [{"text": "A cat."}, {"json": {"age": "two"}}]}},
                    {"toolResult": {"toolUseId": "t2", "type": "search_result", "content": [{"text": "Cats."}]}},
                ],
            },
        ],
    },
    {
        "stopReason": "end_turn",
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "A cat."},
                    {
                        "citationsContent": {
                            "content": [{"text": "It is two."}],
                            "citations": [{"title": "T", "sourceContent": [{"text": "two years"}]}],
                        }
                    },
                    {"toolUse": {"toolUseId": "t3", "name": "pet", "input": {"how": "softly"}}},
                ],
            }
        },
    },
    said=("system", "messages"),
    answered=("output",),
)
BEDROCK_TEXT = Body(
    "bedrock_text",
    bedrock_text,
    {"prompt": "What is this?"},
    {
        "results": [
            {"outputText": "A cat.", "completionReason": "FINISH", "tokenCount": 3},
            {"outputText": "A dog.", "completionReason": "LENGTH", "tokenCount": 3},
        ]
    },
    said=("prompt",),
    answered=("results",),
)
COHERE_CHAT = Body(
    "cohere_chat",
    cohere_chat,
    {
        "preamble": "Be brief.",
        "chat_history": [
            {"role": "USER", "message": "What is this?"},
            {"role": "CHATBOT", "message": "Let me see.", "tool_calls": [{"name": "look", "parameters": {"at": "it"}}]},
        ],
        "message": "And that?",
        "tool_results": [{"call": {"name": "look", "parameters": {}}, "outputs": [{"seen": "a cat"}]}],
    },
    {
        "text": "A cat.",
        "finish_reason": "COMPLETE",
        "citations": [{"start": 0, "end": 1, "text": "A"}],
        "tool_calls": [{"name": "pet", "parameters": {"how": "softly"}}],
    },
    said=("preamble", "chat_history", "message", "tool_results"),
    answered=("text", "tool_calls", "citations"),
)
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
ALL = (CHAT, RESPONSES, MESSAGES, OLLAMA_CHAT, OLLAMA_GENERATE, CONVERSE, BEDROCK_TEXT, COHERE_CHAT, GEMINI, INTERACTIONS)
