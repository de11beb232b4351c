"""A sink that keeps records in a list: for tests and notebooks."""

from __future__ import annotations

from typing import Any

import msgspec

from autotrace.sinks.entry import Entry


class MemorySink:
    """Keeps each record as the parsed JSON of its line, in `spans`."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []

    def write(self, batch: list[Entry]) -> None:
        self.spans.extend(msgspec.json.decode(entry.line) for entry in batch)

    def close(self, deadline: float) -> None:
        return
