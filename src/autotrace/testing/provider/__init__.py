"""An LLM provider on the loopback, for tests and demonstrations: OpenAI, Azure OpenAI and Anthropic on the wire, and what
installed plugins add (Ollama, Amazon Bedrock, Gemini).

    with serve() as provider:
        client = openai.OpenAI(base_url=provider.openai_url, api_key="none")
        ...
        assert provider.requests[0].json["model"] == "gpt-4o"

What it says is a pure function of what it is asked (`script.py`); faults are asked for by the model's name (`faults.py`).
Another wire format is a `WireFormat` (`wire.py`): passed as ``serve(formats=[mine, *installed()])``, or brought by a
distribution as an entry point in the group ``autotrace.providers``. `recorded(path)` is one that answers with recorded
exchanges.
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
        """For SDKs that add the version themselves (Anthropic, Ollama, Gemini, Azure)."""
        self.openai_url = self.url + "/v1"

    @property
    def requests(self) -> list[Received]:
        """All that was received, in order. A test may clear it."""
        return self._server.requests

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong inside the provider itself; empty unless it has a bug."""
        return self._server.failures

    def forget(self) -> None:
        """Answer as if nothing had been asked before: the same requests get the same ids again. Empties `requests`."""
        self._server.forget()

    def environment(self) -> dict[str, str]:
        """The variables by which the unchanged SDKs come here."""
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
    """Run a provider on a free port of 127.0.0.1.

    It speaks `formats`, of which the first that owns a path answers; unless given, those that are `installed`.
    `latency` seconds pass before every answer and `chunk_delay` before every piece of a stream. `record=False` keeps no
    `requests` (for a benchmark). At the end connections that clients keep alive are dropped.
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
