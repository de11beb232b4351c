"""The structs of the lines: each `Span`, `SpanStart` and `Dropped` is one line of JSON. The published `schema.json` is
generated from them.

Within ``autotrace.span/1`` the record only grows: no field and no attribute is renamed, removed or given another type.
"""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

import msgspec

from autotrace._declaration import conventions
from autotrace._declaration.conventions import Kind
from autotrace._system import time

SCHEMA: Literal["autotrace.span/1"] = "autotrace.span/1"

EndReason = Literal["completed", "error", "cancelled", "abandoned", "unread", "exit"]


class Status(msgspec.Struct, omit_defaults=True):
    """How the span ended, in OpenTelemetry's terms: ERROR for a failure, else UNSET."""

    code: Literal["UNSET", "ERROR"]
    description: Optional[str] = None


class Scope(msgspec.Struct):
    """What recorded the span, and the library that it recorded."""

    name: str
    version: Optional[str] = None
    library: Optional[str] = None
    library_version: Optional[str] = None


class _Begun(msgspec.Struct):
    """The fields that both lines of a span have: what is known when it begins."""

    timestamp: str
    level: Literal["info", "error"]
    event: Literal["span", "span.start"]
    schema: Literal["autotrace.span/1"]
    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: Optional[str]
    start_ns: int


class Span(_Begun):
    """One finished span, in the order of the line's fields. It has only plain values, so that a sink may keep it."""

    event: Literal["span"]
    end_ns: int
    duration_ns: int
    status: Status
    end_reason: EndReason
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    scope: Scope
    resource: dict[str, Any]


class SpanStart(_Begun):
    """A span that has begun, with the attributes of its request. Written at once if the setting `starts` is on."""

    level: Literal["info"]
    event: Literal["span.start"]
    attributes: dict[str, Any]
    scope: Scope
    resource: dict[str, Any]


class Dropped(msgspec.Struct):
    """How much a sink did not get since its last such line."""

    timestamp: str
    level: Literal["warning"]
    event: Literal["autotrace.dropped"]
    schema: Literal["autotrace.span/1"]
    reason: str
    records: int
    contents: int
    resource: dict[str, Any]


Record = Union[Span, SpanStart, Dropped]
"""The struct of any line."""


def timestamp(start_ns: int) -> str:
    """Unix time in nanoseconds as RFC 3339 in UTC, with microseconds."""
    seconds, nanoseconds = divmod(start_ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds // 1000:06d}Z"


_FORMATS = {
    "trace_id": {"pattern": "^[0-9a-f]{32}$", "description": "W3C trace id, 32 hex digits"},
    "span_id": {"pattern": "^[0-9a-f]{16}$", "description": "W3C span id, 16 hex digits"},
    "timestamp": {
        "format": "date-time",
        "description": "The span's start, or when the line was made; UTC, RFC 3339, microseconds",
    },
    "start_ns": {"minimum": 0, "description": "Unix time in nanoseconds"},
    "end_ns": {"minimum": 0, "description": "start_ns plus duration_ns"},
    "duration_ns": {"minimum": 0, "description": "Nanoseconds on a monotonic clock"},
    "reason": {
        "description": "queue_full: more waited than queue_bytes; sink: the sink refused it; record: it could not be made"
    },
    "records": {"minimum": 0, "description": "Spans that were lost"},
    "contents": {"minimum": 0, "description": "Spans that were written without their content"},
}
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "strings": {"type": "array", "items": {"type": "string"}},
    "any": {},
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a line. A line's ``event`` selects the definition that applies."""
    lines, definitions = msgspec.json.schema_components((Span, SpanStart, Dropped), ref_template="#/$defs/{name}")
    attributes: dict[str, Any] = {}
    for table in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS):
        for field in table.values():
            attributes[field.attribute] = _TYPES[field.type]
            if field.also:
                attributes[field.also] = _TYPES[field.type]
    for line in ("Span", "SpanStart", "Dropped"):
        properties = definitions[line]["properties"]
        for name in properties.keys() & _FORMATS.keys():
            properties[name].update(_FORMATS[name])
        if "attributes" in properties:
            properties["attributes"] = {"type": "object", "properties": dict(sorted(attributes.items()))}
    schema = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": schema, "title": SCHEMA, "anyOf": list(lines), "$defs": definitions}


if __name__ == "__main__":
    import json

    print(json.dumps(json_schema(), indent=2))  # noqa: T201
