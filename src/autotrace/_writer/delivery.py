"""One sink, and the records that wait for it.

Used by one thread at a time. A sink that raises, or takes fewer entries than it was given, is offered the rest again. The
waiting records are limited by bytes; dropped ones are counted and reported to the sink when it works again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._record import lines, overload, resource
from autotrace._system import time
from autotrace.errors import sentences
from autotrace.sinks import _registry
from autotrace.sinks._entry import Entry, Sink

BATCH = 256
"""How many records a sink gets at once, at most."""

_PAUSES = (0.1, 5.0)
"""Seconds until a failed sink is tried again: the first pause, which doubles each time, and the longest."""

_MISTAKES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError, NameError)
"""Exceptions that waiting does not cure: a sink that raises one of these does not get the record again."""

SINK, RECORD = "sink", "record"
"""Why records were dropped: the sink refused them; they could not be made. See also `overload.QUEUE_FULL`."""


class Tally:
    """Counts one record's sinks: how many have neither taken nor lost it yet, and whether any lost it.

    It is apart from `Parcel` because all sinks of a record share it.
    """

    __slots__ = ("lost", "open")

    def __init__(self, sinks: int) -> None:
        self.open = sinks
        self.lost = False


class Parcel:
    """A record that waits for one sink. `weight` is in bytes, and 0 until it is known that the record has to wait.

    It is apart from `Entry`, which all sinks share, because it counts what this one sink still has to take.
    """

    __slots__ = ("entry", "tally", "weight")

    def __init__(self, entry: Entry, tally: Tally | None) -> None:
        self.entry = entry
        self.tally = tally
        self.weight = 0


class Delivery:
    """Offers records to one sink until it has taken them.

    `settled` is called when the last sink has taken or lost a record; its argument says whether any of them lost it.
    """

    def __init__(self, sink: Sink, settled: Callable[[bool], None]) -> None:
        self.sink = sink
        self.waiting: deque[Parcel] = deque()
        self.weight = 0
        """The approximate bytes that wait."""
        self.failing = False
        """Whether the sink raised an exception at the last attempt."""
        self.retry_at = 0.0
        """When to try it again (`time.monotonic`)."""
        self.records: Counter[str] = Counter()
        self.contents: Counter[str] = Counter()
        """What was dropped and not yet reported to the sink, by reason."""
        self._settled = settled
        self._pause = _PAUSES[0]
        self._one_at_a_time = 0
        self._without_content = 0
        """How many of the waiting records, from the second on, have no content left to drop."""
        self._sends_notices = True
        self._reported_full = False

    @property
    def name(self) -> str:
        """The sink's name."""
        return _registry.title(self.sink)

    def push(self, entry: Entry, tally: Tally | None) -> None:
        """Let `entry` wait for the next `send`. Only spans have a tally."""
        self.waiting.append(Parcel(entry, tally))

    def send(self, now: bool = False) -> bool:
        """Offer the waiting records to the sink; with `now`, even before the retry time. True if none is left."""
        while self.waiting:
            if self.failing and not now and time.monotonic() < self.retry_at:
                return False
            now = False
            notices = self._notices() if self._sends_notices else []
            size = 1 if self._one_at_a_time else BATCH
            parcels = list(islice(self.waiting, size))
            offered = [*notices, *(parcel.entry for parcel in parcels)]
            try:
                taken = self.sink.write(offered)
            except Exception as exc:  # the sink's own: the next attempt and the other sinks are not affected
                if not self._failed(exc, len(parcels), bool(notices)):
                    return False
                continue
            self._worked()
            taken = self._counted(taken, len(offered))
            if notices and taken >= len(notices):
                self.records.clear()
                self.contents.clear()
            for _ in range(min(taken - len(notices), len(parcels))):
                self._settle(lost=False)
            self._one_at_a_time = max(self._one_at_a_time - len(parcels), 0)
            if taken < len(offered):
                return False
        return True

    def limit(self, weight: int) -> int:
        """Drop content, then records, the oldest first, until at most `weight` bytes wait (0: no limit).

        Returns how many records lost their content.
        """
        for parcel in reversed(self.waiting):
            if parcel.weight:
                break
            parcel.weight = parcel.entry.put_by()
            self.weight += parcel.weight
        if not weight or self.weight <= weight:
            return 0
        shed = 0
        # Not the first one, which the sink may have begun to write.
        for parcel in islice(self.waiting, 1 + self._without_content, None):
            if self.weight <= weight:
                break
            shed += self._shed(parcel)
            self._without_content += 1
        while self.weight > weight and len(self.waiting) > 1:
            self.drop(overload.QUEUE_FULL, 1)
        if not self._reported_full:
            self._reported_full = True  # until the sink works again
            text = "records arrive faster than it takes them. Content is dropped, then records, the oldest first."
            more = "To keep more, raise queue_bytes or set overflow to block."
            diagnostics.say("dropped", f"sink {self.name}: {text} {more}")
        return shed

    def drop(self, reason: str, position: int = 0) -> None:
        """Drop the record at `position`, counted from the oldest, and count it under `reason`."""
        if self.waiting[position].tally is not None:
            self.records[reason] += 1
        self._settle(lost=True, position=position)

    def clear(self) -> None:
        """Forget all records, in a forked child: the parent writes them."""
        self.waiting.clear()
        self.weight = self._without_content = 0
        self.records.clear()
        self.contents.clear()

    # ------------------------------------------------------------------------------------------------------- outcomes

    def _counted(self, answer: object, offered: int) -> int:
        """How many of the `offered` entries were taken, as the `answer` of `write` says."""
        if isinstance(answer, int) and not isinstance(answer, bool):
            return answer
        if answer is not None:
            text = f"write returned {type(answer).__name__}; expected the number of entries taken, or None for all."
            diagnostics.say("sink", f"sink {self.name}: {text} All count as taken.", level="error")
        return offered

    def _failed(self, exc: Exception, offered: int, has_notices: bool) -> bool:
        """Handle an exception of the sink. True to go on at once, without the notices or the record that caused it."""
        if isinstance(exc, _MISTAKES) and has_notices:
            self._sends_notices = False  # the sink may handle spans only
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
            advice = "; check the directory and its permissions." if isinstance(exc, OSError) and exc.filename else "."
            text = f"Records wait in memory (setting queue_bytes) and are tried again{advice}"
            diagnostics.say("sink", sentences(f"sink {self.name}: {_message(exc)}", text), again=True)
        self.retry_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _PAUSES[1])
        return False

    def _worked(self) -> None:
        if self.failing:
            self.failing = False
            diagnostics.say("sink", f"sink {self.name}: works again.", level="info", again=True)
        self._pause = _PAUSES[0]
        self._reported_full = False

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
        """One line for each reason for which records were dropped since the last notice."""
        notices = []
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
                notices.append(entry)
        return notices


def _message(exc: Exception) -> str:
    text: Any = exc.strerror if isinstance(exc, OSError) else None
    if text and isinstance(exc, OSError) and exc.filename:
        text = f"{exc.filename}: {text}"
    return str(text or str(exc) or type(exc).__name__).rstrip(".")
