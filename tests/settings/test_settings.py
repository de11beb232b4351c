"""Settings: one home each, arguments over environment over file over default, and the operator's last word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrace
from autotrace._cli.activation import variables_of_file
from autotrace._settings import Settings, switched_off, switched_on, unknown_variables
from autotrace.errors import SettingsError, nearest, sentences


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("argument", "variable", "file", "expected"),
    [
        (None, None, None, None),
        (None, None, "from-file", "from-file"),
        (None, "from-env", "from-file", "from-env"),
        ("from-code", "from-env", "from-file", "from-code"),
    ],
)
def test_arguments_beat_the_environment_which_beats_the_file(
    argument: str | None,
    variable: str | None,
    file: str | None,
    expected: str | None,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings()
    if file:
        (elsewhere / "pyproject.toml").write_text(f'[tool.autotrace]\nservice_name = "{file}"\n')
    if variable:
        monkeypatch.setenv("AUTOTRACE_SERVICE_NAME", variable)
    if argument:
        settings.update({"service_name": argument})
    settings.read_file()
    assert settings.get("service_name") == expected


@pytest.mark.parametrize("source", ["environment", "file"])
def test_content_that_the_operator_switches_off_stays_off(
    source: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings()
    settings.update({"content": True})
    settings.update({"content": True}, "acme")
    if source == "environment":
        monkeypatch.setenv("AUTOTRACE_CONTENT", "off")
    else:
        (elsewhere / "pyproject.toml").write_text("[tool.autotrace]\ncontent = false\n")
    settings.read_file()
    assert settings.get("content") is False
    assert settings.get("content", "acme") is False


def test_a_librarys_option_holds_for_it_alone() -> None:
    settings = Settings()
    settings.update({"content": False}, "acme")
    assert settings.get("content", "acme") is False
    assert settings.get("content", "other") is True
    assert settings.get("content") is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"contnet": True}, "'contnet' is not a known setting; did you mean 'content'"),
        ({"content": "maybe"}, "expected on or off, got 'maybe'"),
        ({"service_name": 3}, "expected a text that is not empty, got 3"),
    ],
)
def test_a_wrong_option_is_one_clear_error_and_none_is_taken(given: dict[str, object], message: str) -> None:
    settings = Settings()
    with pytest.raises(SettingsError, match=message):
        settings.update({"service_name": "taken", **given})
    assert settings.get("service_name") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.autotrace]\ncontnet = true\n", "'contnet' is not a known setting"),
        ("[tool.autotrace\n", "pyproject.toml"),
        ("[tool]\nautotrace = 3\n# [tool.autotrace\n", r"\[tool\.autotrace\] must be a table"),
    ],
)
def test_a_wrong_file_is_one_clear_error_that_names_it(text: str, message: str, elsewhere: Path) -> None:
    (elsewhere / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        Settings().read_file()


def test_the_nearest_file_counts_and_becomes_variables_for_a_child(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.autotrace]\ncontent = false\nservice_name = "shop"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert variables_of_file(str(below)) == {"AUTOTRACE_CONTENT": "off", "AUTOTRACE_SERVICE_NAME": "shop"}
    (below / "pyproject.toml").write_text("[project]\n")
    assert variables_of_file(str(below)) == {}


def test_a_malformed_variable_is_named_and_one_for_content_counts_as_off(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACE_CONTENT", "perhaps")
    settings = Settings()
    with pytest.raises(SettingsError, match="perhaps"):
        settings.check_environment()
    (problem,) = settings.settle()
    assert "perhaps" in problem
    assert problem.endswith("Content is not recorded.")
    assert settings.get("content") is False


def test_variables_that_mean_nothing_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACE_CONTNET", "off")
    assert unknown_variables() == ["AUTOTRACE_CONTNET"]


@pytest.mark.parametrize(
    ("value", "on", "off"),
    [("1", True, False), ("0", False, True), ("off", False, True), ("", False, False), (" TRUE ", True, False)],
)
def test_the_switch_reads_the_environment(value: str, on: bool, off: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACE", value)
    assert (switched_on(), switched_off()) == (on, off)


def test_a_mistyped_variable_is_said_with_the_right_name(
    monkeypatch: pytest.MonkeyPatch, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    monkeypatch.setenv("AUTOTRACE_CONTNET", "off")
    autotrace.enable()
    (line,) = [line for line in diagnosed() if "AUTOTRACE_CONTNET" in line["message"]]
    assert "did you mean 'AUTOTRACE_CONTENT'?" in line["message"]


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("input", ["audio_input", "input_tokens"], "; did you mean 'input_tokens'?"),
        ("file", ["file_a", "file_b", "other"], "; did you mean 'file_a' or 'file_b'?"),
        ("f", [f"f{number}" for number in range(9)], "; did you mean 'f"),
        ("fi", [f"file{number}" for number in range(9)], "; did you mean 'file0', 'file1', 'file2', 'file3' or 'file4'?"),
        ("contnet", ["content", "sinks"], "; did you mean 'content'?"),
        ("zzz", ["b", "a"], "; expected one of a, b"),
        ("zzz", [*"abcdefg"], "; expected one of a, b, c, d, e (and 2 more)"),
    ],
)
def test_a_hint_offers_the_nearest_names_and_at_most_five(word: str, known: list[str], hint: str) -> None:
    assert nearest(word, known).startswith(hint)


@pytest.mark.parametrize(
    ("problem", "joined"),
    [("did you mean 'x'?", "did you mean 'x'? It is ignored."), ("a", "a. It is ignored."), ("a.", "a. It is ignored.")],
)
def test_a_message_and_its_consequence_are_two_sentences(problem: str, joined: str) -> None:
    assert sentences(problem, "It is ignored.") == joined


def test_a_child_gets_the_tables_of_installed_plugins_and_content_that_is_off(
    library: Any, elsewhere: Path, diagnosed: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "pyproject.toml").write_text(
        f"[tool.autotrace.{library.name}]\ncontnet = true\n"
        f"[tool.autotrace.autotrace-{library.name}]\ncontent = true\n"
        "[tool.autotrace.other]\nloud = true\ncontent = false\n"
    )
    name = library.name.upper()
    given = variables_of_file(str(elsewhere))
    assert given == {
        f"AUTOTRACE_{name}_CONTNET": "on",
        f"AUTOTRACE_AUTOTRACE_{name}_CONTENT": "on",
        "AUTOTRACE_OTHER_CONTENT": "off",
    }
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    autotrace.enable()
    assert library.client
    unclaimed, unknown = (line["message"] for line in diagnosed())
    assert unclaimed.startswith("[tool.autotrace.other] is ignored: no plugin for 'other' is installed")
    assert unknown.startswith(f"[tool.autotrace.{library.name}] contnet: ")
