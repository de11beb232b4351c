"""Drops content when too much waits to be written: how many bytes a span takes, and what is left of it.

A queued span is frozen bytes: its large fields are dropped without decoding them, by C code, on any thread and without a lock.
A span that the writer has already translated loses its content attributes and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import msgspec

from autotrace._declaration.conventions import ALWAYS
from autotrace._record import limits, lines

SMALL = 256
"""A field of a frozen object, or a text, is kept if it has at most this many bytes."""

BASE = 1000
"""The approximate bytes of a span without content."""

_CHUNK = 2000
"""The approximate bytes of a chunk that is an object of the library."""

_FIRST, _LAST = 2, 4
"""How many chunks of a stream are kept: model and id come with the first, finish reason and usage with the last."""

QUEUE_FULL = "queue_full"
"""Why content or records were dropped: more waited than the setting `queue_bytes` allows."""

_NOTE = ALWAYS["content_dropped"].attribute
_fields = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])


def weight_of_chunks(chunks: list[Any]) -> int:
    """The approximate bytes of a stream's chunks."""
    return sum(map(len, chunks)) if chunks and type(chunks[0]) is bytes else _CHUNK * len(chunks)


def weight_of_attributes(attributes: Mapping[str, Any]) -> int:
    """The approximate bytes of attributes: plain values, frozen ones and texts."""
    return sum([len(value) for value in attributes.values() if type(value) in (str, bytes)])


def small_fields(frozen: Optional[bytes]) -> Optional[bytes]:
    """A frozen object (`freezing.freeze`) without its fields over `SMALL` bytes; ``None`` for any other frozen value."""
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
    """`attributes` without long texts, with the note that content was dropped."""
    kept = {name: value for name, value in (attributes or {}).items() if type(value) not in (str, bytes) or len(value) <= SMALL}
    return {**kept, _NOTE: QUEUE_FULL}


def without_content(span: lines.Span) -> Optional[lines.Span]:
    """`span` with only its small attributes and those that are not content; ``None`` if nothing would be dropped."""
    kept = {name: value for name, value in span.attributes.items() if name in limits.STRUCTURE or _is_small(value)}
    if len(kept) == len(span.attributes):
        return None
    return msgspec.structs.replace(span, attributes={**kept, _NOTE: QUEUE_FULL})


def _is_small(value: Any) -> bool:
    return len(value) <= SMALL if isinstance(value, str) else value is None or isinstance(value, (bool, int, float))
