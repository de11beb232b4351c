"""How autotrace itself is doing in this process: what it has counted, what it has lost, what it costs."""

from __future__ import annotations

import os
import sys

from autotrace import _diagnostics as diagnostics
from autotrace._instrumentation import activation
from autotrace._settings import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def health() -> dict[str, Any]:
    """What autotrace has done in this process so far, as plain data: at any time, from any thread, at the cost of some µs.

    It starts nothing and imports nothing that was not there. A forked child begins at zero.

    - ``pid``: the process.
    - ``spans``: how many have ``begun``; are still ``open``; are ``unrecorded`` (calls that only wrap others that were
      recorded, generators that were never read); were ``recorded``; and of these how many were ``written`` (taken by every
      sink), ``dropped`` (lost by a sink, in the making, or for want of room) or are ``queued``. In a quiet moment begun =
      open + unrecorded + recorded, and recorded = written + dropped + queued; nothing is queued after a `flush()` that
      returned True.
    - ``queue``: ``bytes`` that wait (about), to be made records or for a sink; ``limit``: the setting `queue_bytes`;
      ``contents_dropped``: how many lost their content for want of room.
    - ``sinks``: by name, of those that were written to: whether one is ``failing``, and how many lines are ``waiting`` for it.
    - ``failures``: the failures of ours that were caught, by plugin (``core`` for the rest) and by place.
    - ``circuit``: the targets that were switched off because their capture kept failing, with the reason.
    - ``time``: ``calls`` of instrumented functions; ``ns_per_call``: ``median`` and ``mean`` of the nanoseconds that autotrace
      took on the calling thread, chunks of streams left aside, of the latest ``sampled`` calls (one in 64 is); ``None``
      before the first.
    """
    return {
        "pid": os.getpid(),
        "spans": _spans(),
        "queue": _queue(),
        "sinks": _sinks(),
        "failures": _failures(),
        "circuit": {
            key: target.traced.tripped
            for plugin in tuple(activation._plugins.values())
            for key, target in tuple(plugin.targets.items())
            if target.traced.tripped is not None
        },
        "time": _time(),
    }


def _spans() -> dict[str, int]:
    writer = getattr(sys.modules.get("autotrace._writer.writer"), "writer", None)
    calls = sys.modules.get("autotrace._capture.open_calls")
    if writer is None or calls is None:
        return dict.fromkeys(("begun", "open", "unrecorded", "recorded", "written", "dropped", "queued"), 0)
    # In the order in which they grow less: what happens between two of these lines does not make a number negative.
    written, dropped, covered = writer.written, writer.dropped, writer.dispatch.covered
    recorded = writer.ended.value - covered
    still_open = len(calls.by_id)
    begun = writer.begun.value
    return {
        "begun": begun,
        "open": still_open,
        "unrecorded": max(begun - still_open - recorded, 0),
        "recorded": recorded,
        "written": written,
        "dropped": dropped,
        "queued": max(recorded - written - dropped, 0),
    }


def _queue() -> dict[str, int]:
    writer = getattr(sys.modules.get("autotrace._writer.writer"), "writer", None)
    if writer is None:
        return {"bytes": 0, "limit": settings.current.valid("queue_bytes"), "contents_dropped": 0}
    waiting = writer.queue.bytes + sum(one.weight for one in tuple(writer.dispatch.deliveries))
    return {"bytes": waiting, "limit": 2 * writer.queue.limit, "contents_dropped": writer.contents_dropped}


def _sinks() -> dict[str, dict[str, Any]]:
    writer = getattr(sys.modules.get("autotrace._writer.writer"), "writer", None)
    deliveries = () if writer is None else tuple(writer.dispatch.deliveries)
    return {one.name: {"failing": one.failing, "waiting": len(one.waiting)} for one in deliveries}


def _failures() -> dict[str, dict[str, int]]:
    plugins = {plugin.entry.distribution for plugin in tuple(activation._plugins.values())}
    found: dict[str, dict[str, int]] = {}
    for where, number in diagnostics.failures.items():
        words = where.replace(":", " ").split()
        owner = next((word for word in words if word in plugins), "core")
        found.setdefault(owner, {})[where] = number
    return found


def _time() -> dict[str, Any]:
    overhead = sys.modules.get("autotrace._capture.overhead")
    if overhead is None or not hasattr(overhead, "timed"):
        return {"calls": 0, "sampled": 0, "ns_per_call": None}
    samples = sorted(overhead.timed)
    figures = {"median": samples[len(samples) // 2], "mean": sum(samples) // len(samples)} if samples else None
    return {"calls": overhead.counted.value, "sampled": len(samples), "ns_per_call": figures}
