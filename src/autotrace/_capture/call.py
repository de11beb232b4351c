"""An open span: what its holder may say of it, and its single end.

Whoever holds a `Call` says how it ended. A call that nobody holds any more ends itself. Ending is one atomic claim, a
``dict.pop`` of the table of open calls, so two threads, a finaliser and an exit handler may all try.

What has no underscore is for authors of plugins; the rest is for the modules of this package.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from time import perf_counter_ns, time_ns
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture import chunks, span_starts
from autotrace._capture.context import SpanContext
from autotrace._capture.open_calls import by_id as _open
from autotrace._capture.open_calls import keyed as _keyed
from autotrace._capture.transparency import Place
from autotrace._declaration.operation import Operation
from autotrace._declaration.paths import Getter
from autotrace._record import freezing
from autotrace._record.draft import Draft
from autotrace._record.exchange import Exchange
from autotrace._record.lines import EndReason
from autotrace._writer.writer import writer

NO_ERRORS: dict[str, Getter] = {}


class Call:
    """An open span. Say how it ended with `finish`, `fail`, `cancel` or `abandon`; what comes after the first is ignored.

    Usable from any thread. Dropped without an ending, it is recorded as abandoned (or unread, if it is a stream of
    which nothing was taken).
    """

    __slots__ = ("__weakref__", "_chunks", "_draft", "_errors", "_held", "_key", "_left", "_place", "_reading")

    def __init__(self, draft: Draft, errors: Mapping[str, Getter] = NO_ERRORS, key: Any = None) -> None:
        self._draft = draft
        self._errors = errors
        self._key = key
        self._held: list[Callable[[], None]] = []
        self._place: Place | None = None
        self._chunks: list[Any] | None = None
        self._left = False
        """True once the consumer has left a stream that its library has still to end, and may call complete."""
        self._reading = False
        """True while the library's own iterator is at work, whose closing of itself is not an early close."""

    @property
    def context(self) -> SpanContext:
        """What is current while the call runs, and a parent for others: the ids of this span, or where it is transparent
        those of its parent."""
        draft = self._draft
        return SpanContext(draft.trace_id, draft.span_id) if self._place is None else self._place.shown

    @property
    def operation(self) -> Operation:
        """What this call was started as."""
        return self._draft.operation

    @property
    def received(self) -> int:
        """How many chunks of a stream have been recorded so far; of one whose chunks are not kept, at most 1."""
        return 0 if self._chunks is None else len(self._chunks)

    def set_attribute(self, key: str, value: Any) -> None:
        """Put one attribute, by its full name, on the span. `value` is frozen now."""
        value = freezing.value(value)
        # Never in place: the writer may be reading.
        self._draft.attributes = {**self._draft.attributes, key: value} if self._draft.attributes else {key: value}

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The server has answered with this HTTP status and these response headers. The last answer counts."""
        draft = self._draft
        self._exchange().answered(status, headers, perf_counter_ns() - draft.started)

    def retry(self, wait: float, exc: BaseException | None = None) -> None:
        """The attempt that was under way has failed, with the last answer or with `exc`; the library makes another one in
        `wait` seconds."""
        self._exchange().retry(wait, exc, perf_counter_ns() - self._draft.started)

    def _exchange(self) -> Exchange:
        draft = self._draft
        if draft.exchange is None:
            draft.exchange = Exchange()
        return draft.exchange

    def begin_stream(self, decode: Any = None) -> list[Any]:
        """Expect chunks from now on; the list that they are appended to.

        `decode`, if given, turns that list into plain chunks, or one response, on the writer's side (for chunks
        that are raw bytes).
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
        """Expect chunks that are not worth keeping (audio, files): only that there was one is noted."""
        self._draft.chunks = None
        self._chunks = chunks.OnlyFirst()
        return self._chunks

    def finish_decoded(self, pieces: list[bytes], decode: Any) -> None:
        """The call is complete; its response is what `decode` makes of `pieces`, on the writer's side."""
        if self.operation.response:
            self.begin_stream(decode).extend(pieces)
        self.finish()

    def _first_chunk(self) -> None:
        """Note the time at which the first chunk came."""
        self._draft.first_chunk_ns = perf_counter_ns() - self._draft.started
        self._release()

    def _until_read(self, release: Callable[[], None]) -> None:
        """Have `release` called at the first chunk, or when the call ends before that."""
        self._held.append(release)

    def _release(self) -> None:
        held, self._held = self._held, []
        for release in held:
            release()

    def chunk(self, chunk: Any) -> Any:
        """Record one chunk of a streamed response, and give it back."""
        kept = self._chunks
        if not kept:
            kept = self.begin_stream()
            if not kept:
                self._first_chunk()
        kept.append(chunk)
        return chunk

    def finish(self, response: Any = None) -> None:
        """The call is complete. `response` is frozen now; leave it out for a stream, whose chunks add up to it."""
        draft = self._claim("abandoned" if self._left else "completed")
        if draft is not None:
            try:
                if response is not None:
                    _answer(draft, response)
            finally:  # Ctrl-C in there takes the response, not the record
                writer.put(draft)

    def partial(self, response: Any) -> None:
        """The response as far as it has come, frozen now: what is recorded of a call that then fails or is left early."""
        if self._draft.span_id in _open:
            _answer(self._draft, response)

    def fail(self, exc: BaseException) -> None:
        """The call ended with `exc`. Those that are no `Exception` (CancelledError, KeyboardInterrupt, …) cancel it."""
        if not isinstance(exc, Exception):
            self._end("abandoned" if self._left else "cancelled")
            return
        draft = self._claim("error")
        if draft is not None:
            try:
                draft.description = self._exchange().fail(exc, self._errors)
                if draft.operation.expected is not None and draft.operation.expected(exc):
                    draft.end_reason, self._exchange().error = "completed", None
            except Exception as ours:  # must not take the place of the exception that the program waits for
                diagnostics.failed(f"describe a failure for {draft.origin.name}", ours)
            writer.put(draft)

    def cancel(self) -> None:
        """The program called the call off."""
        self._end("cancelled")

    def abandon(self, may_wait: bool = True) -> None:
        """Nobody wants the rest of the stream, or the interpreter is taking everything apart. A finaliser must not wait."""
        ended: EndReason = "abandoned" if self._chunks or self._chunks is None else "unread"
        self._end("exit" if sys.is_finalizing() else ended, may_wait)

    def _postpone(self) -> None:
        """Nothing was sent yet: the call does not count until `_resume`."""
        span_starts.withdraw(self._draft)
        _open.pop(self._draft.span_id, None)
        self._give_key_back()
        if self._place is not None:
            self._place.leave()

    def _resume(self) -> Call:
        """Begin now what was postponed."""
        draft = self._draft
        if draft.span_id:
            _open[draft.span_id] = weakref.ref(self)
            if self._key is not None:
                _keyed[self._key] = self
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
        draft.duration_ns = perf_counter_ns() - draft.started
        draft.end_reason = reason
        if self._chunks is not None:
            self._chunks = chunks.NotKept()
        self._give_key_back()
        if self._held:
            self._release()
        return None if self._place is not None and self._place.is_covered() else draft

    def _give_key_back(self) -> None:
        if self._key is not None and _keyed.get(self._key) is self:  # else another call has begun with the same one
            _keyed.pop(self._key, None)

    def __del__(self, _open: dict[int, weakref.ref[Call]] = _open) -> None:
        # On any thread, inside anybody's locks: a pop and an append, nothing that could wait. The table is bound here
        # because a module's globals are gone before its last objects are.
        if self._draft.span_id in _open:
            self.abandon(may_wait=False)


def _answer(draft: Draft, response: Any) -> None:
    if draft.operation.response:
        draft.response = freezing.freeze(response, draft.operation.response_roots)
