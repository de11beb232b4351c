"""How an answer ended that came without an exception: failures inside a good response, and the meaning of a finish reason.

The ``failure`` and ``outcome`` of a dialect, functions of its response, are made with these functions. ``failure`` returns the
provider's code and message for an error in an answer with status 200 or inside a stream, else ``None``. ``outcome`` returns
``truncated``, ``content_filtered`` or ``refused`` for an answer that is good but not whole, else ``None``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Optional, TypedDict, cast

from autotrace._declaration import conventions
from autotrace.dialects import plain

__all__ = ["ERROR_FIELDS", "Failure", "Outcome", "bare_error", "failure", "failure_in", "failure_of_reasons", "outcome"]

Outcome = Literal["truncated", "content_filtered", "refused"]


class _Said(TypedDict):
    code: Optional[str]
    message: Optional[str]


class Failure(_Said, total=False):
    """What went wrong, in the provider's words: ``code`` and ``message``. If the provider gives more than one code, the others
    are in ``kinds``; ``status`` is the HTTP status (400 to 599) that it gives inside the answer."""

    status: int
    kinds: tuple[str, ...]


_CODES = ("code", "type", "error_type", "error_code", "err_code", "errorCode")
_STATUSES = ("status", "status_code", "statusCode", "http_status_code", "http_code")
_BESIDE = ("code", "error_type", "error_code", *_STATUSES)
"""The fields that may have a code if ``error`` is a text. ``type`` is that of the answer."""
_MESSAGES = ("message", "msg", "error_msg", "error_message", "status_msg", "detail", "title")

ERROR_FIELDS = (
    *("error", "errors", "base_resp", "object", "success", "code", "type", "error_type", "error_code"),
    *("status", "status_code", "message", "msg", "error_msg", "detail"),
)
"""The top-level fields that `failure_in` reads."""

_NO_CODE = frozenset({"0", "200", "20000", "ok", "success", "succeeded", "none", "null", "error"})
"""Values of a code, in lower case, that mean a success, or nothing. LiteLLM's proxy sends the text ``None``."""


def failure(error: object, *codes: str) -> Failure | None:
    """The failure in an ``error`` field: a text, an object whose code is in the first of the fields `codes` that has one, or a
    list of these, of which the first counts. ``None`` for an error without any content (``{"code": 0, "message": ""}``)."""
    if not error:
        return None  # nearly always
    if isinstance(error, (list, tuple)):
        return next((found for one in error if (found := failure(one, *codes))), None)
    if isinstance(error, str):
        return Failure(code=None, message=error)
    wire = plain.known(error)
    inner = wire.get("error")
    if isinstance(inner, (dict, list)) and not any(plain.says(wire.get(name)) for name in (*codes, "message")):
        return failure(inner, *codes)
    details = [plain.mapping(wire.get(name)) for name in ("metadata", "innererror")]  # OpenRouter's, Azure's
    words = [_code(one.get(name)) for one in (wire, *details) for name in dict.fromkeys((*codes, *_CODES))]
    message, status = _message(wire), next(filter(None, (_status(wire.get(name)) for name in _STATUSES)), None)
    known = list(dict.fromkeys(word for word in words if word is not None and word.lower() not in _NO_CODE))
    if status is not None and not known:
        known = [str(status)]
    if not known and message is None and not any(value for value in wire.values() if str(value).lower() not in _EMPTY):
        return None
    found = Failure(code=known[0] if known else None, message=message)
    if status is not None:
        found["status"] = status
    for word in known[1:]:
        if _status(word) is not None:
            found.setdefault("status", int(word))
        else:
            found["kinds"] = (*found.get("kinds", ()), word)
    return found


_EMPTY = frozenset({"0", "200", "none", "null"})


def _code(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else plain.string(value)


def _status(value: object) -> int | None:
    text = _code(value) or ""
    return int(text) if len(text) == 3 and text.isascii() and text.isdecimal() and "400" <= text <= "599" else None


def _message(wire: dict[str, object]) -> str | None:
    for name in _MESSAGES:
        value = wire.get(name)
        for one in plain.listed(value):  # FastAPI: a list of objects
            inner = plain.mapping(one)
            text = plain.string(one) or plain.string(inner.get("msg")) or plain.string(inner.get("message"))
            if text is not None:
                return text
    return None


def failure_in(body: object, *codes: str, answer: Iterable[str] | None = None) -> Failure | None:
    """The failure in the whole `body` of an answer, in one of the forms that servers use.

    It is in the field ``error``, in MiniMax's ``base_resp``, or, if none of the fields `answer` has a value, it is the body
    itself (see `bare_error`). Without `answer`, only a body that says ``"object": "error"`` is an error itself. Of the body,
    `ERROR_FIELDS` and the fields `answer` are read.
    """
    wire = plain.mapping(body)
    error = wire.get("error")
    if error is True:  # beside its code and message
        return failure({key: value for key, value in wire.items() if key != "error"}, *codes)
    found = failure(error, *codes)
    if found is not None:
        if found["code"] is not None:
            return found
        return failure({**{name: wire.get(name) for name in _BESIDE}, "message": found["message"]}, *codes) or found
    return _minimax(wire.get("base_resp")) or failure(bare_error(wire, answer), *codes)


def bare_error(body: object, answer: Iterable[str] | None) -> object:
    """`body`, or the field in it with the error, if it is nothing but an error; else ``None``.

    It is one if none of the fields `answer` has a value, and if it has a code or a status of a failure, or a message instead of
    an answer.
    """
    wire = plain.known(body)
    if answer is None or "error" in (wire.get("object"), wire.get("type")):
        return wire if "error" in (wire.get("object"), wire.get("type")) else None
    if any(plain.says(wire.get(name)) for name in answer):
        return None
    for name in ("errors", "detail"):
        if isinstance(wire.get(name), (dict, list)) and wire[name]:
            return wire if name == "detail" and isinstance(wire[name], list) else wire[name]
    codes = [code.lower() for name in (*_CODES, *_STATUSES) if (code := _code(wire.get(name)))]
    if codes and set(codes) <= _NO_CODE and wire.get("success") is not False:
        return None
    said = wire.get("success") is False or any(plain.string(wire.get(name)) for name in _MESSAGES)
    return wire if said or plain.says(wire.get("error_code")) else None


_MINIMAX = {
    1001: 504,
    1002: 429,
    1004: 401,
    1008: 402,
    1013: 500,
    1024: 500,
    1026: 400,
    1027: 400,
    1033: 500,
    1039: 429,
    1041: 429,
    1042: 400,
    2013: 400,
    2045: 429,
    2049: 401,
    2056: 429,
}
"""MiniMax's codes, which it sends with the HTTP status 200, and the status that each means (*Error codes*)."""


def _minimax(base: object) -> Failure | None:
    wire = plain.mapping(base)
    number = wire.get("status_code")
    if not isinstance(number, int) or isinstance(number, bool) or number == 0:
        return None
    found = Failure(code=str(number), message=plain.string(wire.get("status_msg")))
    if number in _MINIMAX:
        found["status"] = _MINIMAX[number]
    return found


_FAILED = frozenset({"error", "insufficient_system_resource", "engine_overloaded", "timeout", "error_limit"})
"""Finish reasons, in lower case, that mean a failure: OpenRouter's, Mistral's and vLLM's ``error``; DeepSeek's
``insufficient_system_resource``; Cohere's ``ERROR``, ``ERROR_LIMIT`` and ``TIMEOUT``."""


def failure_of_reasons(reasons: Iterable[object]) -> Failure | None:
    """The failure that a finish reason shows, if a server gives no error beside it."""
    failed = next((reason for reason in reasons if isinstance(reason, str) and reason.lower() in _FAILED), None)
    return None if failed is None else Failure(code=failed, message=None)


def outcome(reasons: Iterable[object], refused: bool = False) -> Outcome | None:
    """The outcome of an answer: `reasons` are the raw finish reasons of its choices, `refused` means a refusal without one."""
    return cast(Optional[Outcome], conventions.outcome_of([*reasons, *(("refusal",) if refused else ())]))
