"""How the faults of `faults.py` are produced: an answer that fails, breaks off, is slow or malformed, or never comes."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from autotrace.testing.provider.faults import PREFIX
from autotrace.testing.provider.wire import Answer, Call, Failure, WireFormat, dumps

__all__ = ["DroppedError", "Faults"]

_SLOW = 0.05
"""Seconds."""
_KINDS = {400: "invalid", 401: "authentication", 403: "permission", 404: "not_found", 429: "rate_limit", 529: "overloaded"}


class DroppedError(Exception):
    """Tells the server to drop the connection without another byte."""


class Faults:
    """The faults of one server, and their state."""

    def __init__(self, hang_seconds: float) -> None:
        self.closing = threading.Event()
        self._hang_seconds = hang_seconds
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def answer(self, call: Call, wire: WireFormat) -> Answer | None:
        """The answer of `wire` to `call`, with the fault that its model selects; None for an unknown path."""
        model = wire.model(call)
        name = model[len(PREFIX) :] if model.startswith(PREFIX) else ""
        failure = self._failure(call, name)
        if failure is not None:
            refusal = wire.failure(call, failure)
            return _echoing(refusal, call) if name.endswith("-echo") else refusal
        if name == "hang":
            self.closing.wait(self._hang_seconds)
            raise DroppedError
        answer = wire.answer(call)
        return answer if answer is None or not name else _faulty(answer, name, call, wire)

    def _failure(self, call: Call, name: str) -> Failure | None:
        status, _, detail = name.partition("-")
        if not status.isdigit() or not 400 <= int(status) <= 599:
            return None
        if detail == "once" and self._was_received_before(call):
            return None
        return Failure(int(status), "context" if detail == "context" else _KINDS.get(int(status), "server"))

    def _was_received_before(self, call: Call) -> bool:
        key = call.headers.get("idempotency-key") or call.path + dumps(call.json).decode()
        with self._lock:
            self._seen[key] += 1
            return self._seen[key] > 1


def _echoing(refusal: Answer, call: Call) -> Answer:
    """`refusal` with the request in its longest text, as many servers quote what they refuse."""
    body = json.loads(refusal.body)
    places = list(_texts(body))
    if places:
        holder, key = max(places, key=lambda place: len(place[0][place[1]]))
        holder[key] += f" Received: {dumps(call.json).decode()}"
    return refusal._replace(body=dumps(body))


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    """The containers and keys of all texts inside of `value`."""
    for key, element in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(element, str):
            yield value, key
        else:
            yield from _texts(element)


def _faulty(answer: Answer, name: str, call: Call, wire: WireFormat) -> Answer:
    if answer.pieces is None:
        return _faulty_body(answer, name, call, wire)
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


def _faulty_body(answer: Answer, name: str, call: Call, wire: WireFormat) -> Answer:
    if name == "cut":
        # The head says 200, and the body breaks off.
        return answer._replace(body=b"", pieces=_cut([answer.body[: len(answer.body) // 2], b""]))
    if name == "slow":
        time.sleep(_SLOW)
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
        time.sleep(_SLOW)
        yield piece
