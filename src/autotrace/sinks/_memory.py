"""A sink that keeps records in memory: for tests and notebooks."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from autotrace.sinks._entry import Entry


class MemorySink:
    """Keeps the latest `max_records` records (0 for all), each as the parsed JSON of its line.

    ``enable(sinks=["stdout", memory])`` has them beside the lines. Records come a moment after their span has ended;
    `autotrace.flush()` waits for them.
    """

    def __init__(self, max_records: int = 10_000) -> None:
        self._records: deque[dict[str, Any]] = deque(maxlen=max_records or None)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every line that is kept, spans or not, the oldest first. The list is the caller's."""
        return list(self._records.copy())  # the copy is made in one step, whatever the writer does meanwhile

    @property
    def spans(self) -> list[dict[str, Any]]:
        """Those of them that are finished spans."""
        return [record for record in self.records if record.get("event") == "span"]

    def clear(self) -> None:
        """Forget them."""
        self._records.clear()

    def write(self, batch: list[Entry]) -> None:
        """Keep `batch`."""
        self._records.extend([msgspec.json.decode(entry.line) for entry in batch])

    def close(self, deadline: float) -> None:
        """Nothing is let go: what was recorded can be read for as long as the sink is there."""
