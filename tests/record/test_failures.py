"""Failures of many providers, in the same words."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._record import failures


class APIConnectionError(Exception):
    pass


class APITimeoutError(APIConnectionError):
    pass


class ConnectTimeout(Exception):
    pass


class RemoteProtocolError(Exception):
    pass


class ValidationError(ValueError):
    pass


class LengthFinishReasonError(Exception):
    pass


class ServiceUnavailableError(Exception):
    pass


class EventStreamError(Exception):
    pass


class ParamValidationError(Exception):
    pass


class ResponseStreamingError(Exception):
    pass


class ResponseError(Exception):
    pass


CASES = [
    (429, "rate_limit_exceeded", Exception, "", "rate_limited"),
    (429, "insufficient_quota", Exception, "", "rate_limited"),
    (429, None, Exception, "", "rate_limited"),
    (None, "ThrottlingException", Exception, "", "rate_limited"),
    (None, "RESOURCE_EXHAUSTED", Exception, "", "rate_limited"),
    (529, "overloaded_error", Exception, "", "overloaded"),
    (503, None, Exception, "", "overloaded"),
    (None, "overloaded_error", Exception, "", "overloaded"),
    (None, None, ServiceUnavailableError, "", "overloaded"),
    (504, None, Exception, "", "timeout"),
    (408, None, Exception, "", "timeout"),
    (None, None, TimeoutError, "", "timeout"),
    (None, None, APITimeoutError, "Request timed out.", "timeout"),
    (None, None, ConnectTimeout, "", "timeout"),
    (None, None, APIConnectionError, "Connection error.", "connection"),
    (None, None, ConnectionRefusedError, "", "connection"),
    (None, None, BrokenPipeError, "", "connection"),
    (None, None, RemoteProtocolError, "peer closed connection", "connection"),
    (None, None, socket.gaierror, "", "connection"),
    (401, "invalid_api_key", Exception, "", "authentication"),
    (None, "authentication_error", Exception, "", "authentication"),
    (403, None, Exception, "", "permission"),
    (None, "permission_error", Exception, "", "permission"),
    (403, "AccessDeniedException", Exception, "", "permission"),
    (403, "UnrecognizedClientException", Exception, "", "authentication"),
    (403, "ExpiredTokenException", Exception, "", "authentication"),
    (404, "model_not_found", Exception, "", "not_found"),
    (None, "not_found_error", Exception, "", "not_found"),
    (400, "context_length_exceeded", Exception, "", "context_length"),
    (400, "invalid_request_error", Exception, "prompt is too long: 212345 tokens > 200000 maximum", "context_length"),
    (400, None, Exception, "This model's maximum context length is 8192 tokens.", "context_length"),
    (None, None, Exception, "the input exceeds the available context size", "context_length"),
    (400, "invalid_request_error", Exception, "messages: at least one message is required", "invalid_request"),
    (413, "request_too_large", Exception, "", "invalid_request"),
    (422, None, Exception, "", "invalid_request"),
    (200, "validationException", EventStreamError, "", "invalid_request"),
    (None, None, ParamValidationError, "", "invalid_request"),
    (400, "ValidationException", Exception, "Input is too long for requested model.", "context_length"),
    (None, "-32601", Exception, "", "not_found"),
    (None, "-32603", Exception, "", "server_error"),
    (418, None, Exception, "", "invalid_request"),
    (500, "api_error", Exception, "", "server_error"),
    (502, None, Exception, "Bad Gateway", "server_error"),
    (None, "server_error", Exception, "", "server_error"),
    (424, "ModelErrorException", Exception, "", "server_error"),
    (200, "modelStreamErrorException", EventStreamError, "", "server_error"),
    (200, "internalServerException", EventStreamError, "", "server_error"),
    (200, "modelTimeoutException", EventStreamError, "", "timeout"),
    (200, "throttlingException", EventStreamError, "", "rate_limited"),
    (200, None, ResponseStreamingError, "", "connection"),
    (None, None, ResponseError, "an error was encountered while running the model", "server_error"),
    (200, None, json.JSONDecodeError, "Expecting value", "response_invalid"),
    (200, None, ValidationError, "", "response_invalid"),
    (None, None, LengthFinishReasonError, "", "response_invalid"),
    (200, "overloaded_error", Exception, "", "overloaded"),
    (200, "server_error", Exception, "", "server_error"),
    (400, "server_error", Exception, "", "invalid_request"),
    (None, None, ZeroDivisionError, "division by zero", "unknown"),
    # an HTTP status in the code, behind a success
    (200, "401", Exception, "", "authentication"),
    (200, "402", APIConnectionError, "", "permission"),
    (200, "429", ResponseError, "", "rate_limited"),
    (None, "404", Exception, "", "not_found"),
    (None, "502", Exception, "", "server_error"),
    (200, "524", Exception, "", "timeout"),
    (200, "1302", Exception, "", "response_invalid"),
    (400, "429", Exception, "", "invalid_request"),
    (500, "429", Exception, "", "server_error"),
    (None, "insufficient_system_resource", Exception, "", "overloaded"),
    (None, "insufficient_balance", Exception, "", "permission"),
    (None, "content_filter", Exception, "", "invalid_request"),
    (400, "content_filter", Exception, "", "invalid_request"),
]


@pytest.mark.parametrize(("status", "code", "kind", "message", "category"), CASES)
def test_category(status: int | None, code: str | None, kind: type[BaseException], message: str, category: str) -> None:
    assert failures.category(status, code, failures.class_names(kind), message) == category


@pytest.mark.parametrize(
    ("status", "code", "kinds", "category"),
    [
        (None, "1302", ("rate_limit_error",), "rate_limited"),
        (None, "upstream", ("503",), "overloaded"),
        (200, None, ("context_length_exceeded",), "context_length"),
        (403, "x", ("invalid_api_key",), "authentication"),
        (None, "overloaded", ("not_found",), "overloaded"),
    ],
)
def test_further_codes_count_after_the_first(
    status: int | None, code: str | None, kinds: tuple[str, ...], category: str
) -> None:
    assert failures.category(status, code, (), None, kinds) == category


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("Rate limit reached for requests", "rate_limited"),
        ("insufficient balance", "permission"),
        ("login fail: Please carry the API secret key", "authentication"),
        ("The model `x` does not exist", "not_found"),
        ("Request timed out", "timeout"),
        ("The service is currently unavailable", "overloaded"),
        ("Internal server error", "server_error"),
        ("no", "unknown"),
        ("x" * 500 + " rate limit", "unknown"),  # the end of a long text may be the prompt
    ],
)
def test_a_message_counts_if_there_is_nothing_else(message: str, category: str) -> None:
    assert failures.category(None, None, (), message) == category
    assert failures.category(None, None, ("OddError",), message) == "unknown"


def test_every_category_is_reached() -> None:
    assert {case[-1] for case in CASES} == set(failures.CATEGORIES)


@given(
    st.none() | st.integers(),
    st.none() | st.text(),
    st.lists(st.text()).map(tuple),
    st.none() | st.text(),
    st.lists(st.text()).map(tuple),
)
def test_there_is_always_one(status: Any, code: Any, classes: Any, message: Any, kinds: Any) -> None:
    assert failures.category(status, code, classes, message, kinds) in failures.CATEGORIES
