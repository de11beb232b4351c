"""Binary content in attributes: it is recorded by its size and hash."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

import autotrace


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("around", [lambda one: one, lambda one: [one], lambda one: {"deep": [{"er": one}]}])
def test_bytes_are_their_size_and_hash(captured: Any, kind: Any, around: Any) -> None:
    autotrace.enable()
    content = b"\x00\x01 picture"
    with autotrace.span("upload", attributes={"body": around(kind(content))}):
        pass
    described = {"type": "bytes", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert captured.spans[0]["attributes"] == {"body": around(described)}
