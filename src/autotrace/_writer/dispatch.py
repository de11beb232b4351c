"""From the queue to the sinks: translation, and who has got what. Used by one thread at a time."""

from __future__ import annotations

import time

from autotrace import _diagnostics as diagnostics
from autotrace._record import overload
from autotrace._writer import delivery
from autotrace._writer.delivery import Delivery, Tally
from autotrace._writer.queue import Item, Queue
from autotrace.sinks._entry import Entry, Sink
from autotrace.sinks._registry import OpenSinks

_BATCH_BYTES = 4 << 20
"""What is translated at once, at most: meanwhile nothing bounds it."""

_WHILE_BEHIND = 32
"""Records that are translated at once while a sink is behind. One that has written half a line holds a lock that keeps other
processes waiting: it is offered the rest again in some milliseconds, and not after a whole batch."""


class Dispatch:
    """Takes items out of `queue`, makes records of them and offers these to the sinks.

    What ended adds up to `written`, `covered`, `lost`, what the queue has dropped, and what still waits somewhere.
    """

    def __init__(self, queue: Queue, open_sinks: OpenSinks) -> None:
        self.queue = queue
        self._open_sinks = open_sinks
        self.sinks: list[Sink] | None = None
        """Those to write to, in place of those that the settings name."""
        self.limit = 0
        """About how many bytes may wait for sinks; 0 for no limit."""
        self.blocks = False
        """Whether what is too much waits in the queue, and the program with it, in place of being dropped."""
        self.forget()

    def forget(self) -> None:
        """Begin with nothing: in a forked child."""
        self.written = 0
        """The spans that every sink took."""
        self.covered = 0
        """What turned out to be no span: the calls that it wraps are."""
        self.lost = 0
        """The spans that a sink lost, and those that could not be made."""
        self.shed = 0
        """Those that lost their content as they waited for a sink; once for each of these."""
        self.deliveries: list[Delivery] = []
        self._parked: list[Delivery] = []
        self._told = (0, 0)

    @property
    def waits(self) -> bool:
        """Whether anything waits for a sink or in the queue."""
        return bool(self.queue) or self.is_behind

    @property
    def is_behind(self) -> bool:
        """Whether a sink has not taken all that it was offered."""
        return any(one.waiting for one in self.deliveries)

    @property
    def is_full(self) -> bool:
        """Whether the program is to wait until a sink has taken more."""
        share = self._share
        return self.blocks and share > 0 and any(one.weight >= share for one in self.deliveries)

    @property
    def _share(self) -> int:
        return self.limit // max(len(self.deliveries), 1)

    @property
    def pause(self) -> float:
        """Seconds until the next attempt is worth it, for what waits for sinks that fail; 0 if one does not."""
        due = [one.retry_at if one.failing else 0.0 for one in self.deliveries if one.waiting]
        return max(min(due, default=0.0) - time.monotonic(), 0.0)

    def round(self, now: bool = False) -> bool:
        """Translate a batch and offer each sink what waits for it; before its time with `now`. True if nothing waits then."""
        deliveries = self._current()
        if not self.is_full:
            self._translate(deliveries, _WHILE_BEHIND if self.is_behind else delivery.BATCH)
        self._pass_on_losses(deliveries)
        for one in deliveries:
            if one.waiting and not one.send(now):
                self.shed += one.limit(0 if self.blocks else self._share)
        return not self.waits

    def give_up(self) -> dict[str, int]:
        """Lose what waits, as the process ends: how many spans each sink did not get."""
        missing = {}
        in_queue = 0
        while (item := self.queue.pop()) is not None:
            in_queue += item.counts
        self.lost += in_queue
        for one in (*self.deliveries, *self._parked):
            spans = in_queue + sum(parcel.tally is not None for parcel in one.waiting)
            while one.waiting:
                one.drop(overload.QUEUE_FULL)
            if spans:
                missing[one.name] = spans
        return missing

    def _current(self) -> list[Delivery]:
        sinks = self._open_sinks.get() if self.sinks is None else self.sinks
        if len(sinks) != len(self.deliveries) or any(
            one.sink is not sink for one, sink in zip(self.deliveries, sinks, strict=True)
        ):
            known = {id(one.sink): one for one in (*self._parked, *self.deliveries)}
            self.deliveries = [known.pop(id(sink)) if id(sink) in known else Delivery(sink, self._settled) for sink in sinks]
            self._parked = [one for one in known.values() if one.waiting]
        return self.deliveries

    def _translate(self, deliveries: list[Delivery], most: int) -> None:
        made = weight = 0
        while made < most and weight < _BATCH_BYTES and (item := self.queue.pop()) is not None:
            weight += item.weight()
            made += 1
            entry = self._entry(item, deliveries)
            if entry is not None:
                tally = Tally(len(deliveries)) if item.counts else None
                for one in deliveries:
                    one.push(entry, tally)

    def _entry(self, item: Item, deliveries: list[Delivery]) -> Entry | None:
        try:
            record = item.record()
            entry = None if record is None else Entry(record)
            kept = entry is not None and entry.process()
        except Exception as exc:  # whatever a plugin's data makes of translation: one record, said and counted
            self.lost += item.counts
            for one in deliveries:
                one.records[delivery.RECORD] += item.counts
            diagnostics.failed("writer: a record was lost", exc, aside=True)
            return None
        if entry is None:
            self.covered += item.counts
        elif not kept:  # a processor of the program's wants it dropped
            self.lost += item.counts
        return entry if kept else None

    def _pass_on_losses(self, deliveries: list[Delivery]) -> None:
        """What the queue has dropped is told to every sink."""
        lost, shed = self.queue.lost.value, self.queue.shed.value
        if (lost, shed) != self._told:
            for one in deliveries:
                one.records[overload.QUEUE_FULL] += lost - self._told[0]
                one.contents[overload.QUEUE_FULL] += shed - self._told[1]
            self._told = (lost, shed)

    def _settled(self, lost: bool) -> None:
        if lost:
            self.lost += 1
        else:
            self.written += 1
