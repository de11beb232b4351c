"""Answers that a provider works on in the background: a later call collects them, and its record has a link to the first call.

Tokens and cost of such an answer must be in one record only, however often it is read. All functions run on the writer's
thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from autotrace._declaration import conventions

_ID = conventions.RESPONSE["id"].attribute
_STATUS = conventions.RESPONSE["status"].attribute
_BACKGROUND = conventions.RESPONSE["background"].attribute

_answers: dict[str, Optional[dict[str, Any]]] = {}
"""By response id: the link to the call that began the answer; ``None`` once the complete answer is recorded."""

_MOST = 4096
"""How many ids are kept, at about 400 bytes each; the oldest is removed first."""


def note(attributes: Mapping[str, Any], trace_id: str, span_id: str) -> None:
    """Note what a record says of an answer that a later call may read: that it is unfinished, or complete."""
    response_id, status = attributes.get(_ID), attributes.get(_STATUS)
    if response_id is None or status is None:
        return
    if status in conventions.UNFINISHED:
        _keep(response_id, {"trace_id": trace_id, "span_id": span_id})
    elif attributes.get(_BACKGROUND) or response_id in _answers:
        _keep(response_id, None)


def links(attributes: Mapping[str, Any], failed: bool) -> list[dict[str, Any]] | None:
    """The links of the record of a call that read an answer; ``None`` if that call is not recorded.

    It is recorded if it `failed`, or if it is the first one that read the complete answer, of a call in this process or, as far
    as the answer itself says that it was made in the background, of another process.
    """
    response_id, status = attributes.get(_ID), attributes.get(_STATUS)
    begun = _answers.get(response_id) if response_id is not None else None
    found = [begun] if begun is not None else []
    if status is None or status in conventions.UNFINISHED:
        return found if failed else None
    if begun is None and (response_id in _answers or not attributes.get(_BACKGROUND)):
        return None
    if response_id is not None:
        _keep(response_id, None)
    return found


def _keep(response_id: str, link: dict[str, Any] | None) -> None:
    _answers.pop(response_id, None)
    _answers[response_id] = link
    if len(_answers) > _MOST:
        del _answers[next(iter(_answers))]


def clear() -> None:
    """Forget everything. For tests."""
    _answers.clear()
