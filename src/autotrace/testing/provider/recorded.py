"""Recorded exchanges as a wire format: `recorded(path)` answers with recorded responses of a real server.

The file is JSON Lines; each line is one exchange:

    {"method": "POST", "path": "/v1/chat", "request_body": {"model": "acme-1", …}, "status": 200,
     "response_headers": {"content-type": "application/json"}, "response_body": "{…}"}

`response_body` is the text of the response or of the whole stream. `status` (200), `method` (POST) and `response_headers` may
be missing.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Union

from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, json_answer, sse

__all__ = ["Exchange", "recorded"]

_STREAMS = ("text/event-stream", "application/x-ndjson")
_TRANSPORT_HEADERS = ("content-length", "transfer-encoding", "content-encoding", "connection", "content-type")


class Exchange(NamedTuple):
    """One request and its response."""

    method: str
    path: str
    request: Any
    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    body: str

    def likeness(self, call: Call) -> tuple[bool, ...]:
        """How similar `call` is to the request of this exchange; a larger tuple is more similar."""
        asked = self.request if isinstance(self.request, dict) else {}
        same = [asked.get(key) == call.json.get(key) for key in ("stream", "model")]
        return self.status < 400, self.request == call.json, *same

    def answer(self) -> Answer:
        """The recorded response; a stream is split into its events or lines."""
        if not self.content_type.startswith(_STREAMS):
            return Answer(self.body.encode(), None, self.status, self.content_type, self.headers)
        end = r"\r?\n\r?\n" if self.content_type.startswith("text/event-stream") else r"\n"
        pieces = [piece.encode() for piece in re.findall(rf".*?{end}|.+\Z", self.body, re.DOTALL)]
        return Answer(b"", pieces, self.status, self.content_type, self.headers)


def recorded(path: Union[str, os.PathLike[str]], name: str = "recorded") -> WireFormat:
    """A wire format that answers each request with the most similar exchange in the file at `path`.

    The exchange has the same method and path (the query counts only if the recording has one), and the same body if possible,
    else the same ``stream`` and ``model``, else it is the first. The model's name selects a fault as usual; a recorded failure
    with the same status provides the body.

    Raises `ValueError`, which names the line, for an invalid file, and `OSError` if the file cannot be read.
    """
    exchanges = tuple(_exchanges(Path(path)))
    return WireFormat(
        name,
        functools.partial(_answer, exchanges),
        functools.partial(_failure, exchanges),
        functools.partial(_error_event, exchanges),
        b'data: {"torn":\n\n',
        owns=lambda call: any(_is_at(exchange, call) for exchange in exchanges),
    )


def _exchanges(path: Path) -> Iterable[Exchange]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            headers = {key.lower(): value for key, value in (one.get("response_headers") or {}).items()}
            yield Exchange(
                one.get("method", "POST"),
                one["path"],
                one.get("request_body"),
                one.get("status", 200),
                tuple((key, value) for key, value in headers.items() if key not in _TRANSPORT_HEADERS),
                headers.get("content-type") or _guessed_type(one["response_body"]),
                one["response_body"],
            )
        except (ValueError, KeyError, AttributeError, TypeError) as exc:
            raise ValueError(
                f"{path}:{number}: expected an exchange with path and response_body, got {type(exc).__name__}: {exc}"
            ) from exc


def _guessed_type(body: str) -> str:
    return "text/event-stream" if body.startswith(("data:", "event:")) else "application/json"


def _is_at(exchange: Exchange, call: Call) -> bool:
    path = f"{call.path}?{call.query}" if "?" in exchange.path else call.path
    return (exchange.method, exchange.path) == (call.method, path)


def _best(exchanges: tuple[Exchange, ...], call: Call) -> Exchange | None:
    here = [exchange for exchange in exchanges if _is_at(exchange, call)]
    return max(here, key=lambda exchange: exchange.likeness(call), default=None)


def _answer(exchanges: tuple[Exchange, ...], call: Call) -> Answer | None:
    best = _best(exchanges, call)
    return None if best is None else best.answer()


def _error(kind: str) -> Json:
    return {"error": {"type": kind, "code": kind, "message": f"The embedded provider was asked for this error: {kind}"}}


def _failure(exchanges: tuple[Exchange, ...], call: Call, failure: Failure) -> Answer:
    for exchange in exchanges:
        if exchange.status == failure.status and _is_at(exchange, call):
            return exchange.answer()
    wait = (("retry-after", "1"),) if failure.kind == "rate_limit" else ()
    return json_answer(_error(failure.kind), failure.status).under(*wait)


def _error_event(exchanges: tuple[Exchange, ...], call: Call) -> bytes:
    best = _best(exchanges, call)
    if best is not None and best.content_type.startswith("application/x-ndjson"):
        return json.dumps(_error("server")).encode() + b"\n"
    return sse(_error("server"), "error")
