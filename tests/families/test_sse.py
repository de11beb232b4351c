"""The body of an answer: whole, cut at any place, or damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace.families import sse

FIELDS = st.sampled_from(["content", "text", "arguments", "id", "usage", '\\"', ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(FIELDS, VALUES, max_size=4) | st.lists(VALUES, max_size=4)
TEXTS = ("content", "text", "arguments")


def begins(part: Any, whole: Any, field: str = "") -> bool:
    """Whether all that `part` says is in `whole`, and at the same place."""
    if isinstance(whole, dict):
        return isinstance(part, dict) and all(name in whole and begins(part[name], whole[name], name) for name in part)
    if isinstance(whole, list):
        return isinstance(part, list) and all(begins(a, b, field) for a, b in zip(part, whole[: len(part)], strict=True))
    if isinstance(whole, str) and field in TEXTS:
        # Of a pair of surrogates, the first may have arrived alone.
        return isinstance(part, str) and whole.encode("utf-16-le", "surrogatepass").startswith(
            part.encode("utf-16-le", "surrogatepass")
        )
    return bool(part == whole) and type(part) is type(whole)


@given(BODIES, st.data(), st.booleans())
def test_a_cut_body_says_nothing_else_than_the_whole(body: Any, data: st.DataObject, ascii_only: bool) -> None:
    wire = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "replace" if ascii_only else "surrogatepass")
    at = data.draw(st.integers(0, len(wire)))
    part = sse.decode([wire[:at]])
    assert part is None if at == 0 else begins(part, body)


@given(BODIES, st.sampled_from([b"\n{}", b"]", b"<br>", b"\x00", b"}"]))
def test_what_follows_a_body_is_ignored(body: Any, rest: bytes) -> None:
    assert sse.decode([json.dumps(body).encode() + rest]) == body


@given(st.binary(max_size=60).map(lambda body: b"{" + body) | st.text(alphabet='{}[]":,\\1eu ', max_size=60).map(str.encode))
def test_any_bytes_are_read(body: bytes) -> None:
    assert isinstance(sse.decode([body]), (dict, list, str, int, float, bool, type(None)))


CHAT = b'{"id": "c1", "choices": [{"message": {"content": "Hello, wor'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (CHAT, {"id": "c1", "choices": [{"message": {"content": "Hello, wor"}}]}),
        (b'{"usage": {"input": 7, "output": 12', {"usage": {"input": 7}}),  # it may have been 120
        (b'{"id": "c1", "score": 0.', {"id": "c1"}),
        (b'{"id": "c1", "score": 1e', {"id": "c1"}),
        (b'{"id": "c1", "model": "gpt-4', {"id": "c1"}),  # it may have been gpt-4o
        (b'{"content": "a\\u26', {"content": "a"}),
        (b'{"content": "a\\\\', {"content": "a\\"}),
        ('{"content": "aé'.encode()[:-1], {"content": "a"}),
        (b'{"content": "a\nb"}', {"content": "a\nb"}),  # a control character that JSON forbids
        (b'{"id": "c1", "choices": oops, "usage": {}}', {"id": "c1"}),
        (b"<html>502</html>", None),
        (b"no JSON", None),
    ],
)
def test_a_damaged_body_is_read_up_to_the_damage(body: bytes, said: Any) -> None:
    assert sse.decode([body]) == said


def test_a_body_cannot_choose_how_often_it_is_read() -> None:
    depth = 5000
    said = sse.decode([b'{"a": ' * depth])
    found = 0
    while said:
        said, found = said.get("a"), found + 1
    assert found < 100
