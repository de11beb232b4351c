"""Capture records in a list instead of writing them to the sinks."""

from __future__ import annotations

from typing import Any

from autotrace._writer.writer import writer
from autotrace.sinks._memory import MemorySink

_DRAIN_TIMEOUT = 600.0
"""Seconds. The sink is in memory and takes no time, so only a busy machine can delay the writer."""


class Capture:
    """A context manager: inside its block, records go into `spans` and nowhere else.

    `spans` is a list of all records so far, as parsed lines, in the order in which the spans ended.
    """

    def __init__(self) -> None:
        self._sink = MemorySink(max_records=0)

    def __enter__(self) -> Capture:
        writer.drain(_DRAIN_TIMEOUT)
        self._before, writer.sinks = writer.sinks, [self._sink]
        return self

    def __exit__(self, *_: object) -> None:
        writer.drain(_DRAIN_TIMEOUT)
        writer.sinks = self._before

    @property
    def spans(self) -> list[dict[str, Any]]:
        writer.drain(_DRAIN_TIMEOUT)
        return self._sink.spans

    def clear(self) -> None:
        """Forget the records captured so far."""
        writer.drain(_DRAIN_TIMEOUT)
        self._sink.clear()


def capture() -> Capture:
    """Capture records: ``with autotrace.testing.capture() as captured: …; captured.spans``."""
    return Capture()
