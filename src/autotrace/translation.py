"""From what the caller's thread kept of a call to the record of it: runs on the writer's side, never on the caller's.

Pure but for the failures it reports: a getter that raises costs its own field and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Optional
from urllib.parse import urlsplit

import msgspec

from autotrace import conventions, diagnostics, exchange, freezing, model, resource, shedding, transparency
from autotrace.conventions import ALWAYS, Field
from autotrace.exchange import Exchange
from autotrace.operation import Operation, Reading
from autotrace.pricing import cost
from autotrace.requirements import installed_version

_BASE = shedding.BASE
_OUTPUT = conventions.RESPONSE["output_messages"].attribute
_FINISH = conventions.RESPONSE["finish_reasons"].attribute
_MODEL = conventions.REQUEST["model"].attribute
_RESPONSE_ID = conventions.RESPONSE["id"].attribute


class Origin:
    """What a plugin's spans have in common: whose they are, and how its library's provider and errors are known.

    `content` is the plugin's content policy: whether messages, tools and answers are recorded; `options` are its own settings.
    """

    def __init__(
        self,
        name: str,
        version: str | None = None,
        library: str | None = None,
        distributions: tuple[str, ...] = (),
        provider: str | None = None,
        hosts: Mapping[str, str] | None = None,
        content: bool = True,
    ) -> None:
        self.name = name
        self.version = version
        self.library = library
        self.distributions = distributions
        self.provider = provider
        self.hosts = dict(hosts or {})
        self.content = content
        self.options: Mapping[str, Any] = {}
        self._scope: model.Scope | None = None

    def scope(self) -> model.Scope:
        """The record's ``scope``. The library's version is looked up once, with the first record."""
        if self._scope is None:
            self._scope = model.Scope(self.name, self.version, self.library, installed_version(*self.distributions))
        return self._scope

    def provider_at(self, host: str | None) -> str | None:
        """The provider behind `host`: the longest suffix of `hosts` that fits, else the library's own."""
        fitting = [suffix for suffix in self.hosts if host and (host == suffix or host.endswith("." + suffix))]
        return self.hosts[max(fitting, key=len)] if fitting else self.provider


class Draft(msgspec.Struct):
    """What the caller's thread keeps of one span: numbers, bytes, and references that the program has given away."""

    counts: ClassVar[bool] = True
    operation: Operation
    origin: Origin
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    started: int
    """`time.perf_counter_ns` at the start; the durations are differences to it."""
    content: bool = True
    name: Optional[str] = None
    request: Optional[bytes] = None
    response: Optional[bytes] = None
    chunks: Optional[list[Any]] = None
    decode: Any = None
    """Makes the plain chunks, or the one response, of `chunks`; set by seams that see raw bytes."""
    first_chunk_ns: int = -1
    duration_ns: int = 0
    end_reason: model.EndReason = "completed"
    description: Optional[str] = None
    exchange: Optional[Exchange] = None
    provider: Optional[str] = None
    server: Any = None
    attributes: Optional[dict[str, Any]] = None
    """By full name: plain values or what `freezing.freeze` made of others."""
    inherited: Optional[Mapping[str, Any]] = None
    """As `attributes`: those of the transparent call around it, which give way to its own."""
    beginning: Any = None
    """The line that it has begun, if there is to be one (`beginnings`)."""

    def record(self) -> Optional[model.Span]:
        """The record of this span. ``None`` for a transparent call whose answer another span has recorded."""
        if self.operation.transparent:
            transparency.forget(self.span_id)
        attributes = _attributes(self)
        if self.operation.kind != "INTERNAL":
            response_id = attributes.get(_RESPONSE_ID)
            ended = self.started + self.duration_ns
            if self.operation.transparent and transparency.is_recorded(response_id, self.started, ended):
                return None
            transparency.remember(response_id, self.started)
        failed = self.end_reason == "error"
        return model.Span(
            timestamp=model.timestamp(self.start_ns),
            level="error" if failed else "info",
            event="span",
            schema=model.SCHEMA,
            name=self.name or name_of(self.operation, attributes),
            kind=self.operation.kind,
            trace_id=f"{self.trace_id:032x}",
            span_id=f"{self.span_id:016x}",
            parent_id=f"{self.parent_id:016x}" if self.parent_id else None,
            start_ns=self.start_ns,
            end_ns=self.start_ns + self.duration_ns,
            duration_ns=self.duration_ns,
            status=model.Status("ERROR", self.description) if failed else model.Status("UNSET"),
            end_reason=self.end_reason,
            attributes=attributes,
            events=[],
            links=[],
            scope=self.origin.scope(),
            resource=resource.of_process(),
        )

    def weight(self) -> int:
        """About how many bytes this takes while it waits to become a record."""
        weight = _BASE
        if self.request is not None:
            weight += len(self.request)
        if self.response is not None:
            weight += len(self.response)
        if self.chunks is not None:
            weight += shedding.weight_of_chunks(self.chunks)
        if self.attributes is not None:
            weight += shedding.weight_of_attributes(self.attributes)
        return weight

    def drop(self) -> None:
        """There will be no record."""
        if self.operation.transparent:
            transparency.forget(self.span_id)

    def shed(self) -> bool:
        """Give up the content, as too much waits. False if there is hardly any."""
        if not self.content or self.weight() < shedding.BASE + shedding.SMALL:
            return False
        self.content = False
        self.request, self.response = shedding.small_fields(self.request), shedding.small_fields(self.response)
        self.chunks = shedding.ends(self.chunks)
        self.attributes = shedding.small_attributes(self.attributes)
        return True


def name_of(operation: Operation, attributes: Mapping[str, Any]) -> str:
    """The name of a span that was given none: the operation and what it is asked of."""
    target = attributes.get(conventions.TARGET_OF_NAME.get(operation.name, _MODEL))
    return f"{operation.name} {target}" if target else operation.name


def of_request(draft: Draft) -> dict[str, Any]:
    """What is known when the call begins."""
    attributes: dict[str, Any] = {}
    if draft.origin.library is not None and draft.operation.label is not None:
        attributes[draft.operation.label] = draft.operation.name
    address, port = _server(draft.server)
    provider = draft.provider or draft.origin.provider_at(address)
    if provider:
        attributes[ALWAYS["provider"].attribute] = provider
    if draft.request is not None:
        _read(draft.operation.request, _request(draft), draft, attributes)
    if address:
        attributes[ALWAYS["server_address"].attribute] = address
        attributes[ALWAYS["server_port"].attribute] = port
    return attributes


def add(attributes: dict[str, Any], others: Mapping[str, Any] | None) -> None:
    """Put `others`, some of them frozen, on `attributes`."""
    for name, value in (others or {}).items():
        attributes[name] = freezing.thaw(value) if isinstance(value, bytes) else value


def _attributes(draft: Draft) -> dict[str, Any]:
    attributes = of_request(draft)
    response = _response(draft, attributes)
    if response is not None:
        _read(draft.operation.response, response, draft, attributes)
        _normalise_finish_reasons(attributes)
    _end(draft, response, attributes)
    add(attributes, draft.attributes)
    add(attributes, {name: value for name, value in (draft.inherited or {}).items() if name not in attributes})
    cost.add(attributes, draft.start_ns)
    return attributes


def _end(draft: Draft, response: Any, attributes: dict[str, Any]) -> None:
    """How the call ended: with an exception, with an answer that tells of a failure, or with one that is not whole."""
    operation = draft.operation
    if draft.exchange is not None:
        draft.exchange.describe(attributes, draft.description, draft.duration_ns)
    if response is None or draft.end_reason == "error":
        return
    failure = _guarded(operation.failure, response, draft)
    if failure is not None:
        code, message = failure.get("code"), failure.get("message")
        draft.end_reason, draft.description = "error", message or code
        exchange.fail(attributes, code or "error", code, None, None, message)
        return
    outcome = exchange.outcome(attributes) if operation.outcome is None else _guarded(operation.outcome, response, draft)
    if outcome is not None:
        attributes[ALWAYS["outcome"].attribute] = outcome


def _guarded(reader: Any, response: Any, draft: Draft) -> Any:
    try:
        return None if reader is None else reader(response)
    except Exception as exc:  # a plugin's function on an answer it was not made for
        diagnostics.failed(f"read the end of {draft.origin.name} {draft.operation.name}", exc, aside=True)
        return None


def _request(draft: Draft) -> Any:
    request = freezing.thaw(draft.request or b"")
    decode = draft.operation.decode
    try:
        return request if decode is None else decode(request)
    except Exception as exc:  # a plugin's decode: whatever it raises costs the request's fields, not the record
        diagnostics.failed(f"decode the request of {draft.origin.name} {draft.operation.name}", exc, aside=True)
        return None


def _response(draft: Draft, attributes: dict[str, Any]) -> Any:
    """The response, or what a stream's chunks add up to."""
    if draft.response is not None or draft.chunks is None:
        # Of binary content, whose pieces are not kept, or of a stream whose library says itself what it adds up to.
        if draft.chunks:
            attributes[ALWAYS["chunks"].attribute] = len(draft.chunks)
        _note_first_chunk(draft, attributes)
        return None if draft.response is None else freezing.thaw(draft.response)
    try:
        kept, draft.chunks = draft.chunks, None  # a stream that waits for the garbage collector may hold on to the call
        chunks = draft.decode(kept) if draft.decode else [freezing.plain(chunk) for chunk in kept]
        if not isinstance(chunks, list):
            return chunks  # a body that was read in pieces, and is no stream
        attributes[ALWAYS["chunks"].attribute] = len(chunks)
        _note_first_chunk(draft, attributes)
        return draft.operation.reduce(chunks) if draft.operation.reduce and chunks else None
    except Exception as exc:  # a plugin's reduce: whatever it raises costs the response, not the record
        diagnostics.failed(f"reduce {draft.origin.name} {draft.operation.name}", exc, aside=True)
        return None


def _note_first_chunk(draft: Draft, attributes: dict[str, Any]) -> None:
    if draft.first_chunk_ns >= 0:
        attributes[ALWAYS["time_to_first_chunk"].attribute] = draft.first_chunk_ns / 1e9


def _read(readings: tuple[Reading, ...], source: Any, draft: Draft, attributes: dict[str, Any]) -> None:
    there = source if type(source) is dict else None
    for field, getter in readings:
        # Most of what an API can take or give, a call does not have: asking each getter took most of a record's time.
        needs = None if there is None else getattr(getter, "needs", None)
        if needs is not None and needs.isdisjoint(there):
            continue
        if field.content and not draft.content:
            continue
        try:
            value = getter(source)
        except Exception as exc:  # a plugin's getter: whatever it raises costs this field only
            diagnostics.failed(f"read {field.attribute} for {draft.origin.name} {draft.operation.name}", exc, aside=True)
            continue
        if value is not None and _fits(field, value):
            attributes[field.attribute] = value
            if field.also:
                attributes[field.also] = value


def _fits(field: Field, value: Any) -> bool:
    """Whether `value` has the type that the schema promises; servers that imitate an API send anything."""
    kind = field.type
    if kind == "string":
        return isinstance(value, str)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "strings":
        return isinstance(value, list) and bool(value) and all(isinstance(element, str) for element in value)
    return True


def _normalise_finish_reasons(attributes: dict[str, Any]) -> None:
    raw = attributes.get(_FINISH)
    if raw:
        normal = [conventions.FINISH_REASONS.get(reason, reason) for reason in raw]
        if normal != raw:
            attributes[ALWAYS["finish_reasons_raw"].attribute] = raw
            attributes[_FINISH] = normal


def _server(server: Any) -> tuple[str | None, int | None]:
    """Host and port of a URL-like object."""
    if server is None:
        return None, None
    try:
        url = urlsplit(str(server))
        return url.hostname, url.port or {"http": 80}.get(url.scheme, 443)
    except ValueError:
        return None, None
