"""The calls that have begun and not ended: look-up by span, by key, and by the current context."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from autotrace._capture import context
from autotrace._capture.context import SpanContext
from autotrace._capture.transparency import Layer
from autotrace._credentials import values as credentials

by_id: dict[int, weakref.ref[Any]] = {}
"""Every call that has not ended, by span id. Empty in a forked child: the parent records the calls that it began."""

keyed: dict[Any, Any] = {}
"""The open calls that were started with a key. They are kept alive here until they end, as their owner has only the key."""


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
