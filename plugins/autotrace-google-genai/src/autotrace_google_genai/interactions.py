"""The SDK's second HTTP stack: interactions with models and with agents that Google runs, and decisions.

``client.interactions`` translates exceptions, and continues answers that were cut. For each request it calls a generated class,
whose methods are the targets, so that each request is one call. The stream of that class has its iterator in ``generator``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace.families import raw_response, sse
from autotrace.plugin import Call, Invocation, Observer, Operation, StreamSeam
from autotrace_google_genai.dialects.interactions import gemini_interactions

_STREAM = StreamSeam("generator", close=("close",))
DECISION = Operation("decisions", request={"model": "model"}, usage=gemini_interactions.usage)
_SEAMS = (_STREAM, raw_response.seam(_STREAM))
INTERACTION = Operation("generate_content", dialect=gemini_interactions, stream=_SEAMS)
FETCH = Operation(
    "fetch_response",
    dialect=gemini_interactions,
    request={"gen_ai.response.id": "id", "gen_ai.request.stream_cursor": "last_event_id"},
    stream=_SEAMS,
    collects=True,
)


def create(call: Invocation) -> Operation:
    """``create(model=…, input=…)``, or ``create(request=…)`` with the same as its ``body``."""
    _read_call(call)
    return INTERACTION


def decide(call: Invocation) -> Operation:
    """``create(model=…, input=…, questions=…)``."""
    _read_call(call)
    return DECISION


def fetch(call: Invocation) -> Operation:
    """``get(id, …)``, which collects an interaction that runs in the background."""
    call.request = {name: call.argument(name) for name in ("id", "stream", "last_event_id")}
    _read_server(call)
    return FETCH


def _read_call(call: Invocation) -> None:
    call.request = _body(call)
    _read_server(call)


def _read_server(call: Invocation) -> None:
    stack: Any = call.instance
    configuration = stack.sdk_configuration
    call.server = configuration.get_server_details()[0]
    call.provider = "gcp.vertex_ai" if "/projects/" in str(configuration.globals.api_version) else None


def _body(call: Invocation) -> dict[str, Any]:
    request = call.kwargs.get("request")
    body = request.get("body") if isinstance(request, Mapping) else getattr(request, "body", None)
    if body is None:
        body = {name: value for name, value in call.kwargs.items() if name not in _NOT_IN_BODY}
    fields = body if isinstance(body, Mapping) else vars(body)
    given = {name: value for name, value in fields.items() if value is not None and type(value).__name__ != "Unset"}
    return {**given, **(call.kwargs.get("extra_body") or {})}


_NOT_IN_BODY = frozenset({"request", "api_version", "extra_headers", "extra_query", "extra_body", "timeout"})


def _answered(call: Call, _invocation: Invocation, response: Any) -> None:
    call.answered(response.status_code, response.headers, raw_response.body_of(response), sse.decode)
    call.redact(getattr(getattr(response, "_request", None), "headers", None))  # a token that was fetched for this request


def _retried(call: Call, invocation: Invocation, wait: float) -> None:
    """``_get_sleep_interval(exception, …)``, which the SDK calls before each retry."""
    exc = invocation.argument("exception")
    response = getattr(exc, "response", None)
    if response is not None:
        call.answered(response.status_code, response.headers)
    call.retry(wait, exc)


DECISIONS: dict[str, Any] = {
    "google.genai._gaos.decisions:Decisions.create": decide,
    "google.genai._gaos.decisions:AsyncDecisions.create": decide,
}
TARGETS: dict[str, Any] = {
    "google.genai._gaos.interactions:Interactions.create": create,
    "google.genai._gaos.interactions:AsyncInteractions.create": create,
    "google.genai._gaos.interactions:Interactions.get": fetch,
    "google.genai._gaos.interactions:AsyncInteractions.get": fetch,
    "google.genai._gaos.basesdk:BaseSDK.do_request": Observer(_answered),
    "google.genai._gaos.basesdk:AsyncBaseSDK.do_request_async": Observer(_answered),
    "google.genai._gaos.utils.retries:_get_sleep_interval": Observer(_retried),
}
