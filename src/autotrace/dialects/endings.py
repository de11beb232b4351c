"""How an answer ended that came without an exception: failures inside a good response, and what a finish reason means.

A dialect's ``failure`` and ``outcome``, functions of its response, are made with these. ``failure`` gives ``None``, or the
provider's code and message for an error that came in an answer with status 200 or inside a stream. ``outcome`` gives ``None``,
or what became of an answer that is good but not whole: ``truncated``, ``content_filtered`` or ``refused``.
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
    """The failure that an ``error`` field tells of: an object whose code is in the first of `codes` that it has, or a text."""
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
    """The outcome of an answer with these raw finish reasons, one a choice, and of a refusal that no reason tells of."""
    return cast(Optional[Outcome], conventions.outcome_of([*reasons, *(("refusal",) if refused else ())]))
