"""A queue, limited by bytes, of items that have ended and are not translated yet.

The caller pays for an append and an addition. Nothing here takes a lock, because finalisers queue items as well: the thread
that pops an item from the deque owns it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any, ClassVar, Optional, Protocol

from autotrace import _diagnostics as diagnostics
from autotrace._record.lines import Record

_NEWEST = 1000
"""How many items a diagnostic looks at for credentials that it may quote."""


class Item(Protocol):
    """Something that becomes a record on the writer's thread."""

    counts: ClassVar[bool]
    """Whether it is a span. Every span is counted."""

    def record(self) -> Record | None:
        """The record; ``None`` if none is to be written."""

    @property
    def policy(self) -> Any:
        """The policy of redaction that was in force when it began; ``None`` for that of spans of no library."""

    def picked_up(self) -> Iterable[Any]:
        """What plugins have picked up as credentials of the call (`autotrace._credentials.values.of`)."""

    def weight(self) -> int:
        """The approximate bytes that it takes while it waits."""

    def shed(self) -> bool:
        """Give up the content. False if there is none."""

    def drop(self) -> None:
        """Give up the record, as the queue is full. Takes no lock."""


class Queue:
    """The items in the order in which they came. If there are too many, the oldest give up their content first."""

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        """In bytes; 0 for no limit."""
        self.forget()

    def forget(self) -> None:
        """Start empty, in a forked child."""
        self.bytes = 0
        """The approximate bytes that wait here. With the GIL an addition is not interrupted; without it the number may drift
        until the queue is empty."""
        self.lost = diagnostics.Counter()
        """The spans that were dropped."""
        self.shed = diagnostics.Counter()
        """The spans that lost their content."""
        self._whole: deque[Item] = deque()
        self.append = self._whole.append
        """Add an item whose weight was already added to `bytes`."""
        self._without_content: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._without_content) + len(self._whole)

    def newest(self) -> list[Item]:
        """The items that came last, the newest first."""
        return list(islice(reversed(self._whole.copy()), _NEWEST))

    def put(self, item: Item) -> bool:
        """Add `item`. True if the queue is over its limit then."""
        self.bytes += item.weight()
        self.append(item)
        return self.bytes > self.limit > 0

    def pop(self) -> Optional[Item]:
        """Remove and return the oldest item; ``None`` if the queue is empty."""
        for items in (self._without_content, self._whole):
            try:
                item = items.popleft()
            except IndexError:
                continue
            self.bytes -= item.weight()
            return item
        self.bytes = 0
        return None

    def relieve(self, newest: Item) -> None:
        """Drop content, then items, the oldest first, until the queue without its `newest` item is within its limit."""
        limit = self.limit + newest.weight()
        while self.bytes > limit and (item := self._popped(self._whole)) is not None:
            if item is newest:
                self._whole.appendleft(item)
                break
            before = item.weight()
            if item.shed():
                self.shed.add()
                self.bytes -= before - item.weight()
            self._without_content.append(item)
        while self.bytes > limit and (item := self._popped(self._without_content)) is not None:
            self.bytes -= item.weight()
            item.drop()
            if item.counts:
                self.lost.add()

    @staticmethod
    def _popped(items: deque[Item]) -> Optional[Item]:
        try:
            return items.popleft()
        except IndexError:  # another thread was faster
            return None
