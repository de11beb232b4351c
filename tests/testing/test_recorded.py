"""Recorded exchanges answer as the server did that they were recorded from."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from autotrace.testing import Ask, Case, Library, run
from autotrace.testing.provider import Call, Failure, recorded, serve
from autotrace.testing.provider.openai import OPENAI

openai = pytest.importorskip("openai")

PATH = "/v1/chat/completions"


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}


def line(asked: dict[str, Any], failure: Failure | None = None) -> str:
    """One exchange, as a server that speaks OpenAI's format has it."""
    call = Call("POST", PATH, "", {}, asked, "key of " + json.dumps(asked))
    answer = OPENAI.failure(call, failure) if failure is not None else OPENAI.answer(call)
    assert answer is not None
    said = answer.body if answer.pieces is None else b"".join(answer.pieces)
    headers = {"content-type": answer.content_type, **dict(answer.headers)}
    return json.dumps(
        {
            "method": "POST",
            "path": PATH,
            "request_body": asked,
            "status": answer.status,
            "response_headers": headers,
            "response_body": said.decode(),
        }
    )


STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "exchanges.jsonl"
    known = [body("Hi"), body("Bye"), body("Hi", **STREAMED)]
    path.write_text("\n".join([*map(line, known), line(body("no"), Failure(400, "context")), ""]))
    return path


def test_the_same_request_gets_the_answer_that_was_recorded(recording: Path) -> None:
    with (
        serve(formats=[recorded(recording)]) as provider,
        contextlib.closing(openai.OpenAI(base_url=provider.openai_url, api_key="none", max_retries=0)) as client,
    ):
        said = {text: client.chat.completions.create(**body(text)) for text in ("Bye", "Hi", "something else")}
        streamed = list(client.chat.completions.create(**body("Hi", **STREAMED)))
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**{**body("Hi"), "model": "fault-400"})
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="gpt-4o", input="x")
    assert {text: one.choices[0].message.content for text, one in said.items()} == {
        "Hi": "You said: “Hi”",
        "Bye": "You said: “Bye”",
        "something else": "You said: “Hi”",
    }
    assert len({one.id for one in said.values()}) == 2
    assert "".join(choice.delta.content or "" for chunk in streamed for choice in chunk.choices) == "You said: “Hi”"
    assert caught.value.code == "context_length_exceeded"


def test_a_plugin_can_be_held_to_the_kit_on_a_recording(recording: Path) -> None:
    def chat(client: Any, ask: Ask, **more: Any) -> Any:
        return client.chat.completions.create(**{**body(ask.text, **more), "model": ask.model})

    library = Library(
        "openai",
        client=lambda url: openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0),
        provider=lambda: serve(formats=[recorded(recording)]),
        cases=[Case("chat", model="gpt-4o", call=chat, stream=lambda client, ask: chat(client, ask, **STREAMED))],
    )
    scorecard = run(library, ["call", "stream", "error", "broken stream", "early close", "same result", "same stream"])
    assert scorecard.failed == []
    assert len(scorecard.results) == 7


@pytest.mark.parametrize("text", ["{", "[1]", '{"path": "/x"}', '{"response_body": ""}'])
def test_a_line_that_is_no_exchange_is_named(text: str, recording: Path) -> None:
    with recording.open("a") as file:
        file.write(text)
    with pytest.raises(ValueError, match=r"exchanges\.jsonl:5: expected an exchange with path and response_body"):
        recorded(recording)
