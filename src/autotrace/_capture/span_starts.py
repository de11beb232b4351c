"""The ``span.start`` lines (setting `starts`): they show the calls in flight, and what a process was doing when it was killed.

A call that may not become a span gets no such line: a transparent one, and one that collects an earlier call's answer.
"""

from __future__ import annotations

from typing import Any, ClassVar, Optional

from autotrace._record import lines, overload, translation
from autotrace._record.draft import Draft
from autotrace._writer.writer import writer


def announce(draft: Draft) -> None:
    """Queue the line that says that this span has begun."""
    if draft.start_line is None and not draft.operation.transparent and not draft.operation.collects:
        draft.start_line = StartLine(draft)
        writer.announce(draft.start_line)


def withdraw(draft: Draft) -> None:
    """Take back the line of a call that has sent nothing yet; no effect if it was written already."""
    if draft.start_line is not None and draft.start_line.withdraw():
        draft.start_line = None


class StartLine:
    """The ``span.start`` line of one span, from the queue until it is a record.

    It is apart from `Draft` because both wait in the queue, and each becomes a line of its own.
    """

    __slots__ = ("_draft", "_picked_up", "policy")
    counts: ClassVar[bool] = False

    def __init__(self, draft: Draft) -> None:
        self._draft: Draft | None = draft
        self._picked_up = draft.picked_up
        self.policy = draft.policy

    def record(self) -> Optional[lines.SpanStart]:
        """The line; ``None`` if it was withdrawn."""
        draft, self._draft = self._draft, None
        if draft is None:
            return None
        return lines.SpanStart(**draft.common(translation.at_start(draft)), level="info", event="span.start")

    def picked_up(self) -> list[Any]:
        """What the span's draft has picked up so far."""
        return self._picked_up()

    def withdraw(self) -> bool:
        """Cancel the line. False if it has been made already."""
        draft, self._draft = self._draft, None
        return draft is not None

    def weight(self) -> int:
        """The approximate bytes that this takes while it waits, without what it shares with the span's draft."""
        return overload.BASE

    def drop(self) -> None:
        """Nothing to do: nothing else waits for the line."""

    def shed(self) -> bool:
        """Always False: the content belongs to the draft."""
        return False
