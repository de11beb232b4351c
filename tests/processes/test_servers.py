"""Servers that keep several processes: real requests, a real reload, an end by signal."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ollama")
pytest.importorskip("autotrace_ollama")

PATIENCE = 600.0
"""Seconds for a server to come up, or to change."""


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket, for which nobody has to find a free port."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=600)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(running: Any, path: str) -> str:
    """What the server at `running`'s socket answers; nothing while there is none."""
    assert running.running, running.end().err.lines
    connection = Connection(running.folder / "s")
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def until(running: Any, path: str, words: str) -> str:
    """The first answer that has these words."""
    give_up = time.monotonic() + PATIENCE
    while words not in (text := get(running, path)):
        assert time.monotonic() < give_up, "the server does not answer"
        time.sleep(0.05)
    return text


A_MOMENT = 0.5
"""Seconds in which what was answered is written, on a machine that has other work as well; 0.05 on one that has not."""


def ask_all(running: Any, workers: int = 2, requests: int = 10, end: Callable[[Any], None] | None = None) -> None:
    """At least so many requests, until so many workers have answered; then SIGTERM, or another end."""
    until(running, "/ready", "You said")
    seen: set[str] = set()
    give_up = time.monotonic() + PATIENCE
    while len(seen) < workers or requests > 0:
        seen.update(re.findall(r"pid (\d+)", until(running, "/asked", "You said")))
        requests -= 1
        assert time.monotonic() < give_up, f"{len(seen)} workers answer"
    if end is None:
        running.signal(signal.SIGTERM)
    else:
        time.sleep(A_MOMENT)
        end(running)


def reload(running: Any) -> None:
    until(running, "/asked", "first version")
    app = running.folder / "asgi.py"
    app.write_text(app.read_text().replace("first version", "second version"))
    until(running, "/asked", "second version")
    running.signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("options", "drive"),
    [
        ([], lambda running: ask_all(running, workers=1)),
        (["--workers", "2"], ask_all),
        (["--reload"], reload),
    ],
    ids=["alone", "workers", "reload"],
)
def test_uvicorn(options: list[str], drive: Callable[[Any], None], compare: Callable[..., Any]) -> None:
    pytest.importorskip("uvicorn")
    line = ["-m", "uvicorn", "asgi:app", "--no-access-log", "--uds", "s", *options]
    traced = compare(line, drive, exact=False)
    processes = 1 if not options else 2
    labels = traced.labels()
    assert (labels["lifespan.startup"], labels["lifespan.shutdown"]) == (processes, processes)


@pytest.mark.parametrize(
    "options",
    [[], ["--preload"], ["--max-requests", "3"], ["-k", "gthread", "--threads", "2"], ["-k", "gevent"]],
    ids=["sync", "preload", "max-requests", "threads", "gevent"],
)
def test_gunicorn(options: list[str], compare: Callable[..., Any]) -> None:
    pytest.importorskip("gunicorn")
    if "gevent" in options:
        pytest.importorskip("gevent")
    traced = compare(["-m", "gunicorn", "wsgi:app", "-w", "2", "-b", "unix:s", *options], ask_all, exact=False)
    assert traced.err.records == []
    assert traced.labels()["/asked"] >= 10
    assert traced.parents("/asked") == {"/asked"}
    assert len({span["trace_id"] for span in traced.calls}) == len(traced.calls)


@pytest.mark.parametrize(
    "end",
    [
        lambda running: running.signal(signal.SIGQUIT),  # which makes gunicorn's workers leave at once
        lambda running: running.signal_all(signal.SIGKILL),
    ],
    ids=["quit", "kill"],
)
def test_gunicorn_that_is_stopped_hard(end: Callable[[Any], None], compare: Callable[..., Any]) -> None:
    pytest.importorskip("gunicorn")
    line = ["-m", "gunicorn", "wsgi:app", "-w", "2", "-b", "unix:s"]
    traced = compare(line, lambda running: ask_all(running, end=end), exact=False)
    assert traced.err.records == []
    assert traced.labels()["/asked"] >= 10
