"""Capturing records in a list instead of writing them out."""

from __future__ import annotations

from typing import Any

from autotrace._writer.writer import writer
from autotrace.sinks._memory import MemorySink

_PATIENCE = 600.0
"""Seconds, for a writer that a busy machine keeps waiting: what is captured is kept in memory, which takes none of its own."""


class Capture:
    """A ``with`` block during which records go into `spans` and nowhere else.

    Inside it, `spans` is everything recorded so far: parsed lines, in the order in which the spans ended.
    """

    def __init__(self) -> None:
        self._sink = MemorySink(max_records=0)

    def __enter__(self) -> Capture:
        writer.drain(_PATIENCE)
        self._before, writer.sinks = writer.sinks, [self._sink]
        return self

    def __exit__(self, *_: object) -> None:
        writer.drain(_PATIENCE)
        writer.sinks = self._before

    @property
    def spans(self) -> list[dict[str, Any]]:
        writer.drain(_PATIENCE)
        return self._sink.spans

    def clear(self) -> None:
        """Forget what was captured so far."""
        writer.drain(_PATIENCE)
        self._sink.clear()


def capture() -> Capture:
    """Capture records: ``with autotrace.testing.capture() as captured: …; captured.spans``."""
    return Capture()
