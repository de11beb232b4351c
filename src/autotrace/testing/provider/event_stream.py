"""The binary encoding of AWS' event streams: length, headers, payload, with a CRC of the prelude and one of all.

Source: *Amazon event stream encoding* (Smithy specification). Only headers that are strings, as the services send no others.
"""

from __future__ import annotations

import struct
from binascii import crc32

from autotrace.testing.provider.wire import Json, dumps

__all__ = ["CONTENT_TYPE", "event", "exception", "message"]

CONTENT_TYPE = "application/vnd.amazon.eventstream"


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message with these headers."""
    encoded = b"".join(map(_header, headers.items()))
    prelude = struct.pack("!II", len(encoded) + len(payload) + 16, len(encoded))
    whole = prelude + struct.pack("!I", crc32(prelude)) + encoded + payload
    return whole + struct.pack("!I", crc32(whole))


def _header(item: tuple[str, str]) -> bytes:
    name, value = (text.encode() for text in item)
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value


def event(kind: str, fields: Json) -> bytes:
    """One event: JSON under its type."""
    head = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(head, dumps(fields))


def exception(kind: str, text: str) -> bytes:
    """What a service sends in place of the next event when it has to give up."""
    head = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(head, dumps({"message": text}))
