"""Check a plugin without a call: `check` compares its `Instrumentor` with the installed library."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import Any, Literal, NamedTuple

from autotrace._declaration import conventions, paths
from autotrace._declaration.instrumentor import Choice
from autotrace._declaration.operation import Operation
from autotrace._discovery import distributions
from autotrace._discovery.requirements import Requirement
from autotrace._instrumentation import patcher
from autotrace.errors import nearest
from autotrace.plugin import Continues, Instrumentor, Observer, RunsInside
from autotrace.testing import _probing


class Finding(NamedTuple):
    """One finding of `check`."""

    level: Literal["problem", "note"]
    """A problem is a defect. A note is worth a look, but may be right."""
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.what}"


class Report:
    """The findings of `check`. True if there is no problem; `str()` and `repr()` have a title and a line for each finding."""

    def __init__(self, title: str, findings: list[Finding]) -> None:
        self.title = title
        self.findings = findings

    @property
    def problems(self) -> list[Finding]:
        """The findings that are defects."""
        return [finding for finding in self.findings if finding.level == "problem"]

    def __bool__(self) -> bool:
        return not self.problems

    def __repr__(self) -> str:
        lines = [f"{self.title}: {len(self.problems)} problems, {len(self.findings) - len(self.problems)} notes"]
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings)])


def check(instrumentor: Instrumentor, *, lacks: Iterable[str] = ()) -> Report:
    """Check a plugin without a call. The report is true if there is no problem:

        assert check(instrumentor)

    It covers the entry point, the requirements, the targets (each exists in the installed library or is declared for
    another version, can be replaced, and has a signature), the operations (model, usage, output, id), and whether `reduce`
    accepts any prefix of a stream. `lacks` are attributes that the library does not provide for every operation. The library
    is imported, and the plugin is imported again in a process of its own. Nothing is patched.
    """
    entry = _entry_point(instrumentor)
    title = f"{entry.distribution} {entry.version}" if entry is not None else "a plugin that is not installed"
    findings = [*_entry(entry), *_requirements(instrumentor)]
    for choice in instrumentor.choose(_version_of):
        findings += _target(choice)
    for name, operation in _operations(instrumentor, entry):
        findings += _operation(name, operation, frozenset(lacks))
    return Report(title, findings)


def _entry_point(instrumentor: Instrumentor) -> distributions.EntryPoint | None:
    """The installed entry point that leads to this `instrumentor`, by identity."""
    for entry in distributions.scan():
        module, _, attribute = entry.value.partition(":")
        if module in sys.modules:
            value: Any = sys.modules[module]
            for part in attribute.split("."):
                value = getattr(value, part, None)
            if value is instrumentor:
                return entry
    return None


_IMPORT = "import sys; import {module}; print(*sorted(sys.modules))"


def _entry(entry: distributions.EntryPoint | None) -> Iterator[Finding]:
    if entry is None:
        yield Finding(
            "problem",
            "entry point",
            f"no entry point in the group {distributions.GROUP} leads to this Instrumentor; install the plugin (pip install "
            '-e .), and check that pyproject.toml has [project.entry-points."autotrace.instrumentors"]',
        )
        return
    if not entry.distribution.startswith("autotrace-"):
        yield Finding("note", "distribution", f"the name {entry.distribution} does not start with autotrace-, as users expect")
    plugin = entry.value.partition(":")[0]
    code = _IMPORT.format(module=plugin)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        yield Finding("problem", plugin, f"cannot be imported in a new process: {done.stderr.strip().splitlines()[-1]}")
    elif entry.package in done.stdout.split():
        yield Finding(
            "problem", plugin, f"imports {entry.package}; a plugin is loaded before its library, and must not import it"
        )


def _requirements(instrumentor: Instrumentor) -> Iterator[Finding]:
    if not instrumentor.requires:
        yield Finding("problem", "requires", "is empty; name the library's distribution and versions, such as 'acme-sdk>=2,<4'")
    allowed = {}
    for requirement in map(Requirement, instrumentor.requires):
        installed = _version_of(requirement.distribution)
        if installed is not None:
            allowed[requirement.text] = requirement.allows(installed)
        if not requirement.clauses:
            yield Finding(
                "note",
                "requires",
                f"{requirement.text!r} has no version range; add one, so that users are told if theirs is not supported",
            )
    if instrumentor.requires and not allowed:
        yield Finding(
            "problem",
            "requires",
            f"none of {', '.join(instrumentor.requires)} is installed; install one of them to check the targets",
        )
    elif allowed and not any(allowed.values()):
        yield Finding(
            "problem", "requires", f"{', '.join(allowed)} does not allow the installed version; change the range or the version"
        )


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _target(choice: Choice) -> Iterator[Finding]:
    if choice.use == "skipped":  # declared for another version
        return
    key, target = choice.key, choice.target
    module_name, _, name = key.partition(":")
    level: Literal["problem", "note"] = "problem" if choice.use == "expected" else "note"
    try:
        raw = patcher.find(importlib.import_module(module_name), name)
    except (ImportError, LookupError) as exc:
        what = f"{exc.args[0]}. The installed version does not have it; declare targets of other versions with shapes="
        yield Finding(level, key, what)
        return
    function = getattr(raw, "__func__", raw)
    home = str(getattr(function, "__module__", "")).partition(".")[0]
    if isinstance(function, (FunctionType, BuiltinFunctionType)) and home in ("builtins", *sys.stdlib_module_names):
        yield Finding("problem", key, f"is defined in {home}; other uses of it would be traced as well")
        return
    if isinstance(function, (BuiltinFunctionType, MethodDescriptorType)):
        yield Finding("note", key, "is a C function; its replacement is a proxy, which cannot be pickled")
    elif not isinstance(function, FunctionType):
        yield Finding("problem", key, f"is a {type(function).__qualname__}; a target must be a function or a method")
        return
    try:
        names = tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        yield Finding("note", key, "has no signature, so its arguments have no names; use call.args in a route")
        return
    if isinstance(target, Operation):
        yield from _arguments(key, target, names)
    elif not isinstance(target, (RunsInside, Observer, Continues)) and not callable(target):
        yield Finding("problem", key, f"is {target!r}; expected an Operation or a route")


def _arguments(key: str, operation: Operation, parameters: tuple[inspect.Parameter, ...]) -> Iterator[Finding]:
    """Check the request getters of a target that is an operation: they read the arguments by name."""
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return
    names = [parameter.name for parameter in parameters]
    for field, getter in operation.request:
        for root in getattr(getter, "roots", None) or ():
            if root not in names:
                what = f"{field.attribute} reads the argument {root!r}, which the function does not have{nearest(root, names)}"
                yield Finding("problem", key, what)


def _operations(instrumentor: Instrumentor, entry: distributions.EntryPoint | None) -> Iterator[tuple[str, Operation]]:
    """Every operation that the plugin declares: its targets, and what its modules hold, also in mappings and sequences."""
    seen: set[int] = set()
    plugin = entry.value.partition(":")[0].partition(".")[0] if entry is not None else None
    shapes = instrumentor.shapes.values()
    queue: list[tuple[str, Any]] = [item for targets in (instrumentor.targets, *shapes) for item in targets.items()]
    for name, module in sorted(sys.modules.items()):
        if plugin is not None and name.partition(".")[0] == plugin:
            queue += [(f"{name}:{key}", value) for key, value in vars(module).items() if not key.startswith("__")]
    while queue:
        name, value = queue.pop(0)
        if isinstance(value, Operation) and id(value) not in seen:
            seen.add(id(value))
            yield name, value
        elif isinstance(value, dict):
            queue += [(f"{name}[{key!r}]", one) for key, one in value.items()]
        elif isinstance(value, (list, tuple)):
            queue += [(f"{name}[{number}]", one) for number, one in enumerate(value)]


_PROMPT, _ANSWER = "gen_ai.input.messages", "gen_ai.output.messages"
_USAGE = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")


def _operation(name: str, operation: Operation, lacks: frozenset[str]) -> Iterator[Finding]:
    declared = {field.attribute for field, _ in (*operation.request, *operation.response)}
    generates = operation.name in conventions.GENERATIONS
    where = f"{name} ({operation.name})"
    wanted: dict[str, Literal["problem", "note"]] = {}
    if generates:
        wanted = {"gen_ai.request.model": "problem", _PROMPT: "problem", _ANSWER: "problem", **dict.fromkeys(_USAGE, "problem")}
        wanted |= {"gen_ai.response.id": "note", "gen_ai.response.model": "note", "gen_ai.response.finish_reasons": "note"}
        if operation.transparent:  # the calls that it wraps record the rest
            wanted = dict.fromkeys(wanted, "note")
    elif operation.name == "embeddings":
        wanted = {"gen_ai.request.model": "problem", _USAGE[0]: "note"}
    elif operation.name == "execute_tool":
        wanted = {"gen_ai.tool.name": "problem", "gen_ai.tool.call.arguments": "note", "gen_ai.tool.call.result": "note"}
    for attribute, level in wanted.items():
        if attribute not in declared:
            yield Finding("note" if attribute in lacks else level, where, f"no field is declared for {attribute}")
    if generates and operation.stream and operation.reduce is None:
        yield Finding("problem", where, "has stream= but no reduce=; a streamed answer would not be recorded")
    if operation.reduce is not None:
        for fault in _probing.faults_of_reduce(operation.reduce):
            yield Finding("problem" if fault.likely else "note", where, fault.what)
    for field, getter in operation.response:
        if not isinstance(getter, paths.Path) and (what := _probing.fault_of_getter(getter)):
            yield Finding("note", where, f"the getter of {field.attribute} {what}")
