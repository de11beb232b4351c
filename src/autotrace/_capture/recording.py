"""Begins spans, for replaced functions, callbacks and manual spans alike.

A call that is still open when the process ends is recorded with the end reason ``exit``.
"""

from __future__ import annotations

import weakref
from _random import Random
from collections.abc import Mapping
from typing import Any

from autotrace import _process
from autotrace._capture import chunks, context, open_calls, span_starts
from autotrace._capture.call import NO_ERRORS, Call
from autotrace._capture.context import SpanContext
from autotrace._capture.open_calls import by_id as _open
from autotrace._capture.transparency import Layer, Place
from autotrace._declaration.invocation import UNSET
from autotrace._declaration.operation import Operation
from autotrace._declaration.paths import Getter
from autotrace._record import freezing, resource, response_ids
from autotrace._record.draft import Draft
from autotrace._record.origin import Origin
from autotrace._system import os, perf_counter_ns, time_ns
from autotrace._writer.writer import writer

_random = Random(int.from_bytes(os.urandom(32), "little"))
"""A generator of our own: programs seed the shared one, and all their processes would then make the same ids."""


def begin(
    operation: Operation,
    origin: Origin,
    request: Any = UNSET,
    *,
    parent: Any = None,
    key: Any = None,
    name: str | None = None,
    provider: str | None = None,
    server: Any = None,
    attributes: Mapping[str, Any] | None = None,
    errors: Mapping[str, Getter] = NO_ERRORS,
    credentials: tuple[Any, ...] = (),
) -> Call:
    """Begin a span. `request` is frozen now. `parent` is a `SpanContext`, an open `Call`, or the key of one; if the current
    span is inside that call, the current span is the parent instead. Without `parent`, see `_above`.
    """
    if writer.start():
        resource.program()
    above = _above(parent)
    added = context.added()
    if added is not None or attributes:
        attributes = {name: freezing.value(value) for name, value in {**(added or {}), **(attributes or {})}.items()}
    draft = Draft(
        operation,
        origin,
        above.trace_id if above is not None and above.trace_id else _random.getrandbits(128) or 1,
        _random.getrandbits(64) or 1,
        above.span_id if above is not None else 0,
        time_ns(),
        0,
        content=origin.content,
        name=name,
        request=None if request is UNSET else freezing.freeze(request, operation.request_roots),
        provider=provider,
        server=server,
        attributes=attributes,  # type: ignore[arg-type]  # a fresh dict or None
        policy=origin.policy,
        credentials=credentials,
        known=_known_above(above),
    )
    call = Call(draft, errors, key)
    if operation.transparent or type(above) is Layer:
        call._place = place = Place(operation, draft.trace_id, draft.span_id, above, draft.attributes, draft.content)
        draft.inherited, draft.inherited_content = place.inherited, place.inherited_content
    _open[draft.span_id] = weakref.ref(call)
    if key is not None:
        open_calls.hold(key, call)
    draft.started = perf_counter_ns()
    if writer.starts:
        span_starts.announce(draft)
    return call


def _known_above(above: SpanContext | None) -> set[Any]:
    """The set in which the open call around a new one keeps what the calls inside it have picked up; else a new set."""
    reference = None if above is None else _open.get(above.span_id)
    call = None if reference is None else reference()
    known: set[Any] | None = None if call is None else call._draft.known
    return set() if known is None else known


def _above(parent: Any) -> SpanContext | None:
    """The parent of a new span: `parent`, else the call that a library is carrying out here, else the current span. If the
    current span is inside one of the first two calls, it is the parent."""
    here = context.current.get()
    if parent is None:
        parent = context.library_call() if context.enclosing else None
        if parent is None:
            return here
    if isinstance(parent, SpanContext):
        return parent
    outer = parent if isinstance(parent, Call) else open_calls.find(parent)
    return here if outer is None or open_calls.is_inside(here, outer._draft.span_id) else outer.context


origins: dict[str, tuple[Origin, Mapping[str, Getter]]] = {}
"""The active plugins' origins, by the plugin's own top-level module (`autotrace_openai`)."""

_no_origin = Origin("autotrace")


def inert(operation: Operation) -> Call:
    """A call that records nothing and keeps no chunks."""
    call = Call(Draft(operation, _no_origin, 0, 0, 0, 0, 0))
    call._chunks = chunks.NotKept()
    return call


def _end_all() -> None:
    """Record the calls that are still open when the process ends."""
    for reference in list(_open.values()):
        call = reference()
        if call is not None:
            call._end("exit")


def _in_child() -> None:
    open_calls.clear()
    response_ids.clear()
    _random.seed(int.from_bytes(os.urandom(32), "little"))


writer.before_exit.append(_end_all)
_process.forks.add(in_child=_in_child)
