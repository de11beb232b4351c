"""Runs the program's own structlog processors on a record before its line is made, on the writer's thread.

A processor is a function ``(logger, method, event) -> event``. It may change the event, return another one, or raise
`structlog.DropEvent`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._discovery import references
from autotrace._record import freezing

Event = MutableMapping[str, Any]
Processor = Callable[[Any, str, Event], Any]


def processors() -> list[str | Processor]:
    """The processors in the settings, each as ``module:function`` or as the function itself."""
    return settings.current.valid("processors") or []


def plain(_logger: Any, _method: str, event: Event) -> Event:
    """structlog processor: turns the record into plain JSON values, none of which is shared with another record."""
    return _plain(msgspec.structs.asdict(event["record"]))


def _plain(event: Event) -> Event:
    try:
        encoded = msgspec.json.encode(event)
    except Exception:  # the program or a processor may have added anything
        encoded = msgspec.json.encode(freezing.harmless(dict(event)))
    return msgspec.json.decode(encoded)  # type: ignore[no-any-return]


def drops(exc: Exception) -> bool:
    """Whether `exc` says that the record is to be dropped: a processor that raises it has imported structlog."""
    return isinstance(exc, getattr(sys.modules.get("structlog"), "DropEvent", ()))


def guarded(given: str | Processor) -> Processor:
    """Wrap a processor so that only its own effect is lost if it raises, cannot be loaded, or does not return an event."""
    name = given if isinstance(given, str) else getattr(given, "__qualname__", repr(given))
    loaded: list[Processor] = [] if isinstance(given, str) else [given]

    def guarded(logger: Any, method: str, event: Event) -> Event:
        before = msgspec.json.encode(event)
        try:
            if not loaded:
                loaded.append(references.load(name))
            result = loaded[0](logger, method, event)
            if not isinstance(result, MutableMapping):
                raise TypeError(f"it returned {type(result).__name__}; expected the event, a mapping")
            return _plain(result)
        except Exception as exc:  # the program's own function
            if drops(exc):
                raise
            diagnostics.failed(f"processor {name}", exc, aside=True)
            return msgspec.json.decode(before)  # type: ignore[no-any-return]

    return guarded
