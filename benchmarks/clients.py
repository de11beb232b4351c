"""SDK clients whose transport answers without a server, and the switch between the SDK's own functions and ours."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import anthropic
import anthropic._base_client
import httpx2
import openai
import openai._base_client

import autotrace

SMALL = [{"role": "user", "content": "What is the capital of France?"}]
EIGHT_KB = [{"role": ("user", "assistant")[turn % 2], "content": "lorem ipsum dolor sit amet " * 20} for turn in range(15)]

_ANSWER = "The capital of France is Paris."
_MODEL = "model-1"
_USAGE = {"prompt_tokens": 14, "completion_tokens": 8, "total_tokens": 22}
_CHAT = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": _MODEL}
_VECTOR = base64.b64encode(struct.pack("<1536f", *(number / 1536 for number in range(1536)))).decode()

OPENAI_CHAT = {
    **_CHAT,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": _ANSWER}, "finish_reason": "stop"}],
    "usage": _USAGE,
}
OPENAI_EMBEDDING = {
    "object": "list",
    "model": _MODEL,
    "data": [{"object": "embedding", "index": 0, "embedding": _VECTOR}],
    "usage": {"prompt_tokens": 14, "total_tokens": 14},
}
ANTHROPIC_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": _MODEL,
    "content": [{"type": "text", "text": _ANSWER}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 14, "output_tokens": 8},
}


class Answer:
    """A handler for the transport. It answers every request with the same JSON body or the same server-sent events."""

    def __init__(self, body: Any) -> None:
        self._events = body if isinstance(body, list) else None
        self._body = b"" if self._events else json.dumps(body).encode()

    def __call__(self, _request: httpx2.Request) -> httpx2.Response:
        kind = "text/event-stream" if self._events else "application/json"
        content = iter(self._events) if self._events else self._body
        return httpx2.Response(200, content=content, headers={"content-type": kind, "x-request-id": "req_1"})


def openai_chunks(count: int) -> list[bytes]:
    """The events of a chat stream with `count` chunks."""
    return [*_events(count), b"data: [DONE]\n\n"]


def _events(count: int) -> Iterator[bytes]:
    for number in range(count):
        last = number == count - 1
        choice = {"index": 0, "delta": {} if last else {"content": "word "}, "finish_reason": "stop" if last else None}
        chunk = {**_CHAT, "object": "chat.completion.chunk", "choices": [choice]}
        yield f"data: {json.dumps(chunk)}\n\n".encode()


def anthropic_events(count: int) -> list[bytes]:
    """The events of a message stream with `count` chunks."""
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
    events = [
        {"type": "message_start", "message": {**ANTHROPIC_MESSAGE, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[delta] * (count - 5),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count}},
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def openai_client(body: Any) -> openai.OpenAI:
    """A client that answers every request with `body`, without a socket."""
    transport = httpx2.MockTransport(Answer(body))
    return openai.OpenAI(api_key="key", base_url="http://localhost/v1", http_client=httpx2.Client(transport=transport))


def anthropic_client(body: Any) -> anthropic.Anthropic:
    """`openai_client` for Anthropic."""
    transport = httpx2.MockTransport(Answer(body))
    return anthropic.Anthropic(api_key="key", base_url="http://localhost", http_client=httpx2.Client(transport=transport))


class Switch:
    """Switches between the SDKs' own functions and their replacements, which is all that patching does."""

    def __init__(self) -> None:
        owners = (openai._base_client.SyncAPIClient, anthropic._base_client.SyncAPIClient)
        originals = [vars(owner)["request"] for owner in owners]
        autotrace.enable("openai", "anthropic")
        replaced = [vars(owner)["request"] for owner in owners]
        if any(one is other for one, other in zip(originals, replaced, strict=True)):
            raise SystemExit("the SDKs are patched already (AUTOTRACE=1?) or cannot be patched: see autotrace.status()")
        self._original = list(zip(owners, originals, strict=True))
        self._replaced = list(zip(owners, replaced, strict=True))

    def off(self) -> None:
        """Use the SDKs' own functions."""
        for owner, function in self._original:
            setattr(owner, "request", function)  # noqa: B010

    def on(self) -> None:
        """Use the replacements that `autotrace.enable()` made."""
        for owner, function in self._replaced:
            setattr(owner, "request", function)  # noqa: B010
