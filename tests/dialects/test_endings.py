"""Failures inside answers and streams that came with status 200, and good answers that are not whole."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from autotrace._declaration.operation import Operation
from autotrace.dialects import endings

from . import samples

NAMES = (
    *("anthropic_complete", "anthropic_messages", "openai_chat", "openai_completions", "openai_embeddings"),
    "openai_responses",
)


def named(name: str) -> Any:
    return getattr(importlib.import_module("autotrace.dialects." + name), name)


def failure(code: str | None = None, message: str | None = None) -> dict[str, str | None]:
    return {"code": code, "message": message}


OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
CREATED = {"type": "response.created", "response": {"id": "r1", "status": "in_progress"}}


@pytest.mark.parametrize(
    ("name", "response", "want"),
    [
        ("openai_chat", {"choices": []}, None),
        ("openai_chat", {"error": None}, None),
        ("openai_chat", {"error": {}}, None),
        ("openai_chat", {"error": {"code": 502, "message": "no host"}}, failure("502", "no host")),
        ("openai_chat", {"error": {"type": "server_error", "code": None, "message": "x"}}, failure("server_error", "x")),
        ("openai_chat", {"error": "out of memory"}, failure(None, "out of memory")),
        ("openai_chat", {"choices": [{"error": {"code": 429, "message": "slow"}}]}, failure("429", "slow")),
        ("openai_completions", {"error": {"code": "c", "message": "x"}}, failure("c", "x")),
        ("openai_embeddings", {"error": {"code": "c", "message": "x"}}, failure("c", "x")),
        ("openai_responses", {"status": "completed", "error": None}, None),
        (
            "openai_responses",
            {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
            failure("rate_limit_exceeded", "slow"),
        ),
        ("openai_responses", {"status": "failed", "error": None}, failure()),
        ("openai_responses", {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, None),
        ("openai_responses", {"status": "cancelled"}, None),
        ("anthropic_messages", {"content": []}, None),
        ("anthropic_messages", OVERLOADED, failure("overloaded_error", "Overloaded")),
        ("anthropic_complete", OVERLOADED, failure("overloaded_error", "Overloaded")),
    ],
)
def test_failure(name: str, response: Any, want: Any) -> None:
    assert named(name).failure(response) == want


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ({"code": 0, "message": ""}, None),
        ({"code": "None", "type": "None", "message": None}, None),
        ([], None),
        ({"other": 1}, failure()),
        ({"code": 429.0}, failure("429")),
        ({"code": "None", "type": "overloaded_error"}, failure("overloaded_error")),
        ([{"code": 1}, {"code": 2}], failure("1")),
        ({"error": {"code": "inner"}}, failure("inner")),
        ({"message": [{"msg": "first"}, {"msg": "second"}]}, failure(None, "first")),
        ({"status_code": "503"}, {**failure("503"), "status": 503}),
        ({"code": "c", "type": "t"}, {**failure("c"), "kinds": ("t",)}),
        ({"code": "c", "type": "503"}, {**failure("c"), "status": 503}),
        ({"code": "content_filter", "innererror": {"code": "Policy"}}, {**failure("content_filter"), "kinds": ("Policy",)}),
    ],
)
def test_the_code_of_an_error_is_in_one_of_its_fields(error: Any, want: Any) -> None:
    assert endings.failure(error, "code", "type") == want


@pytest.mark.parametrize("body", [{"message": "no"}, {"code": 5, "message": "no"}, {"detail": "no"}, {"object": "error"}])
def test_a_body_is_an_error_only_if_it_has_no_answer(body: Any) -> None:
    assert endings.bare_error(body, ("choices",)) == body
    if "object" not in body:  # which says it by itself
        assert endings.bare_error({**body, "choices": [{}]}, ("choices",)) is None
        assert endings.bare_error(body, None) is None


@pytest.mark.parametrize("word", ["error", "ERROR", "ERROR_LIMIT", "TIMEOUT", "insufficient_system_resource"])
def test_some_finish_reasons_are_failures(word: str) -> None:
    assert endings.failure_of_reasons([None, "stop", word]) == failure(word)
    assert endings.failure_of_reasons([None, 1, "stop", "length", "content_filter"]) is None


@pytest.mark.parametrize(
    ("name", "dialect", "chunks", "want"),
    [
        (
            "openai_chat",
            "openai_chat",
            [{"choices": [{"index": 0, "delta": {"content": "a"}}]}, {"error": {"code": "c", "message": "x"}}],
            failure("c", "x"),
        ),
        (
            "openai_chat",
            "openai_chat",
            [{"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502}}]}],
            failure("502"),
        ),
        (
            "openai_responses",
            "openai_responses",
            [CREATED, {"type": "error", "code": "server_error", "message": "x"}],
            failure("server_error", "x"),
        ),
        (
            "openai_responses",
            "openai_responses",
            [CREATED, {"type": "error", "error": {"type": "t", "message": "x"}}],
            failure("t", "x"),
        ),
        ("openai_responses", "openai_responses", [CREATED, {"error": {"code": "c", "message": "x"}}], failure("c", "x")),
        (
            "openai_responses",
            "openai_responses",
            [CREATED, {"type": "response.failed", "response": {"status": "failed", "error": {"code": "c"}}}],
            failure("c"),
        ),
        (
            "anthropic_messages",
            "anthropic_messages",
            [{"type": "message_start", "message": {"content": []}}, OVERLOADED],
            failure("overloaded_error", "Overloaded"),
        ),
        (
            "anthropic_complete",
            "anthropic_complete",
            [{"type": "completion", "completion": "a"}, OVERLOADED],
            failure("overloaded_error", "Overloaded"),
        ),
    ],
)
def test_failure_inside_a_stream(name: str, dialect: str, chunks: Any, want: Any) -> None:
    assert named(name).failure(named(name).reduce(chunks)) == want


REFUSED = {"role": "assistant", "content": None, "refusal": "No."}


@pytest.mark.parametrize(
    ("name", "response", "want"),
    [
        ("openai_chat", {"choices": [{"finish_reason": "stop", "message": {"content": "a"}}]}, None),
        ("openai_chat", {"choices": [{"finish_reason": "length"}]}, "truncated"),
        ("openai_chat", {"choices": [{"finish_reason": "content_filter"}, {"finish_reason": "length"}]}, "content_filtered"),
        ("openai_chat", {"choices": [{"finish_reason": "stop", "message": REFUSED}]}, "refused"),
        (
            "openai_chat",
            {"choices": [{"finish_reason": "stop", "message": {"content": [{"type": "refusal", "refusal": "No."}]}}]},
            "refused",
        ),
        ("openai_completions", {"choices": [{"finish_reason": "length", "text": "a"}]}, "truncated"),
        ("openai_embeddings", {"data": []}, None),
        ("openai_responses", {"status": "completed", "output": []}, None),
        ("openai_responses", {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "truncated"),
        ("openai_responses", {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filtered"),
        ("openai_responses", {"status": "incomplete", "incomplete_details": {"reason": "new"}}, "truncated"),
        (
            "openai_responses",
            {"status": "completed", "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
            "refused",
        ),
        ("anthropic_messages", {"stop_reason": "end_turn"}, None),
        ("anthropic_messages", {"stop_reason": "pause_turn"}, None),
        ("anthropic_messages", {"stop_reason": "max_tokens"}, "truncated"),
        ("anthropic_messages", {"stop_reason": "model_context_window_exceeded"}, "truncated"),
        ("anthropic_messages", {"stop_reason": "refusal"}, "refused"),
        ("anthropic_complete", {"stop_reason": "max_tokens"}, "truncated"),
    ],
)
def test_outcome(name: str, response: Any, want: Any) -> None:
    assert named(name).outcome(response) == want


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["failed", "incomplete", "refusal"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "error code message type status choices output content incomplete_details reason finish_reason "
                    "base_resp status_code detail errors metadata object success usage model"
                ).split()
            ),
            inner,
        )
    ),
)


def is_failure(found: Any) -> bool:
    """Whether `found` is ``None`` or a failure: a code, a message, and perhaps a status and more codes."""
    if found is None:
        return True
    status, kinds = found.get("status", 400), found.get("kinds", ())
    texts = [text for text in (found["code"], found["message"], *kinds) if text is not None]
    return type(status) is int and 400 <= status <= 599 and all(isinstance(text, str) for text in texts)


@given(response=anything)
@settings(deadline=None)
def test_nothing_raises(response: Any) -> None:
    for dialect in (*map(named, NAMES), *samples.listed("DIALECTS")):
        note(dialect.name)
        assert is_failure(dialect.failure(response) if dialect.failure else None)
        outcome = dialect.outcome(response) if dialect.outcome else None
        assert outcome in (None, "truncated", "content_filtered", "refused")


def test_only_what_is_read_of_an_answer_is_kept(every_dialect: Any) -> None:
    """Log probabilities, vectors and echoed tools are neither copied nor walked."""
    for dialect in every_dialect.values():
        if dialect.name in samples.mapped("READS_ALL"):
            continue
        roots = Operation("chat", dialect=dialect).response_roots
        assert roots is not None, dialect.name
        assert not roots & {"logprobs", "data", "embedding", "embeddings", "tools", "context"}, dialect.name
        assert dialect.failure is not None
