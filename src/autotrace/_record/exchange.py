"""The HTTP exchange of a call, and the attributes that the record has of it: status, headers, attempts, failure, outcome.

The caller's thread keeps references and numbers; everything else here runs on the writer's thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace._declaration import conventions
from autotrace._declaration.conventions import ALWAYS
from autotrace._declaration.paths import Getter
from autotrace._record import failures

_FINISH = conventions.RESPONSE["finish_reasons"].attribute


class Attempt(NamedTuple):
    """A failed attempt inside a call. `began_ns` and `ended_ns` are nanoseconds since the call began, `wait` is in seconds."""

    began_ns: int
    ended_ns: int
    wait: float
    status: Optional[int]
    error: Optional[type[BaseException]]

    @property
    def next_ns(self) -> int:
        """When the next attempt was due to begin."""
        return self.ended_ns + int(self.wait * 1e9)


class Exchange(msgspec.Struct):
    """What is known of one call's exchange with the server. The last answer counts."""

    http_status: Optional[int] = None
    headers: Optional[Mapping[str, str]] = None
    answered_ns: int = -1
    """When the answer's headers had arrived, in nanoseconds since the call began."""
    attempts: tuple[Attempt, ...] = ()
    """The attempts that failed before the last one."""
    error: Optional[type[BaseException]] = None
    """The class of the exception that the call ended with."""
    received: bool = False
    """Whether the answer had arrived when the library raised."""
    cause: Optional[type[BaseException]] = None
    """The class of the exception that the library has turned into an answer, which counts if the answer reports a failure."""
    error_code: Optional[str] = None
    error_type: Optional[str] = None
    """The library's own name for the kind of failure; it overrides the name of the exception's class."""
    of_error: Optional[dict[str, Any]] = None
    """The plugin's own attributes that were read from the exception, by full name."""
    request_id: Optional[str] = None
    sent: Any = None
    """The headers that the last attempt has sent, for their credentials."""

    def answered(self, status: int, headers: Mapping[str, str], at_ns: int) -> None:
        """Record an answer of the server, at `at_ns` nanoseconds since the call began."""
        self.http_status, self.headers, self.answered_ns = status, headers, at_ns

    def retry(self, wait: float, exc: BaseException | None, at_ns: int) -> None:
        """Record that the current attempt failed, with the last answer or with `exc`. The next one begins in `wait` seconds."""
        began = self.attempts[-1].next_ns if self.attempts else 0
        error = type(exc) if exc is not None and self.http_status is None else None
        self.attempts = (*self.attempts, Attempt(began, at_ns, wait, self.http_status, error))
        self.http_status = self.headers = None
        self.answered_ns = -1

    def fail(self, exc: Exception, errors: Mapping[str, Getter], received: bool = False) -> str:
        """Record that the call ended with `exc`, from which the getters `errors` read details. Returns its text.

        `received`: the answer had arrived, and the library raised while it made something of it.
        """
        self.error, self.received = type(exc), received
        details: dict[str, Any] = {}
        for name, getter in errors.items():
            try:
                details[name] = getter(exc)
            except Exception as ours:  # a plugin's getter, given an exception that it was not written for
                diagnostics.failed(f"read {name} of {self.error.__qualname__}", ours)
        status, code, kind = details.get("http_status"), details.get("error_code"), details.get("error_type")
        if isinstance(status, int) and not isinstance(status, bool):
            self.http_status = status
        if isinstance(code, (str, int)):
            self.error_code = str(code)
        if isinstance(kind, (str, int)):
            self.error_type = str(kind)
        self.of_error = {name: value for name, value in details.items() if "." in name and value is not None} or None
        if isinstance(details.get("headers"), Mapping):
            self.headers = details["headers"]
        self.sent = details.get("credentials") or self.sent
        if isinstance(details.get("request_id"), str):
            self.request_id = details["request_id"]
        try:
            return str(exc).encode("utf-8", "backslashreplace").decode()
        except Exception:  # an exception whose __str__ raises
            return self.error.__qualname__

    def describe(self, attributes: dict[str, Any], message: str | None, duration_ns: int) -> None:
        """Add the attributes of this exchange to the record's `attributes`."""
        if self.error is not None:
            name = self.error_type or full_name(self.error)
            status = 200 if self.http_status is None and self.received else self.http_status
            # Once the answer has arrived, the name of an exception says nothing about the server.
            fail(attributes, name, self.error_code, status, None if self.received else self.error, message)
        if self.of_error is not None:
            attributes.update(self.of_error)
        if self.http_status is not None:
            attributes[ALWAYS["http_status"].attribute] = self.http_status
        if self.request_id is not None:
            attributes[ALWAYS["request_id"].attribute] = self.request_id
        if self.headers is not None:
            _add_headers(attributes, self.headers)
        if self.attempts:
            attributes[ALWAYS["attempts"].attribute] = self._all_attempts(duration_ns)

    def _all_attempts(self, duration_ns: int) -> list[dict[str, Any]]:
        """Each attempt's `status` or `error`, its `duration`, and the `wait` after it, both in seconds."""
        ended = self.answered_ns if self.answered_ns >= 0 else duration_ns
        last = Attempt(self.attempts[-1].next_ns, ended, 0, self.http_status, self.error if self.http_status is None else None)
        return [_attempt(attempt) for attempt in self.attempts] + [_attempt(last, last=True)]


def _attempt(attempt: Attempt, last: bool = False) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if attempt.status is not None:
        fields["status"] = attempt.status
    if attempt.error is not None:
        fields["error"] = full_name(attempt.error)
    fields["duration"] = max(attempt.ended_ns - attempt.began_ns, 0) / 1e9
    if not last:
        fields["wait"] = attempt.wait
    return fields


def full_name(kind: type) -> str:
    """The name of a class with its module, or without one if it is built in."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def fail(
    attributes: dict[str, Any],
    name: str,
    code: str | None,
    status: int | None,
    kind: type[BaseException] | None,
    message: str | None,
    kinds: tuple[str, ...] = (),
) -> None:
    """Add a failure to `attributes`: its type, the provider's own code, and its category. `kinds` are more of its codes."""
    attributes[ALWAYS["error_type"].attribute] = name
    if code is not None:
        attributes[ALWAYS["error_code"].attribute] = code
    classes = failures.class_names(kind) if kind is not None else ()
    attributes[ALWAYS["error_category"].attribute] = failures.category(status, code, classes, message, kinds)


def _add_headers(attributes: dict[str, Any], headers: Mapping[str, str]) -> None:
    """Add the request's id, and the server's rate limits."""
    by_name = {name.lower(): value for name, value in headers.items() if isinstance(name, str) and isinstance(value, str)}
    request_id = next((by_name[name] for name in conventions.REQUEST_ID_HEADERS if name in by_name), None)
    if request_id is not None:
        attributes.setdefault(ALWAYS["request_id"].attribute, request_id)
    for name, value in by_name.items():
        if "ratelimit" in name or name == "retry-after":
            attributes[conventions.HEADER + name] = [value]


def outcome(attributes: Mapping[str, Any]) -> str | None:
    """Whether the finish reasons say that a successful answer was truncated, filtered or refused: one of the values of
    ``autotrace.outcome``, or ``None``. The provider's own reasons count before those of the conventions."""
    raw = attributes.get(ALWAYS["finish_reasons_raw"].attribute) or ()
    return conventions.outcome_of(raw) or conventions.outcome_of(attributes.get(_FINISH) or ())
