"""The JSON of a record: safe for a terminal, and one line for every reader."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_UNSAFE = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]"  # DEL, and the controls from U+0080 on
    rb"|\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]"  # marks, embeddings and isolates of bidirectional text
    rb"|\xe2\x80[\xa8\xa9]"  # U+2028, U+2029
)
"""Characters, in UTF-8, that JSON allows in a text, but that a terminal obeys, or that `str.splitlines` takes for the end of a
line."""


def encode(value: Any) -> bytes:
    """The JSON of `value`, with unsafe characters in JSON's own notation. Raises what `msgspec.json.encode` does."""
    line = msgspec.json.encode(value)
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSAFE.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), line)
