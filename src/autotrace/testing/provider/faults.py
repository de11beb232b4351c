"""Faults that a program asks for by the name of its model, so that unchanged SDK code meets them.

| model               | what happens                                                                              |
|---------------------|-------------------------------------------------------------------------------------------|
| `fault-429`         | 429 with `retry-after`, in the provider's own error body                                  |
| `fault-429-once`    | the first request gets the 429, the same request again is answered                        |
| `fault-500`         | 500; likewise `fault-400`, `-401`, `-403`, `-404`, `-503`, `-529`                         |
| `fault-500-once`    | likewise with `-once`                                                                     |
| `fault-400-context` | 400: the context length is exceeded                                                       |
| `fault-cut`         | the connection drops in the middle of the stream (or of the body)                         |
| `fault-slow`        | 50 ms before every piece of a stream (or before the body)                                 |
| `fault-error-event` | an error inside the stream, after its first half; a call that does not stream gets a 500  |
| `fault-malformed`   | something that cannot be read inside the stream (or as the body)                          |
| `fault-hang`        | no answer: the connection drops after `hang_seconds`, or when the server closes           |
| `fault-refusal`     | the model refuses                                                                         |
| `fault-filter`      | the answer stops at half its length: a content filter                                     |
| `fault-failed`      | OpenAI Responses: `status` is `failed`                                                    |

"The same request again" is counted per server by `idempotency-key` where the client sends one, else by path and body: a
test that uses a text of its own is alone.
The last three are not of the transport: the wire formats know them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from autotrace.testing.provider.wire import Answer, Call, Failure, WireFormat, dumps

__all__ = ["KINDS", "PREFIX", "SLOW", "DroppedError", "Faults"]

PREFIX = "fault-"
SLOW = 0.05

KINDS = {400: "invalid", 401: "authentication", 403: "permission", 404: "not_found", 429: "rate_limit", 529: "overloaded"}


class DroppedError(Exception):
    """The connection is to be dropped without another byte."""


class Faults:
    """What one server has to remember about faults."""

    def __init__(self, hang_seconds: float) -> None:
        self.closing = threading.Event()
        self._hang_seconds = hang_seconds
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def answer(self, call: Call, wire: WireFormat) -> Answer | None:
        """What `wire` answers to `call`, with the fault that its model names."""
        model = wire.model(call)
        name = model[len(PREFIX) :] if model.startswith(PREFIX) else ""
        failure = self._failure(call, name)
        if failure is not None:
            return wire.failure(call, failure)
        if name == "hang":
            self.closing.wait(self._hang_seconds)
            raise DroppedError
        answer = wire.answer(call)
        return answer if answer is None or not name else _spoilt(answer, name, call, wire)

    def _failure(self, call: Call, name: str) -> Failure | None:
        status, _, detail = name.partition("-")
        if not status.isdigit() or not 400 <= int(status) <= 599:
            return None
        if detail == "once" and self._came_before(call):
            return None
        return Failure(int(status), "context" if detail == "context" else KINDS.get(int(status), "server"))

    def _came_before(self, call: Call) -> bool:
        key = call.headers.get("idempotency-key") or call.path + dumps(call.json).decode()
        with self._lock:
            self._seen[key] += 1
            return self._seen[key] > 1


def _spoilt(answer: Answer, name: str, call: Call, wire: WireFormat) -> Answer:
    if answer.pieces is None:
        return _spoilt_body(answer, name, call, wire)
    pieces = answer.pieces
    if name == "cut":
        return answer._replace(pieces=_cut(pieces))
    if name == "slow":
        return answer._replace(pieces=_slow(pieces))
    if name == "error-event":
        return answer._replace(pieces=_half_and(pieces, wire.error_event(call)))
    if name == "malformed":
        return answer._replace(pieces=_half_and(pieces, wire.malformed))
    return answer


def _spoilt_body(answer: Answer, name: str, call: Call, wire: WireFormat) -> Answer:
    if name == "cut":
        # A stream that breaks off: its head says 200, and the body never ends.
        return answer._replace(body=b"", pieces=_cut([answer.body[: len(answer.body) // 2], b""]))
    if name == "slow":
        time.sleep(SLOW)
    if name == "error-event":
        return wire.failure(call, Failure(500, "server"))
    if name == "malformed":
        return answer._replace(body=answer.body[: len(answer.body) // 2])
    return answer


def _half(pieces: Iterable[bytes]) -> Iterator[bytes]:
    whole = list(pieces)
    yield from whole[: max(1, len(whole) // 2)]


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield from _half(pieces)
    raise DroppedError


def _half_and(pieces: Iterable[bytes], last: bytes) -> Iterator[bytes]:
    yield from _half(pieces)
    yield last


def _slow(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        time.sleep(SLOW)
        yield piece
