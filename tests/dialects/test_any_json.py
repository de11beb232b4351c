"""Whatever comes over the wire, no dialect raises, and what it makes of it is a message as the conventions define it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from autotrace._declaration import paths
from autotrace._declaration.operation import Dialect, Operation
from autotrace.dialects import (
    anthropic_complete,
    anthropic_messages,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_responses,
    parts,
)

from . import samples

DIALECTS = [
    openai_chat.openai_chat,
    openai_completions.openai_completions,
    openai_responses.openai_responses,
    openai_embeddings.openai_embeddings,
    anthropic_messages.anthropic_messages,
    anthropic_complete.anthropic_complete,
    *samples.listed("DIALECTS"),
]
FIELDS = (
    """
type role name content text parts messages input instructions system prompt output choices message delta index
finish_reason stop_reason status incomplete_details reason tool_calls function_call function custom arguments id
call_id tool_call_id tool_use_id tools functions input_schema parameters usage prompt_tokens completion_tokens
total_tokens input_tokens output_tokens prompt_tokens_details completion_tokens_details cached_tokens reasoning_tokens
x_groq image_url url input_audio data format file file_data file_id file_url filename source media_type title context
refusal reasoning reasoning_content thinking annotations audio transcript citations citation summary encrypted_content
action operation result output_format server_name is_error response item output_index content_index summary_index part
event delta content_block partial_json stop image response_format
results stop_reason
json
image document video format
metadata start
modalities n stream conversation service_tier embedding embeddings error container
mimeType
modality
metadata signature
""".split()
    + samples.listed("FIELDS")
)
KINDS = (
    """
text input_text output_text summary_text reasoning_text thinking refusal image_url input_image input_audio audio_url
file input_file message reasoning function_call function_call_output custom_tool_call custom_tool_call_output
computer_call computer_call_output local_shell_call web_search_call image_generation_call mcp_call item_reference
tool_use tool_result server_tool_use web_search_tool_result image document container_upload search_result
redacted_thinking compaction base64 url content tool_call tool_call_response server_tool_call uri blob
response.created response.completed response.output_item.added response.output_item.done response.output_text.delta
response.refusal.delta response.reasoning_summary_text.delta response.function_call_arguments.delta message_start
content_block_start content_block_delta message_delta error text_delta input_json_delta citations_delta custom
completed
function tool user assistant
""".split()
    + samples.listed("KINDS")
)
PICTURE = "data:image/png;base64,aGVsbG8="

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from([*KINDS, PICTURE]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=4)), inner, max_size=6),
        st.builds(
            lambda kind, rest: {**rest, "type": kind}, st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), inner)
        ),
    ),
    max_leaves=25,
)
bodies = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=8) | anything

relaxed = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
each = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
OPERATIONS = [(dialect, Operation("chat", dialect=dialect)) for dialect in DIALECTS]
"""To make a value costs much more than to read it, so each value is read by every dialect."""


def check_part(part: Any) -> None:
    assert isinstance(part, dict)
    assert isinstance(part["type"], str)
    for field, kind in parts._REQUIRED.get(part["type"], {}).items():
        assert isinstance(part[field], kind)
    if part["type"] == "uri":
        assert not part["uri"].lower().startswith("data:")


def check_messages(messages: Any) -> None:
    assert messages
    for message in messages:
        assert isinstance(message["role"], str)
        assert isinstance(message.get("name", ""), str)
        assert isinstance(message.get("finish_reason", ""), str)
        for part in message["parts"]:
            check_part(part)


def check(operation: Operation, request: Any, response: Any) -> None:
    for readings, body in ((operation.request, request), (operation.response, response)):
        for field, getter in readings:
            value = getter(body)
            if value is None:
                continue
            if field.attribute in ("gen_ai.input.messages", "gen_ai.output.messages"):
                check_messages(value)
            elif field.attribute == "gen_ai.system_instructions":
                for part in value:
                    check_part(part)
            elif field.attribute == "gen_ai.tool.definitions":
                assert all(isinstance(tool["type"], str) for tool in value)


@given(request=bodies, response=bodies)
@relaxed
def test_no_value_in_any_place_raises(request: Any, response: Any) -> None:
    for dialect, operation in OPERATIONS:
        note(dialect.name)
        check(operation, request, response)


@given(chunks=st.lists(bodies, max_size=6))
@relaxed
def test_no_chunk_raises(chunks: list[Any]) -> None:
    before = json.dumps(chunks, default=str)
    for dialect, operation in OPERATIONS:
        if dialect.reduce:
            note(dialect.name)
            whole = dialect.reduce(chunks)
            check(operation, None, whole)
            assert json.dumps(chunks, default=str) == before, "reduce is pure"
            msgspec.json.encode(whole)


@each
def test_very_deep_values_do_not_raise(dialect: Dialect) -> None:
    for inner in ("content", "input", "output", "source", "custom", "parts", "response"):
        deep: Any = "end"
        for _ in range(400):
            deep = {"type": "tool_result", inner: [deep]}
        for (
            field
        ) in "results chat_history messages input content output choices message prompt system tools contents steps".split():
            check(Operation("chat", dialect=dialect), {field: [deep]}, {field: [deep]})


@given(st.binary())
def test_binary_is_its_size_and_hash_however_it_came(content: bytes) -> None:
    want = {"modality": "image", "uri": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
    encoded = base64.b64encode(content).decode()
    for part in (
        parts.binary(content, "image"),
        parts.binary(encoded, "image"),
        parts.uri("data:image/png;base64," + encoded),
        parts.without_binary({"media_type": "image/png", "data": encoded})["data"],
    ):
        assert {key: part[key] for key in want} == want


@given(bodies)
@relaxed
def test_what_a_getter_needs_is_what_it_finds_nothing_without(body: Any) -> None:
    if not isinstance(body, dict):
        return
    for dialect, operation in OPERATIONS:
        note(dialect.name)
        known = 0
        for field, getter in (*operation.request, *operation.response):
            needs = paths.needs((getter,))
            if needs is not None:
                known += 1
                assert getter({key: value for key, value in body.items() if key not in needs}) is None, field
        assert known >= 3


@each
def test_embeddings_read_top_level_fields_only(dialect: Dialect) -> None:
    if "embed" in dialect.name:
        assert Operation("embeddings", dialect=dialect).response_roots is not None
        assert not {"data", "embedding", "embeddings"} & (Operation("embeddings", dialect=dialect).response_roots or set())
