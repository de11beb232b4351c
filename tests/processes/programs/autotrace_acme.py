"""The plugin for `acme`."""

from __future__ import annotations

from autotrace.plugin import Instrumentor, Operation

instrumentor = Instrumentor(
    targets={name: Operation("ask", kind="INTERNAL", request={"model": "model"}) for name in ("acme:ask", "acme:Client.ask")}
)
