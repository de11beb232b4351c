"""OpenAI's API, and Azure's way to reach it: which path is answered by what, its headers and its errors."""

from __future__ import annotations

import re
from collections.abc import Callable

from autotrace.testing.provider import openai_chat, openai_media, openai_responses, openai_text
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, json_answer, sse

__all__ = ["ENDPOINTS", "ERRORS", "MALFORMED", "OPENAI", "ROOT", "Endpoint", "answer", "environment", "error_event", "failure"]

Endpoint = Callable[[Call], Answer]

ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/chat/completions", openai_chat.answer),
    ("POST", "/responses", openai_responses.answer),
    ("POST", "/responses/input_tokens", openai_responses.input_tokens),
    ("POST", "/completions", openai_text.completions),
    ("POST", "/embeddings", openai_text.embeddings),
    ("POST", "/moderations", openai_text.moderations),
    ("GET", "/models", openai_text.models),
    ("GET", "/models/[^/]+", openai_text.one_model),
    ("POST", "/images/(generations|edits|variations)", openai_media.images),
    ("POST", "/audio/speech", openai_media.speech),
    ("POST", "/audio/(transcriptions|translations)", openai_media.transcriptions),
    ("POST", "/files", openai_media.upload),
    ("GET", "/files", openai_media.files),
    ("GET", "/files/[^/]+", openai_media.one_file),
    ("POST", "/batches", openai_media.create_batch),
    ("GET", "/batches", openai_media.batches),
    ("GET", "/batches/[^/]+", openai_media.one_batch),
    ("POST", "/batches/[^/]+/cancel", openai_media.cancel_batch),
)
ROOT = re.compile(r"/(?:openai/)?(?:v1|deployments/(?P<deployment>[^/]+))(?P<path>/.*)")

ERRORS: dict[str, Json] = {
    "rate_limit": {
        "message": "Rate limit reached for {model} in organization org-embedded on tokens per min (TPM): "
        "Limit 30000, Used 29990, Requested 42. Please try again in 20ms.",
        "type": "tokens",
        "param": None,
        "code": "rate_limit_exceeded",
    },
    "server": {
        "message": "The server had an error while processing your request. Sorry about that!",
        "type": "server_error",
        "param": None,
        "code": None,
    },
    "overloaded": {
        "message": "The engine is currently overloaded.",
        "type": "server_error",
        "param": None,
        "code": "overloaded",
    },
    "context": {
        "message": "This model's maximum context length is 128000 tokens. However, your messages resulted in 128042 tokens. "
        "Please reduce the length of the messages.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    },
    "authentication": {
        "message": "Incorrect API key provided: sk-e***dded. You can find your API key at https://platform.openai.com/account/api-keys.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    },
    "permission": {
        "message": "Project does not have access to model `{model}`",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    },
    "not_found": {"message": "Invalid URL ({method} {path})", "type": "invalid_request_error", "param": None, "code": None},
    "invalid": {
        "message": "We could not parse the JSON body of your request.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    },
}


def answer(call: Call) -> Answer | None:
    path = _path(call)
    for method, pattern, endpoint in ENDPOINTS:
        if call.method == method and re.fullmatch(pattern, path):
            return endpoint(_with_deployment(call)).under(*_headers(call))
    return None


def _path(call: Call) -> str:
    root = ROOT.fullmatch(call.path)
    return root["path"] if root else call.path


def _with_deployment(call: Call) -> Call:
    """Azure names the model in the path."""
    root = ROOT.fullmatch(call.path)
    if root is None or not root["deployment"]:
        return call
    return call._replace(json={"model": root["deployment"], **call.json, "azure": True})


def _headers(call: Call) -> tuple[tuple[str, str], ...]:
    request_id = ("x-request-id", call.id("req_"))
    if "/deployments/" in call.path:
        return request_id, ("apim-request-id", call.id("")), ("x-ms-region", "Loopback")
    limits = (("x-ratelimit-limit-requests", "10000"), ("x-ratelimit-remaining-requests", "9999"))
    return request_id, ("openai-version", "2020-10-01"), ("openai-processing-ms", "12"), *limits


def _error(call: Call, kind: str) -> Json:
    error = dict(ERRORS.get(kind, ERRORS["server"]))
    error["message"] = error["message"].format(model=call.model, method=call.method, path=call.path)
    return error


def failure(call: Call, failure: Failure) -> Answer:
    wait = (("retry-after-ms", "20"), ("retry-after", "1")) if failure.kind in ("rate_limit", "overloaded") else ()
    return json_answer({"error": _error(call, failure.kind)}, failure.status).under(*_headers(call), *wait)


def error_event(call: Call) -> bytes:
    error = _error(call, "server")
    if call.path.endswith("/responses"):
        return sse({"type": "error", "error": error, "sequence_number": 99}, "error")
    return sse({"error": error})


MALFORMED = b'data: {"id":"chatcmpl-torn","choices":[{"index":0,"del\n\n'


def environment(url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "sk-embedded"}


OPENAI = WireFormat(
    "openai",
    answer,
    failure,
    error_event,
    MALFORMED,
    owns=lambda call: ROOT.fullmatch(call.path) is not None,
    environment=environment,
)
