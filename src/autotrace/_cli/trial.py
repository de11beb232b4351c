"""Runs a program to see whether it is traced: like `autotrace run`, but as a child process whose report is read at its end."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from autotrace._cli import activation, interpreters, report, run
from autotrace._cli.probing import described, read, reports
from autotrace._cli.report import NOTE, OK, PROBLEM, WARNING, Finding
from autotrace._instrumentation import reporting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Data = dict[str, Any]


def examine(program: Sequence[str]) -> tuple[list[Finding], Data]:
    """Return findings about `PROGRAM ARGS…` and the data behind them. Raises `NotRunnableError`."""
    if not program:
        raise run.NotRunnableError("no program given after --")
    line = run.command(program)
    with reports() as path:
        variables = {**activation.environment(os.environ, line), reporting.VARIABLE: path}
        pid, code = _run(line, variables)
        lines = read(path)
    ends = {one["pid"]: one for one in lines if one["event"] == "end"}
    starts = {one["pid"]: one for one in lines if one["event"] == "start"}
    # The process of a shell script is not traced itself; the first traced process stands for it.
    first = pid if pid in starts or pid in ends else next(iter([*starts, *ends]), None)
    children = [one for number, one in ends.items() if number != first]
    process = None if first is None else ends.get(first)
    views: list[Data] = []
    if process is not None:
        findings, views = _of_process(process)
    elif first is not None:
        findings = [Finding("activation", WARNING, "on, but the process left no report, so the result is unknown", VANISHED)]
    else:
        findings = list(_why_silent(line, variables))
    shown = reporting.without_arguments(line) if _hides_content(process, variables) else line
    findings += _of_program(shown, code, process, children, silent=len(set(starts) - set(ends) - {first}))
    result = {"command": shown, "exit_code": code, "children": [_brief(child) for child in children]}
    return findings, {"process": process and described(process), "plugins": views, "program": result}


def _hides_content(process: Data | None, variables: Mapping[str, str]) -> bool:
    """Whether content is off in the program, for all libraries or for one."""
    if process is None:
        return variables.get("AUTOTRACE_CONTENT", "on").strip().lower() not in ("", "1", "true", "yes", "on")
    content = process["settings"]["content"]
    return not all(one["value"] for one in (content, *content["libraries"].values()))


LONGEST_COMMAND = 100
VANISHED = "it was killed, called os._exit, or replaced itself by another program (exec)"


def _run(line: list[str], variables: Mapping[str, str]) -> tuple[int, int]:
    """Run the program to its end. Return its process id and exit code, which is negative for the signal that killed it.

    The terminal sends Ctrl-C to the program as well, so we ignore it and stay to report. Signals sent only to us are passed on.
    """
    import subprocess

    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: object) -> None:
        for process in running:
            process.send_signal(number)

    before = {}
    for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if (
            number is not None and signal.getsignal(number) is not signal.SIG_IGN
        ):  # nohup ignores it, and the program inherits that
            from_terminal = name in ("SIGINT", "SIGQUIT")
            before[number] = signal.signal(number, (lambda number, frame: None) if from_terminal else pass_on)
    try:
        with subprocess.Popen(line, env=variables) as process:
            running.append(process)
            return process.pid, process.wait()
    except OSError as exc:
        raise run.NotRunnableError(f"{line[0]}: {exc.strerror or exc}") from exc
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _of_process(process: Data) -> tuple[list[Finding], list[Data]]:
    from autotrace._cli import inspection, libraries

    _name_the_file(process)
    views = inspection.of_process(process["plugins"])
    without = libraries.without_plugin(view["distribution"] for view in views)
    findings = [
        report.interpreter(process),
        *report.of_way(process),
        *report.of_settings(process),
        *report.of_output(process),
        *report.of_plugins(views, [library for library in without if library in process["packages"]]),
    ]
    return findings, views


def _name_the_file(process: Data) -> None:
    """Name pyproject.toml as the source of its settings: the program got them as variables, as under `autotrace run`."""
    from autotrace.errors import AutotraceError

    try:
        given = activation.variables_of_file(os.getcwd())
    except (AutotraceError, OSError):  # reported when the program was started
        return
    for name, setting in process["settings"].items():
        variable = "AUTOTRACE_" + name.upper()
        if setting["source"] == "variable" and variable in given and os.environ.get(variable) != given[variable]:
            setting["source"] = "file"


def _why_silent(line: list[str], variables: Mapping[str, str]) -> Iterator[Finding]:
    """What can be seen from outside about a program in which autotrace was not on."""
    switch = variables.get("AUTOTRACE", "").strip()
    if switch.lower() in ("0", "false", "no", "off"):
        yield report.switched_off(switch)
        return
    name = os.path.basename(line[0])
    python = interpreters.running(line, variables)
    obstacle = None if python is None else activation.obstacle_to(python, line[0])
    if obstacle is None and python is not None and python.is_this:
        enabled, said = _try_an_import(variables)
        if enabled:
            text = "no report was written: the program imported nothing, or ended during startup"
            yield Finding("activation", WARNING, text, "autotrace is enabled by the first import after Python's own startup")
            return
        yield from said
    yield Finding("activation", PROBLEM, f"autotrace was not on in {name}: no report was written")
    if python is None:
        yield Finding("activation", NOTE, "it is not run by Python, and no program that it started wrote a report")
    elif obstacle is not None:
        yield Finding("activation", PROBLEM, f"it {obstacle}")


def _try_an_import(variables: Mapping[str, str]) -> tuple[bool, list[Finding]]:
    """Whether autotrace starts in the environment of a program, and its diagnostics if it does not."""
    import subprocess

    with reports() as path:
        line = [sys.executable, "-c", "import autotrace"]
        done = subprocess.run(
            line, env={**variables, reporting.VARIABLE: path}, capture_output=True, text=True, errors="replace", check=False
        )
        return bool(read(path)), list(report.of_diagnostics(done.stderr))


def _of_program(line: list[str], code: int, process: Data | None, children: list[Data], silent: int) -> Iterator[Finding]:
    """How the program ended, and its children: those that reported, and the number of `silent` ones without a report."""
    import shlex

    command = shlex.join(line)
    shown = command if len(command) <= LONGEST_COMMAND else command[: LONGEST_COMMAND - 1] + "…"
    yield Finding("program", NOTE if code else OK, f"{shown}: {report.ended(code)}")
    records = None if process is None else process["records"]
    if records is not None:
        yield Finding("program", OK if records else NOTE, report.counted(records, "record"))
    if children:
        written = [child["records"] for child in children if child["records"] is not None]
        total = f", with {report.counted(sum(written), 'record')}" if written else ""
        yield Finding("program", OK, f"{report.counted(len(children), 'more process')} reported{total}")
    aside = sum(child["output"]["descriptor"] == 2 and "stdout" in child["output"]["sinks"] for child in children)
    if aside:
        yield Finding(
            "program", NOTE, f"{aside} of them wrote to stderr, because their stdout is not that of the first traced process"
        )
    if silent:
        text = f"{report.counted(silent, 'more process')} left no report; multiprocessing workers never do"
        yield Finding("program", NOTE, text)
    for child in children:
        for where, count in child["failures"].items():
            text = f"process {child['pid']}: {report.counted(count, 'failure')} inside autotrace: {where}"
            yield Finding("program", PROBLEM, text)


def _brief(child: Data) -> Data:
    return {key: child[key] for key in ("pid", "argv", "enabled", "way", "output", "failures", "records")}
