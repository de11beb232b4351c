"""OpenAI's API, also with the paths of Azure: the endpoint of each path, the headers and the errors."""

from __future__ import annotations

import re
from collections.abc import Callable

from autotrace.testing.provider import _openai_chat, _openai_media, _openai_responses, _openai_text
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, json_answer, sse

__all__ = ["OPENAI", "answer"]

_Endpoint = Callable[[Call], Answer]

_ENDPOINTS: tuple[tuple[str, str, _Endpoint], ...] = (
    ("POST", "/chat/completions", _openai_chat.answer),
    ("POST", "/responses", _openai_responses.answer),
    ("POST", "/responses/input_tokens", _openai_responses.input_tokens),
    ("POST", "/completions", _openai_text.completions),
    ("POST", "/embeddings", _openai_text.embeddings),
    ("POST", "/moderations", _openai_text.moderations),
    ("GET", "/models", _openai_text.models),
    ("GET", "/models/[^/]+", _openai_text.one_model),
    ("POST", "/images/(generations|edits|variations)", _openai_media.images),
    ("POST", "/audio/speech", _openai_media.speech),
    ("POST", "/audio/(transcriptions|translations)", _openai_media.transcriptions),
    ("POST", "/files", _openai_media.upload),
    ("GET", "/files", _openai_media.files),
    ("GET", "/files/[^/]+", _openai_media.one_file),
    ("POST", "/batches", _openai_media.create_batch),
    ("GET", "/batches", _openai_media.batches),
    ("GET", "/batches/[^/]+", _openai_media.one_batch),
    ("POST", "/batches/[^/]+/cancel", _openai_media.cancel_batch),
)
_ROOT = re.compile(r"/(?:openai/)?(?:v1|deployments/(?P<deployment>[^/]+))(?P<path>/.*)")

_ERRORS: dict[str, Json] = {
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
    """OpenAI's answer to `call`; ``None`` for an unknown path. Also used by other formats that carry OpenAI's bodies."""
    path = _path(call)
    for method, pattern, endpoint in _ENDPOINTS:
        if call.method == method and re.fullmatch(pattern, path):
            return endpoint(_with_deployment(call)).under(*_headers(call))
    return None


def _path(call: Call) -> str:
    root = _ROOT.fullmatch(call.path)
    return root["path"] if root else call.path


def _with_deployment(call: Call) -> Call:
    """`call` with the model and a mark for Azure, whose paths name the model."""
    root = _ROOT.fullmatch(call.path)
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
    error = dict(_ERRORS.get(kind, _ERRORS["server"]))
    error["message"] = error["message"].format(model=call.model, method=call.method, path=call.path)
    return error


def _failure(call: Call, failure: Failure) -> Answer:
    wait = (("retry-after-ms", "20"), ("retry-after", "1")) if failure.kind in ("rate_limit", "overloaded") else ()
    return json_answer({"error": _error(call, failure.kind)}, failure.status).under(*_headers(call), *wait)


def _error_event(call: Call) -> bytes:
    error = _error(call, "server")
    if call.path.endswith("/responses"):
        return sse({"type": "error", "error": error, "sequence_number": 99}, "error")
    return sse({"error": error})


_MALFORMED = b'data: {"id":"chatcmpl-torn","choices":[{"index":0,"del\n\n'


def _environment(url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "sk-embedded"}


OPENAI = WireFormat(
    "openai",
    answer,
    _failure,
    _error_event,
    _MALFORMED,
    owns=lambda call: _ROOT.fullmatch(call.path) is not None,
    environment=_environment,
    general=True,  # many providers have an API below /v1
)
