"""Lines that say that a span has begun (setting `starts`), so that calls in flight are seen, and what a killed process was at.

A transparent call has none, as it may turn out to be no span.
"""

from __future__ import annotations

from typing import ClassVar, Optional

from autotrace._record import lines, overload, resource, translation
from autotrace._record.draft import Draft
from autotrace._writer.writer import writer


def announce(draft: Draft) -> None:
    """Have the line written that this span has begun."""
    if draft.start_line is None and not draft.operation.transparent:
        draft.start_line = StartLine(draft)
        writer.announce(draft.start_line)


def withdraw(draft: Draft) -> None:
    """Have no such line yet, as nothing was sent; nothing changes if it is out."""
    if draft.start_line is not None and draft.start_line.withdraw():
        draft.start_line = None


class StartLine:
    """The line of one span, until it is made."""

    __slots__ = ("_draft",)
    counts: ClassVar[bool] = False

    def __init__(self, draft: Draft) -> None:
        self._draft: Draft | None = draft

    def record(self) -> Optional[lines.SpanStart]:
        """The line; ``None`` if it was withdrawn."""
        draft, self._draft = self._draft, None
        if draft is None:
            return None
        attributes = translation.of_request(draft)
        translation.add(attributes, draft.attributes)
        return lines.SpanStart(
            timestamp=lines.timestamp(draft.start_ns),
            level="info",
            event="span.start",
            schema=lines.SCHEMA,
            name=draft.name or translation.name_of(draft.operation, attributes),
            kind=draft.operation.kind,
            trace_id=f"{draft.trace_id:032x}",
            span_id=f"{draft.span_id:016x}",
            parent_id=f"{draft.parent_id:016x}" if draft.parent_id else None,
            start_ns=draft.start_ns,
            attributes=attributes,
            scope=draft.origin.scope(),
            resource=resource.of_process(),
        )

    def withdraw(self) -> bool:
        """Have no such line. False if it has been made already."""
        draft, self._draft = self._draft, None
        return draft is not None

    def weight(self) -> int:
        """About how many bytes this takes while it waits; what it shares with the span's own record is counted there."""
        return overload.BASE

    def drop(self) -> None:
        """There will be no line; nothing else waits for it."""

    def shed(self) -> bool:
        """There is no content to give up: the draft has it."""
        return False
