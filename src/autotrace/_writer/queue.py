"""What has ended and is not translated yet: a queue that is bounded by bytes.

What the caller pays is an append and an addition. Nothing here takes a lock, as finalisers put in, too: whoever
takes an item out of the deque has it for himself.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Optional, Protocol

from autotrace import _diagnostics as diagnostics
from autotrace._record.lines import Record


class Item(Protocol):
    """Something that becomes a record on the writer's side."""

    counts: ClassVar[bool]
    """Whether it is a span, of which none goes without being counted."""

    def record(self) -> Record | None:
        """The record; ``None`` if there is none to be written."""

    def weight(self) -> int:
        """About how many bytes it takes until then."""

    def shed(self) -> bool:
        """Give up the content. False if there is none."""

    def drop(self) -> None:
        """There is no room: it will be no record. Takes no lock."""


class Queue:
    """The items in the order in which they came. The oldest give up their content first where there is too much."""

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        """Bytes; 0 for none."""
        self.forget()

    def forget(self) -> None:
        """Begin with nothing: in a forked child."""
        self.bytes = 0
        """What waits here. Nobody interrupts an addition to it; where threads really run at once it may drift, until the
        queue is empty."""
        self.lost = diagnostics.Counter()
        """The spans that were dropped."""
        self.shed = diagnostics.Counter()
        """Those that lost their content."""
        self._whole: deque[Item] = deque()
        self.append = self._whole.append
        """Put in an item whose weight was added to `bytes`."""
        self._without_content: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._without_content) + len(self._whole)

    def put(self, item: Item) -> bool:
        """Put in `item`. Whether the queue is then too long."""
        self.bytes += item.weight()
        self.append(item)
        return self.bytes > self.limit > 0

    def pop(self) -> Optional[Item]:
        """The oldest item, which is the caller's now; ``None`` if there is none."""
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
        """Drop content, then items, the oldest first, until the queue is within its limit but for its `newest` item."""
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
