"""Where the SDK's exceptions have their fields, and where its attempts are visible.

There are two kinds of exceptions: those of ``google.genai.errors``, and those of the interactions, which are generated
separately. tenacity, which the SDK requires, does the retries; before each one it creates an object with the seconds to wait.
"""

from __future__ import annotations

from typing import Any

from autotrace.plugin import Call, Invocation, Observer, first
from autotrace_google_genai.dialects import generate_content


def _code(exc: Any) -> str | None:
    """Google's reason for the failure (``API_KEY_INVALID``), or if there is none, its code (``RESOURCE_EXHAUSTED``)."""
    body = getattr(exc, "details", None) or getattr(exc, "body", None)
    error = body.get("error") if isinstance(body, dict) else None
    failure = generate_content.error(error)
    own = getattr(exc, "status", None)
    return (failure and failure["code"]) or (own if isinstance(own, str) and own else None)


ERRORS = {
    "http_status": first("response.status_code", "response.status", "raw_response.status_code"),
    "error_code": _code,
    "headers": first("response.headers", "raw_response.headers"),
}


def _answered(call: Call, invocation: Invocation, _none: None) -> None:
    response: Any = invocation.instance
    call.answered(200, response.headers)  # the SDK creates this object only for successful answers


def _refused(call: Call, invocation: Invocation, _none: None) -> None:
    response = invocation.argument("response")
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    if isinstance(status, int):
        call.answered(status, response.headers)
        call.redact(getattr(getattr(response, "_request", None), "headers", None))


def _retried(call: Call, invocation: Invocation, _none: None) -> None:
    call.retry(float(invocation.argument("sleep")))


TARGETS: dict[str, Any] = {
    "google.genai._api_client:HttpResponse.__init__": Observer(_answered),
    "google.genai.errors:APIError.__init__": Observer(_refused),
    "tenacity:RetryAction.__init__": Observer(_retried),
}
