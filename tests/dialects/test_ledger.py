"""The token ledger: the same meaning for every provider, and what it makes of numbers that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrace._declaration.operation import Dialect, Operation
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_embeddings import openai_embeddings
from autotrace.dialects.openai_responses import openai_responses

USAGE = "gen_ai.usage."
OWN = "autotrace.usage."
FIELDS = """
prompt_tokens completion_tokens total_tokens input_tokens output_tokens cached_tokens cache_write_tokens reasoning_tokens
audio_tokens image_tokens text_tokens accepted_prediction_tokens rejected_prediction_tokens prompt_cache_hit_tokens
cache_read_input_tokens cache_creation_input_tokens ephemeral_5m_input_tokens ephemeral_1h_input_tokens thinking_tokens
ttl_30m_tokens ttl_12h_tokens web_search_requests num_requests
""".split()
OBJECTS = """
usage prompt_tokens_details completion_tokens_details input_tokens_details output_tokens_details cache_creation
server_tool_use cache_write_tokens_details cached_tokens_details
""".split()
counts = st.one_of(
    st.integers(-5, 50), st.integers(), st.none(), st.booleans(), st.floats(), st.text(max_size=3), st.sampled_from([7.0, 1e30])
)
usages = st.recursive(
    st.dictionaries(st.sampled_from(FIELDS), counts),
    lambda inner: st.builds(
        lambda held, nested: {**held, **nested},
        st.dictionaries(st.sampled_from(FIELDS), counts),
        st.dictionaries(st.sampled_from(OBJECTS), inner, max_size=4),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("dialect", [openai_chat, openai_responses, anthropic_messages], ids=lambda dialect: dialect.name)
@given(usage=usages)
@settings(deadline=None)
def test_details_are_parts_of_their_totals(dialect: Dialect, usage: Any) -> None:
    operation = Operation("chat", dialect=dialect)
    read = {field.attribute: getter({"usage": usage}) for field, getter in operation.response}
    found = {name: value for name, value in read.items() if name.endswith(("_tokens", ".requests")) and value is not None}
    assert all(type(value) is int and value >= 0 for value in found.values())
    for side in ("input_tokens", "output_tokens"):
        total = found.get(USAGE + side)
        details = {name: value for name, value in found.items() if name.endswith("." + side) and name != USAGE + side}
        assert total is None or all(value <= total for value in details.values())
    written = found.get(USAGE + "cache_write.input_tokens")
    lasting = [value for name, value in found.items() if name.startswith(OWN + "cache_write_")]
    assert written is None or all(value <= written for value in lasting)
    tokens = [name for name in found if name.endswith("_tokens")]
    assert read[OWN + "missing"] is (None if tokens else True)
    assert read[OWN + "raw"] is usage


def ledger(dialect: Dialect, body: Any) -> dict[str, Any]:
    operation = Operation("chat", dialect=dialect)
    read = {field.attribute: getter(body) for field, getter in operation.response if "usage" in field.attribute}
    return {name: value for name, value in read.items() if value is not None and name != OWN + "raw"}


@pytest.mark.parametrize(
    ("dialect", "body", "want"),
    [
        (
            anthropic_messages,
            {
                "usage": {
                    "input_tokens": 3,
                    "cache_read_input_tokens": 10,
                    "cache_creation_input_tokens": 100,
                    "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
                    "output_tokens": 5,
                    "output_tokens_details": {"thinking_tokens": 2},
                    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
                }
            },
            {
                USAGE + "input_tokens": 113,
                USAGE + "cache_read.input_tokens": 10,
                USAGE + "cache_write.input_tokens": 100,
                OWN + "cache_write_5m.input_tokens": 60,
                OWN + "cache_write_1h.input_tokens": 40,
                USAGE + "output_tokens": 5,
                USAGE + "reasoning.output_tokens": 2,
                OWN + "web_search.requests": 2,
                OWN + "web_fetch.requests": 0,
            },
        ),
        (  # no total of what was written: its parts are
            anthropic_messages,
            {"usage": {"input_tokens": 3, "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4}}},
            {
                USAGE + "input_tokens": 13,
                USAGE + "cache_write.input_tokens": 10,
                OWN + "cache_write_5m.input_tokens": 6,
                OWN + "cache_write_1h.input_tokens": 4,
            },
        ),
        (  # what was not cached is not known, so that the whole is not either
            anthropic_messages,
            {"usage": {"cache_read_input_tokens": 10, "output_tokens": 1}},
            {USAGE + "cache_read.input_tokens": 10, USAGE + "output_tokens": 1},
        ),
        (
            openai_responses,
            {
                "usage": {
                    "input_tokens": 100,
                    "input_tokens_details": {
                        "cached_tokens": 40,
                        "cache_write_tokens": 50,
                        "cache_write_tokens_details": {"ttl_30m_tokens": 20, "ttl_12h_tokens": 30},
                    },
                    "output_tokens": 9,
                    "output_tokens_details": {"reasoning_tokens": 9},
                },
                "tool_usage": {"web_search": {"num_requests": 3}},
            },
            {
                USAGE + "input_tokens": 100,
                USAGE + "cache_read.input_tokens": 40,
                USAGE + "cache_write.input_tokens": 50,
                OWN + "cache_write_30m.input_tokens": 20,
                OWN + "cache_write_12h.input_tokens": 30,
                USAGE + "output_tokens": 9,
                USAGE + "reasoning.output_tokens": 9,
                OWN + "web_search.requests": 3,
            },
        ),
        (
            openai_chat,
            {
                "usage": {
                    "prompt_tokens": 30,
                    "prompt_tokens_details": {"text_tokens": 10, "audio_tokens": 15, "image_tokens": 5, "cached_tokens": 8}
                    | {"cached_tokens_details": {"text_tokens": 1, "audio_tokens": 7}},
                    "completion_tokens": 20,
                    "completion_tokens_details": {"text_tokens": 12, "audio_tokens": 8, "accepted_prediction_tokens": 3}
                    | {"rejected_prediction_tokens": 4, "reasoning_tokens": 0},
                }
            },
            {
                USAGE + "input_tokens": 30,
                USAGE + "text.input_tokens": 10,
                USAGE + "audio.input_tokens": 15,
                USAGE + "image.input_tokens": 5,
                USAGE + "cache_read.input_tokens": 8,
                USAGE + "text.cache_read.input_tokens": 1,
                USAGE + "audio.cache_read.input_tokens": 7,
                USAGE + "output_tokens": 20,
                USAGE + "text.output_tokens": 12,
                USAGE + "audio.output_tokens": 8,
                OWN + "accepted_prediction.output_tokens": 3,
                OWN + "rejected_prediction.output_tokens": 4,
                USAGE + "reasoning.output_tokens": 0,
            },
        ),
        (  # more from the cache than there was: one of the two is wrong
            openai_chat,
            {"usage": {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}, "completion_tokens": -1}},
            {USAGE + "input_tokens": 5},
        ),
        (openai_chat, {"usage": {"prompt_tokens": 12.0, "completion_tokens": 1.5}}, {USAGE + "input_tokens": 12}),
        (openai_chat, {"usage": {"prompt_tokens": "12", "completion_tokens": True}}, {OWN + "missing": True}),
        (openai_chat, {"usage": None, "choices": []}, {OWN + "missing": True}),
        (openai_embeddings, {"usage": {"total_tokens": 4}}, {USAGE + "input_tokens": 4}),
    ],
)
def test_ledger(dialect: Dialect, body: Any, want: Any) -> None:
    assert ledger(dialect, body) == want


def start(**usage: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "m1", "content": [], "usage": usage}}


@pytest.mark.parametrize(
    ("dialect", "chunks", "want"),
    [
        (  # cumulative: the last value counts, null says nothing
            anthropic_messages,
            [
                start(input_tokens=3, cache_read_input_tokens=7, output_tokens=1),
                {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4, "input_tokens": None}},
                {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9, "cache_read_input_tokens": 7}},
            ],
            {USAGE + "input_tokens": 10, USAGE + "cache_read.input_tokens": 7, USAGE + "output_tokens": 9},
        ),
        (  # left before its end: the output tokens of the start are not a count
            anthropic_messages,
            [start(input_tokens=3, output_tokens=1)],
            {USAGE + "input_tokens": 3},
        ),
        (  # a delta without a count is not one either
            anthropic_messages,
            [start(input_tokens=3, output_tokens=1), {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 3}}],
            {USAGE + "input_tokens": 3},
        ),
        (  # a server that counts only at the start: the stream was read to its end
            anthropic_messages,
            [start(input_tokens=3, output_tokens=8), {"type": "message_stop"}],
            {USAGE + "input_tokens": 3, USAGE + "output_tokens": 8},
        ),
        (
            openai_chat,
            [{"choices": [{"index": 0, "delta": {"content": "a"}}]}, {"choices": [], "usage": {"prompt_tokens": 2}}],
            {USAGE + "input_tokens": 2},
        ),
        (openai_chat, [{"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": None}], {OWN + "missing": True}),
        (
            openai_responses,
            [
                {"type": "response.created", "response": {"id": "r", "status": "in_progress", "usage": None}},
                {"type": "response.output_text.delta", "delta": "a"},
            ],
            {OWN + "missing": True},
        ),
        (
            openai_responses,
            [{"type": "response.completed", "response": {"status": "completed", "output": [], "usage": {"output_tokens": 2}}}],
            {USAGE + "output_tokens": 2},
        ),
    ],
)
def test_streams(dialect: Dialect, chunks: Any, want: Any) -> None:
    assert dialect.reduce
    assert ledger(dialect, dialect.reduce(chunks)) == want
