"""The report of `autotrace doctor`: turns what a process says about itself into findings, and findings into text.

Pure functions of plain JSON values: a `process` comes from `autotrace._instrumentation.reporting.collect`, a `view` from
`autotrace._cli.inspection`.
"""

from __future__ import annotations

import contextlib
import json
import signal
from typing import Any, NamedTuple

from autotrace._cli import plugins, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OK, NOTE, WARNING, PROBLEM = "ok", "note", "warning", "problem"
COLORS = {OK: "\x1b[32m", NOTE: "\x1b[2m", WARNING: "\x1b[33m", PROBLEM: "\x1b[31m"}
RESET = "\x1b[0m"
SITES = {".pth": "autotrace.pth", ".start": "autotrace.start", "sitecustomize": "sitecustomize.py"}
FLAG_SAYS = {
    "-I": "PYTHON* variables and the user's site-packages are ignored",
    "-E": "PYTHON* variables are ignored",
    "-S": "site-packages and sitecustomize are ignored",
    "-s": "the user's site-packages are ignored",
}
PYTHON_SAYS = {
    "PYTHONHOME": "the standard library and site-packages are expected there",
    "PYTHONNOUSERSITE": FLAG_SAYS["-s"],
}


class Finding(NamedTuple):
    """One line of the report, and what to do about it."""

    section: str
    mark: str
    text: str
    advice: str = ""


# ---------------------------------------------------------------------------------------------------------- activation


def interpreter(process: Mapping[str, Any]) -> Finding:
    """Which Python was examined."""
    import autotrace

    return Finding(
        "activation", OK, f"autotrace {autotrace.__version__} on Python {process['python']} ({process['executable']})"
    )


def of_way(process: Mapping[str, Any]) -> Iterator[Finding]:
    """A process in which autotrace is or was on: how it was switched on, and which flags and variables did not prevent it."""
    way = process["way"]
    where = f" ({way['where']})" if way["where"] else ""
    by = "by enable() in the code" if way["how"] == "code" else f"by {SITES.get(way['how'], way['how'])}"
    yield Finding("activation", OK, f"on, {by}{where}")
    for text in restrictions(process):
        yield Finding("activation", NOTE, f"{text}; autotrace is on nevertheless")
    if not process["enabled"]:
        yield Finding("activation", NOTE, "the program switched it off again with disable()")


def of_nothing(process: Mapping[str, Any], has_file: bool) -> Iterator[Finding]:
    """A process in which autotrace is not on. `has_file`: `autotrace.pth` is installed for its interpreter."""
    switch = process["variables"].get("AUTOTRACE", "").strip()
    if not switch:
        yield Finding(
            "activation",
            NOTE,
            "off: AUTOTRACE is not set; the rest of this report was made with it on",
            "set AUTOTRACE=1, use `autotrace run PROGRAM`, or call autotrace.enable() in the code",
        )
    elif switch.lower() in ("0", "false", "no", "off"):
        yield switched_off(switch)
    else:
        yield Finding("activation", PROBLEM, f"off, although AUTOTRACE={switch} is set", _way_out(process, has_file))
    for text in restrictions(process):
        yield Finding("activation", PROBLEM if switch else NOTE, text)


def switched_off(switch: str) -> Finding:
    """``AUTOTRACE=0``: the operator's decision, which overrides everything."""
    text = f"off: AUTOTRACE={switch} is set, which overrides every other setting"
    return Finding("activation", PROBLEM, text, "unset AUTOTRACE, or set it to 1")


def _way_out(process: Mapping[str, Any], has_file: bool) -> str:
    if "-S" in process["flags"]:
        return "start Python without -S, or call autotrace.enable() in the code"
    if has_file:
        return "see the line on stderr whose event is autotrace.boot"
    return (
        "autotrace.pth is not in this interpreter's site-packages: install llm-autotrace there, "
        "or use `autotrace run`, which does not need it"
    )


def restrictions(process: Mapping[str, Any]) -> Iterator[str]:
    """The interpreter's flags and variables that disable a way of activation."""
    flags, variables = process["flags"], process["variables"]
    isolated = "-I" in flags  # implies -E and -s
    reads_variables = not isolated and "-E" not in flags
    by_variable = reads_variables and bool(variables.get("PYTHONNOUSERSITE"))  # Python reports it as -s
    for flag in flags:
        if not (isolated and flag in ("-E", "-s")) and not (by_variable and flag == "-s"):
            yield f"Python runs with {flag}: {FLAG_SAYS[flag]}"
    for name, says in PYTHON_SAYS.items():
        if reads_variables and variables.get(name):
            yield f"{name}={variables[name]} is set: {says}"


def of_diagnostics(stderr: str) -> Iterator[Finding]:
    """The diagnostics that autotrace wrote during the examination, if the rest of the report does not cover them."""
    for text in stderr.splitlines():
        if text.startswith('{"timestamp"'):
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if line.get("event") in ("autotrace.boot", "autotrace.discovery", "autotrace.hook"):
                    yield Finding("activation", PROBLEM, str(line.get("message")))


# -------------------------------------------------------------------------------------------------- settings and output


def of_settings(process: Mapping[str, Any]) -> Iterator[Finding]:
    """Each effective value, its source, and what could not be read."""
    for name, setting in process["settings"].items():
        yield Finding("settings", OK, f"{name} = {_value(setting['value'])} ({_source(name, setting['source'])})")
        for library, own in setting["libraries"].items():
            text = f"{name} = {_value(own['value'])} for {library} ({_source(name, own['source'])})"
            yield Finding("settings", OK, text)
    for text in process["malformed"]:
        yield Finding("settings", PROBLEM, text)
    for name in process["unknown_variables"]:
        yield Finding("settings", WARNING, f"{name} is not a known setting; the variable is ignored")
    for name in process["unknown_tables"]:
        text = f"[tool.autotrace.{name}]: no plugin for {name!r} is installed; the table is ignored"
        yield Finding("settings", WARNING, text)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "not set" if value is None else ("on" if value else "off") if isinstance(value, bool) else str(value)


def _source(name: str, source: str) -> str:
    return f"variable AUTOTRACE_{name.upper()}" if source == "variable" else source


def of_output(process: Mapping[str, Any]) -> Iterator[Finding]:
    """Where the records go, and what failed there."""
    output = process["output"]
    for name, place in output["sinks"].items():
        if place["problem"]:
            yield Finding("output", PROBLEM, f"records cannot go to {place['where']}: {place['problem']}")
        elif name == "stdout" and output["stdout"] == "closed":
            yield Finding("output", WARNING, f"stdout is closed: records go to {place['where']}")
        elif name == "stdout" and output["stdout"] == "another":
            yield Finding(
                "output",
                WARNING,
                "stdout differs from that of the first traced process: records go to stderr",
                "set AUTOTRACE_FILE, or unset AUTOTRACE_STDOUT for a child process that has its own output",
            )
        else:
            yield Finding("output", OK, f"records go to {place['where']}")
    for where, count in process["failures"].items():
        text = f"{counted(count, 'failure')} inside autotrace: {where}"
        yield Finding("output", PROBLEM, text, "see the line on stderr whose event is autotrace.failure")


# ------------------------------------------------------------------------------------------------------------- plugins


def of_plugins(views: Iterable[Mapping[str, Any]], without: Iterable[str] = ()) -> Iterator[Finding]:
    """Each plugin with its targets; `without` lists libraries whose plugin is not installed."""
    views = list(views)
    for view in views:
        yield from _of_plugin(view)
    for library in without:
        text = f"{library} is installed, but its plugin is not"
        yield Finding("plugins", WARNING, text, f"pip install 'llm-autotrace[{library}]'")
    if not views:
        advice = "`pip install 'llm-autotrace[all]'` installs all first-party plugins"
        yield Finding("plugins", PROBLEM, "no plugin is installed: nothing can be traced", advice)


def _of_plugin(view: Mapping[str, Any]) -> Iterator[Finding]:
    title = f"{view['distribution']} {view['version']}".strip()
    library = f"{view['package']} {view['library']['version'] or ''}".strip()
    state, reason = view["state"], view["reason"] or ""
    if state == "refused":
        yield Finding("plugins", WARNING, f"{title}: refused: {reason}")
    elif view["library"]["error"]:
        yield Finding("plugins", PROBLEM, f"{title}: {reason}")
    elif state == "failed":
        advice = f"reinstall or update {view['distribution']}; until then {view['package']} works, but is not traced"
        yield Finding("plugins", PROBLEM, f"{title}: failed: {reason}", advice)
    elif state != "patched":
        yield Finding("plugins", NOTE, f"{title}: {reason}")
    else:
        yield from _of_targets(title, library, view["targets"])
    if view["outside"]:
        text = f"{title}: made for {' or '.join(view['requires'])}, but {library} is installed"
        yield Finding("plugins", PROBLEM, text, f"update {view['distribution']}; targets that still exist are traced")


def _of_targets(title: str, library: str, targets: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    states = [target["state"] for target in targets.values() if target["state"] != "skipped"]
    patched, waiting = states.count("patched"), states.count("waiting")
    wait = f"; {waiting} wait for their module to be imported" if waiting else ""
    text = f"{title}: {library}, {patched} of {len(states)} targets patched{wait}" if states else f"{title}: {library}"
    yield Finding("plugins", OK, text)
    for key, target in targets.items():
        if target["state"] in ("missing", "failed", "disabled"):
            yield Finding("plugins", PROBLEM, f"{key}: {target['state']}: {target['reason']}")
        others = plugins.neighbours(target)
        if others:
            yield Finding("plugins", WARNING, f"{key} is also wrapped by another agent: {others}", "both record each call")
    if any(target.get("late") for target in targets.values()):
        yield _late(library, targets)


def _late(library: str, targets: Mapping[str, Mapping[str, Any]]) -> Finding:
    aliases = sorted({alias for target in targets.values() for alias in target.get("aliases") or ()})
    found = f"; copies found and patched: {', '.join(aliases)}" if aliases else ""
    return Finding(
        "plugins",
        WARNING,
        f"{library} was imported before autotrace was enabled{found}; copies in closures, default arguments, instances, "
        "containers and functools.partial cannot be found",
        "enable autotrace before the import, or without code (AUTOTRACE=1)",
    )


# ---------------------------------------------------------------------------------------------------------------- text


def ended(code: int) -> str:
    """Describe how a process ended; a negative code is the number of the signal that killed it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def exit_code(findings: Iterable[Finding], strict: bool) -> int:
    """Return 1 if there is a problem or, with `strict`, a warning; else 0."""
    return int(any(finding.mark == PROBLEM or (strict and finding.mark == WARNING) for finding in findings))


def render(findings: Iterable[Finding], color: bool = False) -> str:
    """Return the findings as text by section, each with its mark, and the number of problems and warnings at the end."""
    findings = list(findings)
    lines: list[str] = []
    for section in dict.fromkeys(finding.section for finding in findings):
        lines += [*([""] if lines else []), section]
        for finding in findings:
            if finding.section == section:
                mark = f"{finding.mark:<8}"
                mark = f"{COLORS[finding.mark]}{mark}{RESET}" if color else mark
                lines.append(f"  {mark} {table.on_one_line(finding.text)}")
                lines += [f"           {table.on_one_line(finding.advice)}"] * bool(finding.advice)
    marks = [finding.mark for finding in findings]
    lines += ["", f"{counted(marks.count(PROBLEM), 'problem')}, {counted(marks.count(WARNING), 'warning')}"]
    return "".join(f"{line}\n" for line in lines)


def counted(count: int, noun: str) -> str:
    """`no records`, `1 record`, `2 records`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count or 'no'} {noun if count == 1 else plural}"
