"""Failures that a server reports after it has sent status 200, in the forms that servers use, with each SDK."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import autotrace
from autotrace.testing.provider import Answer, Call, WireFormat, serve

ASKED = [{"role": "user", "content": "hi"}]


class Server:
    """A server that answers everything with status 200 and what the test says: one body, or the events of a stream."""

    def __init__(self) -> None:
        self.body: Any = None
        self.events: list[Any] | None = None
        self.lines = False
        self.url = ""

    def answer(self, call: Call) -> Answer:
        if self.events is None:
            return Answer(json.dumps(self.body).encode())
        if self.lines:
            return Answer(pieces=[json.dumps(one).encode() + b"\n" for one in self.events], content_type="application/x-ndjson")
        return Answer(pieces=list(map(event, self.events)), content_type="text/event-stream")


def event(body: Any) -> bytes:
    head = f"event: {body['type']}\n" if "type" in body else ""
    return f"{head}data: {json.dumps(body)}\n\n".encode()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    made = Server()
    wire = WireFormat("said", made.answer, lambda call, failure: made.answer(call), lambda call: b"", b"", lambda call: True)
    with serve(formats=[wire]) as provider:
        made.url = provider.url
        yield made


@pytest.fixture
def server(running: Server) -> Server:
    running.body, running.events, running.lines = None, None, False
    return running


class Way(NamedTuple):
    """One call of an SDK: how it is made, and what precedes an error in its stream."""

    package: str
    client: Callable[[Any, str], Any]
    call: Callable[[Any], Any]
    stream: Callable[[Any], Any] | None = None
    first: Any = None
    lines: bool = False


def _of_openai_api(package: str, name: str, base: str) -> Callable[[Any, str], Any]:
    return lambda sdk, url: getattr(sdk, name)(api_key="none", base_url=url + base, max_retries=0)


CHUNK = {
    "id": "c1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}, "finish_reason": None}],
}
STARTED = {
    "type": "message_start",
    "message": {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    },
}
CREATED = {
    "type": "response.created",
    "sequence_number": 0,
    "response": {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "status": "in_progress",
        "model": "m",
        "output": [],
        "tools": [],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
    },
}


def _chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="m", messages=ASKED, **more)


_OPENAI = _of_openai_api("openai", "OpenAI", "/v1")
WAYS = {
    "chat": Way("openai", _OPENAI, _chat, lambda client: _chat(client, stream=True), CHUNK),
    "completions": Way(
        "openai",
        _OPENAI,
        lambda client: client.completions.create(model="m", prompt="hi"),
        lambda client: client.completions.create(model="m", prompt="hi", stream=True),
        {"id": "c1", "object": "text_completion", "choices": [{"index": 0, "text": "Hel", "finish_reason": None}]},
    ),
    "responses": Way(
        "openai",
        _OPENAI,
        lambda client: client.responses.create(model="m", input="hi"),
        lambda client: client.responses.create(model="m", input="hi", stream=True),
        CREATED,
    ),
    "images": Way("openai", _OPENAI, lambda client: client.images.generate(model="m", prompt="hi")),
    "moderations": Way("openai", _OPENAI, lambda client: client.moderations.create(model="m", input="hi")),
    "speech-in-text": Way(
        "openai", _OPENAI, lambda client: client.audio.transcriptions.create(model="m", file=("a.mp3", b"ID3"))
    ),
    "groq": Way("groq", _of_openai_api("groq", "Groq", ""), _chat, lambda client: _chat(client, stream=True), CHUNK),
    "together": Way(
        "together", _of_openai_api("together", "Together", ""), _chat, lambda client: _chat(client, stream=True), CHUNK
    ),
    "anthropic": Way(
        "anthropic",
        lambda sdk, url: sdk.Anthropic(api_key="none", base_url=url, max_retries=0),
        lambda client: client.messages.create(model="m", max_tokens=9, messages=ASKED),
        lambda client: client.messages.create(model="m", max_tokens=9, messages=ASKED, stream=True),
        STARTED,
    ),
    "count-tokens": Way(
        "anthropic",
        lambda sdk, url: sdk.Anthropic(api_key="none", base_url=url, max_retries=0),
        lambda client: client.messages.count_tokens(model="m", messages=ASKED),
    ),
    "ollama": Way(
        "ollama",
        lambda sdk, url: sdk.Client(host=url),
        lambda client: client.chat(model="m", messages=ASKED),
        lambda client: client.chat(model="m", messages=ASKED, stream=True),
        {"model": "m", "message": {"role": "assistant", "content": "Hel"}, "done": False},
        lines=True,
    ),
    "gemini": Way(
        "google.genai",
        lambda sdk, url: sdk.Client(api_key="none", http_options={"base_url": url}),
        lambda client: client.models.generate_content(model="m", contents="hi"),
        lambda client: client.models.generate_content_stream(model="m", contents="hi"),
        {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Hel"}]}}]},
    ),
}

CODES = {
    401: "authentication",
    402: "permission",
    404: "not_found",
    429: "rate_limited",
    502: "server_error",
    529: "overloaded",
}
ERRORS: dict[str, tuple[Any, str, str]] = {
    **{f"number-{code}": ({"code": code, "message": "no"}, str(code), category) for code, category in CODES.items()},
    "text-of-a-number": ({"code": "429", "type": "None", "message": "no"}, "429", "rate_limited"),
    "type": ({"type": "overloaded_error", "message": "no"}, "overloaded_error", "overloaded"),
    "word": ({"code": "rate_limit_exceeded", "message": "no"}, "rate_limit_exceeded", "rate_limited"),
}


def outcome(way: Way, server: Server, captured: Any) -> tuple[Any, Any]:
    """The code and the category on the record of one call, which has failed. Whether the SDK raises is its own business."""
    streamed = server.events is not None
    captured.clear()
    module: Any = importlib.import_module(way.package)
    client = way.client(module, server.url)
    make = way.stream if streamed else way.call
    assert make is not None
    inner = getattr(client, "_client", client)  # Ollama's client has no close of its own
    with contextlib.closing(client if hasattr(client, "close") else inner), contextlib.suppress(Exception):
        result = make(client)
        if streamed:
            list(result)
    (span,) = captured.spans
    attributes = span["attributes"]
    if span["status"]["code"] == "UNSET":
        assert (span["end_reason"], span["level"]) == ("completed", "info")
        return None, None
    assert (span["end_reason"], span["level"]) == ("error", "error")
    assert attributes["error.type"]
    assert attributes.get("http.response.status_code", 200) == 200  # what was received
    return attributes.get("autotrace.error.code"), attributes["autotrace.error.category"]


@pytest.mark.parametrize("way", WAYS)
def test_an_error_in_a_body_has_its_code_and_category(way: str, server: Server, captured: Any) -> None:
    pytest.importorskip(WAYS[way].package)
    autotrace.enable()
    seen = {}
    for name, (wire, _, _) in ERRORS.items():
        server.body = {"error": wire}
        seen[name] = outcome(WAYS[way], server, captured)
    assert seen == {name: (code, category) for name, (_, code, category) in ERRORS.items()}


@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.stream])
def test_an_error_inside_a_stream_has_its_category(way: str, server: Server, captured: Any) -> None:
    pytest.importorskip(WAYS[way].package)
    autotrace.enable()
    seen = {}
    wanted = {name: one for name, one in ERRORS.items() if name.startswith("number") or way != "gemini"}
    if way == "ollama":  # its server sends a text
        server.lines, wanted = True, {"text": ("an error was encountered while running the model", None, "server_error")}
    for name, (wire, _, _) in wanted.items():
        last = {"error": wire}
        server.events = [WAYS[way].first, {"type": "error", **last} if way == "anthropic" else last]
        seen[name] = outcome(WAYS[way], server, captured)[1]
    assert seen == {name: category for name, (_, _, category) in wanted.items()}


BARE: dict[str, tuple[str, Any, str]] = {
    "minimax": ("chat", {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "slow down"}}, "rate_limited"),
    "minimax-unknown": ("chat", {"base_resp": {"status_code": 9999, "status_msg": "login fail"}}, "authentication"),
    "vllm": ("chat", {"object": "error", "message": "no", "type": "NotFoundError", "code": 404}, "not_found"),
    "code-and-message": ("chat", {"code": 10013, "message": "invalid parameters", "sid": "1"}, "invalid_request"),
    "fastapi": ("chat", {"detail": "Rate limit reached"}, "rate_limited"),
    "fastapi-object": ("chat", {"detail": {"error": {"code": 503, "message": "no"}}}, "overloaded"),
    "cloudflare": ("chat", {"success": False, "errors": [{"code": 7009, "message": "Service unavailable"}]}, "overloaded"),
    "problem": ("chat", {"status": 402, "title": "Payment Required", "detail": "no credit"}, "permission"),
    "in-the-choice": ("chat", {"choices": [{"index": 0, "error": {"code": 503, "message": "no"}}]}, "overloaded"),
    "finish-reason": ("chat", {"choices": [{"index": 0, "finish_reason": "insufficient_system_resource"}]}, "overloaded"),
    "upstream": ("chat", {"error": {"message": "no", "metadata": {"error_type": "provider_overloaded"}}}, "overloaded"),
    "true": ("chat", {"error": True, "code": 429, "message": "no"}, "rate_limited"),
    "text-and-type": ("chat", {"error": "no", "error_type": "overloaded"}, "overloaded"),
    "embeddings": ("images", {"object": "error", "message": "no", "code": 500}, "server_error"),
    "response-failed": ("responses", {"status": "failed", "error": {"code": "rate_limit_exceeded"}}, "rate_limited"),
    "job": ("images", {"status": "failed", "errors": {"data": [{"code": "invalid_method"}]}}, "invalid_request"),
}


def test_a_body_that_is_only_an_error_is_one(server: Server, captured: Any) -> None:
    pytest.importorskip("openai")
    autotrace.enable()
    seen = {}
    for name, (way, body, _) in BARE.items():
        server.body = body
        seen[name] = outcome(WAYS[way], server, captured)[1]
    assert seen == {name: category for name, (_, _, category) in BARE.items()}


STREAMED: dict[str, tuple[str, Any, str]] = {
    # If ``error`` has a value, the SDK raises an exception without what is beside it.
    **{name: one for name, one in BARE.items() if one[0] == "chat" and "error" not in one[1]},
    "groq": ("groq", {"choices": [], "x_groq": {"error": "over capacity"}}, "unknown"),
    "response-failed": (
        "responses",
        {
            "type": "response.failed",
            "sequence_number": 1,
            "response": {**CREATED["response"], "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "no"}},
        },
        "rate_limited",
    ),
    "error-event": (
        "responses",
        {"type": "error", "code": "server_error", "message": "no", "param": None, "sequence_number": 1},
        "server_error",
    ),
}


def test_a_chunk_that_is_only_an_error_is_one(server: Server, captured: Any) -> None:
    for package in ("openai", "groq"):
        pytest.importorskip(package)
    autotrace.enable()
    seen = {}
    for name, (way, chunk, _) in STREAMED.items():
        server.events = [WAYS[way].first, chunk]
        seen[name] = outcome(WAYS[way], server, captured)[1]
    assert seen == {name: category for name, (_, _, category) in STREAMED.items()}


GOOD: dict[str, Any] = {
    "code-of-a-success": {"code": 0, "message": "Success", "sid": "1"},
    "minimax": {"base_resp": {"status_code": 0, "status_msg": ""}},
    "empty-error": {"error": {"code": 0, "message": ""}},
    "filter-that-failed": {"prompt_filter_results": [{"content_filter_results": {"error": {"code": "content_filter_error"}}}]},
    "warning": {"message": "This model will be removed.", "detail": "soon"},
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_good_answer_is_none(streamed: bool, server: Server, captured: Any) -> None:
    pytest.importorskip("openai")
    autotrace.enable()
    choice = {"index": 0, "delta" if streamed else "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    for name, more in GOOD.items():
        server.body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more}
        server.events = [server.body] if streamed else None
        if not (streamed and "error" in more):  # the SDK raises
            assert outcome(WAYS["chat"], server, captured) == (None, None), name
