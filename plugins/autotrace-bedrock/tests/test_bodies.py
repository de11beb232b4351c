"""The answer of InvokeModel: a body that the program reads as it likes, and that is recorded as it reads it."""

from __future__ import annotations

import gc
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrace
from autotrace_bedrock.dialects import invoke

response = pytest.importorskip("botocore.response")
exceptions = pytest.importorskip("botocore.exceptions")
stub = pytest.importorskip("botocore.stub")
urllib3 = pytest.importorskip("urllib3")

PROMPT = "Grüezi, und so weiter, " * 4


def ask(bedrock: Any, model: str = "meta.llama3", **more: Any) -> Any:
    return bedrock.invoke_model(modelId=model, body=json.dumps({"prompt": PROMPT}), **more)["body"]


def said(span: Any) -> str | None:
    messages = span["attributes"].get("gen_ai.output.messages")
    return messages[0]["parts"][0]["content"] if messages else None


def with_block(body: Any) -> bytes:
    with body as raw:
        return bytes(raw.read())


def with_block_stream(body: Any) -> bytes:
    with body as raw:
        return b"".join(raw.stream(7))


def with_block_iterated(body: Any) -> bytes:
    with body as raw:
        return b"".join(raw)


def by_sevens(body: Any) -> bytes:
    return b"".join(iter(lambda: body.read(7), b""))


def into_buffer(body: Any) -> bytes:
    buffer, taken = bytearray(11), b""
    while count := body.readinto(buffer):
        taken += buffer[:count]
    return taken


READERS: dict[str, Callable[[Any], bytes]] = {
    "read": lambda body: bytes(body.read()),
    "read-amount": by_sevens,
    "read-all-by-amount": lambda body: bytes(body.read(100_000)),
    "iter": lambda body: b"".join(body),
    "iter-chunks": lambda body: b"".join(body.iter_chunks(5)),
    "iter-lines": lambda body: b"".join(body.iter_lines()),
    "read-lines": lambda body: b"".join(body.readlines()),
    "read-into": into_buffer,
    "buffered": lambda body: io.BufferedReader(body).read(),
    "with": with_block,
    "with-stream": with_block_stream,
    "with-iterated": with_block_iterated,
    "json": lambda body: json.dumps(json.load(body), separators=(",", ":"), ensure_ascii=False).encode(),
}


@pytest.mark.parametrize("reader", READERS)
def test_however_it_is_read_it_is_recorded_whole(reader: str, bedrock: Any, captured: Any) -> None:
    body = ask(bedrock)
    assert type(body) is response.StreamingBody
    assert captured.spans == []
    taken = READERS[reader](body)
    (span,) = captured.spans
    assert span["end_reason"] == "completed"
    assert said(span) == json.loads(taken)["generation"] == f"You said: “{PROMPT}”"
    assert span["attributes"]["gen_ai.usage.output_tokens"] == json.loads(taken)["generation_token_count"]


def close(body: Any) -> None:
    body.close()


def leave(body: Any) -> None:
    with body:
        return


def close_half(body: Any) -> None:
    body.read(10)
    body.close()


def drop(body: Any) -> None:
    return


def drop_half(body: Any) -> None:
    body.read(10)


@pytest.mark.parametrize(
    ("end", "reason"),
    [(close, "unread"), (leave, "unread"), (drop, "unread"), (close_half, "abandoned"), (drop_half, "abandoned")],
)
def test_it_is_recorded_as_it_was_left(end: Callable[[Any], None], reason: str, bedrock: Any, captured: Any) -> None:
    gc.disable()  # no cycle: a body that is dropped gives its connection back at once
    try:
        end(ask(bedrock))
        (span,) = captured.spans
    finally:
        gc.enable()
    assert (span["end_reason"], said(span)) == (reason, None)
    assert span["attributes"]["http.response.status_code"] == 200


def test_nothing_is_read_ahead(bedrock: Any, captured: Any) -> None:
    body = ask(bedrock)
    assert body.tell() == 0
    body.read(4)
    assert body.tell() == 4
    assert captured.spans == []
    body.close()


def test_what_the_raw_stream_knows_is_known(bedrock: Any, captured: Any) -> None:
    body = ask(bedrock)
    with body as raw:
        assert isinstance(raw, urllib3.response.HTTPResponse)
        assert (raw.status, body.readable()) == (200, True)
        raw.read()


def test_a_body_that_breaks_off_fails_as_the_program_sees_it(bedrock: Any, captured: Any) -> None:
    with pytest.raises(exceptions.ResponseStreamingError) as raised:
        ask(bedrock, "meta.fault-cut").read()
    (span,) = captured.spans
    assert span["status"] == {"code": "ERROR", "description": str(raised.value)}
    assert span["attributes"]["error.type"] == "botocore.exceptions.ResponseStreamingError"
    assert span["attributes"]["autotrace.error.category"] == "connection"


class Late(io.BytesIO):
    """A raw stream whose server does not answer in time."""

    def read(self, *_: Any) -> bytes:
        raise urllib3.exceptions.ReadTimeoutError(None, "http://here", "Read timed out.")


@pytest.mark.parametrize(
    ("raw", "kind", "category"),
    [(io.BytesIO(b'{"gen'), "IncompleteReadError", "connection"), (Late(), "ReadTimeoutError", "timeout")],
    ids=["short", "late"],
)
def test_what_the_sdk_makes_of_a_broken_body_is_what_is_recorded(
    raw: Any, kind: str, category: str, bedrock: Any, captured: Any
) -> None:
    """Through botocore's own stub, as no server breaks off so."""
    answer = {"body": response.StreamingBody(raw, 100), "contentType": "application/json"}
    with stub.Stubber(bedrock) as stubber:
        stubber.add_response("invoke_model", answer)
        body = ask(bedrock)
    with pytest.raises(getattr(exceptions, kind)) as raised:
        body.read()
    (span,) = captured.spans
    assert span["status"]["description"] == str(raised.value)
    assert span["attributes"]["error.type"] == f"botocore.exceptions.{kind}"
    assert span["attributes"]["autotrace.error.category"] == category


@pytest.mark.parametrize("body", [b"a", bytearray(b"a"), "a"], ids=["bytes", "bytearray", "str"])
def test_a_request_body_of_any_type_is_read(body: Any, bedrock: Any, captured: Any) -> None:
    text = json.dumps({"prompt": "Hi"})
    kind = type(body)
    bedrock.invoke_model(modelId="meta.llama3", body=text if kind is str else kind(text.encode()))["body"].read()
    (span,) = captured.spans
    assert span["attributes"]["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "Hi"}]


class Remote:
    """A file in Python, which notes what is done to it."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.done.append(name)
        return getattr(self._file, name)


def test_a_request_body_that_only_the_sdk_may_read_is_not_touched(bedrock: Any, captured: Any) -> None:
    bodies = [Remote(b'{"prompt": "Hi"}') for _ in range(2)]
    bedrock.invoke_model(modelId="meta.llama3", body=bodies[0])["body"].read()
    autotrace.disable()
    bedrock.invoke_model(modelId="meta.llama3", body=bodies[1])["body"].read()
    assert bodies[0].done == bodies[1].done
    (span,) = captured.spans
    assert "gen_ai.input.messages" not in span["attributes"]
    assert said(span) == "You said: “Hi”"


def _spooled(body: bytes) -> Any:
    file = tempfile.SpooledTemporaryFile(max_size=2**20)  # noqa: SIM115  # collected with the test
    file.write(body)
    file.seek(0)
    return file


def _later(body: bytes) -> Any:
    file = io.BytesIO(b"read before" + body)
    file.seek(11)
    return file


def _opened(body: bytes, path: Path) -> Any:
    path.write_bytes(body)
    return path.open("rb")


@pytest.mark.parametrize("kind", ["text", "bytearray", "memory", "later", "spooled", "opened"])
@pytest.mark.parametrize("model", ["anthropic.claude-3", "arn:aws:bedrock:us-east-1:1:inference-profile/x"])
def test_a_body_that_is_a_file_is_recorded_like_its_bytes(
    bedrock: Any, captured: Any, tmp_path: Path, kind: str, model: str
) -> None:
    body = json.dumps({"anthropic_version": "b", "max_tokens": 9, "messages": [{"role": "user", "content": PROMPT}]}).encode()
    kinds: dict[str, Callable[[], Any]] = {
        "text": body.decode,
        "bytearray": lambda: bytearray(body),
        "memory": lambda: io.BytesIO(body),
        "later": lambda: _later(body),
        "spooled": lambda: _spooled(body),
        "opened": lambda: _opened(body, tmp_path / "body.json"),
    }
    for given in (body, kinds[kind]()):
        bedrock.invoke_model(modelId=model, body=given)["body"].read()
        if hasattr(given, "close"):
            given.close()
    as_bytes, other = (span["attributes"] for span in captured.spans)
    assert as_bytes["gen_ai.operation.name"] == "chat"
    assert other["gen_ai.input.messages"][0]["parts"][0]["content"] == PROMPT
    for name in ("gen_ai.operation.name", "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.request.max_tokens"):
        assert other[name] == as_bytes[name]


@pytest.mark.parametrize(
    ("model", "operation"), [("anthropic.claude-3", "chat"), ("amazon.titan-embed", "embeddings"), ("x", "invoke_model")]
)
def test_of_a_body_that_only_the_sdk_may_read_the_id_says_what_it_is(model: str, operation: str) -> None:
    assert invoke.choose(model, iter(())).operation == operation
