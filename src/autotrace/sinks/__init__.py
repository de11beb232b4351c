"""Sinks: where records go. Authors of sinks import this module.

A sink is any object with ``write(batch)`` and ``close(deadline)``: see `Sink`. A distribution registers one by an entry point
in the group ``autotrace.sinks``, a program passes one to ``enable(sinks=[…])``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._record.lines import Dropped, Record, Span, SpanStart
    from autotrace.sinks._entry import Entry, Sink
    from autotrace.sinks._file import FileSink
    from autotrace.sinks._memory import MemorySink

__all__ = ["Dropped", "Entry", "FileSink", "MemorySink", "Record", "Sink", "Span", "SpanStart"]

_LINES, _ENTRY = "autotrace._record.lines", "autotrace.sinks._entry"
_LAZY = {
    "Dropped": _LINES,
    "Entry": _ENTRY,
    "FileSink": "autotrace.sinks._file",
    "MemorySink": "autotrace.sinks._memory",
    "Record": _LINES,
    "Sink": _ENTRY,
    "Span": _LINES,
    "SpanStart": _LINES,
}
"""The public names and their modules. They are imported on demand: activation imports this package, but not their imports."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'autotrace.sinks' has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
