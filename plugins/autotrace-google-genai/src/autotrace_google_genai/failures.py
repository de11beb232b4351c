"""Where the SDK's exceptions say what went wrong, and where its attempts are seen.

Two kinds of exceptions: those of `google.genai.errors`, and those of the interactions, which are generated apart. Retries are
tenacity's, which the SDK requires; one that is to come is announced with the seconds until then.
"""

from __future__ import annotations

from typing import Any

from autotrace.plugin import Call, Invocation, Observer, first


def _code(exc: Any) -> str | None:
    """Google's name for the failure (``RESOURCE_EXHAUSTED``), or where it gives one the reason (``API_KEY_INVALID``)."""
    body = getattr(exc, "details", None) or getattr(exc, "body", None)
    error = body.get("error") if isinstance(body, dict) else None
    held = error if isinstance(error, dict) else {}
    reasons = [one.get("reason") for one in held.get("details") or () if isinstance(one, dict)]
    names = [*reasons, held.get("status"), held.get("code"), getattr(exc, "status", None)]
    return next((name for name in names if name and isinstance(name, str)), None)


ERRORS = {
    "http_status": first("response.status_code", "response.status", "raw_response.status_code"),
    "error_code": _code,
    "headers": first("response.headers", "raw_response.headers"),
}


def _answered(call: Call, invocation: Invocation, _none: None) -> None:
    response: Any = invocation.instance
    call.answered(200, response.headers)  # made for good answers only


def _refused(call: Call, invocation: Invocation, _none: None) -> None:
    response = invocation.argument("response")
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    if isinstance(status, int):
        call.answered(status, response.headers)


def _retried(call: Call, invocation: Invocation, _none: None) -> None:
    call.retry(float(invocation.argument("sleep")))


TARGETS: dict[str, Any] = {
    "google.genai._api_client:HttpResponse.__init__": Observer(_answered),
    "google.genai.errors:APIError.__init__": Observer(_refused),
    "tenacity:RetryAction.__init__": Observer(_retried),
}
