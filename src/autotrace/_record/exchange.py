"""What went over the wire around a call, and what the record says of it: status, headers, attempts, failure, outcome.

The caller's thread keeps references and numbers; everything else here runs on the writer's side.
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
    """An attempt inside a call that did not succeed. Times are nanoseconds since the call began, waits seconds."""

    began_ns: int
    ended_ns: int
    wait: float
    status: Optional[int]
    error: Optional[type[BaseException]]

    @property
    def next_ns(self) -> int:
        """When the next attempt was to begin."""
        return self.ended_ns + int(self.wait * 1e9)


class Exchange(msgspec.Struct):
    """What was seen of one call's exchange with the server. The last answer counts."""

    http_status: Optional[int] = None
    headers: Optional[Mapping[str, str]] = None
    answered_ns: int = -1
    """When the answer's headers were there, in nanoseconds since the call began."""
    attempts: tuple[Attempt, ...] = ()
    """Those that failed before the last one."""
    error: Optional[type[BaseException]] = None
    """The class of the exception that the call ended with."""
    error_code: Optional[str] = None
    error_type: Optional[str] = None
    """What the library says the kind of its failure is, over the name of the exception's class."""
    of_error: Optional[dict[str, Any]] = None
    """What the exception says for attributes of the plugin's own, by full name."""
    request_id: Optional[str] = None

    def answered(self, status: int, headers: Mapping[str, str], at_ns: int) -> None:
        """The server has answered."""
        self.http_status, self.headers, self.answered_ns = status, headers, at_ns

    def retry(self, wait: float, exc: BaseException | None, at_ns: int) -> None:
        """The attempt under way has failed, with the last answer or with `exc`; there is another one in `wait` seconds."""
        began = self.attempts[-1].next_ns if self.attempts else 0
        error = type(exc) if exc is not None and self.http_status is None else None
        self.attempts = (*self.attempts, Attempt(began, at_ns, wait, self.http_status, error))
        self.http_status = self.headers = None
        self.answered_ns = -1

    def fail(self, exc: Exception, errors: Mapping[str, Getter]) -> str:
        """The call has ended with `exc`, of which the getters `errors` read what there is to know; its text."""
        self.error = type(exc)
        found: dict[str, Any] = {}
        for name, getter in errors.items():
            try:
                found[name] = getter(exc)
            except Exception as ours:  # a plugin's getter on an exception it was not made for
                diagnostics.failed(f"read {name} of {self.error.__qualname__}", ours)
        status, code, kind = found.get("http_status"), found.get("error_code"), found.get("error_type")
        if isinstance(status, int) and not isinstance(status, bool):
            self.http_status = status
        if isinstance(code, (str, int)):
            self.error_code = str(code)
        if isinstance(kind, (str, int)):
            self.error_type = str(kind)
        self.of_error = {name: value for name, value in found.items() if "." in name and value is not None} or None
        if isinstance(found.get("headers"), Mapping):
            self.headers = found["headers"]
        if isinstance(found.get("request_id"), str):
            self.request_id = found["request_id"]
        try:
            return str(exc).encode("utf-8", "backslashreplace").decode()
        except Exception:  # an exception whose __str__ raises
            return self.error.__qualname__

    def describe(self, attributes: dict[str, Any], message: str | None, duration_ns: int) -> None:
        """Put on the record's `attributes` what there is to say."""
        if self.error is not None:
            name = self.error_type or _full_name(self.error)
            fail(attributes, name, self.error_code, self.http_status, self.error, message)
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
        """Each attempt's `status` or `error`, its `duration` and the `wait` after it, in seconds."""
        ended = self.answered_ns if self.answered_ns >= 0 else duration_ns
        last = Attempt(self.attempts[-1].next_ns, ended, 0, self.http_status, self.error if self.http_status is None else None)
        return [_attempt(one) for one in self.attempts] + [_attempt(last, last=True)]


def _attempt(attempt: Attempt, last: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if attempt.status is not None:
        found["status"] = attempt.status
    if attempt.error is not None:
        found["error"] = _full_name(attempt.error)
    found["duration"] = max(attempt.ended_ns - attempt.began_ns, 0) / 1e9
    if not last:
        found["wait"] = attempt.wait
    return found


def _full_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def fail(
    attributes: dict[str, Any],
    name: str,
    code: str | None,
    status: int | None,
    kind: type[BaseException] | None,
    message: str | None,
) -> None:
    """Put a failure on `attributes`: its type, the provider's own code, and its category."""
    attributes[ALWAYS["error_type"].attribute] = name
    if code is not None:
        attributes[ALWAYS["error_code"].attribute] = code
    classes = failures.class_names(kind) if kind is not None else ()
    attributes[ALWAYS["error_category"].attribute] = failures.category(status, code, classes, message)


def _add_headers(attributes: dict[str, Any], headers: Mapping[str, str]) -> None:
    """The request's id, and what the server says about its limits."""
    found = {name.lower(): value for name, value in headers.items() if isinstance(name, str) and isinstance(value, str)}
    request_id = next((found[name] for name in conventions.REQUEST_ID_HEADERS if name in found), None)
    if request_id is not None:
        attributes.setdefault(ALWAYS["request_id"].attribute, request_id)
    for name, value in found.items():
        if "ratelimit" in name or name == "retry-after":
            attributes[conventions.HEADER + name] = [value]


def outcome(attributes: Mapping[str, Any]) -> str | None:
    """What became of a good answer that was cut, filtered or refused, as its finish reasons say: the provider's own words
    before the conventions'."""
    raw = attributes.get(ALWAYS["finish_reasons_raw"].attribute) or ()
    return conventions.outcome_of(raw) or conventions.outcome_of(attributes.get(_FINISH) or ())
