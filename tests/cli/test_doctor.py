"""`autotrace doctor`: real processes, over an invented library and its plugin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace._cli import main, probing, report
from autotrace._cli.report import NOTE, OK, PROBLEM, WARNING, Finding
from autotrace._instrumentation import reporting

SOURCE = str(Path(autotrace.__file__).parents[1])
AUTOTRACE = [sys.executable, "-m", "autotrace"]


class Report(NamedTuple):
    """What one run of the doctor gave: its exit code, the report (from a file), and what came out on the streams."""

    code: int
    data: Any
    stdout: str
    stderr: str

    def texts(self, *marks: str) -> list[str]:
        return [one["text"] for one in self.data["findings"] if one["mark"] in marks]

    def says(self, mark: str, text: str) -> bool:
        return any(text in one for one in self.texts(mark))


def environment(library: Any, **variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "OTEL_"))}
    return {**inherited, "PYTHONPATH": os.pathsep.join([SOURCE, str(library.site)]), **variables}


def examine(library: Any, *arguments: str, python: tuple[str, ...] = (sys.executable,), **variables: str) -> Report:
    """`autotrace doctor …` in the directory of the library."""
    output = library.site / "report.json"
    line = [*python, "-m", "autotrace", "doctor", "--json", "--output", str(output), *arguments]
    done = subprocess.run(
        line, env=environment(library, **variables), cwd=library.site, capture_output=True, text=True, timeout=600, check=False
    )
    return Report(done.returncode, json.loads(output.read_text()), done.stdout, done.stderr)


def examine_alone(library: Any, path: str, **variables: str) -> Report:
    """`autotrace doctor` where the library's plugin is the only one (see `without_plugins`)."""
    variables = {"PYTHONPATH": os.pathsep.join([path, str(library.site)]), **variables}
    return examine(library, python=(sys.executable, "-S"), **variables)


def run(library: Any, code: str, *options: str, **variables: str) -> Report:
    """The doctor's report on a program."""
    library.write("app.py", code)
    return examine(library, *options, "--", "app.py", "an argument", **variables)


def plugin_of(library: Any, found: Report) -> Any:
    return next(view for view in found.data["plugins"] if view["package"] == library.name)


# ----------------------------------------------------------------------------------------------------- with a program


def test_a_program_that_is_traced_as_it_should_be(library: Any) -> None:
    found = run(library, f"import sys, {library.name}.client\nprint(sys.argv)\nprint('aside', file=sys.stderr)")
    assert (found.code, found.stdout, found.stderr) == (0, "['app.py', 'an argument']\n", "aside\n")
    assert found.texts(WARNING, PROBLEM) == []
    assert found.data["ok"] is True
    assert found.data["process"]["way"]["how"] in (".pth", ".start", "sitecustomize")
    assert Path(found.data["process"]["way"]["where"]).is_file()
    assert plugin_of(library, found)["library"]["version"] == "1.2"
    assert found.says(OK, f"{library.distribution} 0.3: {library.name} 1.2, 6 of 6 targets patched")
    assert found.data["program"]["exit_code"] == 0


def test_without_a_file_the_report_goes_to_stderr_and_stdout_is_the_programs(library: Any) -> None:
    library.write("app.py", "import this_app\nprint('mine')")
    library.write("this_app.py", "")
    for options, shown in ([], "activation\n"), (["--json"], '{"ok": true'):
        line = [*AUTOTRACE, "doctor", *options, "--", "app.py"]
        done = subprocess.run(
            line, env=environment(library), cwd=library.site, capture_output=True, text=True, timeout=600, check=True
        )
        assert done.stdout == "mine\n"
        assert done.stderr.startswith(shown)
        assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [
        ("sys.exit(3)", 3),
        ("raise RuntimeError", 1),
        ("threading.Thread(target=time.sleep, args=[0.2]).start()", 0),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -signal.SIGINT),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_report_comes_however_the_program_ends(library: Any, end: str, exit_code: int) -> None:
    found = run(library, f"import os, signal, sys, threading, time, {library.name}.client\n{end}")
    assert found.data["program"]["exit_code"] == exit_code
    assert plugin_of(library, found)["state"] == "patched"
    assert found.code == 0


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "os.execv('/bin/true', ['true'])"])
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_program_that_leaves_no_report_is_known_to_have_been_traced(library: Any, end: str) -> None:
    found = run(library, f"import os, signal, {library.name}\n{end}")
    assert found.says(WARNING, "the process left no report")
    assert found.data["process"] is None
    assert found.code == 0


@pytest.mark.skipif(os.name == "nt", reason="process groups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_the_programs_and_the_report_still_comes(library: Any, number: signal.Signals) -> None:
    library.write(
        "app.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        try:
            print("up", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """,
    )
    output = library.site / "report.json"
    line = [*AUTOTRACE, "doctor", "--json", "--output", str(output), "--", "app.py"]
    with subprocess.Popen(
        line, env=environment(library), cwd=library.site, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        # A terminal sends the interrupt to the whole group; who stops a service sends to its one process.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        said, _ = process.communicate(timeout=600)
    assert said == ("interrupted\n" if number == signal.SIGINT else "")
    assert process.returncode == 0
    data = json.loads(output.read_text())
    assert data["program"]["exit_code"] == (0 if number == signal.SIGINT else 5)
    assert data["process"]["enabled"] is True


def test_children_report_as_well(library: Any) -> None:
    found = run(
        library,
        f"""
        import subprocess, sys
        line = [sys.executable, "-c", "import {library.name}"]
        subprocess.run(line, check=True)
        subprocess.run(line, check=True, stdout=subprocess.PIPE)
        subprocess.run([sys.executable, "-c", "import os, {library.name}; os._exit(0)"], check=True)
        """,
    )
    assert len(found.data["program"]["children"]) == 2
    assert found.says(OK, "2 more processes reported")
    assert found.says(NOTE, "1 of them wrote to stderr")
    assert found.says(NOTE, "1 more process left no report")


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_behind_a_shell_script_the_first_traced_process_counts(library: Any) -> None:
    (library.site / "start").write_text(f'#!/bin/sh\n"{sys.executable}" -c "import {library.name}.client"\nexit 4\n')
    (library.site / "start").chmod(0o755)
    found = examine(library, "--", "./start")
    assert found.data["program"]["exit_code"] == 4
    assert plugin_of(library, found)["state"] == "patched"


SOURCES = {
    "default": ("", None, "default"),
    "argument": ("autotrace.enable(service_name='mine')", "mine", "argument"),
    "variable": ("", "of-variable", "variable"),
    "another variable": ("", "of-otel", "variable"),
    "file": ("", "of-file", "file"),
    "argument over file": ("autotrace.enable(service_name='mine')", "mine", "argument"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_each_setting_says_where_it_came_from(library: Any, source: str) -> None:
    code, value, expected = SOURCES[source]
    variables = {"variable": {"AUTOTRACE_SERVICE_NAME": "of-variable"}, "another variable": {"OTEL_SERVICE_NAME": "of-otel"}}
    if "file" in source:
        library.write("pyproject.toml", "[tool.autotrace]\nservice_name = 'of-file'\n")
    found = run(library, f"import autotrace\n{code}", **variables.get(source, {}))
    setting = found.data["process"]["settings"]["service_name"]
    assert (setting["value"], setting["source"]) == (value, expected)


def test_a_library_may_have_settings_of_its_own_and_the_operator_wins(library: Any) -> None:
    code = f"import autotrace\nautotrace.enable({library.name!r}, content=False)"
    setting = run(library, code).data["process"]["settings"]["content"]
    assert (setting["value"], setting["source"]) == (True, "default")
    assert setting["libraries"] == {library.name: {"value": False, "source": "argument"}}
    code = code.replace("False", "True")
    own = run(library, code, AUTOTRACE_CONTENT="off").data["process"]["settings"]["content"]["libraries"][library.name]
    assert own == {"value": False, "source": "variable"}


@pytest.mark.parametrize("program", [True, False])
def test_mistakes_in_settings_of_single_libraries_are_problems(library: Any, without_plugins: str, program: bool) -> None:
    library.write("pyproject.toml", f"[tool.autotrace.{library.name}]\ncontnet = true\n[tool.autotrace.other]\nloud = true\n")
    given = {f"AUTOTRACE_{library.name.upper()}_LOUDD": "on"}
    end = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT); time.sleep(9)" if os.name != "nt" else ""
    found = (
        run(library, f"import {library.name}\n{end}", **given) if program else examine_alone(library, without_plugins, **given)
    )
    if program and end:
        assert found.data["program"]["exit_code"] == -signal.SIGINT
    problems = [one["text"] for one in found.data["findings"] if (one["section"], one["mark"]) == ("settings", PROBLEM)]
    said = f"{library.distribution} 0.3 has no setting 'contnet'; did you mean 'content'? The value is ignored."
    assert problems[0] == f"[tool.autotrace.{library.name}] contnet: {said}"
    assert problems[1].startswith(f"AUTOTRACE_{library.name.upper()}_LOUDD: {library.distribution} 0.3 has no setting 'loudd'")
    assert len(problems) == 2
    assert found.says(WARNING, "[tool.autotrace.other]: no plugin for 'other' is installed; the table is ignored")
    assert not found.says(WARNING, "AUTOTRACE_OTHER")
    assert found.code == 1


def test_settings_that_cannot_be_read_are_a_problem_and_unknown_ones_a_warning(library: Any) -> None:
    found = run(library, f"import {library.name}", AUTOTRACE_CONTENT="perhaps", AUTOTRACE_CONTNET="off")
    assert found.code == 1
    assert found.says(PROBLEM, "expected on or off, got 'perhaps'")
    assert found.says(WARNING, "AUTOTRACE_CONTNET")
    assert found.data["process"]["settings"]["content"]["value"] is False


def test_what_stands_in_the_way_of_a_plugin_is_a_problem(library: Any) -> None:
    code = f"import {library.name}.client"
    plugin = library.site / f"{library.plugin}.py"
    good = plugin.read_text()
    library.write(plugin.name, good.replace('"Client.achat"', '"Client.gone"'))
    found = run(library, code)
    assert found.code == 1
    assert found.says(PROBLEM, f"{library.name}.client:Client.gone: missing: ")
    assert found.says(OK, "5 of 6 targets patched")

    library.write(plugin.name, "1 / 0")
    found = run(library, code)
    assert found.code == 1
    assert found.says(PROBLEM, f"{library.distribution} 0.3: failed: ZeroDivisionError")

    library.write(plugin.name, good)
    # Of another length than before: within one second a cached module would be taken for it.
    library.write(f"{library.name}/__init__.py", "__version__ = '0.9.1'\n")
    found = run(library, code)
    assert found.code == 1
    assert found.says(PROBLEM, f"made for {library.name}>=1, but {library.name} 0.9.1 is installed")


def test_a_library_imported_too_early_is_a_warning_that_names_the_copies(library: Any) -> None:
    code = f"import autotrace\nautotrace.disable()\nfrom {library.name}.client import ask\nautotrace.enable()"
    found = run(library, code)
    assert found.code == 0
    assert found.says(WARNING, f"{library.name} 1.2 was imported before autotrace was enabled")
    assert found.says(WARNING, "copies found and patched: __main__:ask; copies in closures")
    assert run(library, code, "--strict").code == 1


def test_another_agent_on_the_same_function_is_a_warning(library: Any) -> None:
    code = f"""
        import wrapt, {library.name}.client
        wrapt.wrap_function_wrapper({library.name}.client, "Client.chat", lambda f, instance, args, kwargs: f(*args))
        """
    found = run(library, code)
    assert found.says(WARNING, f"{library.name}.client:Client.chat is also wrapped by another agent: ")
    assert found.says(WARNING, "is above ours")


def test_failures_of_ours_are_counted(library: Any) -> None:
    library.write(
        f"{library.plugin}.py",
        "from autotrace.plugin import Instrumentor\ninstrumentor = Instrumentor(on_ready=lambda module: 1 / 0)",
    )
    found = run(library, f"import {library.name}")
    assert found.code == 1
    assert found.says(PROBLEM, f"1 failure inside autotrace: after the import of {library.name}")


def test_a_program_that_switches_it_off_again(library: Any) -> None:
    found = run(library, f"import autotrace, {library.name}\nautotrace.disable()")
    assert found.code == 0
    assert found.says(NOTE, "switched it off again")
    assert found.says(NOTE, "disable() was called")


@pytest.mark.parametrize("value", ["0", "off"])
def test_the_operators_word_is_what_stands_in_the_way(library: Any, value: str) -> None:
    found = run(library, f"import {library.name}", AUTOTRACE=value)
    assert found.code == 1
    assert found.texts(PROBLEM) == [f"off: AUTOTRACE={value} is set, which overrides every other setting"]


def test_a_program_that_imports_nothing_is_no_problem(library: Any) -> None:
    found = run(library, "print('mine')")
    assert (found.code, found.stdout) == (0, "mine\n")
    assert found.says(WARNING, "the program imported nothing")


def test_what_keeps_autotrace_from_starting_is_said(library: Any) -> None:
    library.write("autotrace/__init__.py", "raise RuntimeError('another autotrace')")
    library.write("app.py", f"import {library.name}")
    output = library.site / "report.json"
    # The doctor is the real one, by its place on the path; the program finds the wrong one.
    code = f"import sys; sys.path.insert(0, {SOURCE!r}); from autotrace._cli import main; sys.exit(main(sys.argv[1:]))"
    line = [sys.executable, "-c", code, "doctor", "--json", "--output", str(output), "--", "app.py"]
    variables = {**environment(library), "PYTHONPATH": os.pathsep.join([str(library.site), SOURCE])}
    done = subprocess.run(line, env=variables, cwd=library.site, capture_output=True, text=True, timeout=600, check=False)
    data = json.loads(output.read_text())
    assert done.returncode == 1
    assert "another autotrace" in str([one["text"] for one in data["findings"] if one["mark"] == PROBLEM])


@pytest.mark.skipif(os.name == "nt", reason="shebangs")
@pytest.mark.parametrize(
    ("first_line", "says"),
    [
        (f"#!{sys.executable} -S", "it runs with -S, so Python reads no .pth file and no sitecustomize at startup"),
        ("#!/bin/sh", "it is not run by Python"),
    ],
)
def test_a_program_that_cannot_be_reached_and_why(library: Any, first_line: str, says: str) -> None:
    (library.site / "tool").write_text(f"{first_line}\n")
    (library.site / "tool").chmod(0o755)
    found = examine(library, "--", "./tool")
    assert found.code == 1
    assert found.says(PROBLEM, "autotrace was not on in tool: no report was written")
    assert any(says in text for text in found.texts(PROBLEM, NOTE))
    assert found.data["process"] is None


# ------------------------------------------------------------------------------------------------- without a program


@pytest.mark.parametrize("switch", [None, "0"])
def test_the_environment_is_examined_by_importing_each_library(library: Any, without_plugins: str, switch: str | None) -> None:
    library.write(f"{library.name}/__init__.py", "import os\nprint('noise')\nos.write(1, b'noise')\n")
    found = examine(library) if switch is None else examine_alone(library, without_plugins, AUTOTRACE=switch)
    assert (found.stdout, found.stderr) == ("", "")
    assert found.data["process"]["executable"] == sys.executable
    state = plugin_of(library, found)["state"]
    if switch is None:
        assert state == "patched"
        assert found.says(NOTE, "off: AUTOTRACE is not set")
    else:
        assert (found.code, state) == (1, "disabled")
        assert found.says(PROBLEM, "AUTOTRACE=0 is set")


def test_a_library_that_ends_the_process_is_named(library: Any, without_plugins: str) -> None:
    library.write(f"{library.name}/__init__.py", "import os\nos._exit(7)")
    found = examine_alone(library, without_plugins)
    assert found.code == 1
    assert found.says(PROBLEM, f"importing {library.name} ends the process (ended with exit code 7)")


@pytest.mark.skipif(os.name == "nt", reason="sh")
def test_a_closed_stdout_is_said(library: Any, without_plugins: str) -> None:
    closed = ("sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-S")
    found = examine(library, python=closed, PYTHONPATH=without_plugins)
    data = found.data
    sinks = {"stdout": {"where": "stderr", "problem": None}}
    assert data["process"]["output"] == {"sinks": sinks, "descriptor": 2, "stdout": "closed"}
    assert "stdout is closed: records go to stderr" in [one["text"] for one in data["findings"]]


def test_a_plugin_without_its_library_is_no_problem(library: Any, without_plugins: str) -> None:
    (library.site / library.name).rename(library.site / "elsewhere")
    found = examine_alone(library, without_plugins)
    assert found.says(NOTE, f"{library.distribution} 0.3: {library.name} is not installed")
    assert library.name not in str(found.texts(WARNING, PROBLEM))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["app.py"], "put the program after --"),
        (["--nonsense"], "put the program after --"),
        (["--"], "no program given after --"),
        (["--", "no-such-program"], "program not found: no-such-program"),
        (["--", "-X", "dev"], "unknown option -X"),
        (["--output", "/no/such/directory/x"], "/no/such/directory/x: No such file or directory"),
    ],
)
def test_what_cannot_be_understood_is_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err


# ---------------------------------------------------------------------------------------------------- what is reported


def test_a_process_reports_the_line_of_code_that_enabled_it(library: Any) -> None:
    file = library.site / "reports"
    file.touch()
    library.write("app.py", "import autotrace\n\nautotrace.enable()\n")
    variables = environment(library, AUTOTRACE_DOCTOR=str(file))
    subprocess.run([sys.executable, "app.py"], env=variables, cwd=library.site, timeout=600, check=True)
    start, end = map(json.loads, file.read_text().splitlines())
    assert (start["event"], end["event"], start["pid"]) == ("start", "end", end["pid"])
    assert end["way"]["how"] == "code"
    assert end["way"]["where"].endswith("app.py:3")


def test_nothing_is_written_where_nobody_waits_and_nothing_loaded_where_nobody_asks(library: Any) -> None:
    library.write(
        "app.py", "import sys, autotrace\nautotrace.enable()\nprint('autotrace._instrumentation.reporting' in sys.modules)"
    )
    for variables, loaded in ({}, "False"), ({"AUTOTRACE_DOCTOR": str(library.site / "gone")}, "True"):
        line = [sys.executable, "app.py"]
        done = subprocess.run(
            line,
            env=environment(library, **variables),
            cwd=library.site,
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        assert (done.stdout, done.stderr) == (f"{loaded}\n", "")
    assert not (library.site / "gone").exists()


def process(**changes: Any) -> dict[str, Any]:
    return {
        "way": {"how": ".pth", "where": "/site-packages/autotrace.pth"},
        "enabled": True,
        "flags": [],
        "variables": {"AUTOTRACE": "1"},
        **changes,
    }


def view(**changes: Any) -> dict[str, Any]:
    return {
        "package": "acme",
        "distribution": "autotrace-acme",
        "version": "0.3",
        "library": {"distribution": "acme-sdk", "version": "2", "installed": True, "error": None},
        "requires": ["acme-sdk>=2"],
        "state": "patched",
        "reason": None,
        "outside": False,
        "targets": {"acme.client:Client.chat": {"state": "patched", "reason": None}},
        **changes,
    }


@pytest.mark.parametrize(
    ("flags", "has_file", "says", "advice"),
    [
        (["-S"], True, "Python runs with -S", "without -S"),
        (["-I", "-E", "-s"], False, "Python runs with -I", "autotrace.pth is not in this interpreter's site-packages"),
        ([], True, "off, although AUTOTRACE=1 is set", "autotrace.boot"),
    ],
)
def test_on_by_the_environment_and_yet_off(flags: list[str], has_file: bool, says: str, advice: str) -> None:
    found = list(report.of_nothing(process(flags=flags), has_file))
    assert {finding.mark for finding in found} == {PROBLEM}
    assert len(found) == 1 + bool(flags)
    assert any(says in finding.text for finding in found)
    assert advice in found[0].advice


def test_flags_that_prevented_nothing_are_only_noted() -> None:
    found = list(report.of_way(process(flags=["-E"], variables={"AUTOTRACE": "1", "PYTHONNOUSERSITE": "1"})))
    assert [finding.mark for finding in found] == [OK, NOTE]
    assert found[0].text == "on, by autotrace.pth (/site-packages/autotrace.pth)"
    variables = {"PYTHONNOUSERSITE": "1"}
    found = list(report.of_way(process(flags=["-s"], variables=variables, way={"how": "code", "where": None})))
    assert len(found) == 2
    assert found[0].text == "on, by enable() in the code"
    assert "PYTHONNOUSERSITE=1" in found[1].text


@pytest.mark.parametrize(
    ("changes", "marks"),
    [
        ({}, [OK]),
        ({"state": "waiting", "reason": "acme has not been imported"}, [NOTE]),
        ({"state": "disabled", "reason": "disable() was called"}, [NOTE]),
        ({"state": "refused", "reason": "x answers for acme", "outside": None}, [WARNING]),
        ({"state": "failed", "reason": "ImportError: x"}, [PROBLEM]),
        ({"outside": True}, [OK, PROBLEM]),
        ({"targets": {"a:b": {"state": "failed", "reason": "x"}, "a:c": {"state": "waiting", "reason": "y"}}}, [OK, PROBLEM]),
        ({"targets": {"a:b": {"state": "disabled", "reason": "it failed ten times"}}}, [OK, PROBLEM]),
        ({"targets": {"a:b": {"state": "patched", "reason": None, "below": "other", "late": True}}}, [OK, WARNING, WARNING]),
        ({"targets": {}}, [OK]),
    ],
)
def test_what_a_plugin_is_worth_saying(changes: dict[str, Any], marks: list[str]) -> None:
    assert [finding.mark for finding in report.of_plugins([view(**changes)])] == marks


def test_nothing_installed_and_something_missing() -> None:
    (found,) = report.of_plugins([])
    assert found.mark == PROBLEM
    _, missing = report.of_plugins([view()], ["other"])
    assert (missing.mark, missing.advice) == (WARNING, "pip install 'llm-autotrace[other]'")


findings = st.lists(
    st.builds(Finding, st.sampled_from(["activation", "plugins"]), st.sampled_from([OK, NOTE, WARNING, PROBLEM]), st.text())
)


@given(findings, st.booleans())
def test_every_finding_is_one_line_and_a_problem_decides(found: list[Finding], color: bool) -> None:
    text = report.render(found, color)
    sections = len({finding.section for finding in found})
    blank = max(sections - 1, 0) + 1
    assert text.count("\n") == len(found) + sum(bool(one.advice) for one in found) + sections + blank + 1
    assert ("\x1b" in text) == (color and bool(found))
    marks = {finding.mark for finding in found}
    assert report.exit_code(found, strict=False) == int(PROBLEM in marks)
    assert report.exit_code(found, strict=True) == int(bool(marks & {PROBLEM, WARNING}))


def test_how_a_process_ended() -> None:
    assert report.ended(0) == "ended with exit code 0"
    assert report.ended(-9) == ("killed by SIGKILL" if os.name != "nt" else "killed by signal 9")
    assert report.ended(-999) == "killed by signal 999"


def test_half_a_line_of_a_killed_process_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "reports"
    file.touch()
    reporting.append(str(file), {"event": "start"})
    with open(file, "a") as out:
        out.write('{"event": "e')
    assert probing.read(str(file)) == [{"event": "start"}]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (["python3", "ask.py", "a question"], ["python3", "ask.py", "…"]),
        (["/bin/python", "-X", "dev", "-m", "ask", "a question"], ["/bin/python", "-X", "dev", "…"]),
        (["python", "-c", "print('a question')"], ["python", "-c", "…"]),
        (["python", "-B", "ask.py"], ["python", "-B", "ask.py"]),
        (["/venv/bin/ask", "a question"], ["/venv/bin/ask", "…"]),
        (["ask"], ["ask"]),
        ([], []),
    ],
)
def test_a_command_line_without_the_arguments_of_the_program(line: list[str], shown: list[str]) -> None:
    assert reporting.without_arguments(line) == shown


@pytest.mark.parametrize("off", [True, False])
def test_the_report_has_the_arguments_of_the_program_only_with_content_on(library: Any, off: bool) -> None:
    child = f"[sys.executable, '-c', 'import {library.name}', 'the question']"
    code = f"import {library.name}, subprocess, sys\nsubprocess.run({child})"
    found = run(library, code, **({"AUTOTRACE_CONTENT": "off"} if off else {}))
    assert [text in json.dumps(found.data) for text in ("the question", "an argument")] == [not off] * 2
