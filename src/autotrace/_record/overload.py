"""Content given up because too much waits to be written: what a span weighs, and what is left of it.

Two places of one way out. What the caller's thread has queued is frozen bytes: there the big fields go unread, by C code, on
any thread and without a lock. What the writer has already translated loses its content attributes and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import msgspec

from autotrace._declaration.conventions import ALWAYS
from autotrace._record import limits, lines

SMALL = 256
"""A field of a frozen object, or a text, of at most so many bytes stays."""

BASE = 1000
"""About what a span without content takes, in bytes."""

_CHUNK = 2000
"""About what a chunk takes that is an object of the library's."""

_FIRST, _LAST = 2, 4
"""The chunks of a stream that stay: model and id come with the first, finish reason and usage with the last."""

QUEUE_FULL = "queue_full"
"""Why content or records were dropped: more waited than the setting `queue_bytes` allows."""

_NOTE = ALWAYS["content_dropped"].attribute
_fields = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])


def weight_of_chunks(chunks: list[Any]) -> int:
    """About how many bytes the chunks of a stream take."""
    return sum(map(len, chunks)) if chunks and type(chunks[0]) is bytes else _CHUNK * len(chunks)


def weight_of_attributes(attributes: Mapping[str, Any]) -> int:
    """About how many bytes attributes take: plain values, frozen ones and texts."""
    return sum([len(value) for value in attributes.values() if type(value) in (str, bytes)])


def small_fields(frozen: Optional[bytes]) -> Optional[bytes]:
    """A frozen object (`freezing.freeze`) without the fields that take more than `SMALL` bytes; ``None`` if it is no object."""
    if frozen is None or len(frozen) <= SMALL:
        return frozen
    try:
        fields = _fields.decode(frozen)
    except msgspec.MsgspecError:  # a list, a text
        return None
    return msgspec.msgpack.encode({name: value for name, value in fields.items() if len(memoryview(value)) <= SMALL})


def ends(chunks: Optional[list[Any]]) -> Optional[list[Any]]:
    """The first and the last chunks of a stream."""
    return chunks if chunks is None or len(chunks) <= _FIRST + _LAST else chunks[:_FIRST] + chunks[-_LAST:]


def small_attributes(attributes: Optional[Mapping[str, Any]]) -> dict[str, Any]:
    """`attributes` without long texts, and with the note that content is gone."""
    kept = {name: value for name, value in (attributes or {}).items() if type(value) not in (str, bytes) or len(value) <= SMALL}
    return {**kept, _NOTE: QUEUE_FULL}


def without_content(span: lines.Span) -> Optional[lines.Span]:
    """`span` with what the conventions call no content and what is small; ``None`` if that would be all of it."""
    kept = {name: value for name, value in span.attributes.items() if name in limits.STRUCTURE or _is_small(value)}
    if len(kept) == len(span.attributes):
        return None
    return msgspec.structs.replace(span, attributes={**kept, _NOTE: QUEUE_FULL})


def _is_small(value: Any) -> bool:
    return len(value) <= SMALL if isinstance(value, str) else value is None or isinstance(value, (bool, int, float))
