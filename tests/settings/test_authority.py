"""Whose pyproject.toml decides: one from whose place Python runs the program's code. Any other may only take away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autotrace
from autotrace._cli.activation import environment
from autotrace._settings import Settings
from autotrace.errors import SettingsError

PROGRAM = """
import json, sys, autotrace
from autotrace import _settings
autotrace.enable()
found = {name: _settings.current.get(name) for name in ("service_name", "content", "max_text_chars", "file", "exit_timeout")}
print(json.dumps(found))
"""
FILE = """
[tool.autotrace]
service_name = "theirs"
content = false
max_text_chars = 500
file = "records.jsonl"
exit_timeout = 60
[tool.autotrace.acme]
content = false
loud = true
"""
ALL = ("theirs", False, 500, 60)
TAKEN_AWAY = (None, False, 500, 3.0)
SOURCE = os.pathsep.join([str(Path(autotrace.__file__).parents[1]), *filter(None, sys.path[1:])])


def run(*command: str, cwd: Path, **variables: str) -> tuple[tuple[Any, ...], list[str]]:
    """The settings that a program has, but for the file's path, and what it said."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
    done = subprocess.run(
        command, cwd=cwd, env={**given, "PYTHONPATH": SOURCE, **variables}, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    said = [json.loads(line)["message"] for line in done.stderr.splitlines() if "no plugin for 'acme'" not in line]
    assert (found["file"] is not None) is (found["exit_timeout"] == 60)
    return (found["service_name"], found["content"], found["max_text_chars"], found["exit_timeout"]), said


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A directory with a file for autotrace, as a clone of somebody's project is."""
    place = tmp_path / "repository"
    (place / "package").mkdir(parents=True)
    (place / "pyproject.toml").write_text(FILE)
    for path in (place / "app.py", place / "package" / "__main__.py", tmp_path / "app.py"):
        path.write_text(PROGRAM)
    return place


@pytest.mark.parametrize("words", [["app.py"], ["package/__main__.py"], ["package"], ["-m", "package"], ["-c", PROGRAM]])
def test_a_file_decides_where_python_runs_code_from_its_place(words: list[str], repository: Path) -> None:
    assert run(sys.executable, *words, cwd=repository) == (ALL, [])


def test_a_scripts_own_file_decides_wherever_it_is_started(repository: Path, tmp_path: Path) -> None:
    assert run(sys.executable, str(repository / "app.py"), cwd=tmp_path) == (ALL, [])


SAFE = pytest.mark.skipif(sys.version_info < (3, 11), reason="-P is new in Python 3.11")


@pytest.mark.parametrize("words", [["../app.py"], pytest.param(["-P", "-c", PROGRAM], marks=SAFE)])
def test_any_other_file_only_takes_away_and_one_line_says_what_is_not_obeyed(words: list[str], repository: Path) -> None:
    found, (said,) = run(sys.executable, *words, cwd=repository)
    assert found == TAKEN_AWAY
    path = repository / "pyproject.toml"
    assert said == (
        f"{path}: service_name, file, exit_timeout, [tool.autotrace.acme] ignored: Python does not run this program's code "
        f"from there. If you trust the file, set AUTOTRACE_CONFIG={path}"
    )


@pytest.mark.parametrize("linked", [False, True])
def test_an_installed_program_does_not_obey_the_file_of_the_directory_that_it_is_started_in(
    linked: bool, repository: Path, tmp_path: Path
) -> None:
    """Not even if its environment lies there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(repository / ".venv")], check=True)
    folder = repository / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    tool = folder / "tool"
    tool.write_text(PROGRAM)
    if linked:
        (tmp_path / "tool").symlink_to(tool)
        tool = tmp_path / "tool"
    found, (said,) = run(str(folder / "python"), str(tool), cwd=repository)
    assert found == TAKEN_AWAY
    assert "AUTOTRACE_CONFIG=" in said


def test_the_operator_may_name_a_file(repository: Path, tmp_path: Path) -> None:
    named = str(repository / "pyproject.toml")
    assert run(sys.executable, "app.py", cwd=tmp_path, AUTOTRACE_CONFIG=named) == (ALL, [])
    (tmp_path / "own.toml").write_text('[tool.autotrace]\nservice_name = "ours"\n')
    named = str(tmp_path / "own.toml")
    assert run(sys.executable, "app.py", cwd=repository, AUTOTRACE_CONFIG=named) == (("ours", True, 0, 3.0), [])


def test_variables_beat_the_file_in_its_sinks_as_well(repository: Path, tmp_path: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.autotrace.sinks.file]\npath = "theirs.jsonl"\nkeep = 3\n')
    ours = tmp_path / "ours.jsonl"
    program = "import autotrace\nautotrace.enable()\nwith autotrace.span('x'): pass\nautotrace.flush()"
    for more in ({}, {"AUTOTRACE_SINKS": "file"}):
        ours.unlink(missing_ok=True)
        given = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
        given.update(more, PYTHONPATH=SOURCE, AUTOTRACE_FILE=str(ours))
        subprocess.run([sys.executable, "-c", program], cwd=repository, env=given, check=True)
        assert ours.exists()
        assert not (repository / "theirs.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "service", "consequences"),
    [
        ('content = "disabled"\nservice_name = "a"\n', "a", ["Content is not recorded."]),
        ('content = false\nfile_kep = 3\nservice_name = "a"\n', "a", ["The value is ignored."]),
        ('content = false\nfd = -1\nservice_name = "a"\n', "a", ["The value is ignored."]),
        ('content = false\nservice_name = "a"\n[tool.other\n', None, ["The file is ignored. Content is not recorded."]),
    ],
)
def test_what_cannot_be_read_counts_as_content_off_and_the_rest_is_taken(
    text: str, service: str | None, consequences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.autotrace]\n" + text)
    settings = Settings()
    problems = settings.settle()
    assert [problem.endswith(end) for problem, end in zip(problems, consequences, strict=True)] == [True]
    assert (settings.get("content"), settings.get("service_name")) == (False, service)
    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        settings.read_file()
    assert settings.get("content") is False


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\nautotrace = {content = false}\n",
        "tool.autotrace.content = false\n",
        "[ tool . autotrace ]\ncontent = false\n",
        '["tool"."autotrace"]\ncontent = false\n',
    ],
)
def test_every_spelling_of_the_table_is_read(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(text)
    settings = Settings()
    settings.read_file()
    assert settings.get("content") is False


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_above_the_program_has_no_authority(repository: Path, tmp_path: Path) -> None:
    os.chown(repository / "pyproject.toml", 12345, 12345)
    (repository / "package" / "app.py").write_text(PROGRAM)
    found, said = run(sys.executable, str(repository / "package" / "app.py"), cwd=tmp_path)
    assert found == TAKEN_AWAY
    assert len(said) == 1


@pytest.mark.parametrize(
    ("program", "passed"),
    [(["app.py"], "theirs"), (["-c", "pass"], "theirs"), (["../app.py"], None)],
)
def test_run_passes_on_what_has_authority(
    program: list[str], passed: str | None, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    variables = environment({}, [sys.executable, *program])
    assert variables.get("AUTOTRACE_SERVICE_NAME") == passed
    assert variables.get("AUTOTRACE_CONTENT") == ("off" if passed else None)


def test_run_of_an_installed_program_passes_on_that_content_is_off(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    variables = environment({}, [str(Path(sys.executable).with_name("tool"))])
    assert {name for name in variables if name.startswith("AUTOTRACE_")} == {"AUTOTRACE_CONTENT"}
