"""An open span: what code may record on it, and how it ends exactly once.

The holder of a `Call` ends it. A call that is garbage-collected ends itself. Ending is one atomic claim, a ``dict.pop`` on the
table of open calls, so two threads, a finaliser and an exit handler may all try.

Names without an underscore are for plugin authors; the others are for the modules of this package.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture import chunks, open_calls, span_starts
from autotrace._capture.context import SpanContext
from autotrace._capture.open_calls import by_id as _open
from autotrace._capture.transparency import Place
from autotrace._declaration.operation import Operation
from autotrace._declaration.paths import Getter
from autotrace._record import freezing
from autotrace._record.draft import Draft
from autotrace._record.exchange import Exchange
from autotrace._record.lines import EndReason
from autotrace._system import perf_counter_ns, time_ns
from autotrace._writer.writer import writer

NO_ERRORS: dict[str, Getter] = {}


class Call:
    """An open span. End it with `finish`, `fail`, `cancel` or `abandon`; only the first of these counts.

    Usable from any thread. A call that is garbage-collected before it ended is recorded as abandoned (or unread, if it is a
    stream and no chunk was taken).

    It is apart from `Draft` because the queue holds the draft while the `Call` is left to its finaliser.
    """

    __slots__ = (
        "__weakref__",
        "_chunks",
        "_draft",
        "_errors",
        "_held",
        "_helper",
        "_key",
        "_left",
        "_place",
        "_read",
        "_reading",
        "_unused",
    )

    def __init__(self, draft: Draft, errors: Mapping[str, Getter] = NO_ERRORS, key: Any = None) -> None:
        self._draft = draft
        self._errors = errors
        self._key = key
        self._held: list[Callable[[], None]] = []
        self._place: Place | None = None
        self._chunks: list[Any] | None = None
        self._left = False
        """True once the consumer has left a stream that the library still has to end, and may report as complete."""
        self._helper: Any = None
        """What a helper of the library does that reads the answer (``runs``): the call then ends with the helper."""
        self._read = False
        """True once the answer has been read to its end. From then on, only what the helper raises is a failure."""
        self._reading = False
        """True while the library's own iterator runs: if it closes itself, that is not an early close."""
        self._unused: tuple[Callable[[], bytes | None] | None, Any] = (None, None)
        """Where the body of the last answer is, as long as the library has made nothing of it, and what decodes it."""

    @property
    def context(self) -> SpanContext:
        """The span context that is current while the call runs, and the parent for its children: this span's ids, or its
        parent's if the operation is transparent."""
        draft = self._draft
        return SpanContext(draft.trace_id, draft.span_id) if self._place is None else self._place.shown

    @property
    def operation(self) -> Operation:
        """The operation that this call was started with."""
        return self._draft.operation

    @property
    def received(self) -> int:
        """How many chunks of a stream have been recorded so far; of one whose chunks are not kept, at most 1."""
        return 0 if self._chunks is None else len(self._chunks)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute, by its full name, on the span. `value` is copied now."""
        value = freezing.value(value)
        # Never in place: the writer may be reading the old dict.
        self._draft.attributes = {**self._draft.attributes, key: value} if self._draft.attributes else {key: value}

    def answered(
        self, status: int, headers: Mapping[str, str], body: Callable[[], bytes | None] | None = None, decode: Any = None
    ) -> None:
        """Record the HTTP status and the response headers of the server's answer. The last answer counts.

        `body` is for a library that may refuse a good answer, because it does not fit the types that it makes of it. It is
        called if the call fails before anything of the answer has been recorded, and returns the bytes of the body, or ``None``
        if they have not been read. On the writer's thread, `decode` turns a list of these bytes into the response. `body` must
        not keep the library's response alive.
        """
        draft = self._draft
        self._unused = body, decode
        self._exchange().answered(status, headers, perf_counter_ns() - draft.started)

    def redact(self, *credentials: Any) -> None:
        """Keep `credentials` out of the record, wherever they would stand: texts that the client sends as a key or a password,
        or headers (a mapping), of which those count that have the name of a credential."""
        self._draft.credentials += credentials

    def retry(self, wait: float, exc: BaseException | None = None) -> None:
        """Record that the current attempt failed, with the last answer or with `exc`, and that the library makes another one
        in `wait` seconds."""
        self._unused = None, None
        self._exchange().retry(wait, exc, perf_counter_ns() - self._draft.started)

    def caused_by(self, exc: BaseException) -> None:
        """Record the class of `exc`, an exception of other code that the library turns into its answer. If that answer reports
        a failure (``Operation(failure=…)``), the class is the failure's ``error.type``."""
        self._exchange().cause = type(exc)

    def _exchange(self) -> Exchange:
        draft = self._draft
        if draft.exchange is None:
            draft.exchange = Exchange()
        return draft.exchange

    def begin_stream(self, decode: Any = None) -> list[Any]:
        """Expect chunks from now on. Returns the list to append them to.

        `decode` is for chunks that are raw bytes: on the writer's thread it turns that list into plain chunks, or into one
        response.
        """
        if self._chunks is None:
            operation = self.operation
            if operation.kind == "INTERNAL" and operation.reduce is None and decode is None:
                self._chunks = chunks.NotKept()
            else:
                self._draft.chunks = self._chunks = []
        if decode is not None:
            self._draft.decode = decode
        return self._chunks

    def forget_chunks(self) -> list[Any]:
        """Expect chunks that are not kept (audio, files): only the arrival of the first one is recorded."""
        self._draft.chunks = None
        self._chunks = chunks.OnlyFirst()
        return self._chunks

    def finish_decoded(self, pieces: list[bytes], decode: Any) -> None:
        """End the call as completed. On the writer's thread, `decode` turns `pieces` into the response."""
        if self.operation.reads_response:
            self.begin_stream(decode).extend(pieces)
        self.finish()

    def _first_chunk(self) -> None:
        """Record when the first chunk arrived."""
        self._draft.first_chunk_ns = perf_counter_ns() - self._draft.started
        self._release()

    def _until_read(self, release: Callable[[], None]) -> None:
        """Call `release` at the first chunk, or when the call ends, if that comes first."""
        self._held.append(release)

    def _release(self) -> None:
        held, self._held = self._held, []
        for release in held:
            release()

    def chunk(self, chunk: Any) -> Any:
        """Record one chunk of a streamed response, and return it."""
        kept = self._chunks
        if not kept:
            kept = self.begin_stream()
            if not kept:
                self._first_chunk()
        kept.append(chunk)
        return chunk

    def finish(self, response: Any = None) -> None:
        """End the call as completed. `response` is copied now; omit it for a stream, which is reduced from its chunks."""
        if self._helper is not None and not self._read:
            self._draft.duration_ns = perf_counter_ns() - self._draft.started
            self._read = True
            if response is not None:
                _answer(self._draft, response)
            return
        draft = self._claim("abandoned" if self._left else "completed")
        if draft is not None:
            try:
                if response is not None:
                    _answer(draft, response)
            finally:  # Ctrl-C while freezing loses the response, not the record
                writer.put(draft)

    def partial(self, response: Any) -> None:
        """Record the response so far, copied now. It is used if the call then fails or is abandoned."""
        if self._draft.span_id in _open:
            _answer(self._draft, response)

    def fail(self, exc: BaseException) -> None:
        """End the call as failed with `exc`, or as cancelled if `exc` is not an `Exception` (CancelledError, …)."""
        failed = isinstance(exc, Exception)
        draft = self._claim("error" if failed else "abandoned" if self._left else "cancelled")
        if draft is None:
            return
        try:
            refused = self._record_unused(draft)
            if isinstance(exc, Exception):
                draft.description = self._exchange().fail(exc, self._errors, self._read or refused)
                if draft.operation.expected is not None and draft.operation.expected(exc):
                    draft.end_reason, self._exchange().error = "completed", None
        except Exception as ours:  # must not replace the exception that the program expects
            diagnostics.failed(f"describe a failure for {draft.origin.name}", ours)
        writer.put(draft)

    def _record_unused(self, draft: Draft) -> bool:
        """Record the body of the answer that the library has refused. False if there is none."""
        body, decode = self._unused
        if body is None or draft.response is not None or draft.chunks or not draft.operation.reads_response:
            return False
        try:
            received = body() if self._exchange().http_status < 400 else None  # type: ignore[operator]  # it has been answered
        except Exception as exc:  # a plugin's function, given a response that it was not written for
            diagnostics.failed(f"read a refused answer for {draft.origin.name}", exc)
            return False
        if not received:
            return False
        draft.chunks, draft.decode = [received], decode
        return True

    def _wait_for_helper(self, helper: Any) -> None:
        """Let the call go on after its answer has been read, until `_leave_helper`, or until it ends in another way.

        While ``helper.runs`` is true, a close of the stream is not its end either: a generator that raises closes the one that
        it reads first.
        """
        self._helper = helper

    def _leave_helper(self) -> None:
        """End the call if its answer has been read or left; else let it end with its stream."""
        self._helper = None
        if self._read:
            self.finish()
        elif self._left:
            self.abandon()

    def cancel(self) -> None:
        """End the call as cancelled by the program."""
        self._end("cancelled")

    def abandon(self, may_wait: bool = True) -> None:
        """End the call as abandoned: its stream was not read to the end. Pass ``may_wait=False`` from a finaliser.

        During interpreter shutdown the end reason is ``exit``; for a stream of which no chunk was read it is ``unread``.
        """
        if self._helper is not None and self._helper.runs:
            self._left = True
            return
        ended: EndReason = "abandoned" if self._chunks or self._chunks is None else "unread"
        self._end("exit" if sys.is_finalizing() else ended, may_wait)

    def _postpone(self) -> None:
        """Take the call out of the open calls until `_resume`, as no request was sent yet."""
        span_starts.withdraw(self._draft)
        _open.pop(self._draft.span_id, None)
        self._release_key()
        if self._place is not None:
            self._place.leave()

    def _resume(self) -> Call:
        """Begin a postponed call now."""
        draft = self._draft
        if draft.span_id:
            writer.ensure()  # `disable()` may have ended its thread meanwhile
            _open[draft.span_id] = weakref.ref(self)
            if self._key is not None:
                open_calls.hold(self._key, self)
            if self._place is not None:
                self._place.enter()
            draft.start_ns, draft.started = time_ns(), perf_counter_ns()
            if writer.starts:
                span_starts.announce(draft)
        return self

    def _end(self, reason: EndReason, may_wait: bool = True) -> None:
        draft = self._claim(reason)
        if draft is not None:
            writer.put(draft, may_wait)

    def _claim(self, reason: EndReason) -> Draft | None:
        draft = self._draft
        if _open.pop(draft.span_id, None) is None:
            return None
        if self._read:
            draft.end_reason = reason if reason == "error" else "completed"
        else:
            draft.duration_ns = perf_counter_ns() - draft.started
            draft.end_reason = reason
        if self._chunks is not None:
            self._chunks = chunks.NotKept()
        self._release_key()
        if self._held:
            self._release()
        return None if self._place is not None and self._place.is_covered() else draft

    def _release_key(self) -> None:
        if self._key is not None:
            open_calls.release(self._key, self)

    def __del__(self, _open: dict[int, weakref.ref[Call]] = _open) -> None:
        # Runs on any thread, which may hold any lock: a pop and an append, nothing that could wait. The table is a default
        # argument because a module's globals are cleared before its last objects are.
        if self._draft.span_id in _open:
            self.abandon(may_wait=False)


def _answer(draft: Draft, response: Any) -> None:
    if draft.operation.reads_response:
        draft.response = freezing.freeze(response, draft.operation.response_roots)
