"""The HTTP server of the embedded provider: HTTP/1.1, one thread per connection, only the standard library."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote

from autotrace.testing.provider import _forms
from autotrace.testing.provider._faults import DroppedError, Faults
from autotrace.testing.provider.wire import Answer, Call, Failure, WireFormat, json_answer

__all__ = ["Handler", "Received", "Server"]


class Received(NamedTuple):
    """A request as it was received."""

    method: str
    path: str
    """Includes the query."""
    headers: dict[str, str]
    """Names in lower case."""
    json: Any
    """The body: JSON, a form's fields, or None."""


class Server(ThreadingHTTPServer):
    """A server on a free port of 127.0.0.1."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, formats: Sequence[WireFormat], faults: Faults, latency: float, chunk_delay: float, record: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.formats = formats
        self.faults = faults
        self.latency = latency
        self.chunk_delay = chunk_delay
        self.record = record
        self.requests: list[Received] = []
        self.failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._times: Counter[bytes] = Counter()
        self._open: set[socket.socket] = set()

    def key(self, path: str, body: bytes) -> str:
        """A key for this request: the same in every run, and a different one each time that the request is repeated."""
        digest = hashlib.sha256(path.encode() + b"\0" + body).digest()
        with self._lock:
            self._times[digest] += 1
            times = self._times[digest]
        return hashlib.sha256(digest + str(times).encode()).hexdigest()[:24]

    def forget(self) -> None:
        """Forget the requests, and how often each was received."""
        self.requests.clear()
        with self._lock:
            self._times.clear()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a broken connection concerns only the client."""

    def drop_connections(self) -> None:
        """Close the connections that clients keep alive."""
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        content, readable = self._content(body, headers.get("content-type", ""))
        if self.server.record:
            self.server.requests.append(Received(self.command, self.path, headers, content))
        fields = content if isinstance(content, dict) else {}
        call = Call(self.command, unquote(path), query, headers, fields, self.server.key(self.path, body))
        try:
            self._send(self._answer(call, readable))
        except (DroppedError, ConnectionError, TimeoutError):
            self.close_connection = True

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue

    def _content(self, body: bytes, content_type: str) -> tuple[Any, bool]:
        """The parsed body, and whether it could be parsed."""
        if content_type.startswith("multipart/"):
            return _forms.fields(body, content_type), True
        if not body:
            return None, True
        try:
            return json.loads(body), True
        except ValueError:
            return None, False

    def _answer(self, call: Call, readable: bool) -> Answer:
        if self.server.latency:
            time.sleep(self.server.latency)
        formats = self.server.formats
        owner = next((wire for wire in formats if wire.owns(call)), None)
        if owner is None:
            return json_answer({"error": f"none of the wire formats here serves {call.method} {call.path}"}, 404)
        try:
            answer = self.server.faults.answer(call, owner) if readable else owner.failure(call, Failure(400, "invalid"))
        except DroppedError:
            raise
        except Exception as exc:  # noqa: BLE001 - the client must get an answer
            self.server.failures.append(exc)
            answer = owner.failure(call, Failure(500, "server"))
        return answer if answer is not None else owner.failure(call, Failure(404, "not_found"))

    def _send(self, answer: Answer) -> None:
        if answer.pieces is None:
            self.wfile.write(self._head(answer, ("content-length", str(len(answer.body)))) + answer.body)
            return
        self.wfile.write(self._head(answer, ("transfer-encoding", "chunked"), ("cache-control", "no-cache")))
        for piece in self._paced(answer.pieces):
            for part in _split(piece):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _paced(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self.server.chunk_delay:
                time.sleep(self.server.chunk_delay)
            yield piece

    def _head(self, answer: Answer, *more: tuple[str, str]) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}", f"content-type: {answer.content_type}"]
        lines += [f"{name}: {value}" for name, value in (*answer.headers, *more)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def log_message(self, *args: Any) -> None:
        """Print nothing, so that the output of a test is only its own."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded"


def _split(piece: bytes) -> tuple[bytes, ...]:
    """A piece, split inside its first multi-byte character if it has one, because a network splits anywhere."""
    at = next((i for i, byte in enumerate(piece) if byte >= 0x80), -1) + 1
    return (piece[:at], piece[at:]) if 0 < at < len(piece) else (piece,) if piece else ()
