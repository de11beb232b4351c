"""What users add: names, patterns and functions, from every source, for all libraries or for one. It only adds up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._credentials.scrubbing import Scrubber
from autotrace._redaction import built_in, policy
from autotrace._writer import dispatch
from autotrace._writer.writer import writer
from autotrace.errors import SettingsError
from autotrace.sinks import MemorySink


@pytest.fixture
def memory() -> Iterator[MemorySink]:
    yield MemorySink()
    autotrace.disable()


def record(memory: MemorySink, **attributes: Any) -> dict[str, Any]:
    memory.clear()
    with autotrace.span("s", attributes=attributes):
        pass
    autotrace.flush()
    (found,) = memory.spans
    made: dict[str, Any] = found["attributes"]
    return made


def without(*patterns: str) -> Callable[[str], str]:
    chosen = tuple(built_in.PATTERNS[name] for name in patterns)
    return lambda text: Scrubber(patterns=chosen).text(text)


# ------------------------------------------------------------------------------------------------------------ patterns


def test_nothing_but_credentials_is_removed_by_default(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory])
    text = "Ann, ann@example.org, +49 30 901820, 4111 1111 1111 1111"
    assert record(memory, text=text, employee_id=7) == {"text": text, "employee_id": 7}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        *(("email", one) for one in ("ann@example.org", "a.b+c@sub.example.co.uk", "ANN_1@EXAMPLE.COM")),
        *(("card", one) for one in ("4111 1111 1111 1111", "4111111111111111", "5500-0055-5555-5559", "378282246310005")),
        *(("phone", one) for one in ("+49 30 901820", "+1 (555) 010-9999", "+442079460958", "(555) 010-9999", "030 / 901820")),
        ("phone", "555-010-9999"),
    ],
)
def test_the_built_in_patterns_remove_what_they_are_for(pattern: str, text: str) -> None:
    assert without(pattern)(f"Call {text}, please") == "Call [redacted], please"


@pytest.mark.parametrize(
    "text",
    [
        *("4111 1111 1111 1112", "1234567890123456", "0000 0000 0000 0000", "2026-11-30 16:44:57", "1795365897123456000"),
        *("user@host", "@ann", "a@b", "v1.2.3", "127.0.0.1:8080", "12 apples and 345 pears", "0.123456789", "id 20261130-1234"),
        *("9a0364b9e99bb480dd25e1f0284c8555", "1,234,567", "10 000", "+5 points"),
    ],
)
def test_the_built_in_patterns_leave_other_numbers_and_words(text: str) -> None:
    assert without(*built_in.PATTERNS)(f"See {text}, please") == f"See {text}, please"


@given(st.lists(st.integers(0, 9), min_size=11, max_size=18))
def test_exactly_one_check_digit_makes_a_card_number(digits: list[int]) -> None:
    numbers = ["".join(map(str, [*digits, last])) for last in range(10)]
    valid = [number for number in numbers if built_in.is_card(number)]
    assert len(valid) == (1 if len({*digits}) > 1 else len(valid))
    for number in valid:
        swapped = str((int(number[0]) + 1) % 10) + number[1:]
        assert not built_in.is_card(swapped)


@pytest.mark.parametrize("piece", ["1", "1 ", "+1", "+1-", "a@", "a@a.", "@", "(0", "4-", "a.", "0/"])
def test_the_built_in_patterns_take_linear_time(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    found = without(*built_in.PATTERNS)(text)  # quadratic time would take minutes
    assert set(found.replace("[redacted]", "")) <= set(text)


# ------------------------------------------------------------------------------------------------------------- sources

VALUES = {
    "words": ("email,card", {"a": "[redacted] [redacted] E123456", "employee_id": 7}),
    "table": (
        {"names": ["employee_id"], "patterns": {"badge": r"\bE\d{6}\b"}, "use": ["email"]},
        {"a": "[redacted] 4111111111111111 [redacted]", "employee_id": "[redacted]"},
    ),
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("source", ["argument", "variable", "file"])
def test_every_source_can_add(
    memory: MemorySink, value: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given, expected = VALUES[value]
    if source == "variable":
        monkeypatch.setenv("AUTOTRACE_REDACT", given if isinstance(given, str) else json.dumps(given))
    if source == "file":
        table = given if isinstance(given, dict) else {"use": given}
        lines = [f"{key} = {json.dumps(held)}" for key, held in table.items() if key != "patterns"]
        lines += ["patterns = { badge = '" + table["patterns"]["badge"] + "' }"] if "patterns" in table else []
        (tmp_path / "pyproject.toml").write_text("[tool.autotrace.redact]\n" + "\n".join(lines))
        monkeypatch.setenv("AUTOTRACE_CONFIG", str(tmp_path / "pyproject.toml"))
    autotrace.enable(sinks=[memory], **({"redact": given} if source == "argument" else {}))
    found = record(memory, a="ann@example.org 4111111111111111 E123456", employee_id=7)
    assert {name: found[name] for name in expected} == expected
    assert "autotrace.redacted" in found


def test_what_the_sources_say_adds_up(memory: MemorySink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACE_REDACT", "email")
    autotrace.enable(sinks=[memory], redact={"names": ["employee"]})
    assert record(memory, text="ann@example.org", employee="Ann")["text"] == "[redacted]"
    assert record(memory, text="ann@example.org", employee="Ann")["employee"] == "[redacted]"


def test_a_file_without_authority_may_add_names_and_words_but_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'redact = { names = ["badge"], patterns = { slow = "(a+)+b" }, use = ["email", "evil:function"] }'
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.autotrace]\n{text}\n[tool.autotrace.acme]\nredact = 'evil:function,card'\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/usr/bin/nothing"])
    monkeypatch.setattr(settings, "_program_directory", lambda here: None)
    settings.current.read_file()
    (rules,) = settings.current.given("redact")
    assert (rules.names, rules.patterns, rules.use) == (("badge",), (), ("email",))
    assert settings.current.tables["acme"]["redact"].use == ("card",)
    assert any("redact (patterns, functions)" in notice for notice in settings.current.notices)
    settings.current.clear()


@pytest.mark.parametrize("where", ["argument", "variable", "table"])
def test_a_library_may_have_redaction_of_its_own(
    library: Any, memory: MemorySink, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if where == "variable":
        monkeypatch.setenv(f"AUTOTRACE_{library.name.upper()}_REDACT", "email")
    if where == "table":
        (tmp_path / "pyproject.toml").write_text(f"[tool.autotrace.{library.name}]\nredact = 'email'\n")
        monkeypatch.setenv("AUTOTRACE_CONFIG", str(tmp_path / "pyproject.toml"))
    autotrace.enable(sinks=[memory], redact="card")
    if where == "argument":
        autotrace.enable(library.name, redact="email")
    text = "ann@example.org 4111111111111111"
    assert record(memory, text=text)["text"] == "ann@example.org [redacted]"
    memory.clear()
    library.client.Client().chat("m", [text])
    autotrace.flush()
    assert memory.spans[0]["attributes"]["gen_ai.input.messages"] == ["[redacted] [redacted]"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"name": ["x"]}, "'name' is not a known key; did you mean 'names'"),
        ({"names": [1]}, "names of fields"),
        ({"patterns": {"x": "("}}, "'x' is not a valid regular expression"),
        ({"patterns": {"x": "a*"}}, "also matches empty text"),
        ({"patterns": ["x"]}, "a table of regular expressions"),
        ("emial", "'emial' is not a known redactor; did you mean 'email'"),
        ("mine:", "a name or module:function"),
        ([7], "a function or a name"),
        ("{x", "not valid JSON"),
        ("", "nothing is named"),
        ([], "nothing is named"),
    ],
)
def test_a_mistake_is_one_clear_error(value: Any, message: str) -> None:
    with pytest.raises(SettingsError, match="redact") as raised:
        autotrace.enable(redact=value)
    assert message in str(raised.value)
    assert settings.current.given("redact") == []


@pytest.mark.parametrize("where", ["variable", "file"])
def test_what_cannot_be_read_counts_as_content_off(where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if where == "variable":
        monkeypatch.setenv("AUTOTRACE_REDACT", "{broken")
    else:
        (tmp_path / "pyproject.toml").write_text("[tool.autotrace]\nredact = { patterns = { x = '(' } }\ncontent = true\n")
        monkeypatch.setenv("AUTOTRACE_CONFIG", str(tmp_path / "pyproject.toml"))
    fresh = settings.Settings()
    (problem,) = fresh.settle()
    assert "Content is not recorded." in problem
    assert fresh.get("content") is False


# ----------------------------------------------------------------------------------------------------------- redactors


def test_a_function_decides_about_every_field_with_text(memory: MemorySink) -> None:
    asked: list[str] = []

    def redactor(field: str, value: Any, attributes: Mapping[str, Any]) -> Any:
        asked.append(field)
        assert attributes["tenant"] in ("blue", "[gone]")
        if field == "tenant":
            return "[gone]"
        return None if field == "drop" else {"size": len(value)} if field == "long" else value

    autotrace.enable(sinks=[memory], redact=redactor)
    with (
        pytest.raises(ValueError, match="text"),
        autotrace.span("s", attributes={"tenant": "blue", "drop": "x", "long": "abc", "same": ["a"], "count": 3, "is": True}),
    ):
        raise ValueError("some text")
    autotrace.flush()
    (found,) = memory.spans
    attributes = found["attributes"]
    assert sorted(asked) == ["drop", "long", "same", "status.description", "tenant"]
    assert {name: attributes.get(name) for name in ("tenant", "drop", "long", "same", "count", "is")} == {
        "tenant": "[gone]",
        "drop": None,
        "long": {"size": 3},
        "same": ["a"],
        "count": 3,
        "is": True,
    }
    assert found["status"]["description"] == "some text"
    noted = attributes["autotrace.redacted"]
    assert sorted(noted) == ["drop", "long", "tenant"]
    assert all(rule.startswith("redactor.") for rule in noted.values())


def test_a_function_sees_no_credential_and_cannot_change_other_records(memory: MemorySink) -> None:
    seen: list[str] = []

    def redactor(field: str, value: Any, attributes: Mapping[str, Any]) -> Any:
        seen.append(json.dumps([value, dict(attributes)]))
        if isinstance(value, dict):
            value.clear()
        return value

    autotrace.enable(sinks=[memory], redact=redactor)
    shared = {"a": "b"}
    with autotrace.attributes(shared=shared):
        assert record(memory, password="SECRET-1")["shared"] == {}
        assert record(memory, other="x")["shared"] == {}
    assert shared == {"a": "b"}
    assert "SECRET" not in "".join(seen)


class Unencodable:
    pass


def test_a_slow_redactor_lets_others_have_a_turn_between_two_records(
    memory: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def slow(field: str, value: Any, attributes: Mapping[str, Any]) -> Any:
        now[0] += 60
        return value

    autotrace.enable(sinks=[memory], redact=slow)
    with writer._draining:  # the writer's thread waits
        for number in range(3):
            with autotrace.span(f"s{number}", attributes={"text": "words"}):
                pass
        with monkeypatch.context() as patch:
            patch.setattr(dispatch, "time", SimpleNamespace(monotonic=lambda: now[0]))
            writer.dispatch.round(now=True)
        assert len(memory.spans) == 1
    autotrace.flush()
    assert len(memory.spans) == 3


class Silent(Exception):
    def __str__(self) -> str:
        raise TypeError("this exception cannot be shown")


@pytest.mark.parametrize("redact", [None, "email", {"names": ["who"]}])
def test_a_diagnostic_quotes_no_exception_where_something_is_redacted(memory: MemorySink, redact: Any, diagnosed: Any) -> None:
    autotrace.enable(sinks=[memory], **({} if redact is None else {"redact": redact}))
    diagnostics.failed("read a field", ValueError("ann@example.com has no colour"), aside=True)
    diagnostics.failures.clear()
    assert ("ann@example.com" in json.dumps(diagnosed())) == (redact is None)


@pytest.mark.parametrize(
    "how", ["raises", "returns an object", "is missing", "takes no argument", "exits", "stops", "quotes", "is silent"]
)
def test_a_redactor_that_fails_drops_the_content_once_said_and_never_the_record(
    memory: MemorySink, how: str, diagnosed: Any
) -> None:
    def raises(field: str, value: Any, attributes: Mapping[str, Any]) -> Any:
        raise RuntimeError("no")

    def raises_a(kind: type[BaseException]) -> Any:
        def redactor(field: str, value: Any, attributes: Mapping[str, Any]) -> Any:
            raise kind(f"cannot redact {value}")

        return redactor

    functions: dict[str, Any] = {
        "raises": raises,
        "returns an object": lambda field, value, attributes: Unencodable(),
        "is missing": "no_such_module:function",
        "takes no argument": lambda: None,
        "exits": raises_a(SystemExit),
        "stops": raises_a(GeneratorExit),
        "quotes": raises_a(RuntimeError),
        "is silent": raises_a(Silent),
    }
    autotrace.enable(sinks=[memory], redact=functions[how])
    for _ in range(3):
        with pytest.raises(ValueError, match="text"), autotrace.span("s", attributes={"text": "private", "count": 3}):
            raise ValueError("private text")
    autotrace.flush()
    assert len(memory.spans) == 3
    assert "private" not in json.dumps(memory.spans)
    for span in memory.spans:
        assert (span["attributes"]["count"], span["attributes"]["error.type"]) == (3, "ValueError")
        assert span["attributes"]["autotrace.redacted"]["text"].endswith(" failed")
    lines = diagnosed()
    assert "private" not in json.dumps(lines)
    said = [line for line in lines if line["event"] == "autotrace.redactor"]
    assert len(said) == 1
    assert "Correct it" in said[0]["message"]
    diagnostics.failures.clear()


def test_a_distribution_brings_a_redactor_by_its_entry_point(library: Any, memory: MemorySink) -> None:
    library.write(
        "acme_redactors.py", "def initials(field, value, attributes):\n    return 'A. B.' if field == 'who' else value\n"
    )
    library.write("acme_redactors-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-redactors\nVersion: 1\n")
    library.write("acme_redactors-1.dist-info/entry_points.txt", "[autotrace.redactors]\ninitials = acme_redactors:initials\n")
    autotrace.enable(sinks=[memory], redact="initials")
    assert record(memory, who="Ann Bond")["who"] == "A. B."
    assert record(memory, who="Ann Bond")["autotrace.redacted"] == {"who": "redactor.initials"}


def test_equal_rules_are_one_policy() -> None:
    settings.current.update({"redact": "email"})
    assert policy.in_force() is policy.in_force("acme")
    settings.current.clear()
    assert policy.in_force() is policy.ONLY_CREDENTIALS
