"""The response ids of recorded inferences: a transparent call whose response has one of them writes no record.

For libraries that call their provider on another thread, where the context variables are lost. Ids are kept only while a
transparent call is open. All functions run on the writer's thread, except `wait` and `forget`.
"""

from __future__ import annotations

_waiting: dict[int, None] = {}
"""The transparent calls that have begun and are not yet records, by span id."""

_seen: dict[str, int] = {}
"""By response id: when the inference began that was recorded last with it, in nanoseconds of `time.perf_counter_ns`."""

_MOST = 1024
"""How many ids are kept, at about a hundred bytes each; the oldest is removed first."""


def wait(span_id: int) -> None:
    """Note that a transparent call has begun."""
    _waiting[span_id] = None


def forget(span_id: int) -> None:
    """Note that a transparent call has ended or does not count."""
    _waiting.pop(span_id, None)


def remember(response_id: str | None, began: int) -> None:
    """Note that an inference that began at `began` is recorded."""
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
    """Forget everything, in a forked child, which records no call that its parent began."""
    _waiting.clear()
    _seen.clear()
