"""One record on its way out, as a struct and as an encoded line; encoded once, whoever asks."""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace._record import freezing, limits, overload
from autotrace._record.lines import Dropped, Record
from autotrace._record.pricing import cost
from autotrace._settings import settings
from autotrace.sinks import _processing

_CUT = b'"autotrace.cut.'
_HELD = 400
"""About what a line that waits takes beside its bytes."""


class Entry:
    """A record for the sinks: the struct with long texts cut as the setting `max_text_chars` says, and the line of it within
    `max_line_bytes`. Each is made when first asked for, and once."""

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
        """JSON with a newline at its end, and nowhere else."""
        if self._line is None:
            self._line = renderer.line(self._record) or b""
        return self._line

    @property
    def record(self) -> Record:
        """The struct (`autotrace._record.lines`); where the program has processors, as the line has it."""
        if self._record is None:
            self._record = _read_back(self.line, self._kind)
        return self._record

    def put_by(self) -> int:
        """Hold the line alone, as the record has to wait: about how many bytes that takes.

        The struct is read back for whoever asks for it. Its many objects would be looked at by each full collection of
        the program's garbage, and take twice the room. Where something was cut to make the line, the struct stays: it has more.
        """
        line = self.line
        if _CUT in line:
            return 2 * len(line) + overload.BASE
        self._record = None
        return len(line) + _HELD

    def process(self) -> bool:
        """Pass the record through the program's processors, if it has any. False: one of them wants it dropped."""
        if _processing.processors():
            line = renderer.line(self._record)
            if line is None:
                return False
            self._line, self._record = line, None
        return True


def _read_back(line: bytes, kind: type[Record]) -> Record:
    """The struct of a line. What processors have made of it may be no record any more; attributes that cannot be read are
    left out, and no field is as it was before them."""
    event = msgspec.json.decode(line)
    try:
        return msgspec.convert(event, kind)
    except msgspec.ValidationError as exc:
        text = "Sinks that read structs get only its valid fields."
        diagnostics.say("processor", f"a record no longer matches the schema after the processors: {exc}. {text}")
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

    Called by one thread at a time: the writer's, or where the program waits for what is written (`flush`, the setting `sync`,
    the end of the process) its own. What is not taken waits, bounded by bytes, for each sink by itself.
    """

    def write(self, batch: list[Entry]) -> int | None:
        """Take the entries of `batch`, the oldest first. Returns how many were taken, from the first on; ``None`` for all.

        An exception says that none was. After one that time may heal (`OSError`, whatever a client raises) the batch comes
        again a while later. After `TypeError`, `ValueError` and their like, which it does not, entries come one by one, and
        the one that raises is lost and counted.
        """

    def close(self, deadline: float) -> None:
        """Send what is held back and let go of files and connections, by `deadline` (seconds on `time.monotonic`).

        A `write` may follow all the same: an exit handler of the program's may call a model.
        """


def _unfold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: the record's own fields, in the record's order, are the event."""
    return msgspec.structs.asdict(event["record"])


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """structlog processor: the line."""
    try:
        line = msgspec.json.encode(event)
    except Exception as exc:  # what a processor or a reader put in that JSON cannot hold
        text = f"a record held values that JSON cannot hold; they were replaced: {type(exc).__name__}: {exc}"
        diagnostics.say("encoding", text)
        event = freezing.harmless(event)
        line = msgspec.json.encode(event)
    limit = settings.current.valid("max_line_bytes")
    if limit and len(line) >= limit:
        has_attributes = isinstance(event.get("attributes"), dict)
        line = limits.fit(event if has_attributes else {**event, "attributes": {}}, len(line), limit - 1)
    return line + b"\n"


class _Line:
    """The end of the structlog chain: hands the rendered line back."""

    def info(self, line: bytes) -> bytes:
        return line

    debug = warning = error = info


def _import_structlog() -> None:
    """Import structlog, which at its import asks `sys.stdout` whether it is a terminal: a program may have closed that, or put
    something in its place that cannot answer."""
    try:
        import structlog
    except Exception:  # whatever that object raises
        program, sys.stdout = sys.stdout, None
        try:
            import structlog  # noqa: F401
        finally:
            sys.stdout = program


class Renderer:
    """A record to its line, by a private structlog logger: the program's own configuration is neither read nor changed."""

    def __init__(self) -> None:
        self._logger: Any = None
        self._processors: list[Any] = []

    def line(self, record: Record | None) -> bytes | None:
        """The line; ``None`` if a processor of the program's drops the record."""
        return self.prepare().log(record)  # type: ignore[no-any-return]

    def prepare(self) -> Any:
        """The logger, made anew when the program's processors are others."""
        given = _processing.processors()
        if self._logger is None or self._processors != given:
            _import_structlog()
            import structlog

            class Logger(structlog.BoundLoggerBase):
                def log(self, record: Record) -> Any:
                    return self._proxy_to_logger(getattr(record, "level", "info"), "record", record=record)

            own = [_processing.plain, *map(_processing.guarded, given)] if given else [_unfold]
            logger = structlog.wrap_logger(_Line(), processors=[*own, _render], wrapper_class=Logger, context_class=dict)
            self._processors, self._logger = given, logger.bind()
        return self._logger


renderer = Renderer()

PREPARATIONS: tuple[Callable[[], object], ...] = (renderer.prepare, cost.prepare)
"""The imports that the first record needs, to be done before there is one."""
