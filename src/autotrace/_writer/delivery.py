"""One sink, and the records that wait for it because it could not take them when they came.

Used by one thread at a time. A sink that raises, or takes less than it was given, is offered the rest again; what waits is
bounded by bytes, and what is given up is counted and told to the sink when it works again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._record import lines, overload, resource
from autotrace.sinks import _registry
from autotrace.sinks._entry import Entry, Sink

BATCH = 256
"""Records that a sink gets at once, at most."""

_PAUSES = (0.1, 5.0)
"""Seconds until a sink that has failed is tried again: from the first, twice as long each time, to the second."""

_MISTAKES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError, NameError)
"""What does not go away by waiting: a sink that raises this does not get the record again."""

SINK, RECORD = "sink", "record"
"""Why records were dropped: the sink refused them; they could not be made. See also `shedding.QUEUE_FULL`."""


class Tally:
    """A record on its way to several sinks: how many have not settled it, and whether one of them lost it."""

    __slots__ = ("lost", "open")

    def __init__(self, sinks: int) -> None:
        self.open = sinks
        self.lost = False


class Parcel:
    """A record that waits for one sink. `weight` is 0 until it is known that it has to wait."""

    __slots__ = ("entry", "tally", "weight")

    def __init__(self, entry: Entry, tally: Tally | None) -> None:
        self.entry = entry
        self.tally = tally
        self.weight = 0


class Delivery:
    """See the module. `settled` is called with a record's tally when no sink waits for it any more."""

    def __init__(self, sink: Sink, settled: Callable[[bool], None]) -> None:
        self.sink = sink
        self.waiting: deque[Parcel] = deque()
        self.weight = 0
        """About how many bytes wait."""
        self.failing = False
        """Whether the sink raised an exception when it was last tried."""
        self.retry_at = 0.0
        """When it is to be tried again (`time.monotonic`)."""
        self.records: Counter[str] = Counter()
        self.contents: Counter[str] = Counter()
        """What was dropped and not yet told to the sink, by reason."""
        self._settled = settled
        self._pause = _PAUSES[0]
        self._one_at_a_time = 0
        self._without_content = 0
        """How many of those that wait, from the second on, have no content to give up any more."""
        self._tells = True
        self._full_said = False

    @property
    def name(self) -> str:
        """What the sink is called."""
        return _registry.title(self.sink)

    def push(self, entry: Entry, tally: Tally | None) -> None:
        """Have `entry` wait for the next `send`. Lines that are no spans have no tally."""
        self.waiting.append(Parcel(entry, tally))

    def send(self, now: bool = False) -> bool:
        """Offer what waits, as far as the sink takes it; before its time with `now`. True if nothing waits any more."""
        while self.waiting:
            if self.failing and not now and time.monotonic() < self.retry_at:
                return False
            now = False
            told = self._notices() if self._tells else []
            size = 1 if self._one_at_a_time else BATCH
            parcels = list(islice(self.waiting, size))
            offered = [*told, *(parcel.entry for parcel in parcels)]
            try:
                taken = self.sink.write(offered)
            except Exception as exc:  # a sink's: the next attempt, and the other sinks, are not affected
                if not self._failed(exc, len(parcels), bool(told)):
                    return False
                continue
            self._worked()
            taken = self._counted(taken, len(offered))
            if told and taken >= len(told):
                self.records.clear()
                self.contents.clear()
            for _ in range(min(taken - len(told), len(parcels))):
                self._settle(lost=False)
            self._one_at_a_time = max(self._one_at_a_time - len(parcels), 0)
            if taken < len(offered):
                return False
        return True

    def limit(self, weight: int) -> int:
        """Give up content, then records, the oldest first, until at most `weight` bytes wait (0: no limit).

        How many records lost their content.
        """
        for parcel in reversed(self.waiting):
            if parcel.weight:
                break
            parcel.weight = parcel.entry.put_by()
            self.weight += parcel.weight
        if not weight or self.weight <= weight:
            return 0
        shed = 0
        # Not of the very first, which the sink may have begun to write.
        for parcel in islice(self.waiting, 1 + self._without_content, None):
            if self.weight <= weight:
                break
            shed += self._shed(parcel)
            self._without_content += 1
        while self.weight > weight and len(self.waiting) > 1:
            self.drop(overload.QUEUE_FULL, 1)
        if not self._full_said:
            self._full_said = True  # until the sink works again
            text = "records arrive faster than it takes them. Content is dropped, then records, the oldest first."
            more = "To keep more, raise queue_bytes or set overflow to block."
            diagnostics.say("dropped", f"sink {self.name}: {text} {more}")
        return shed

    def drop(self, reason: str, position: int = 0) -> None:
        """Lose the record at this `position`, from the oldest on."""
        if self.waiting[position].tally is not None:
            self.records[reason] += 1
        self._settle(lost=True, position=position)

    def clear(self) -> None:
        """Forget everything: in a forked child, whose parent will write it."""
        self.waiting.clear()
        self.weight = self._without_content = 0
        self.records.clear()
        self.contents.clear()

    # ------------------------------------------------------------------------------------------------- how it goes

    def _counted(self, answer: object, offered: int) -> int:
        """How many of the entries that were `offered` are taken, as `write` has answered."""
        if isinstance(answer, int) and not isinstance(answer, bool):
            return answer
        if answer is not None:
            text = f"write returned {type(answer).__name__}; expected the number of entries taken, or None for all."
            diagnostics.say("sink", f"sink {self.name}: {text} All count as taken.", level="error")
        return offered

    def _failed(self, exc: Exception, offered: int, told: bool) -> bool:
        """Whether to go on at once, without what made the sink fail."""
        if isinstance(exc, _MISTAKES) and told:
            self._tells = False  # it may be made for spans only
            return True
        if isinstance(exc, _MISTAKES):
            diagnostics.failed(f"sink {self.name}", exc, aside=True)
            if offered > 1:
                self._one_at_a_time = offered
            else:
                self.drop(SINK)
                self._one_at_a_time = max(self._one_at_a_time - 1, 0)
            return True
        if not self.failing:
            self.failing = True
            text = f"sink {self.name}: {_message(exc)}. Records are kept, up to queue_bytes, and retried."
            diagnostics.say("sink", text, again=True)
        self.retry_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _PAUSES[1])
        return False

    def _worked(self) -> None:
        if self.failing:
            self.failing = False
            diagnostics.say("sink", f"sink {self.name}: works again.", level="info", again=True)
        self._pause = _PAUSES[0]
        self._full_said = False

    def _settle(self, lost: bool, position: int = 0) -> None:
        parcel = self.waiting[position]
        del self.waiting[position]
        self.weight -= parcel.weight
        self._without_content = max(self._without_content - 1, 0)
        tally = parcel.tally
        if tally is not None:
            tally.open -= 1
            tally.lost |= lost
            if not tally.open:
                self._settled(tally.lost)

    def _shed(self, parcel: Parcel) -> bool:
        record = parcel.entry.record
        less = overload.without_content(record) if isinstance(record, lines.Span) else None
        entry = None if less is None else Entry(less)
        if entry is None or not entry.process():
            return False
        parcel.entry = entry
        self.weight -= parcel.weight
        parcel.weight = entry.put_by()
        self.weight += parcel.weight
        self.contents[overload.QUEUE_FULL] += 1
        return True

    def _notices(self) -> list[Entry]:
        """What was dropped since the sink was last told, a line for each reason."""
        found = []
        for reason in sorted({*self.records, *self.contents}):
            record = lines.Dropped(
                timestamp=lines.timestamp(time.time_ns()),
                level="warning",
                event="autotrace.dropped",
                schema=lines.SCHEMA,
                reason=reason,
                records=self.records[reason],
                contents=self.contents[reason],
                resource=resource.of_process(),
            )
            entry = Entry(record)
            if entry.process():
                found.append(entry)
        return found


def _message(exc: Exception) -> str:
    text: Any = exc.strerror if isinstance(exc, OSError) else None
    if text and isinstance(exc, OSError) and exc.filename:
        text = f"{exc.filename}: {text}"
    return str(text or str(exc) or type(exc).__name__).rstrip(".")
