"""What passes between the server and a wire format: a received call, an answer, and what a format has to know.

A wire format is a `WireFormat` with pure functions in it: `answer` turns a call into an answer (or into None where the
path is not its own), the others give its shape of a failure. It never sees a socket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

__all__ = [
    "CREATED",
    "Answer",
    "Call",
    "Failure",
    "Json",
    "WireFormat",
    "dumps",
    "json_answer",
    "ndjson_answer",
    "sse",
    "sse_answer",
]

Json = dict[str, Any]

CREATED = 1_767_225_600
"""When every answer was made (2026-01-01): answers are the same on every run."""


class Call(NamedTuple):
    """One request, read completely."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Names in lower case."""
    json: Json
    """The body: JSON, or the fields of a form (a file is `{"filename", "size"}`)."""
    key: str
    """Twenty-four hexadecimal characters: the same for the n-th time that the same request comes, whatever else goes on."""

    @property
    def model(self) -> str:
        model = self.json.get("model")
        return model if isinstance(model, str) else ""

    def id(self, prefix: str, part: object = "") -> str:
        """An identifier for (a part of) this call's answer."""
        return prefix + hashlib.sha256(f"{self.key}{part}".encode()).hexdigest()[:24]


class Answer(NamedTuple):
    """What goes back: a body, or the pieces of a stream."""

    body: bytes = b""
    pieces: Iterable[bytes] | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def under(self, *headers: tuple[str, str]) -> Answer:
        """This answer with more headers."""
        return self._replace(headers=self.headers + headers)


class Failure(NamedTuple):
    """A failure that was asked for, before a wire format gives it its own shape."""

    status: int
    kind: str
    """One of: rate_limit, server, overloaded, context, authentication, permission, not_found, invalid."""


class WireFormat(NamedTuple):
    """A provider's way to speak HTTP."""

    name: str
    answer: Callable[[Call], Answer | None]
    failure: Callable[[Call, Failure], Answer]
    error_event: Callable[[Call], bytes]
    """A failure inside a stream that began well."""
    malformed: bytes
    """Something inside a stream that an SDK cannot read: no JSON, a checksum that is wrong."""
    owns: Callable[[Call], bool]
    """Whether a path is this provider's, if only by its looks (decides who answers `404`)."""
    model: Callable[[Call], str] = attrgetter("model")
    """The model that is asked, whose name may be a fault's: in the body, unless a format has it elsewhere."""
    environment: Callable[[str], dict[str, str]] = lambda url: {}
    """The provider's URL to the variables by which the unchanged SDK comes there."""


def dumps(value: object) -> bytes:
    """JSON as the providers write it: compact, UTF-8 as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(dumps(value), status=status)


def sse(value: object, event: str = "") -> bytes:
    """One server-sent event."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    return head + b"data: " + dumps(value) + b"\n\n"


def sse_answer(pieces: Iterable[bytes]) -> Answer:
    return Answer(pieces=pieces, content_type="text/event-stream; charset=utf-8")


def ndjson_answer(lines: Iterator[Json]) -> Answer:
    return Answer(pieces=(dumps(line) + b"\n" for line in lines), content_type="application/x-ndjson")
