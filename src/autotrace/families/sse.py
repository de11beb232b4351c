"""Decode the bytes of a response body: JSON, or server-sent events (WHATWG HTML, *Server-sent events*)."""

from __future__ import annotations

import codecs
from typing import Any

from autotrace.dialects import plain
from autotrace.families import _cut_json

__all__ = ["decode"]


def decode(pieces: list[bytes]) -> Any:
    """The JSON of a body in `pieces`: one value, or the list of the events' data for an event stream.

    Pieces may be cut anywhere. An incomplete event, one whose data is not JSON, and the ``[DONE]`` mark are dropped. Of a body
    that is cut or damaged, the result is what can be read up to there. It is ``None`` for a body that is neither JSON nor an
    event stream.
    """
    body = b"".join(pieces)
    start = body[:64].lstrip()
    if start.startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return [event for event in map(plain.decoded, _events(body)) if event is not None]
    value = plain.decoded(body)
    return _cut_json.beginning(codecs.getincrementaldecoder("utf-8")("replace").decode(body)) if value is None else value


def _events(body: bytes) -> list[bytes]:
    """The data of each complete event."""
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    events: list[bytes] = []
    data: list[bytes] = []
    for line in lines[:-1]:  # the last line is incomplete
        if not line and data:
            events.append(b"\n".join(data))
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
    return events
