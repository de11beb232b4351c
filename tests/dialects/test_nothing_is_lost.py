"""What a dialect does not know is kept: bodies that are changed at random still have all their texts in the record."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrace._declaration.operation import Operation
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_responses import openai_responses

from . import bodies, samples
from .bodies import DATA, PICTURE, Body

ALL = (*bodies.ALL, *(Body(**fields) for fields in samples.listed("BODIES")))

NO_CONTENT = frozenset(
    """type id status call_id index tool_call_id tool_use_id cache_control prompt_cache_breakpoint signature logprobs format
    media_type obfuscation parsed parsed_arguments finish_reason token_ids prompt_token_ids top_logprobs stop_reason
    mime_type""".split()
    + samples.listed("NO_CONTENT")
)
"""What the wire says of content, not in it; the record may leave it out, or say it elsewhere."""
BINARY = frozenset(
    "data file_data input_audio images image result encrypted_content b64_json".split() + samples.listed("BINARY")
)
"""Where a text is taken for base64, and hashed."""
ROLES = frozenset(samples.listed("ROLES"))
"""Words for roles for which the record has the conventions'."""
FIELDS_WITHOUT_CONTENT = frozenset(samples.listed("FIELDS_WITHOUT_CONTENT"))
WITHOUT_CONTENT = frozenset(samples.listed("WITHOUT_CONTENT"))
CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions")
FOLDER = Path(os.environ.get("AUTOTRACE_TRAFFIC") or Path(__file__).parents[3] / "shared" / "traffic")
RECORDED = {
    "chat.completions": (openai_chat, ("messages",), ("choices",)),
    "responses": (openai_responses, ("instructions", "input"), ("output",)),
    "messages": (anthropic_messages, ("system", "messages"), ("content",)),
    **samples.mapped("RECORDED"),
}


def recorded() -> Iterator[Body]:
    if not (FOLDER / "visible.jsonl").is_file():
        return
    with open(FOLDER / "visible.jsonl", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            known = (
                RECORDED.get(record["endpoint"])
                if record["sdk"] in ("openai", "anthropic", "ollama", "groq", "azure", "google")
                else None
            )
            if known and record["status"] == 200 and not record["stream"] and "response_body" in record:
                dialect, said, answered = known
                yield Body(record["id"], dialect, record["request_body"], json.loads(record["response_body"]), said, answered)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside `value`."""
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in held:
        yield (*path, key)
        yield from paths_in(inner, (*path, key))


def leaves(value: Any) -> Iterator[str]:
    """The texts in `value` that are content."""
    if isinstance(value, str):
        if value and value not in (DATA, PICTURE, *ROLES) and not value.startswith("data:") and len(value) < 1000:
            yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if (
                key not in NO_CONTENT
                and key not in BINARY
                and not (isinstance(inner, str) and (key, inner) in FIELDS_WITHOUT_CONTENT)
            ):
                yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)


def values(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from values(inner)


def shown(text: str, record: list[Any], strings: list[str]) -> bool:
    if any(text in held for held in strings):
        return True
    try:
        parsed = json.loads(text)
    except ValueError:
        return False
    return parsed in record


OPERATIONS: dict[str, Operation] = {}


def read(body: Body) -> list[Any]:
    operation = OPERATIONS.get(body.dialect.name) or OPERATIONS.setdefault(
        body.dialect.name, Operation("chat", dialect=body.dialect)
    )
    found = [getter(body.request) for field, getter in operation.request if field.attribute in CONTENT]
    found += [getter(body.response) for field, getter in operation.response if field.attribute in CONTENT]
    return list(values(found))


def check(body: Body) -> None:
    record = read(body)
    strings = [value for value in record if isinstance(value, str)]
    strings += [key for value in record if isinstance(value, dict) for key in value]
    for wire, roots in ((body.request, body.said), (body.response, body.answered)):
        for root in roots:
            for text in leaves(wire.get(root)):
                if (root, text) in WITHOUT_CONTENT:
                    continue
                assert shown(text, record, strings), f"{text!r} of {root} is not in the record"


@st.composite
def changed(draw: st.DrawFn, bodies: list[Body]) -> Body:
    """A body in which one to three places are gone, called otherwise, of another type, null, or have something new in them."""
    body = draw(st.sampled_from(bodies))
    request, response = copy.deepcopy(body.request), copy.deepcopy(body.response)
    for number in range(draw(st.integers(1, 3))):
        wire, roots = draw(st.sampled_from([(request, body.said), (response, body.answered)]))
        places = [path for root in roots for path in paths_in(wire.get(root), (root,))]
        if not places:
            continue
        path = draw(st.sampled_from(places))
        parent = wire
        for key in path[:-1]:
            parent = parent[key]
        key = path[-1]
        new = f"new {number}"
        how = draw(st.sampled_from(["drop", "rename", "retag", "null", "part", "field", "text", "list", "object"]))
        if how == "drop" and isinstance(parent, dict):
            del parent[key]
        elif how == "rename" and isinstance(parent, dict):
            parent[f"renamed_{number}"] = parent.pop(key)
        elif how == "retag" and isinstance(parent[key], dict):
            parent[key]["type"] = f"new_kind_{number}"
        elif how == "null":
            parent[key] = None
        elif how == "part" and isinstance(parent[key], list):
            parent[key].insert(
                draw(st.integers(0, len(parent[key]))), {"type": "hologram", "scene": new, "more": [{"of": new + "!"}]}
            )
        elif how == "field" and isinstance(parent[key], dict):
            parent[key]["new_field"] = draw(st.sampled_from([new, {"held": new}, [new]]))
        elif how == "text" and key not in NO_CONTENT:
            parent[key] = new
        elif how == "list" and key not in NO_CONTENT:
            parent[key] = [parent[key]]
        elif how == "object" and key not in NO_CONTENT:
            parent[key] = {"wrapped": parent[key]}
    return body._replace(request=request, response=response)


relaxed = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("body", ALL, ids=lambda body: body.name)
def test_all_that_is_known_today_is_in_the_record(body: Body) -> None:
    check(body)
    kinds = {part["type"] for part in read(body) if isinstance(part, dict) and isinstance(part.get("type"), str)}
    assert "unknown" not in kinds


@pytest.mark.parametrize("body", ALL, ids=lambda body: body.name)
def test_log_probabilities_and_signatures_are_not(body: Body) -> None:
    assert not {"secretly", "sig"} & {value for value in read(body) if isinstance(value, str)}


@pytest.mark.parametrize("name", [body.name for body in ALL])
@given(data=st.data())
@relaxed
def test_changed_bodies_lose_nothing(name: str, data: st.DataObject) -> None:
    check(data.draw(changed([body for body in ALL if body.name == name])))


BODIES = list(recorded())


@pytest.mark.skipif(not BODIES, reason=f"no recorded traffic at {FOLDER} (set AUTOTRACE_TRAFFIC)")
@given(data=st.data())
@relaxed
def test_changed_recordings_lose_nothing(data: st.DataObject) -> None:
    check(data.draw(changed(BODIES)))
