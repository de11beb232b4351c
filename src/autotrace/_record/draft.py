"""One span from its start until it is a record, in a form that another thread may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Optional

import msgspec

from autotrace._credentials import values
from autotrace._declaration import conventions
from autotrace._declaration.operation import Operation
from autotrace._record import allowed, background, lines, overload, resource, response_ids, translation
from autotrace._record.exchange import Exchange
from autotrace._record.origin import Origin

_RESPONSE_ID = conventions.RESPONSE["id"].attribute


class Draft(msgspec.Struct):
    """What the caller's thread keeps of one span: numbers, bytes, and objects that the program no longer uses.

    It is apart from `Call` because the queue holds it while the call is left to its finaliser, and apart from the record
    (`lines.Span`) because translation to attributes happens on the writer's thread.
    """

    counts: ClassVar[bool] = True
    operation: Operation
    origin: Origin
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    started: int
    """`time.perf_counter_ns` at the start; durations are measured from it."""
    content: bool = True
    """Whether content is recorded: what was in force when the span began."""
    whole: bool = True
    """False once content was dropped because too much waits."""
    name: Optional[str] = None
    request: Optional[bytes] = None
    response: Optional[bytes] = None
    chunks: Optional[list[Any]] = None
    decode: Any = None
    """Turns `chunks` into plain chunks, or into one response; set by seams that see raw bytes."""
    first_chunk_ns: int = -1
    duration_ns: int = 0
    end_reason: lines.EndReason = "completed"
    description: Optional[str] = None
    exchange: Optional[Exchange] = None
    provider: Optional[str] = None
    server: Any = None
    attributes: Optional[dict[str, Any]] = None
    """By full name: plain values, and the frozen form of all others (`freezing.freeze`)."""
    inherited: Optional[Mapping[str, Any]] = None
    """Like `attributes`: those of the transparent call around it. The span's own attributes override them."""
    inherited_content: bool = True
    """Whether content was recorded for all calls that `inherited` comes from."""
    policy: Any = None
    """The policy of redaction for the library; ``None`` for that of spans of no library."""
    credentials: tuple[Any, ...] = ()
    """What was picked up of the credentials that the client sends: texts, bytes, headers (`autotrace._credentials.values`)."""
    known: Optional[set[Any]] = None
    """What the calls inside this one have picked up, shared with them: this one may report an exception of theirs."""
    start_line: Any = None
    """Its ``span.start`` line, if there is one (`autotrace._capture.span_starts`)."""

    def record(self) -> Optional[lines.Span]:
        """The record of this span; ``None`` for a call whose response another record has: a transparent one, or one that reads
        an earlier call's answer."""
        if self.operation.transparent:
            response_ids.forget(self.span_id)
        attributes = translation.attributes_of(self)
        if self.operation.kind != "INTERNAL":
            response_id = attributes.get(_RESPONSE_ID)
            ended = self.started + self.duration_ns
            if self.operation.transparent and response_ids.is_recorded(response_id, self.started, ended):
                return None
            response_ids.remember(response_id, self.started)
        failed = self.end_reason == "error"
        links = background.links(attributes, failed) if self.operation.collects else []
        if links is None:
            return None
        if failed and not self.content:
            self.description = allowed.description(attributes)
        common = self.common(attributes)
        if self.operation.kind != "INTERNAL" and not self.operation.collects:
            background.note(attributes, common["trace_id"], common["span_id"])
        return lines.Span(
            **common,
            level="error" if failed else "info",
            event="span",
            end_ns=self.start_ns + self.duration_ns,
            duration_ns=self.duration_ns,
            status=lines.Status("ERROR", self.description) if failed else lines.Status("UNSET"),
            end_reason=self.end_reason,
            events=[],
            links=links,
        )

    def picked_up(self) -> list[Any]:
        """Everything that may be a credential of this call, or of one inside it."""
        held = [*self.credentials]
        if self.server is not None:
            held += values.of_url(str(self.server))
        if self.exchange is not None and self.exchange.sent is not None:
            held.append(self.exchange.sent)
        if self.known is not None:
            if held:
                self.known.update(values.of(held))
            held += tuple(self.known)
        return held

    def common(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """The fields that the line of the span and that of its start have in common."""
        return {
            "timestamp": lines.timestamp(self.start_ns),
            "schema": lines.SCHEMA,
            "name": (self.name if self.content else allowed.name(self.name)) or translation.name_of(self.operation, attributes),
            "kind": self.operation.kind,
            "trace_id": f"{self.trace_id:032x}",
            "span_id": f"{self.span_id:016x}",
            "parent_id": f"{self.parent_id:016x}" if self.parent_id else None,
            "start_ns": self.start_ns,
            "attributes": attributes,
            "scope": self.origin.scope(),
            "resource": resource.of_process(),
        }

    def weight(self) -> int:
        """The approximate bytes that this takes while it waits to become a record."""
        weight = overload.BASE
        if self.request is not None:
            weight += len(self.request)
        if self.response is not None:
            weight += len(self.response)
        if self.chunks is not None:
            weight += overload.weight_of_chunks(self.chunks)
        if self.attributes is not None:
            weight += overload.weight_of_attributes(self.attributes)
        return weight

    def drop(self) -> None:
        """Give up the record."""
        if self.operation.transparent:
            response_ids.forget(self.span_id)

    def shed(self) -> bool:
        """Give up the content because too much waits. False if there is hardly any."""
        if not (self.content and self.whole) or self.weight() < overload.BASE + overload.SMALL:
            return False
        self.whole = False
        self.request, self.response = overload.small_fields(self.request), overload.small_fields(self.response)
        self.chunks = overload.ends(self.chunks)
        self.attributes = overload.small_attributes(self.attributes)
        return True
