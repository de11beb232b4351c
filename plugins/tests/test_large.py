"""What is large: a hundred megabytes of base64 are a size and a hash, long texts are cut, the call goes through as it is."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from typing import Any

import pytest

import autotrace

BINARY = bytes(range(256)) * 300_000
"""Seventy-seven million bytes: 102,400,000 characters of base64."""
LONG = 10_000_000


def picture(sdk: Any, content: bytes) -> dict[str, Any]:
    """A message with a picture and a question, as this SDK takes it."""
    if sdk.PACKAGE == "ollama":
        return {"role": "user", "content": "What is this?", "images": [content]}
    data = base64.b64encode(content).decode()
    part: dict[str, Any] = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    if sdk.PACKAGE == "openai":
        part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + data}}
    return {"role": "user", "content": [part, {"type": "text", "text": "What is this?"}]}


def asked(sdk: Any, wire: Any, captured: Any, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages that the record of a call with `messages` has; the provider got them whole."""
    if sdk.PACKAGE not in ("openai", "anthropic", "ollama"):
        pytest.skip("its messages have another form")
    autotrace.enable()
    with contextlib.closing(sdk.client(False, wire.url)) as client:
        sdk.value(client, "", messages=messages)
    assert autotrace.flush(600)  # to hash so much takes the writer seconds on a busy machine
    (span,) = captured.spans
    assert len(json.dumps(wire.exchanges[0].request)) > LONG
    found: list[dict[str, Any]] = span["attributes"]["gen_ai.input.messages"]
    assert len(json.dumps(span, ensure_ascii=False, separators=(",", ":"))) <= 1_000_000  # `max_line_bytes` unless it is set
    assert wire.exchanges[0].said["model"] == span["attributes"]["gen_ai.response.model"]
    return found


@pytest.mark.in_depth
def test_a_hundred_megabytes_of_base64_are_a_size_and_a_hash(sdk: Any, wire: Any, captured: Any) -> None:
    (message,) = asked(sdk, wire, captured, [picture(sdk, BINARY)])
    parts = {part["type"]: part for part in message["parts"]}
    assert parts["text"]["content"] == "What is this?"
    assert parts["uri"]["uri"] == "sha256:" + hashlib.sha256(BINARY).hexdigest()
    assert (parts["uri"]["size"], parts["uri"]["modality"]) == (len(BINARY), "image")


def test_a_text_of_ten_million_characters_is_cut_and_the_rest_stays(sdk: Any, wire: Any, captured: Any) -> None:
    long, short = asked(sdk, wire, captured, [{"role": "user", "content": text} for text in ("x" * LONG, "Sum it up")])
    assert short["parts"] == [{"type": "text", "content": "Sum it up"}]
    (part,) = long["parts"]
    assert part["content"].startswith("xxx")
    (span,) = captured.spans
    assert span["attributes"]["autotrace.cut.characters"]
