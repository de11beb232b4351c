"""Recorded streams, added up by the SDKs' own accumulators and by the dialects: the same message, usage, reasons and ids.

The recordings are not part of this repository (see ``test_recorded_traffic.py``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrace._declaration.operation import Dialect, Operation
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_responses import openai_responses
from autotrace.families import sse

FOLDER = Path(os.environ.get("AUTOTRACE_TRAFFIC") or Path(__file__).parents[3] / "shared" / "traffic")


def streams(endpoint: str, sdk: str) -> Iterator[Any]:
    if not (FOLDER / "visible.jsonl").is_file():
        return
    with open(FOLDER / "visible.jsonl", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["provider"] == "together":
                continue  # it repeats the role in every chunk, and the SDK's accumulator joins them: "assistantassistant…"
            if (record["endpoint"], record["sdk"], record["status"]) == (endpoint, sdk, 200) and record["stream"]:
                chunks = sse.decode([record["response_body"].encode()])
                if isinstance(chunks, list):
                    yield pytest.param(chunks, id=record["id"])


def read(dialect: Dialect, response: Any) -> dict[str, Any]:
    found = {field.attribute: getter(response) for field, getter in Operation("chat", dialect=dialect).response}
    return {name: value for name, value in found.items() if value is not None}


def known(value: Any) -> Any:
    """The same without what says nothing: the SDKs write null for all that did not come."""
    if isinstance(value, dict):
        return {key: known(held) for key, held in value.items() if held not in (None, [], {})}
    return [known(held) for held in value] if isinstance(value, list) else value


def compare(dialect: Dialect, chunks: list[Any], accumulated: Any) -> None:
    assert dialect.reduce
    ours, theirs = read(dialect, dialect.reduce(chunks)), read(dialect, accumulated)
    assert known(ours) == known(theirs)
    assert ours


@pytest.mark.parametrize("chunks", list(streams("chat.completions", "openai")))
def test_chat_completions(chunks: list[Any]) -> None:
    completions = pytest.importorskip("openai.lib.streaming.chat")
    types = pytest.importorskip("openai.types.chat")
    state = completions.ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(types.ChatCompletionChunk.construct(**chunk))
    compare(openai_chat, chunks, state.current_completion_snapshot.model_dump(mode="json"))


@pytest.mark.parametrize("chunks", list(streams("responses", "openai")))
def test_responses(chunks: list[Any]) -> None:
    """The last event is the response as it would have come without a stream."""
    [final] = [chunk["response"] for chunk in chunks if chunk["type"] == "response.completed"]
    compare(openai_responses, chunks, final)


@pytest.mark.parametrize("chunks", list(streams("messages", "anthropic")))
def test_messages(chunks: list[Any]) -> None:
    streaming = pytest.importorskip("anthropic.lib.streaming._messages")
    types = pytest.importorskip("anthropic.types")
    models = pytest.importorskip("anthropic._models")
    snapshot, buffers = None, {}
    for chunk in chunks:
        if chunk["type"] == "ping":
            continue
        event = models.construct_type(type_=types.RawMessageStreamEvent, value=chunk)
        snapshot = streaming.accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    compare(anthropic_messages, chunks, snapshot.model_dump(mode="json", by_alias=True))
