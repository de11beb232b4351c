"""What the dialects read from real providers' answers, against what was on the wire.

The recordings are not part of this repository: `AUTOTRACE_TRAFFIC` says where they are (``../shared/traffic`` beside the
checkout unless set). What is true is worked out by ``truth.py`` in that folder, from the recorded bytes alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrace._declaration.conventions import FINISH_REASONS

from . import samples

FOLDER = Path(os.environ.get("AUTOTRACE_TRAFFIC") or Path(__file__).parents[3] / "shared" / "traffic")
pytestmark = pytest.mark.skipif(
    not (FOLDER / "visible.jsonl").is_file(), reason=f"no recorded traffic at {FOLDER} (set AUTOTRACE_TRAFFIC)"
)

COMPATIBLE = ("openai", "azure_openai", "deepseek", "groq", "together", "mistral")
DIALECTS = {
    **{(provider, "chat.completions"): "openai_chat" for provider in COMPATIBLE},
    **{(provider, "completions"): "openai_completions" for provider in COMPATIBLE},
    **{(provider, "responses"): "openai_responses" for provider in COMPATIBLE},
    **{(provider, "embeddings"): "openai_embeddings" for provider in COMPATIBLE},
    ("anthropic", "messages"): "anthropic_messages",
    ("anthropic", "complete(legacy)"): "anthropic_complete",
    **samples.mapped("EXCHANGES"),
}
COUNTS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}


def exchanges() -> list[Any]:
    if not (FOLDER / "visible.jsonl").is_file():
        return []
    with open(FOLDER / "visible.jsonl", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    known = [record for record in records if record["status"] == 200 and (record["provider"], record["endpoint"]) in DIALECTS]
    return [pytest.param(record, id=record["id"]) for record in known]


@pytest.fixture(scope="module")
def truth() -> Any:
    spec = importlib.util.spec_from_file_location("recorded_truth", FOLDER / "truth.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    counts: Counter[str] = Counter()
    yield counts
    print("\nfields that agree:", ", ".join(f"{field} {count}" for field, count in sorted(counts.items())))


def decode(body: bytes) -> tuple[Any, bool]:
    """The body as JSON and whether it is a list of chunks: one JSON value, server-sent events, or one JSON value a line."""
    text = body.decode("utf-8", "replace")
    if text.lstrip().startswith(("data:", "event:", ":")):
        events = (re.findall(r"^data: ?(.*)$", event, re.MULTILINE) for event in re.split(r"(?:\r\n|\n|\r){2}", text))
        held = ("\n".join(lines).strip() for lines in events if lines)
        return [json.loads(data) for data in held if data != "[DONE]"], True
    try:
        return json.loads(text), False
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()], True


def said(messages: Any, *kinds: str) -> list[list[dict[str, Any]]]:
    return [[part for part in message["parts"] if part["type"] in kinds] for message in messages or []]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def normal(reasons: list[str] | None) -> list[str] | None:
    return reasons and [{"completed": "stop"}.get(reason, FINISH_REASONS.get(reason, reason)) for reason in reasons]


@pytest.mark.parametrize("record", exchanges())
def test_record_agrees_with_the_wire(
    record: dict[str, Any], truth: Any, tally: Counter[str], read: Any, every_dialect: Any
) -> None:
    expected = truth.truth(record)
    dialect = every_dialect[DIALECTS[record["provider"], record["endpoint"]]]
    body, streamed = decode(truth.body_bytes(record))
    if streamed:
        assert dialect.reduce
        body = dialect.reduce(body)
    found = read(dialect, record["request_body"], body)

    def agree(field: str, got: Any, want: Any, *others: Any) -> None:
        assert got == want or any(got == other for other in others), field
        tally[field] += want is not None and want != []

    alternatives = expected["alts"]
    agree("request_model", found.get("gen_ai.request.model"), expected["request_model"], *alternatives.get("request_model", ()))
    agree("response_model", found.get("gen_ai.response.model"), expected["response_model"])
    agree("response_id", found.get("gen_ai.response.id"), expected["response_id"])
    reasons = normal(found.get("gen_ai.response.finish_reasons"))
    agree("finish_reasons", reasons, normal(expected["finish_reasons"]), *map(normal, alternatives.get("finish_reasons", ())))
    for field, attribute in COUNTS.items():
        spread = alternatives.get(field, ())
        nothing = (0,) if expected[field] is None else ()
        agree(field, found.get(attribute), spread[0] if spread else expected[field], *nothing)

    output = found.get("gen_ai.output.messages")
    agree("output_texts", joined(said(output, "text", "refusal")), expected["output_texts"])
    thought = "".join(part["content"] for parts in said(output, "reasoning") for part in parts) or None
    agree("reasoning_text", thought, expected["reasoning_text"])
    calls = [part for parts in said(output, "tool_call") for part in parts]
    want = expected["tool_calls"]
    agree("tool_names", [call["name"] for call in calls], [call["name"] for call in want])
    agree("tool_ids", [call.get("id") for call in calls], [call["id"] for call in want])
    agree("tool_arguments", [call.get("arguments") for call in calls], [call["arguments"] for call in want])
    # A provider's own tool, which has no name in the request, is named after its type.
    offered = [tool["name"] for tool in found.get("gen_ai.tool.definitions", ()) if tool["name"] != tool["type"]]
    agree("tools", offered, expected["tools"])

    sent = [found.get("gen_ai.input.messages"), found.get("gen_ai.system_instructions")]
    held = set(texts(sent))
    missing = [text for text in expected["input_texts"] + expected["system_texts"] if text not in held]
    agree("prompt_texts", missing, [])
    tally["prompt_texts"] += bool(expected["input_texts"] + expected["system_texts"])
    if dialect.name in ("openai_chat", "openai_responses", "anthropic_messages", "ollama_chat"):
        agree("n_messages", len(found["gen_ai.input.messages"]), expected["n_messages"])


def joined(messages: list[list[dict[str, Any]]]) -> list[str]:
    return ["".join(part["content"] for part in parts) for parts in messages]


@pytest.mark.parametrize("record", [param for param in exchanges() if param.values[0]["stream"]])
def test_a_cut_stream_shows_what_was_received(record: dict[str, Any], truth: Any, read: Any, every_dialect: Any) -> None:
    dialect = every_dialect[DIALECTS[record["provider"], record["endpoint"]]]
    chunks, _ = decode(truth.body_bytes(record))
    whole = "".join(joined(said(read(dialect, None, dialect.reduce(chunks)).get("gen_ai.output.messages"), "text")))
    parted = 0
    for end in range(0, len(chunks), max(1, len(chunks) // 10)):
        found = read(dialect, None, dialect.reduce(chunks[:end]))
        text = "".join(joined(said(found.get("gen_ai.output.messages"), "text")))
        # several choices are interleaved: there the prefix holds for each, not for all of them together
        assert whole.startswith(text) or len(found["gen_ai.output.messages"]) > 1
        assert len(text) >= parted
        parted = len(text)
