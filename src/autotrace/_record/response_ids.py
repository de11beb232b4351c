"""The response ids of recorded inferences: a transparent call whose answer has one of them writes no record of its own.

For libraries that call their provider on a thread of their own, where the context variables are lost. Ids are kept only while
a transparent call is open. On the writer's side, but for `wait` and `forget`.
"""

from __future__ import annotations

_waiting: dict[int, None] = {}
"""The transparent calls that have begun and are not yet records, by span id."""

_seen: dict[str, int] = {}
"""When the inference began that was recorded last with a response id, in nanoseconds of `time.perf_counter_ns`."""

_MOST = 1024
"""Ids that are remembered; the oldest goes first. A hundred bytes each."""


def wait(span_id: int) -> None:
    """A transparent call has begun."""
    _waiting[span_id] = None


def forget(span_id: int) -> None:
    """A transparent call needs nothing more."""
    _waiting.pop(span_id, None)


def remember(response_id: str | None, began: int) -> None:
    """An inference that began at `began` is recorded. On the writer's side, as `is_recorded`."""
    if not _waiting:
        if _seen:
            _seen.clear()
    elif response_id:
        _seen.pop(response_id, None)
        _seen[response_id] = began
        if len(_seen) > _MOST:
            del _seen[next(iter(_seen))]


def is_recorded(response_id: str | None, began: int, ended: int) -> bool:
    """Whether an inference that began between `began` and `ended` was recorded with this response id."""
    return response_id is not None and began <= _seen.get(response_id, -1) <= ended


def clear() -> None:
    """Forget all: in a forked child, which records nothing that its parent began."""
    _waiting.clear()
    _seen.clear()
