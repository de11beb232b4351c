"""Streams as bytes: however the network cuts them, and wherever they stop, the record is what was received."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrace._declaration.operation import Dialect, Operation
from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.bedrock_converse import bedrock_converse
from autotrace.dialects.gemini import gemini
from autotrace.dialects.gemini_interactions import gemini_interactions
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_completions import openai_completions
from autotrace.dialects.openai_responses import openai_responses
from autotrace.families import sse

from .test_deltas import chat, converse, messages, responses

FOLDER = Path(os.environ.get("AUTOTRACE_TRAFFIC") or Path(__file__).parents[3] / "shared" / "traffic")
DIALECTS = {
    "chat.completions": openai_chat,
    "completions": openai_completions,
    "responses": openai_responses,
    "messages": anthropic_messages,
    "complete(legacy)": anthropic_complete,
    "streamGenerateContent": gemini,
    "interactions": gemini_interactions,
}
SDKS = ("openai", "anthropic", "groq", "mistral", "azure", "google")


class Stream(NamedTuple):
    """The body of one stream."""

    name: str
    dialect: Dialect
    body: bytes


def encoded(chunks: list[Any], end: bytes = b"\n\n") -> bytes:
    return b"".join(b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + end for chunk in chunks)


def built_in() -> Iterator[Stream]:
    texts, arguments = ["Gr", "üß", "e 🐈", "!\n\ndata: x"], ['{"wo": "', "Žižkov", '", "n": [1, 2', "]}"]
    apis = ((openai_chat, chat), (openai_responses, responses), (anthropic_messages, messages), (bedrock_converse, converse))
    for dialect, stream in apis:
        yield Stream(dialect.name, dialect, encoded(stream(texts, arguments)))
    yield Stream(
        "crlf", openai_chat, b": hello\r\n\r\n" + encoded(chat(texts, arguments), b"\r\n\r\n") + b"data: [DONE]\r\n\r\n"
    )


def recorded() -> Iterator[Stream]:
    if not (FOLDER / "visible.jsonl").is_file():
        return
    with open(FOLDER / "visible.jsonl", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            dialect = DIALECTS.get(record["endpoint"]) if record["sdk"] in SDKS else None
            if dialect and record["stream"] and record["status"] == 200 and "response_body" in record:
                yield Stream(record["id"], dialect, record["response_body"].encode())


STREAMS = [*built_in(), *recorded()]
each = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


def output(dialect: Dialect, chunks: Any) -> list[dict[str, Any]]:
    assert dialect.reduce
    whole = dialect.reduce(chunks)
    found = (getter(whole) for field, getter in Operation("chat", dialect=dialect).response if "output" in field.attribute)
    return next(found) or []


def begins(whole: Any, part: Any) -> bool:
    """Whether `part` is how `whole` began: of a text its beginning, of tool arguments the beginning of their JSON."""
    if isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part)
    if isinstance(whole, (dict, list)) and isinstance(part, str):
        return compact(json.dumps(whole, ensure_ascii=False)).startswith(compact(part))
    return bool(whole == part) or part == {}  # what a tool call's input is announced with


def compact(text: str) -> str:
    """JSON without the space that may or may not be between its tokens."""
    return "".join(text.split())


def check_beginning(whole: list[dict[str, Any]], part: list[dict[str, Any]]) -> None:
    assert len(part) <= len(whole)
    by_role = zip(whole, part, strict=False)
    for message, begun in by_role:
        of_kind: dict[str, list[Any]] = {}
        for held in message["parts"]:
            of_kind.setdefault(held["type"], []).append(held)
        seen: dict[str, int] = {}
        for held in begun["parts"]:
            kind = held["type"]
            position = seen[kind] = seen.get(kind, -1) + 1
            final = of_kind[kind][position]
            assert final.get("name", "").startswith(held.get("name", ""))
            for field in ("content", "arguments"):
                if field in held:
                    assert begins(final[field], held[field]), (final[field], held[field])


@each
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_cuts_do_not_matter(stream: Stream, data: st.DataObject) -> None:
    size = len(stream.body)
    ends = sorted(data.draw(st.lists(st.integers(0, size), max_size=8)))
    pieces = [stream.body[start:end] for start, end in zip([0, *ends], [*ends, size], strict=True)]
    assert sse.decode(pieces) == sse.decode([stream.body])


@each
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_a_stream_that_stops_anywhere_shows_its_beginning(stream: Stream, data: st.DataObject) -> None:
    whole = sse.decode([stream.body])
    received = sse.decode([stream.body[: data.draw(st.integers(16, len(stream.body)))]])
    if received:
        assert received == whole[: len(received)]
        messages = output(stream.dialect, whole)
        begun = output(stream.dialect, received)
        if len(begun) < 2 and len(messages) < 2:
            check_beginning(messages, begun)
        else:  # several choices are interleaved: those that have begun are not always the first
            assert len(begun) <= len(messages)


@each
def test_every_beginning_of_a_stream_is_that_of_its_end(stream: Stream) -> None:
    """Chunk by chunk, as the program sees them: nothing that was shown is taken back."""
    chunks = sse.decode([stream.body])
    final = output(stream.dialect, chunks)
    for end in range(0, len(chunks), max(1, len(chunks) // 40)):
        begun = output(stream.dialect, chunks[:end])
        if len(final) < 2:
            check_beginning(final, begun)
        for message in begun:
            said = "".join(part["content"] for part in message["parts"] if part["type"] == "text")
            assert any(
                "".join(part["content"] for part in other["parts"] if part["type"] == "text").startswith(said)
                for other in final
            )


@pytest.mark.parametrize(
    "stream", [stream for stream in STREAMS if stream.dialect is openai_responses], ids=lambda stream: stream.name
)
def test_a_response_without_its_last_event_is_rebuilt(stream: Stream) -> None:
    """The same messages with the whole response of the last event, without it, and without the items' last events either."""
    chunks = sse.decode([stream.body])
    whole = output(openai_responses, chunks)
    cut = [chunk for chunk in chunks if chunk["type"] != "response.completed"]
    bare = [chunk for chunk in cut if not chunk["type"].endswith(".done")]
    only_done = [chunk for chunk in cut if not chunk["type"].endswith(".delta")]
    for chosen in (cut, bare, only_done) if any(chunk["type"].endswith(".done") for chunk in chunks) else (cut, bare):
        [message] = output(openai_responses, chosen)
        assert [part for part in message["parts"] if shows(part)] == [part for part in whole[0]["parts"] if shows(part)]


def shows(part: dict[str, Any]) -> bool:
    return part["type"] in ("text", "reasoning", "refusal", "tool_call")
