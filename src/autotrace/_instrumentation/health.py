"""The health of autotrace in this process: what it has counted and lost, and what it costs."""

from __future__ import annotations

import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _instrumentation as instrumentation
from autotrace import _settings as settings
from autotrace._system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def health() -> dict[str, Any]:
    """What autotrace has done in this process so far, as plain data.

    May be called at any time from any thread and takes some µs. It starts nothing and imports nothing. A forked child begins at
    zero.

    - ``pid``: the process.
    - ``spans``: how many have ``begun``; are still ``open``; are ``unrecorded`` (calls that only wrap other recorded calls, and
      generators that were never read); were ``recorded``; and of these, how many were ``written`` (accepted by every sink),
      ``dropped`` (lost by a sink, by a failure or for lack of space) or are ``queued``. When nothing is in progress, begun =
      open + unrecorded + recorded, and recorded = written + dropped + queued. Nothing is queued after a `flush()` that returned
      True.
    - ``queue``: ``bytes`` that wait (approximately) to be made into records or for a sink; ``limit``: the setting
      `queue_bytes`; ``contents_dropped``: how many records lost their content for lack of space.
    - ``sinks``: by name, for those that were written to: whether the sink is ``failing``, and how many lines are ``waiting``
      for it.
    - ``failures``: failures of autotrace that were caught, by plugin (``core`` for the rest) and by place.
    - ``circuit``: targets that were switched off because their capture kept failing, with the reason.
    - ``time``: ``calls`` of instrumented functions; ``ns_per_call``: ``median`` and ``mean`` nanoseconds that autotrace took on
      the calling thread, without the chunks of streams, over the latest ``sampled`` calls (one in 64 is sampled); ``None``
      before the first sample.
    """
    return {
        "pid": os.getpid(),
        "spans": _spans(),
        "queue": _queue(),
        "sinks": _sinks(),
        "failures": _failures(),
        "circuit": {
            key: target.traced.tripped
            for plugin in tuple(instrumentation.installed.values())
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
    # Read from the end of the pipeline to its start, so that a change between two of these lines makes no number negative.
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
    plugins = {plugin.entry.distribution for plugin in tuple(instrumentation.installed.values())}
    counts: dict[str, dict[str, int]] = {}
    for where, number in diagnostics.failures.items():
        words = where.replace(":", " ").split()
        owner = next((word for word in words if word in plugins), "core")
        counts.setdefault(owner, {})[where] = number
    return counts


def _time() -> dict[str, Any]:
    overhead = sys.modules.get("autotrace._capture.overhead")
    if overhead is None or not hasattr(overhead, "timed"):
        return {"calls": 0, "sampled": 0, "ns_per_call": None}
    samples = sorted(overhead.timed)
    figures = {"median": samples[len(samples) // 2], "mean": sum(samples) // len(samples)} if samples else None
    return {"calls": overhead.counted.value, "sampled": len(samples), "ns_per_call": figures}
