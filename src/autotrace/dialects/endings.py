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

__all__ = ["Failure", "Outcome", "failure", "outcome"]

Outcome = Literal["truncated", "content_filtered", "refused"]


class Failure(TypedDict):
    """What went wrong, in the provider's words."""

    code: Optional[str]
    message: Optional[str]


def failure(error: object, *codes: str) -> Failure | None:
    """The failure in an ``error`` field: a text, or an object whose code is in the first of the fields `codes` that has one."""
    if isinstance(error, str):
        return Failure(code=None, message=error) if error else None
    wire = plain.known(error)
    if not wire:
        return None
    code = next((code for name in codes if (code := _code(wire.get(name)))), None)
    return Failure(code=code, message=plain.string(wire.get("message")))


def _code(value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else plain.string(value)


def outcome(reasons: Iterable[object], refused: bool = False) -> Outcome | None:
    """The outcome of an answer: `reasons` are the raw finish reasons of its choices, `refused` means a refusal without one."""
    return cast(Optional[Outcome], conventions.outcome_of([*reasons, *(("refusal",) if refused else ())]))
