"""What a wire format consists of, and what it exchanges with the server: a received call and an answer.

A `WireFormat` holds pure functions. `answer` turns a call into an answer, or into None if it does not know the path; the others
format failures. It never handles a socket.
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
"""The creation time of every answer (2026-01-01), so that answers are the same in every run."""


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
    """24 hexadecimal characters that identify the n-th repetition of a request, independent of all other requests."""

    @property
    def model(self) -> str:
        """The model that the body names; empty if it names none."""
        model = self.json.get("model")
        return model if isinstance(model, str) else ""

    def id(self, prefix: str, part: object = "") -> str:
        """An identifier for the answer to this call, or for a `part` of it: `prefix` and 24 hexadecimal characters."""
        return prefix + hashlib.sha256(f"{self.key}{part}".encode()).hexdigest()[:24]


class Answer(NamedTuple):
    """What the server sends: a body, or the pieces of a stream."""

    body: bytes = b""
    pieces: Iterable[bytes] | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def under(self, *headers: tuple[str, str]) -> Answer:
        """A copy of this answer with more headers."""
        return self._replace(headers=self.headers + headers)


class Failure(NamedTuple):
    """A requested failure, before a wire format formats it."""

    status: int
    kind: str
    """One of: rate_limit, server, overloaded, context, authentication, permission, not_found, invalid."""


class WireFormat(NamedTuple):
    """How a provider speaks HTTP."""

    name: str
    answer: Callable[[Call], Answer | None]
    """The answer to a call; None for an unknown path, which is answered with `404`."""
    failure: Callable[[Call, Failure], Answer]
    """The answer that reports a failure."""
    error_event: Callable[[Call], bytes]
    """A failure inside a stream, after its first half."""
    malformed: bytes
    """A piece of a stream that an SDK cannot parse: invalid JSON, a wrong checksum."""
    owns: Callable[[Call], bool]
    """Whether a path looks like one of this provider, even if it is unknown. The first format that owns a path answers it."""
    model: Callable[[Call], str] = attrgetter("model")
    """The name of the model, which may select a fault. By default, it is read from the body."""
    environment: Callable[[str], dict[str, str]] = lambda url: {}
    """The environment variables that send the unchanged SDK to the provider's URL."""
    general: bool = False
    """Whether `owns` accepts paths that other formats may know better. Such a format is asked after the others."""


def dumps(value: object) -> bytes:
    """JSON as providers write it: compact UTF-8, without escapes of non-ASCII characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: object, status: int = 200) -> Answer:
    """An answer with `value` as JSON."""
    return Answer(dumps(value), status=status)


def sse(value: object, event: str = "") -> bytes:
    """One server-sent event with `value` as JSON."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    return head + b"data: " + dumps(value) + b"\n\n"


def sse_answer(pieces: Iterable[bytes]) -> Answer:
    """A stream of server-sent events (see `sse`)."""
    return Answer(pieces=pieces, content_type="text/event-stream; charset=utf-8")


def ndjson_answer(lines: Iterator[Json]) -> Answer:
    """A stream of JSON values, one per line."""
    return Answer(pieces=(dumps(line) + b"\n" for line in lines), content_type="application/x-ndjson")
