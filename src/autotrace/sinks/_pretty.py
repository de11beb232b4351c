"""Records as readable text: each trace is shown as a tree when its root has ended.

Spans that ended after their root, or whose root does not arrive (because it is in another process, or still runs), are shown as
a subtree with a note. Until then only the part of a record that the tree shows is kept.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from autotrace import _process
from autotrace._record.lines import Dropped, Span
from autotrace._system import time
from autotrace.sinks import _excerpts, _system, _terminal, _tree
from autotrace.sinks._descriptor import DescriptorSink
from autotrace.sinks._entry import Entry
from autotrace.sinks._stdout import StdoutSink

_PATIENCE = 60.0
"""Seconds that a trace waits for its root after its latest record."""

_MOST_RECORDS = 10_000
"""How many records may wait. If there are more, the trace that has waited longest is shown."""

_MOST_TRACES = 1_000
"""How many traces that were shown are remembered, to recognise late spans."""

_MOST_TEXTS = 1_000
"""How many trees may wait for a reader that does not read. The oldest are dropped first."""


class Text:
    """A text for `DescriptorSink`, which uses only the `line` of an entry."""

    def __init__(self, text: str) -> None:
        self.line = text.encode(errors="replace")


class PrettySink:
    """Writes trees to the descriptor of `below`."""

    def __init__(self, below: DescriptorSink | StdoutSink) -> None:
        self._below = below
        self._waiting: dict[str, _Trace] = {}
        self._number = 0
        """How many records wait, in all traces together."""
        self._shown: dict[str, None] = {}
        self._texts: deque[Text] = deque(maxlen=_MOST_TEXTS)
        self._refused: set[tuple[str, str]] = set()
        """The spans that are buffered but not yet acknowledged, as their text could not be written. They are offered again."""

    def write(self, batch: list[Entry]) -> int:
        """Buffer `batch`, and write the trees that it completes. Raises `OSError`."""
        records = [entry.record for entry in batch]
        spans = [record for record in records if isinstance(record, Span)]
        self._take([span for span in spans if (span.trace_id, span.span_id) not in self._refused])
        self._refused = {(span.trace_id, span.span_id) for span in spans}
        if not self._send([Text(_notice(record)) for record in records if isinstance(record, Dropped)]):
            return 0
        self._refused.clear()
        return len(batch)

    def close(self, deadline: float) -> None:
        """Show the traces that still wait."""
        for trace_id in list(self._waiting):
            self._show(trace_id, "without its root")
        try:
            while not self._send([]) and (time.monotonic() < deadline or _process.ending.left):
                _system.sleep(0.001)
        finally:
            self._below.close(deadline)

    def _take(self, spans: list[Span]) -> None:
        touched: dict[str, bool] = {}
        for span in spans:
            self._keep(span)
            touched[span.trace_id] = touched.get(span.trace_id, False) or span.parent_id is None
        for trace_id, has_ended in touched.items():
            if has_ended or trace_id in self._shown:
                self._show(trace_id, "" if has_ended else "late")
        while self._waiting:
            oldest = next(iter(self._waiting))
            if self._number <= _MOST_RECORDS and time.monotonic() - self._waiting[oldest].latest < _PATIENCE:
                break
            self._show(oldest, "without its root")

    def _keep(self, record: Span) -> None:
        trace = self._waiting.pop(record.trace_id, None) or _Trace()
        self._waiting[record.trace_id] = trace  # at the end: the first one has waited longest
        trace.latest = time.monotonic()
        fields = {**msgspec.structs.asdict(record), "status": msgspec.structs.asdict(record.status)}
        trace.records.append(_excerpts.brief(fields))
        self._number += 1

    def _show(self, trace_id: str, note: str = "") -> None:
        records = self._waiting.pop(trace_id).records
        self._number -= len(records)
        self._shown[trace_id] = None
        while len(self._shown) > _MOST_TRACES:
            del self._shown[next(iter(self._shown))]
        color, width = _terminal.has_colors(self._below.fd), _terminal.width(self._below.fd)
        self._texts.append(Text(_tree.render(records, color=color, width=width, excerpt=True, note=note)))

    def _send(self, notices: list[Text]) -> bool:
        """Write the trees and `notices`. False if not all were taken; `notices` are then offered again with the next batch."""
        offered = [*self._texts, *notices]
        taken = self._below.write(offered) if offered else 0  # type: ignore[arg-type]
        for _ in range(min(taken, len(self._texts))):
            self._texts.popleft()
        return taken == len(offered)


def _notice(dropped: Dropped) -> str:
    return f"autotrace: {dropped.records} records dropped, {dropped.contents} without their content ({dropped.reason})\n"


class _Trace:
    """The records of one trace that waits for its root."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.latest = 0.0
        """When the latest of them arrived (`time.monotonic`)."""
