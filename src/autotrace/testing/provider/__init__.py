"""An LLM provider on loopback, for tests and demonstrations. It speaks the formats of OpenAI, Azure OpenAI and Anthropic,
and those that installed plugins add (Ollama, Amazon Bedrock, Gemini).

    with serve() as provider:
        client = openai.OpenAI(base_url=provider.openai_url, api_key="none")
        ...
        assert provider.requests[0].json["model"] == "gpt-4o"

Its answer is a pure function of the request (`script.py`). The model's name selects a fault (`faults.py`).
To add another wire format, write a `WireFormat` (`wire.py`). Pass it as ``serve(formats=[mine, *installed()])``, or let a
distribution provide it by an entry point in the group ``autotrace.providers``. `recorded(path)` is a format that answers with
recorded exchanges.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from autotrace.testing.provider._faults import Faults
from autotrace.testing.provider._installed import installed
from autotrace.testing.provider._server import Received, Server
from autotrace.testing.provider.recorded import recorded
from autotrace.testing.provider.wire import Answer, Call, Failure, WireFormat

__all__ = ["Answer", "Call", "Failure", "Provider", "Received", "WireFormat", "installed", "recorded", "serve"]


class Provider:
    """A running provider."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        """The base URL for SDKs that add the version themselves (Anthropic, Ollama, Gemini, Azure)."""
        self.openai_url = self.url + "/v1"

    @property
    def requests(self) -> list[Received]:
        """All requests received, in order. A test may clear the list."""
        return self._server.requests

    @property
    def failures(self) -> list[BaseException]:
        """Exceptions inside the provider itself; empty unless it has a bug."""
        return self._server.failures

    def forget(self) -> None:
        """Answer as if nothing had been received before: the same requests get the same ids again. Empties `requests`."""
        self._server.forget()

    def environment(self) -> dict[str, str]:
        """The environment variables that send unchanged SDKs to this provider."""
        return {name: value for wire in self._server.formats for name, value in wire.environment(self.url).items()}


@contextlib.contextmanager
def serve(
    *,
    formats: Sequence[WireFormat] | None = None,
    latency: float = 0.0,
    chunk_delay: float = 0.0,
    hang_seconds: float = 30.0,
    record: bool = True,
) -> Iterator[Provider]:
    """Run a provider on a free port of 127.0.0.1. Returns a context manager of the `Provider`.

    The first of `formats` that owns a path answers; by default, the `installed` formats are used. The provider waits `latency`
    seconds before each answer, and `chunk_delay` seconds before each piece of a stream. The fault ``fault-hang`` drops the
    connection after `hang_seconds`. With ``record=False``, no `requests` are kept (for a benchmark). At the end, connections
    that clients keep alive are dropped.
    """
    faults = Faults(hang_seconds)
    server = Server(installed() if formats is None else formats, faults, latency, chunk_delay, record)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="embedded-provider", daemon=True)
    thread.start()
    try:
        yield Provider(server)
    finally:
        faults.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.drop_connections()
