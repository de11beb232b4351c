"""One record for the sinks, as a struct and as an encoded line, which is encoded only once."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._record import freezing, limits, overload
from autotrace._record.encoding import encode
from autotrace._record.lines import Dropped, Record
from autotrace._record.pricing import cost
from autotrace.sinks import _processing

_CUT = b'"autotrace.cut.'
_HELD = 400
"""The approximate bytes that a waiting line takes in addition to its own."""


class Entry:
    """A record for the sinks: the struct, with texts cut to the setting `max_text_chars`, and its line, within
    `max_line_bytes`.

    It is apart from the record because several sinks share it: the line is made when the first sink needs it, and only once.
    """

    __slots__ = ("_kind", "_line", "_record")

    def __init__(self, record: Record) -> None:
        kept = settings.current.valid("max_text_chars")
        if kept and not isinstance(record, Dropped):
            record.attributes = limits.cut_texts(record.attributes, kept)
        self._kind = type(record)
        self._record: Record | None = record
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """The record as JSON, with one newline, at its end."""
        if self._line is None:
            self._line = renderer.line(self._record) or b""
        return self._line

    @property
    def record(self) -> Record:
        """The record as a struct (`autotrace.sinks.Record`), as the program's processors left it."""
        if self._record is None:
            self._record = _read_back(self.line, self._kind)
        return self._record

    def put_by(self) -> int:
        """Keep only the line, as the record has to wait. Returns the approximate bytes that are kept.

        The struct is decoded from the line if a sink asks for it. Its many objects would be traversed by each full garbage
        collection of the program, and take twice the memory. If the line was cut, the struct is kept, because it has more.
        """
        line = self.line
        if _CUT in line:
            return 2 * len(line) + overload.BASE
        self._record = None
        return len(line) + _HELD

    def process(self) -> bool:
        """Pass the record through the program's processors, if there are any. False if one of them drops it."""
        if _processing.processors():
            line = renderer.line(self._record)
            if line is None:
                return False
            self._line, self._record = line, None
        return True


def _read_back(line: bytes, kind: type[Record]) -> Record:
    """The struct of a line. Processors may have made it invalid: a field with an invalid value is then empty. It never has the
    value from before the processors, which they may have removed on purpose."""
    event = msgspec.json.decode(line)
    try:
        return msgspec.convert(event, kind)
    except msgspec.ValidationError as exc:
        text = "Sinks that read structs get only its valid fields."
        diagnostics.say(
            "processor", f"a record no longer matches the schema after the processors: {diagnostics.described(exc)}. {text}"
        )
        return kind(**{field.name: _field(event.get(field.name), field) for field in msgspec.structs.fields(kind)})


def _field(value: Any, field: msgspec.structs.FieldInfo) -> Any:
    candidates: tuple[Any, ...] = (value, None, "", 0, [], {})
    for candidate in candidates:
        try:
            return msgspec.convert(candidate, field.type)
        except msgspec.ValidationError:
            continue
    return value


class Sink(Protocol):
    """Takes records out of the process.

    It is called by one thread at a time: the writer's, or the program's own when that waits for the records (`flush`, the
    setting `sync`, the end of the process). Entries that a sink does not take wait for it, limited by bytes, independently of
    other sinks.
    """

    def write(self, batch: list[Entry]) -> int | None:
        """Take the entries of `batch`, the oldest first. Returns how many were taken, counted from the first; ``None`` for all.

        An exception means that none was taken. After one that may be temporary (`OSError`, an exception of a client) the batch
        is offered again later. After `TypeError`, `ValueError` and other programming errors the entries are offered one by one,
        and the one that raises is lost and counted.
        """

    def close(self, deadline: float) -> None:
        """Send what is buffered and close files and connections, by `deadline` (seconds of `time.monotonic`).

        A `write` may still follow: an exit handler of the program may call a model.
        """


def _unfold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: replaces the event by the record's own fields, in their order."""
    return msgspec.structs.asdict(event["record"])


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """structlog processor: renders the line."""
    try:
        line = encode(event)
    except Exception as exc:  # a processor or a getter added something that JSON cannot hold
        text = f"a record had values that JSON cannot represent; they were replaced: {diagnostics.described(exc)}"
        diagnostics.say("encoding", text)
        event = freezing.harmless(event)
        line = encode(event)
    limit = settings.current.valid("max_line_bytes")
    if limit and len(line) >= limit:
        has_attributes = isinstance(event.get("attributes"), dict)
        line = limits.fit(event if has_attributes else {**event, "attributes": {}}, len(line), limit - 1)
    return line + b"\n"


class _Line:
    """The logger at the end of the structlog chain: returns the rendered line."""

    def info(self, line: bytes) -> bytes:
        return line

    debug = warning = error = info


class _Chain:
    """Runs the processors as structlog does, where structlog cannot be imported.

    Its import asks `sys.stdout` whether it is a terminal. A program may have replaced that by an object that cannot answer.
    """

    def __init__(self, processors: list[Any]) -> None:
        self._processors = processors

    def log(self, record: Record) -> Any:
        event: Any = {"record": record}
        try:
            for processor in self._processors:
                event = processor(None, getattr(record, "level", "info"), event)
        except Exception as exc:
            if _processing.drops(exc):
                return None
            raise
        return event


def _logger(processors: list[Any]) -> Any:
    try:
        from structlog import BoundLoggerBase, wrap_logger
    except Exception:  # the program's object may raise anything
        return _Chain(processors)

    class Logger(BoundLoggerBase):
        def log(self, record: Record) -> Any:
            return self._proxy_to_logger(getattr(record, "level", "info"), "record", record=record)

    return wrap_logger(_Line(), processors=processors, wrapper_class=Logger, context_class=dict).bind()


class Renderer:
    """Renders records as lines with a private structlog logger. The program's own configuration is neither read nor changed."""

    def __init__(self) -> None:
        self._logger: Any = None
        self._processors: list[Any] = []

    def line(self, record: Record | None) -> bytes | None:
        """The line; ``None`` if a processor of the program drops the record."""
        return self.prepare().log(record)  # type: ignore[no-any-return]

    def prepare(self) -> Any:
        """The logger. It is made anew when the program's processors have changed."""
        given = _processing.processors()
        if self._logger is None or self._processors != given:
            own = [_processing.plain, *map(_processing.guarded, given)] if given else [_unfold]
            self._processors, self._logger = given, _logger([*own, _render])
        return self._logger


renderer = Renderer()

PREPARATIONS: tuple[Callable[[], object], ...] = (renderer.prepare, cost.prepare)
"""Functions that do the imports of the first record before it arrives."""
