"""Sinks: where records go. This is what the author of a sink imports.

A sink is any object with ``write(batch)`` and ``close(deadline)``: see `Sink`. A distribution brings one by an entry point in
the group ``autotrace.sinks``, a program by ``enable(sinks=[…])``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace.sinks.entry import Entry, Sink
    from autotrace.sinks.file import FileSink
    from autotrace.sinks.memory import MemorySink

__all__ = ["Entry", "FileSink", "MemorySink", "Sink"]

_LAZY = {"Entry": "entry", "FileSink": "file", "MemorySink": "memory", "Sink": "entry"}
"""The public names, and where they are: activation imports this package, and must not import what they need."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'autotrace.sinks' has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(f"autotrace.sinks.{_LAZY[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
