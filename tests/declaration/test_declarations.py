"""What a plugin declares is checked where it is declared, and the message names the nearest right word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._discovery.requirements import Requirement, release
from autotrace.errors import DeclarationError, SettingsError
from autotrace.plugin import Dialect, Instrumentor, Observer, Operation, Option, StreamSeam, constant

CHAT = Operation("chat", request={"model": "model"})


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: Operation(""), "name of an operation"),
        (lambda: Operation("chat", requests={}), "requests= is not a known keyword; did you mean 'request'"),  # type: ignore[call-arg]
        (lambda: Instrumentor(target={}), "target= is not a known keyword; did you mean 'targets'"),  # type: ignore[call-arg]
        (lambda: Operation("chat", request=["model"]), r"request: expected a mapping, got \['model'\]"),  # type: ignore[arg-type]
        (lambda: Operation("chat", request={3: "model"}), "request: keys must be strings, got 3"),  # type: ignore[dict-item]
        (lambda: Operation("chat", response={"id": "data[0].id"}), "response 'id'.*'choices.0.message'"),
        (lambda: Operation("chat", response={"id": lambda: 1}), r"response 'id'.*1 argument \(source\)"),  # type: ignore[dict-item]
        (lambda: Operation("chat", reduce=lambda a, b: a), r"reduce: .*1 argument \(chunks\)"),  # type: ignore[arg-type, misc]
        (lambda: Operation("chat", failure="error"), "failure: expected a function of 1 argument .*, got 'error'"),  # type: ignore[arg-type]
        (lambda: Operation("chat", outcome=3), "outcome: expected a function of 1 argument .*, got 3"),  # type: ignore[arg-type]
        (lambda: Operation("chat", stream=lambda result: True), r"stream: .*2 arguments \(result, call\)"),  # type: ignore[arg-type, misc]
        (lambda: Operation("chat", stream=7), "stream: expected a function of 2 arguments .*, got 7"),  # type: ignore[arg-type]
        (lambda: Operation("chat", dialect="openai"), "dialect: expected a Dialect, got 'openai'"),  # type: ignore[arg-type]
        (lambda: Dialect("d", usage={"tokens_in": "a"}), "Dialect 'd': usage: 'tokens_in' is not a known field"),
        (lambda: Dialect("d", namespace=""), "Dialect 'd': namespace '': expected the name of a provider"),
        (lambda: Dialect("d", reduce=3), "Dialect 'd': reduce: expected a function of 1 argument .*, got 3"),  # type: ignore[arg-type]
        (lambda: StreamSeam("_it", close="close"), "expected a sequence of paths"),
        (lambda: StreamSeam("_it", hide=lambda: True), r"hide: .*1 argument \(chunk\)"),  # type: ignore[arg-type, misc]
        (lambda: Observer(lambda call: None), r"3 arguments \(call, invocation, result\)"),  # type: ignore[arg-type, misc]
        (lambda: Instrumentor(targets={"a:b": CHAT}, requires="acme 2"), "expected a distribution and a version range"),
        (lambda: Instrumentor(targets={"a:b": CHAT}, requires=None), "requires: expected the library's .*, got None"),  # type: ignore[arg-type]
        (lambda: Instrumentor(targets={"a:b": CHAT}, requires=[5]), r"requires: expected the library's .*, got \[5\]"),  # type: ignore[list-item]
        (lambda: Instrumentor(requires="acme>=1", shapes={"acme>=2": 5}), "shapes 'acme>=2': expected a mapping, got 5"),  # type: ignore[dict-item]
        (lambda: Option("a", "chooses", choices=None), "choices: expected a sequence of values, got None"),  # type: ignore[arg-type]
        (lambda: Instrumentor(targets={"a:b": CHAT}, provider=""), "provider ''"),
        (lambda: Instrumentor(on_ready=lambda: None), r"on_ready: .*1 argument \(module\)"),  # type: ignore[arg-type, misc]
        (lambda: Instrumentor(targets={"a:b": lambda: None}), "target 'a:b': route: .*1 argument"),  # type: ignore[dict-item, misc]
        (lambda: Instrumentor(targets={"acme.client.Client.ask": CHAT}), "did you mean 'acme.client:Client.ask'"),
        (lambda: Instrumentor(targets={"acme.client.ask": CHAT}), "did you mean 'acme.client:ask'"),
        (lambda: Instrumentor(targets={"a:b": CHAT}, hosts={"https://api.Acme.ai/v1": "acme"}), "did you mean 'api.acme.ai'"),
        (lambda: Instrumentor(targets={"a:b": CHAT}, hosts={"acme.ai": ""}), "expected the name of a provider, got ''"),
        (lambda: Instrumentor(targets={"a:b": CHAT}, errors={"headers": "a..b"}), "errors 'headers'"),
        (lambda: Instrumentor(targets={"a:b": CHAT}, options={"loud": False}), r"write Option\(False"),  # type: ignore[dict-item]
        (lambda: Instrumentor(targets={"a:b": CHAT}, options={"Loud": Option(False, "is loud")}), "expected a lower-case name"),
        (lambda: Instrumentor(targets={"a:b": CHAT}, options={"content": Option(False, "is kept")}), "autotrace has a setting"),
        (lambda: Option(None, "is nothing"), "must be a bool, int, float or str"),  # type: ignore[arg-type]
        (lambda: Option(1, " "), "about must say what the option does"),
        (lambda: Option("a", "chooses", choices=("b", "c")), "'a' is not one of its choices"),
        (lambda: Operation("chat", request={"modle": "model"}), "did you mean 'model'"),
        (lambda: Operation("chat", response={"finish_reason": "x"}), "did you mean 'finish_reasons'"),
        (lambda: Operation("chat", usage={"input_token": "x"}), "did you mean 'input_tokens'"),
        (lambda: Operation("chat", usage={"input": "a"}), "'input' is not a known field; did you mean 'input_tokens'"),
        (
            lambda: Operation("chat", usage={"cache_write": "a"}),
            "'cache_write_12h_input_tokens', .* or 'cache_write_input_tokens'?",
        ),
        (lambda: Operation("chat", usage={"zzz": "a"}), r"expected one of (\w+, ){4}\w+ \(and \d+ more\)$"),
        (lambda: Operation("chat", request={"model": "a..b"}), "request 'model'.*separated by dots"),
        (lambda: Operation("chat", kind="client"), "'client' is not a known kind; did you mean 'CLIENT'"),
        (lambda: StreamSeam("a.b"), "one attribute"),
        (lambda: Instrumentor(targets={}), "at least one target"),
        (lambda: Instrumentor(targets={"acme.Client.chat": CHAT}), "package.module:Class.method"),
        (lambda: Instrumentor(targets={"acme:Client.chat": "chat"}), "expected an Operation, a route"),  # type: ignore[dict-item]
        (
            lambda: Instrumentor(targets={"acme:Client.chat": CHAT}, errors={"status": "x"}),
            "errors: 'status' is not a known field",
        ),
        (lambda: Requirement("acme => 2"), "expected a distribution and a version range"),
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


@pytest.mark.parametrize(
    ("default", "given", "read"),
    [
        (False, True, True),
        (False, "on", True),
        (3, 4, 4),
        (3, "4", 4),
        (0.5, 2, 2.0),
        (0.5, "0.25", 0.25),
        ("a", "b", "b"),
        (False, 1, None),
        (3, True, None),
        (3, "many", None),
        (0.5, "half", None),
        ("a", 7, None),
        ("a", "c", None),
    ],
)
def test_an_option_reads_values_and_what_a_variable_says_of_them(default: Any, given: Any, read: Any) -> None:
    option = Option(default, "does it", choices=("a", "b") if default == "a" else ())
    if read is None:
        with pytest.raises(SettingsError, match=f"option x: .*{given!r}.*does it"):
            option.read("option x", given)
    else:
        found = option.read("option x", given)
        assert (found, type(found)) == (read, type(default))
