"""With content off, the record of a call has no text of its bodies, whatever API it is and wherever the text is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from autotrace._declaration.operation import Dialect, Operation
from autotrace._record import freezing
from autotrace._record.draft import Draft
from autotrace._record.lines import Span
from autotrace._record.origin import Origin
from autotrace.dialects import anthropic_messages, openai_chat, openai_responses

from . import bodies, samples
from .bodies import Body
from .test_any_json import DIALECTS, FIELDS

ALL = (*bodies.ALL, *(Body(**fields) for fields in samples.listed("BODIES")))
MARK = "Marked\ntext"
"""No id and no name has a line break."""
WORD = "Marked"
"""Looks like an id, and may stay where one is expected."""
FORMS: dict[str, Any] = {
    "text": MARK,
    "word": WORD,
    "texts": [MARK, WORD],
    "object": {"type": WORD, "reason": WORD, "message": MARK, "value": {WORD: 1, "tokens": 7, "note": WORD}},
    "objects": [{"type": MARK, "name": WORD, "content": [{"text": MARK}], "status": WORD}],
}


def marked(value: Any) -> Any:
    """`value` with every text in it replaced."""
    if isinstance(value, dict):
        return {key: marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner) for inner in value]
    return MARK if isinstance(value, str) else value


def record_of(operation: Operation, request: Any, response: Any) -> Span:
    """The record of a call with these bodies, content off."""
    draft = Draft(operation, Origin("acme", content=False), 1, 2, 0, 1, 1, content=False)
    draft.request, draft.response = freezing.freeze(request), freezing.freeze(response)
    record = draft.record()
    assert record is not None
    return record


def line_of(dialect: Dialect, request: Any, response: Any) -> str:
    """The record of such a call without the attributes that hold ids and names."""
    operation = Operation("chat", dialect=dialect)
    record = record_of(operation, request, response)
    named = {name for name, words in operation.not_content.items() if words is True}
    others = {
        name: value
        for name, value in record.attributes.items()
        if name not in named and not name.endswith((".id", ".name", ".model", ".version"))
    }
    return json.dumps([record.name.partition(" ")[0], others, freezing.plain(record.status)])


@pytest.mark.parametrize("body", ALL, ids=lambda body: body.name)
def test_a_whole_call(body: Body) -> None:
    assert "Marked" not in line_of(body.dialect, marked(body.request), marked(body.response))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_field_that_a_dialect_reads(dialect: Dialect, form: str) -> None:
    operation = Operation("chat", dialect=dialect)
    request = dict.fromkeys((*FIELDS, *(operation.request_roots or ())), FORMS[form])
    response = dict.fromkeys((*FIELDS, *(operation.response_roots or ())), FORMS[form])
    line = line_of(dialect, request, response)
    # A code of an error is an id, and may be any word.
    assert "Marked" not in line.replace('"Marked"', "" if '"ERROR"' in line else '"Marked"')


FILTERED = {"hate": {"filtered": False, "severity": "safe"}, "custom": {"filtered": True, "id": MARK}}
EDITED = {"applied_edits": [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 8, "note": MARK}]}
STAYS: list[tuple[Dialect, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        openai_chat.openai_chat,
        {"tool_choice": "required", "modalities": ["text", "audio"], "audio": {"voice": MARK, "format": "wav"}, "user": MARK},
        {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERED}], "citations": [MARK]},
        {
            "autotrace.request.parameters": {
                "tool_choice": "required",
                "modalities": ["text", "audio"],
                "audio": {"format": "wav"},
            },
            "autotrace.response.details": {
                "prompt_filter_results": [
                    {
                        "prompt_index": 0,
                        "content_filter_results": {
                            "hate": {"filtered": False, "severity": "safe"},
                            "custom": {"filtered": True},
                        },
                    }
                ]
            },
        },
    ),
    (
        openai_responses.openai_responses,
        {"include": ["reasoning.encrypted_content"], "truncation": "auto"},
        {"incomplete_details": {"reason": "max_output_tokens"}, "usage": {"input_tokens": 3, "note": MARK}},
        {
            "autotrace.request.parameters": {"include": ["reasoning.encrypted_content"], "truncation": "auto"},
            "autotrace.response.details": {"incomplete_details": {"reason": "max_output_tokens"}},
            "autotrace.usage.raw": {"input_tokens": 3},
        },
    ),
    (
        anthropic_messages.anthropic_messages,
        {"thinking": {"type": "enabled", "budget_tokens": 99}, "metadata": {"user_id": MARK}},
        {"stop_sequence": MARK, "stop_details": {"type": "refusal", "explanation": MARK}, "context_management": EDITED},
        {
            "autotrace.request.parameters": {"thinking": {"type": "enabled", "budget_tokens": 99}},
            "autotrace.response.details": {
                "stop_details": {"type": "refusal"},
                "context_management": {"applied_edits": [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 8}]},
            },
        },
    ),
]
"""Dialects with requests, answers, and what stays of their parameters, details and usage."""


@pytest.mark.parametrize(("dialect", "request_body", "response", "stays"), STAYS, ids=[row[0].name for row in STAYS])
def test_numbers_and_words_stay(dialect: Dialect, request_body: Any, response: Any, stays: dict[str, Any]) -> None:
    recorded = record_of(Operation("chat", dialect=dialect), request_body, response).attributes
    objects = ("autotrace.request.parameters", "autotrace.response.details", "autotrace.usage.raw")
    assert {name: recorded[name] for name in objects if name in recorded} == stays


inside = st.recursive(
    st.sampled_from((MARK, f"{MARK}, again", 3, True, None)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@given(request=st.dictionaries(st.sampled_from(FIELDS), inside), response=st.dictionaries(st.sampled_from(FIELDS), inside))
@hypothesis_settings(max_examples=15, deadline=None)
def test_any_text_in_any_place(dialect: Dialect, request: Any, response: Any) -> None:
    assert "Marked" not in line_of(dialect, request, response)
