"""A sink that keeps records in memory: for tests and notebooks."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from autotrace.sinks._entry import Entry


class MemorySink:
    """Keeps the latest `max_records` records (0 for all), each as the parsed JSON of its line.

    ``enable(sinks=["stdout", memory])`` keeps them in addition to the lines on stdout. A record arrives a moment after its span
    has ended; `autotrace.flush()` waits for it.
    """

    def __init__(self, max_records: int = 10_000) -> None:
        self._records: deque[dict[str, Any]] = deque(maxlen=max_records or None)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every kept line, spans and others, the oldest first, in a new list."""
        return list(self._records.copy())  # `copy` is atomic: the writer may be appending

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The kept records that are finished spans."""
        return [record for record in self.records if record.get("event") == "span"]

    def clear(self) -> None:
        """Remove all records."""
        self._records.clear()

    def write(self, batch: list[Entry]) -> None:
        """Keep `batch`."""
        self._records.extend([msgspec.json.decode(entry.line) for entry in batch])

    def close(self, deadline: float) -> None:
        """Keep all records: they can still be read after the sink was closed."""
