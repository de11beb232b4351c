"""`autotrace run`: real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from autotrace.cli import activation, run

SOURCE = str(Path(activation.__file__).parents[2])
SHOW = """
import json, os, sys
print(json.dumps({"argv": sys.argv, "on": os.environ.get("AUTOTRACE"), "service": os.environ.get("AUTOTRACE_SERVICE_NAME"),
                  "content": os.environ.get("AUTOTRACE_CONTENT"), "python": sys.executable, "pid": os.getpid()}))
sys.exit(int(os.environ.get("EXIT", "0")))
"""
"""A program that says what it was started with."""


def autotrace(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    environment = {**inherited, "PYTHONPATH": SOURCE, **variables}
    line = [sys.executable, "-m", "autotrace", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "show.py").write_text(SHOW)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no program given"),
        (["--"], "no program given"),
        (["nothing.py"], "no such program: nothing.py"),
        (["no/such/file.py"], "no such file: no/such/file.py"),
        (["no-such-program", "--help"], "no such program: no-such-program"),
        (["-m"], "-m needs a module"),
        (["-X", "show.py"], "unknown option -X"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_2(here: Path, arguments: list[str], says: str) -> None:
    result = autotrace("run", *arguments, cwd=here)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("autotrace: run: ")
    assert says in result.stderr


@pytest.mark.parametrize("before", [[], ["--"]])
def test_a_script_gets_its_arguments_untouched(here: Path, before: list[str]) -> None:
    arguments = ["--help", "-m", "x", "--", "", "a b", "run", "--real", "-"]
    result = autotrace("run", *before, "show.py", *arguments, cwd=here, EXIT="7")
    assert result.returncode == 7
    assert result.stderr == ""
    said = json.loads(result.stdout)
    assert said["argv"] == ["show.py", *arguments]
    assert said["on"] == "1"


def test_modules_directories_zips_and_commands(here: Path) -> None:
    (here / "package").mkdir()
    (here / "package" / "__main__.py").write_text(SHOW)
    with zipfile.ZipFile(here / "packed", "w") as packed:
        packed.writestr("__main__.py", SHOW)
    for line in (["-m", "show"], ["-m", "package"], ["package"], ["packed"], ["-c", SHOW]):
        result = autotrace("run", *line, "--flag", cwd=here, EXIT="3")
        assert result.returncode == 3, result.stderr
        said = json.loads(result.stdout)
        assert (said["on"], said["argv"][1:]) == ("1", ["--flag"])


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_a_console_program_is_run_as_it_is(here: Path) -> None:
    tools = here / "tools"
    tools.mkdir()
    program(tools / "tool-of-ours", f"#!{sys.executable}\n{SHOW}")
    program(tools / "shell-tool", '#!/bin/sh\necho "$AUTOTRACE $1"\nexit 9\n')
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    said = json.loads(autotrace("run", "tool-of-ours", "-v", cwd=here, PATH=path).stdout)
    assert (said["on"], said["argv"]) == ("1", [str(tools / "tool-of-ours"), "-v"])
    for name in ("shell-tool", str(tools / "shell-tool"), "./tools/shell-tool"):
        result = autotrace("run", name, "--help", cwd=here, PATH=path)
        assert (result.stdout, result.returncode) == ("1 --help\n", 9)


@pytest.mark.skipif(os.name == "nt", reason="shebangs")
def test_which_files_this_python_runs(here: Path) -> None:
    assert run.is_for_this_python(str(here / "show.py"))
    assert run.is_for_this_python(str(program(here / "plain", "print(1)\n")))
    assert run.is_for_this_python(str(program(here / "open", "#!/usr/bin/env -S python3 -u\n")))
    assert not run.is_for_this_python(str(program(here / "fixed", "#!/srv/venv/bin/python\n")))
    assert not run.is_for_this_python(str(program(here / "ruby", "#!/usr/bin/env ruby\n")))
    assert not run.is_for_this_python(sys.executable)


@pytest.mark.skipif(os.name == "nt", reason="symlinks")
def test_beside_the_interpreter_comes_before_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("beside", "elsewhere"):
        (here / name).mkdir()
        program(here / name / "tool", "#!/bin/sh\n")
    monkeypatch.setattr(sys, "executable", str(here / "beside" / "python"))
    monkeypatch.setenv("PATH", str(here / "elsewhere"))
    assert run.command(["tool", "x"]) == [str(here / "beside" / "tool"), "x"]


@pytest.mark.skipif(os.name == "nt", reason="a subprocess there")
def test_the_process_is_replaced(here: Path) -> None:
    line = [sys.executable, "-m", "autotrace", "run", "show.py"]
    with subprocess.Popen(line, cwd=here, env={**os.environ, "PYTHONPATH": SOURCE}, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate(timeout=60)
    assert json.loads(output)["pid"] == process.pid


@pytest.mark.skipif(os.name == "nt", reason="modes")
def test_a_program_that_the_system_refuses(here: Path) -> None:
    program(here / "broken", "#!/no/such/interpreter\n")
    result = autotrace("run", "./broken", cwd=here)
    assert (result.returncode, result.stderr) == (2, "autotrace: run: ./broken: No such file or directory\n")


@pytest.mark.parametrize("value", ["0", "off", "1", "yes"])
def test_the_operator_wins(here: Path, value: str) -> None:
    result = autotrace("run", "show.py", cwd=here, AUTOTRACE=value)
    assert json.loads(result.stdout)["on"] == value
    assert result.stderr == ""


def test_the_file_is_read_and_the_environment_goes_before_it(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.autotrace]\nservice_name = "filed"\ncontent = false\n')
    said = json.loads(autotrace("run", "show.py", cwd=here).stdout)
    assert (said["service"], said["content"]) == ("filed", "off")
    said = json.loads(autotrace("run", "show.py", cwd=here, AUTOTRACE_SERVICE_NAME="mine", AUTOTRACE_CONTENT="on").stdout)
    assert (said["service"], said["content"]) == ("mine", "off")


def test_a_file_that_is_wrong_is_said_and_the_program_runs(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.autotrace]\nno_such_setting = 1\n")
    result = autotrace("run", "show.py", cwd=here)
    assert json.loads(result.stdout)["on"] == "1"
    assert "no_such_setting" in result.stderr.splitlines()[0]


# ------------------------------------------------------------------------------- without autotrace.pth: sitecustomize


def python(here: Path, code: str, boot: str = "print('started')", **variables: str) -> subprocess.CompletedProcess[str]:
    """A copy of our `sitecustomize` beside a `_autotrace_boot` that only says so, in a Python of its own."""
    site = here / "autotrace" / "cli" / "site"
    site.mkdir(parents=True, exist_ok=True)
    (site / "sitecustomize.py").write_text(Path(activation.SITE, "sitecustomize.py").read_text())
    (here / "_autotrace_boot.py").write_text(f"def start():\n    {boot}\n")
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")},
        "PYTHONPATH": os.pathsep.join([str(site), str(here)]),  # before an installed `_autotrace_boot`
        activation.INTERPRETER: activation.interpreter(),
        **variables,
    }
    line = [sys.executable, "-c", code]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_sitecustomize_starts_us_and_steps_aside(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("print('theirs', __name__, __file__ == __spec__.origin)\nMARK = 1\n")
    ours = str(tmp_path / "autotrace" / "cli" / "site")
    result = python(
        tmp_path,
        "import sitecustomize; print(sitecustomize.MARK)",
        PYTHONPATH=os.pathsep.join([ours, str(tmp_path), str(other)]),
    )
    assert result.stdout == "started\ntheirs sitecustomize True\n1\n"
    assert result.stderr == ""


def test_sitecustomize_alone(tmp_path: Path) -> None:
    result = python(tmp_path, "print('program')")
    assert (result.stdout, result.stderr) == ("started\nprogram\n", "")


def test_sitecustomize_is_nothing_to_another_interpreter(tmp_path: Path) -> None:
    result = python(tmp_path, "print('program')", **{activation.INTERPRETER: "cpython-27:/other"})
    assert (result.stdout, result.stderr) == ("program\n", "")


def test_pythonpath_is_kept_and_not_grown_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "is_installed", lambda: False)
    once = activation.environment({"PYTHONPATH": os.pathsep.join(["/a", "/b"])})
    assert once["PYTHONPATH"].split(os.pathsep) == [activation.SITE, "/a", "/b"]
    assert activation.environment(once) == once
    monkeypatch.setattr(activation, "is_installed", lambda: True)
    assert activation.environment({"A": "b"}) == {"A": "b", "AUTOTRACE": "1"}
