"""Classifies the failure of a call, in categories that are the same for every provider.

A pure function on the writer's thread: from the HTTP status, the provider's own code, the exception's class and its text,
trusted in this order, to one of `CATEGORIES`.
"""

from __future__ import annotations

import re

CATEGORIES = (
    "rate_limited",
    "overloaded",
    "timeout",
    "connection",
    "authentication",
    "permission",
    "not_found",
    "invalid_request",
    "context_length",
    "server_error",
    "response_invalid",
    "unknown",
)
"""The values of ``autotrace.error.category``."""

_BY_STATUS = {
    401: "authentication",
    402: "permission",
    403: "permission",
    404: "not_found",
    408: "timeout",
    410: "not_found",
    413: "invalid_request",
    424: "server_error",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    522: "timeout",
    524: "timeout",
    529: "overloaded",
}

_BY_JSON_RPC_CODE = {
    "-32700": "invalid_request",
    "-32600": "invalid_request",
    "-32601": "not_found",
    "-32602": "invalid_request",
    "-32603": "server_error",
    "-32000": "connection",
    "-32001": "timeout",
    "-32002": "not_found",
    "408": "timeout",
}
"""JSON-RPC 2.0 §5.1; the last four codes as the Model Context Protocol and its SDKs use them."""

_CONTEXT_LENGTH = re.compile(
    r"context.?(?:length|window|size|limit)|prompt is too long|input is too long|too many (?:input )?tokens"
    r"|maximum (?:number of )?(?:input )?tokens|exceeds? the (?:available |model'?s )?context|string_above_max_length",
    re.IGNORECASE,
)
"""How providers say that a prompt is too long: in codes and, if they have no code for it, in messages."""

_CREDENTIALS = re.compile(r"token|signature|credential|unrecognized.?client|api.?key|authenticat", re.IGNORECASE)
"""Codes of a 403 that mean an unknown caller. All others mean a known caller without permission (AWS returns 403 for both)."""

_BY_WORD = tuple(
    (re.compile(pattern, re.IGNORECASE), category)
    for pattern, category in (
        (r"rate.?limit|too.?many.?requests|resource.?exhausted|throttl|quota|concurrency", "rate_limited"),
        (r"overload|unavailable|capacity|busy|insufficient.?system.?resource", "overloaded"),
        (r"time.?out|deadline", "timeout"),
        (r"auth(?!or)|api.?key|credential|unauthorized|token.?expired", "authentication"),
        (r"permission|forbidden|access.?denied|billing|payment|insufficient.?(?:balance|credits?|funds)", "permission"),
        (r"not.?found|no.?such|does.?not.?exist|unknown.?model", "not_found"),
        (r"connect|network|dns|socket|protocol|eof|reset|refused|disconnected|transport|ssl|proxy|gaierror", "connection"),
        (r"streaming.?error|incomplete.?read", "connection"),
        (r"param\w*validation|validation.?exception", "invalid_request"),
        (r"(?<!in)valid\w*error$|decode|pars(?:e|ing)|malformed.?response|response.?format|finish.?reason", "response_invalid"),
        (r"invalid|bad.?request|unprocessable|unsupported|too.?large|argument|conflict|precondition", "invalid_request"),
        (r"content.?(?:filter|policy)|responsible.?ai|moderation|safety", "invalid_request"),
        (r"server|internal|(?:api|response).?error|model.?(?:stream.?)?error", "server_error"),
    )
)
"""For codes and class names; the first match counts. The order tells a *connect timeout* from a *connection error*."""


_BY_MESSAGE = tuple(
    (re.compile(pattern, re.IGNORECASE), category)
    for pattern, category in (
        (r"rate.?limit|too many requests|quota", "rate_limited"),
        (r"overloaded|(?:service|temporarily|model) (?:is )?(?:currently )?unavailable|at capacity", "overloaded"),
        (r"timed.?out|time.?out", "timeout"),
        (r"api.?key|unauthorized|unauthenticated|authentication|log.?in fail", "authentication"),
        (r"permission|forbidden|access denied|insufficient (?:balance|credit|fund)", "permission"),
        (r"not found|does not exist|no such (?:model|deployment)", "not_found"),
        (r"invalid (?:param|request|argument)|bad request", "invalid_request"),
        (r"internal (?:server )?error|server error", "server_error"),
    )
)
"""For the message of a failure that has neither a status nor a known code. Only the beginning is read: what follows may be the
prompt."""
_BEGINNING = 200


def category(
    status: int | None, code: str | None, classes: tuple[str, ...], message: str | None, kinds: tuple[str, ...] = ()
) -> str:
    """One of `CATEGORIES`. `classes` are the names of the exception's class and of its base classes, nearest first; `kinds` are
    more codes of the provider. A code that is an HTTP status counts as the status of an answer that came with a success."""
    if status is None or status < 400:
        status = _status_in((code, *kinds)) or status
    refused = status is None or status in (400, 413, 422)
    codes = (code, *kinds) if code else kinds
    if any(map(_CONTEXT_LENGTH.search, codes)) or (refused and message and _CONTEXT_LENGTH.search(message)):
        return "context_length"
    if status == 403 and any(map(_CREDENTIALS.search, codes)):
        return "authentication"
    if status is not None and status in _BY_STATUS:
        return _BY_STATUS[status]
    if code in _BY_JSON_RPC_CODE:
        return _BY_JSON_RPC_CODE[code]
    for text in (*codes, *classes):
        category = _by_word(text)
        if category is not None and not (category == "server_error" and status is not None and 400 <= status < 500):
            return category
    if status is None:
        return "unknown" if classes or not message else _by_message(message[:_BEGINNING])
    return "server_error" if status >= 500 else "invalid_request" if status >= 400 else "response_invalid"


def _status_in(codes: tuple[str | None, ...]) -> int | None:
    """The first of `codes` that is the HTTP status of a failure: gateways put that of another server there."""
    return next((int(code) for code in codes if code and _FAILED_STATUS.fullmatch(code)), None)


_FAILED_STATUS = re.compile(r"[45][0-9]{2}")


def _by_word(text: str) -> str | None:
    return next((category for pattern, category in _BY_WORD if pattern.search(text)), None)


def _by_message(text: str) -> str:
    return next((category for pattern, category in _BY_MESSAGE if pattern.search(text)), "unknown")


def class_names(kind: type) -> tuple[str, ...]:
    """The names of an exception's class and its base classes, without the general ones that all exceptions have."""
    return tuple(one.__name__ for one in kind.__mro__ if one.__name__ not in _SILENT)


_SILENT = ("object", "BaseException", "Exception", "RuntimeError", "OSError", "Generic")
