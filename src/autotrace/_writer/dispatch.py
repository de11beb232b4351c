"""From the queue to the sinks: translates items to records and keeps count of them. Used by one thread at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._credentials import values as credentials
from autotrace._record import overload
from autotrace._record.lines import Record
from autotrace._redaction import policy, records
from autotrace._system import time
from autotrace._writer import delivery
from autotrace._writer.delivery import Delivery, Tally
from autotrace._writer.queue import Item, Queue
from autotrace.sinks._entry import Entry, Sink
from autotrace.sinks._registry import OpenSinks

_BATCH_BYTES = 4 << 20
"""How much is translated at once, at most: records in translation count towards no limit."""

_BATCH_SECONDS = 0.1
"""How long is translated at once, at most: a redactor or a processor of the program may be slow, and whoever waits with a
timeout for the batch to end gets no answer meanwhile."""

_WHILE_BEHIND = 32
"""How many records are translated at once while a sink is behind. A sink that has written half a line holds a lock for which
other processes wait, so it is offered the rest within milliseconds, not after a whole batch."""


class Dispatch:
    """Takes items from `queue`, translates them to records and offers these to the sinks.

    Every span that ended is counted once: in `written`, `covered` or `lost`, among those the queue has dropped, or it still
    waits.
    """

    def __init__(self, queue: Queue, open_sinks: OpenSinks) -> None:
        self.queue = queue
        self._open_sinks = open_sinks
        self.sinks: list[Sink] | None = None
        """The sinks to write to, instead of those in the settings; ``None`` for those."""
        self.limit = 0
        """The approximate bytes that may wait for sinks; 0 for no limit."""
        self.blocks = False
        """Whether the program waits when too much is queued, instead of records being dropped."""
        self.policy = policy.ONLY_CREDENTIALS
        """What is removed from spans that belong to no library, in addition to credentials."""
        self._in_hand: Item | None = None
        credentials.holders.append(self._picked_up)
        self.forget()

    def forget(self) -> None:
        """Start empty, in a forked child."""
        self.written = 0
        """The spans that every sink took."""
        self.covered = 0
        """Transparent calls without a record: the calls inside them have one."""
        self.lost = 0
        """The spans that a sink lost, and those that could not be translated."""
        self.shed = 0
        """The spans that lost their content while they waited for a sink, counted once for each sink."""
        self.deliveries: list[Delivery] = []
        self._parked: list[Delivery] = []
        self._passed_on = (0, 0)
        """The queue's losses that the deliveries already know: records and contents."""

    @property
    def waits(self) -> bool:
        """Whether anything waits in the queue or for a sink."""
        return bool(self.queue) or self.is_behind

    @property
    def is_behind(self) -> bool:
        """Whether a sink has not taken everything that it was offered."""
        return any(one.waiting for one in self.deliveries)

    @property
    def is_full(self) -> bool:
        """Whether the program has to wait until a sink has taken more."""
        share = self._share
        return self.blocks and share > 0 and any(one.weight >= share for one in self.deliveries)

    @property
    def _share(self) -> int:
        return self.limit // max(len(self.deliveries), 1)

    @property
    def pause(self) -> float:
        """Seconds until the next attempt is due, if records wait only for failing sinks; else 0."""
        due = [one.retry_at if one.failing else 0.0 for one in self.deliveries if one.waiting]
        return max(min(due, default=0.0) - time.monotonic(), 0.0)

    def round(self, now: bool = False) -> bool:
        """Translate a batch and offer each sink its waiting records; with `now`, also to failing sinks before their retry time.
        True if nothing waits then."""
        deliveries = self._current()
        if not self.is_full:
            self._translate(deliveries, _WHILE_BEHIND if self.is_behind else delivery.BATCH)
        self._pass_on_losses(deliveries)
        for one in deliveries:
            if one.waiting and not one.send(now):
                self.shed += one.limit(0 if self.blocks else self._share)
        return not self.waits

    def give_up(self) -> dict[str, int]:
        """Drop everything that waits, as the process ends. Returns how many spans each sink did not get, by its name."""
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
        stop_at = time.monotonic() + _BATCH_SECONDS
        while made < most and weight < _BATCH_BYTES and (item := self.queue.pop()) is not None:
            weight += item.weight()
            made += 1
            entry = self._entry(item, deliveries)
            if entry is not None:
                tally = Tally(len(deliveries)) if item.counts else None
                for one in deliveries:
                    one.push(entry, tally)
            if time.monotonic() >= stop_at:
                break

    def _entry(self, item: Item, deliveries: list[Delivery]) -> Entry | None:
        try:
            record = self._redacted(item)
            entry = None if record is None else Entry(record)
            kept = entry is not None and entry.process()
        except Exception as exc:  # a plugin's data can make translation fail: one record is lost and counted
            self.lost += item.counts
            for one in deliveries:
                one.records[delivery.RECORD] += item.counts
            diagnostics.failed("writer: a record was lost", exc, aside=True)
            return None
        if entry is None:
            self.covered += item.counts
        elif not kept:  # a processor of the program dropped it
            self.lost += item.counts
        return entry if kept else None

    def _picked_up(self) -> Iterable[Any]:
        """What was picked up of the calls that have ended and are no records yet. For diagnostics."""
        in_hand = self._in_hand
        for item in (*self.queue.newest(), *(() if in_hand is None else (in_hand,))):
            yield from item.picked_up()

    def _redacted(self, item: Item) -> Record | None:
        self._in_hand = item  # for diagnostics on its translation
        try:
            record = item.record()
            if record is not None:
                records.redact(record, credentials.of(item.picked_up()), item.policy or self.policy)
            return record
        finally:
            self._in_hand = None

    def _pass_on_losses(self, deliveries: list[Delivery]) -> None:
        """Report to every sink what the queue has dropped."""
        lost, shed = self.queue.lost.value, self.queue.shed.value
        if (lost, shed) != self._passed_on:
            for one in deliveries:
                one.records[overload.QUEUE_FULL] += lost - self._passed_on[0]
                one.contents[overload.QUEUE_FULL] += shed - self._passed_on[1]
            self._passed_on = (lost, shed)

    def _settled(self, lost: bool) -> None:
        if lost:
            self.lost += 1
        else:
            self.written += 1
