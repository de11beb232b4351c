"""A WSGI application that asks a model on each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asking import ask

import autotrace


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    with autotrace.span(environ["PATH_INFO"]):
        answer = ask(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
