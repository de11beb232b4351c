"""The binary encoding of AWS event streams: lengths, headers and payload, with a CRC of the prelude and one of the message.

Source: *Amazon event stream encoding* (Smithy specification). Header values are strings, because the services send no others.
"""

from __future__ import annotations

import struct
from binascii import crc32

from autotrace.testing.provider.wire import Json, dumps

__all__ = ["CONTENT_TYPE", "event", "exception", "message"]

CONTENT_TYPE = "application/vnd.amazon.eventstream"


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Encode one message with these headers."""
    encoded = b"".join(map(_header, headers.items()))
    prelude = struct.pack("!II", len(encoded) + len(payload) + 16, len(encoded))
    whole = prelude + struct.pack("!I", crc32(prelude)) + encoded + payload
    return whole + struct.pack("!I", crc32(whole))


def _header(item: tuple[str, str]) -> bytes:
    name, value = (text.encode() for text in item)
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value


def event(kind: str, fields: Json) -> bytes:
    """Encode one event of the type `kind`, with `fields` as its JSON."""
    head = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(head, dumps(fields))


def exception(kind: str, text: str) -> bytes:
    """Encode an exception of the type `kind`, which a service sends instead of the next event if it fails."""
    head = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(head, dumps({"message": text}))
