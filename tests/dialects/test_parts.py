"""Parts: what binary content, tool arguments and unknown things become."""

from __future__ import annotations

from typing import Any

import pytest

from autotrace.dialects import parts

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
BASE64 = "aGVsbG8="


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ('{"city": "Rome"}', {"city": "Rome"}),
        ("[1]", [1]),
        ('{"city": "Ro', '{"city": "Ro'),
        ("", ""),
        ("null", "null"),
        ("NaN", "NaN"),
        ("[" * 9999, "[" * 9999),
        ({"city": "Rome"}, {"city": "Rome"}),
        (None, None),
    ],
)
def test_arguments(arguments: object, want: object) -> None:
    assert parts.parsed(arguments) == want


@pytest.mark.parametrize(
    ("part", "want"),
    [
        (parts.binary(BASE64, "image", "image/png"), {"modality": "image", "mime_type": "image/png", "uri": HELLO, "size": 5}),
        (parts.binary("aGVsbG8", "image"), {"modality": "image", "uri": HELLO, "size": 5}),
        (
            parts.binary("aGVs\nbG8=", None, "video/mp4"),
            {"modality": "video", "mime_type": "video/mp4", "uri": HELLO, "size": 5},
        ),
        (parts.binary(b"hello"), {"modality": "document", "uri": HELLO, "size": 5}),
        (
            parts.uri("data:audio/wav;base64," + BASE64),
            {"modality": "audio", "mime_type": "audio/wav", "uri": HELLO, "size": 5},
        ),
        (parts.uri("DATA:,hell%6f"), {"modality": "document", "uri": HELLO, "size": 5}),
        (parts.uri("https://x/y.png", "image"), {"modality": "image", "uri": "https://x/y.png"}),
    ],
)
def test_binary_and_uri(part: Any, want: Any) -> None:
    assert part == {"type": "uri", **want}


def test_text_that_is_not_base64_is_hashed_as_it_is() -> None:
    assert parts.binary("not base64!", "image")["size"] == len("not base64!")


@pytest.mark.parametrize(
    ("wire", "want"),
    [
        ("said", {"type": "text", "content": "said"}),
        ({"type": "new", "x": [1]}, {"type": "new", "x": [1]}),
        ({"type": "text"}, {"type": "unknown", "content": {"type": "text"}}),
        ({"type": "uri", "modality": "image", "uri": "http://x"}, {"type": "uri", "modality": "image", "uri": "http://x"}),
        ({"x": 1}, {"type": "unknown", "content": {"x": 1}}),
        (7, {"type": "unknown", "content": 7}),
        (None, {"type": "unknown", "content": None}),
        (
            {"type": "new", "file_data": BASE64, "data": BASE64, "short": BASE64},
            {"type": "new", "file_data": {"type": "uri", "modality": "document", "uri": HELLO, "size": 5}}
            | {"data": BASE64, "short": BASE64},
        ),
    ],
)
def test_unknown_parts_are_kept(wire: object, want: object) -> None:
    assert parts.kept(wire) == want


def test_nothing_binary_is_kept() -> None:
    long = "QUJD" * 1000
    found = parts.kept(
        {"type": "new", "a": [b"\x00"], "b": {"c": "data:image/png;base64," + long}, "d": long, "e": "word " * 1000}
    )
    assert found["a"][0]["size"] == 1
    assert found["b"]["c"] == {"type": "uri", "modality": "image", "mime_type": "image/png", "size": 3000} | {
        "uri": found["d"]["uri"]
    }
    assert found["e"] == "word " * 1000


@pytest.mark.parametrize(
    ("reason", "want"),
    [
        ("tool_use", "tool_call"),
        ("end_turn", "stop"),
        ("length", "length"),
        ("new", "new"),
        (None, None),
        ("", None),
        (3, None),
    ],
)
def test_finish(reason: object, want: object) -> None:
    assert parts.finish(reason) == want
