"""One record on its way out, as a struct and as an encoded line; encoded once, whoever asks."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Protocol

import msgspec

from autotrace import diagnostics, freezing
from autotrace.model import Span


class Entry:
    """A record for the sinks: `record` is the struct, `line` its JSON with a newline, made when first asked for."""

    __slots__ = ("_line", "record")

    def __init__(self, record: Span) -> None:
        self.record = record
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        if self._line is None:
            self._line = _logger().info("span", record=self.record)
        return self._line


class Sink(Protocol):
    """Takes records out of the process. Called by one thread at a time, never by the program's."""

    def write(self, batch: list[Entry]) -> None:
        """Write `batch`; an exception costs this sink these records and is reported once."""

    def close(self, deadline: float) -> None:
        """Let go of what is held, by `deadline` (seconds on `time.monotonic`)."""


def _unfold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """structlog processor: the record's own fields, in the record's order, are the event."""
    return msgspec.structs.asdict(event["record"])


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """structlog processor: the line."""
    try:
        return msgspec.json.encode(event) + b"\n"
    except Exception as exc:  # what a processor or a reader put in that JSON cannot hold
        diagnostics.say("encoding", f"a record was cleaned to be valid JSON: {type(exc).__name__}: {exc}")
        return msgspec.json.encode(freezing.harmless(event)) + b"\n"


class _Line:
    """The end of the structlog chain: hands the rendered line back."""

    def info(self, line: bytes) -> bytes:
        return line


def prepare() -> None:
    """Do the imports that the first record needs, before there is one."""
    _logger()


_logger_made: Any = None


def _logger() -> Any:
    """The private structlog logger; the program's own structlog configuration is neither read nor changed."""
    global _logger_made
    if _logger_made is None:
        import structlog

        class Logger(structlog.BoundLoggerBase):
            def info(self, event: str, **values: Any) -> Any:
                return self._proxy_to_logger("info", event, **values)

        _logger_made = structlog.wrap_logger(
            _Line(), processors=[_unfold, _render], wrapper_class=Logger, context_class=dict, cache_logger_on_first_use=True
        ).bind()
    return _logger_made
