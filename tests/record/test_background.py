"""Answers that are collected later: one record has the complete answer, whatever is read in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._record import background

ENDS = ("completed", "failed", "incomplete", "cancelled")


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    background.clear()
    yield
    background.clear()


def answer(status: str | None, id: str | None = "r1", made_in_background: bool = True) -> dict[str, Any]:
    found = {"gen_ai.response.id": id, "gen_ai.response.status": status}
    return {
        **{name: value for name, value in found.items() if value is not None},
        **({"autotrace.response.background": True} if made_in_background else {}),
    }


@given(
    reads=st.lists(st.sampled_from(["queued", "in_progress", *ENDS]), max_size=12),
    begun=st.booleans(),
    flagged=st.booleans(),
)
def test_the_complete_answer_is_recorded_once(reads: list[str], begun: bool, flagged: bool) -> None:
    background.clear()
    if begun:
        background.note(answer("queued", made_in_background=flagged), "t", "s")
    found = [background.links(answer(status, made_in_background=flagged), False) for status in reads]
    recorded = [links for links in found if links is not None]
    expected = [{"trace_id": "t", "span_id": "s"}] if begun else []
    is_readable = (begun or flagged) and any(status in ENDS for status in reads)
    assert recorded == ([expected] if is_readable else [])


def test_an_answer_that_its_own_call_has_is_not_collected() -> None:
    background.note(answer("completed"), "t", "s")
    background.note(answer("completed", "stored", made_in_background=False), "t", "s")
    assert background.links(answer("completed"), False) is None
    assert background.links(answer("completed", "stored", made_in_background=False), False) is None


def test_a_read_that_fails_is_recorded_and_the_answer_can_still_be_collected() -> None:
    background.note(answer("queued"), "t", "s")
    link = [{"trace_id": "t", "span_id": "s"}]
    assert background.links(answer(None), True) == link
    assert background.links(answer("in_progress"), True) == link
    assert background.links(answer("completed"), False) == link
    assert background.links(answer(None, None), True) == []


def test_an_id_that_is_used_again_is_another_answer() -> None:
    for span in ("s", "s2"):
        background.note(answer("queued"), "t", span)
        assert background.links(answer("completed"), False) == [{"trace_id": "t", "span_id": span}]


def test_the_ids_that_are_kept_are_limited() -> None:
    for number in range(background._MOST + 10):
        background.note(answer("queued", str(number)), "t", "s")
    assert len(background._answers) == background._MOST
    assert background.links(answer("completed", "0", made_in_background=False), False) is None
