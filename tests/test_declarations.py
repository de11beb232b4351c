"""What a plugin declares is checked where it is declared, and the message names the nearest right word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace.errors import DeclarationError
from autotrace.plugin import Dialect, Instrumentor, Operation, StreamSeam, constant
from autotrace.requirements import Requirement, release

CHAT = Operation("chat", request={"model": "model"})


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: Operation(""), "name of an operation"),
        (lambda: Operation("chat", request={"modle": "model"}), "did you mean 'model'"),
        (lambda: Operation("chat", response={"finish_reason": "x"}), "did you mean 'finish_reasons'"),
        (lambda: Operation("chat", usage={"input_token": "x"}), "did you mean 'input_tokens'"),
        (lambda: Operation("chat", request={"model": "a..b"}), "request 'model'.*separated by dots"),
        (lambda: Operation("chat", kind="client"), "CLIENT"),
        (lambda: StreamSeam("a.b"), "one attribute"),
        (lambda: Instrumentor(targets={}), "at least one target"),
        (lambda: Instrumentor(targets={"acme.Client.chat": CHAT}), "package.module:Class.method"),
        (lambda: Instrumentor(targets={"acme:Client.chat": "chat"}), "expected an Operation, a route"),  # type: ignore[dict-item]
        (lambda: Instrumentor(targets={"acme:Client.chat": CHAT}, errors={"status": "x"}), "errors has no field 'status'"),
        (lambda: Requirement("acme => 2"), "expected a distribution and versions"),
    ],
)
def test_a_wrong_declaration_is_one_clear_error(declare: Callable[[], Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_an_operation_takes_its_dialect_and_wins_over_it() -> None:
    dialect = Dialect("d", request={"model": "model", "max_tokens": "max"}, reduce=lambda chunks: chunks[-1])
    operation = Operation("chat", dialect=dialect, request={"model": constant("mine"), "acme.extra": "extra"})
    read = {reading.field.attribute: reading.getter({"max": 3, "extra": 1}) for reading in operation.request}
    assert read == {"gen_ai.request.model": "mine", "gen_ai.request.max_tokens": 3, "acme.extra": 1}
    assert operation.reduce is dialect.reduce


def test_the_kind_follows_the_operation() -> None:
    assert Operation("chat").kind == "CLIENT"
    assert Operation("execute_tool").kind == "INTERNAL"
    assert Operation("chat", kind="SERVER").kind == "SERVER"


@pytest.mark.parametrize(
    ("requirement", "version", "allowed"),
    [
        ("acme>=2,<4", "3.54.0", True),
        ("acme>=2,<4", "4.0", False),
        ("acme>=2", "2.0.0rc1", True),
        ("acme>=2.1", "2", False),
        ("acme~=2.4", "2.9", True),
        ("acme~=2.4", "3.0", False),
        ("acme", "anything", True),
        ("acme!=2.0", "2", False),
    ],
)
def test_a_requirement_allows_the_versions_in_its_range(requirement: str, version: str, allowed: bool) -> None:
    assert Requirement(requirement).allows(version) is allowed


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.sampled_from(["", "rc1", ".post2", "+local"]))
def test_release_numbers_are_read_whatever_follows_them(numbers: list[int], rest: str) -> None:
    found = release(".".join(map(str, numbers)) + rest)
    assert found + (0,) * (len(numbers) - len(found)) == tuple(numbers)
