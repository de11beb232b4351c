"""OpenAI: chat completions and Responses."""

from __future__ import annotations

from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_responses import openai_responses

from .body import DATA, PICTURE, Body

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
