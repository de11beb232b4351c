"""One record on its way out, as a struct and as an encoded line; encoded once, whoever asks."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Protocol

import msgspec

from autotrace import diagnostics, freezing, limits, settings
from autotrace.errors import SettingsError
from autotrace.model import Span
from autotrace.pricing import cost


class Entry:
    """A record for the sinks: `record` is the struct, with long texts cut as the setting `max_text_chars` says; `line` is its
    JSON with a newline, within `max_line_bytes`, made when first asked for."""

    __slots__ = ("_line", "record")

    def __init__(self, record: Span) -> None:
        kept = _limit("max_text_chars")
        if kept:
            record.attributes = limits.cut_texts(record.attributes, kept)
        self.record = record
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        if self._line is None:
            self._line = _logger().info("span", record=self.record)
        return self._line


class Sink(Protocol):
    """Takes records out of the process.

    Called by one thread at a time, mostly the writer's, and never inside the program's calls. A sink may take its time:
    records wait in a queue that is bounded by bytes.
    """

    def write(self, batch: list[Entry]) -> int | None:
        """Take the entries of `batch`, the oldest first. Returns how many were taken, from the first on; ``None`` for all.

        An exception says that none was. What was not taken comes again a while later.
        """

    def close(self, deadline: float) -> None:
        """Send what is held back and let go of files and connections, by `deadline` (seconds on `time.monotonic`).

        A `write` may follow all the same: an exit handler of the program's may call a model.
        """


def _unfold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """structlog processor: the record's own fields, in the record's order, are the event."""
    return msgspec.structs.asdict(event["record"])


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """structlog processor: the line."""
    try:
        line = msgspec.json.encode(event)
    except Exception as exc:  # what a processor or a reader put in that JSON cannot hold
        diagnostics.say("encoding", f"a record was cleaned to be valid JSON: {type(exc).__name__}: {exc}")
        event = freezing.harmless(event)
        line = msgspec.json.encode(event)
    limit = _limit("max_line_bytes")
    if limit and len(line) >= limit:
        line = limits.fit(event, len(line), limit - 1)
    return line + b"\n"


def _limit(name: str) -> int:
    """A setting that is a limit; its default if the variable was made malformed after it was checked."""
    try:
        return int(settings.current.get(name))
    except SettingsError:
        return int(settings.KNOWN[name][1])


class _Line:
    """The end of the structlog chain: hands the rendered line back."""

    def info(self, line: bytes) -> bytes:
        return line


def prepare() -> None:
    """Do the imports that the first record needs, before there is one."""
    _logger()
    cost.prepare()


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
