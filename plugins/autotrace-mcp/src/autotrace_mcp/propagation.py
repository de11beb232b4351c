"""Sends the trace context with the request: W3C *Trace Context* in ``params._meta`` (SEP-414 of the protocol).

If OpenTelemetry has set its own ``traceparent``, ours must not replace it. Only then is ours an entry in ``tracestate``, which
the standard provides for several tracing systems on one request. A server that is traced by autotrace reads that entry first.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from autotrace.plugin import SpanContext, open_call

_ENTRY = "autotrace="


def inject(meta: MutableMapping[str, Any], here: SpanContext) -> None:
    """Put the span context `here` into `meta`, in place. `meta` must belong to this message alone."""
    if "traceparent" not in meta:
        meta["traceparent"] = here.traceparent
        return
    others = [entry for entry in _entries(meta) if not entry.startswith(_ENTRY)]
    meta["tracestate"] = ",".join([_ENTRY + here.traceparent, *others])


def extract(meta: Any) -> SpanContext | None:
    """The caller's span context in `meta` (a mapping, or a pydantic model with extra fields). None if it has none."""
    fields = meta if isinstance(meta, Mapping) else getattr(meta, "model_extra", None) or {}
    own = next((entry.removeprefix(_ENTRY) for entry in _entries(fields) if entry.startswith(_ENTRY)), None)
    return SpanContext.from_traceparent(own) or SpanContext.from_traceparent(fields.get("traceparent"))


def _entries(meta: Mapping[str, Any]) -> list[str]:
    state = meta.get("tracestate")
    return [entry.strip() for entry in state.split(",") if entry.strip()] if isinstance(state, str) else []


class Carrier:
    """Stands in for a request of mcp 1. The SDK dumps a request once, inside the call; the span context is added then."""

    def __init__(self, request: Any) -> None:
        self._request = request

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def model_dump(self, *args: Any, **kwargs: Any) -> Any:
        dumped = self._request.model_dump(*args, **kwargs)
        call = open_call(self.key)
        if call is not None:
            params = dumped["params"] = {**(dumped.get("params") or {})}
            params["_meta"] = {**(params.get("_meta") or {})}
            inject(params["_meta"], call.context)
        return dumped

    @property
    def key(self) -> tuple[str, int]:
        """The key under which the call of this request is found while it is open."""
        return "autotrace_mcp", id(self)
