"""The program's own structlog processors, between the record and its line; on the writer's thread.

Each is a function ``(logger, method, event) -> event``. It may change the event, return another, or raise
`structlog.DropEvent`.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace._discovery import references
from autotrace._record import freezing
from autotrace._settings import settings

Event = MutableMapping[str, Any]
Processor = Callable[[Any, str, Event], Any]


def processors() -> list[str | Processor]:
    """Those that the settings name: as ``module:function``, or as the function itself."""
    return settings.current.valid("processors") or []


def plain(_logger: Any, _method: str, event: Event) -> Event:
    """structlog processor: the record as plain JSON values, none of which it shares with another record."""
    return _plain(msgspec.structs.asdict(event["record"]))


def _plain(event: Event) -> Event:
    try:
        encoded = msgspec.json.encode(event)
    except Exception:  # what a program passes, or a processor adds, may be anything
        encoded = msgspec.json.encode(freezing.harmless(dict(event)))
    return msgspec.json.decode(encoded)  # type: ignore[no-any-return]


def guarded(given: str | Processor) -> Processor:
    """A processor that costs its own effect and nothing else if it raises, cannot be loaded, or returns no event."""
    name = given if isinstance(given, str) else getattr(given, "__qualname__", repr(given))
    found: list[Processor] = [] if isinstance(given, str) else [given]

    def guarded(logger: Any, method: str, event: Event) -> Event:
        import structlog

        before = msgspec.json.encode(event)
        try:
            if not found:
                found.append(references.load(name))
            made = found[0](logger, method, event)
            if not isinstance(made, MutableMapping):
                raise TypeError(f"it returned {type(made).__name__}; expected the event, a mapping")
            return _plain(made)
        except structlog.DropEvent:
            raise
        except Exception as exc:  # the program's own function
            diagnostics.failed(f"processor {name}", exc, aside=True)
            return msgspec.json.decode(before)  # type: ignore[no-any-return]

    return guarded
