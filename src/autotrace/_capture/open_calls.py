"""The calls that have begun and not ended: look-up by span, by key, and by the current context."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from autotrace._capture import context
from autotrace._capture.context import SpanContext
from autotrace._capture.transparency import Layer
from autotrace._credentials import values as credentials
from autotrace._system import get_ident

by_id: dict[int, weakref.ref[Any]] = {}
"""Every call that has not ended, by span id. Empty in a forked child: the parent records the calls that it began."""

keyed: dict[Any, Any] = {}
"""The open calls that were started with a key. They are kept alive here until they end, as their owner has only the key."""

_same: dict[tuple[Any, int], tuple[Any, tuple[int, int]]] = {}
"""The open calls whose key another open call had at their start, by key and span id, with where they began (`_where`).
Nearly always empty: where the first call of a key began is not asked, because that takes longer than all else here."""


_begun: ContextVar[int] = ContextVar("autotrace.begun", default=0)
"""The span id of the call with a key that began last in this context."""


def hold(key: Any, call: Any) -> None:
    """Keep `call` under its `key` until `release`."""
    _begun.set(call._draft.span_id)
    if keyed.setdefault(key, call) is not call:
        _same[key, call._draft.span_id] = call, _where()


def release(key: Any, call: Any) -> None:
    """Drop `call`, which has ended."""
    if keyed.get(key) is call:
        keyed.pop(key, None)
    else:
        _same.pop((key, call._draft.span_id), None)


def find(key: Any) -> Any:
    """The open call with this `key`, or ``None``. If several have it, the one that the code here belongs to (`_nearest`)."""
    first = keyed.get(key)
    if not _same:
        return first
    found: list[tuple[Any, Any]] = [] if first is None else [(first, None)]
    found += [held for (other, _), held in list(_same.items()) if other == key]
    return _nearest(found) if found else None


def _nearest(held: list[tuple[Any, Any]]) -> Any:
    """Of several open calls, oldest first, the one that the code here belongs to.

    It is one that the current span is inside of, or one inside of that. It is the one that began last in this context, or in
    the one that this is a copy of. Else libraries report the start and the end of a call on one thread and in one task, so it
    is the newest that may have begun here.
    """
    current = context.current.get()
    around = [call for call, _ in held if is_inside(current, call._draft.span_id)]
    if around:
        outer = around[-1]._draft.span_id
        held = [(call, where) for call, where in held if is_inside(_context(call._draft), outer)]
    begun, here = _begun.get(), _where()
    return (
        [call for call, _ in held if call._draft.span_id == begun]
        or [call for call, where in held if where is None or where == here]
        or [call for call, _ in held]
    )[-1]


def _context(draft: Any) -> SpanContext:
    return SpanContext(draft.trace_id, draft.span_id)


def _where() -> tuple[int, int]:
    """The thread and the task that run here."""
    asyncio = sys.modules.get("asyncio")
    running = getattr(asyncio, "_get_running_loop", None)
    task = asyncio.current_task() if running is not None and running() is not None else None  # type: ignore[union-attr]
    return get_ident(), 0 if task is None else id(task)


def _own_id(here: SpanContext) -> int:
    return here.own if type(here) is Layer else here.span_id


def current(origin: Any) -> Any:
    """The open model call of `origin` that is current, or ``None``. Agents, tools and calls of other plugins do not count."""
    here = context.current.get()
    reference = None if here is None else by_id.get(_own_id(here))
    call = None if reference is None else reference()
    return call if call is not None and call._draft.origin is origin and call.operation.kind != "INTERNAL" else None


def is_inside(here: SpanContext | None, outer: int) -> bool:
    """Whether `here` is the span with the id `outer`, or a descendant of it through spans that are still open."""
    span_id = 0 if here is None else _own_id(here)
    while span_id != outer:
        reference = by_id.get(span_id)
        call = None if reference is None else reference()
        if call is None:
            return False
        span_id = call._draft.parent_id
    return True


def picked_up() -> Iterator[Any]:
    """What plugins have picked up as credentials of the calls that are open now."""
    for reference in list(by_id.values()):
        call = reference()
        if call is not None:
            yield from call._draft.picked_up()


credentials.holders.append(picked_up)


def clear() -> None:
    """Forget all calls, in a forked child."""
    by_id.clear()
    keyed.clear()
    _same.clear()
