"""`autotrace coverage LIBRARY`: the public ways of the installed library to ask a model, and whether they are traced.

Read off the library's source: nothing of it is imported, no call is made. What the source does not tell is said to be so.
"""

from __future__ import annotations

import copy
import fnmatch
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from autotrace import surface
from autotrace._cli import complain, table
from autotrace._declaration import conventions
from autotrace._declaration.instrumentor import Instrumentor
from autotrace._declaration.invocation import Inside, Invocation, Observer, Route, Target
from autotrace._declaration.operation import Operation
from autotrace._declaration.options import Option
from autotrace._discovery.requirements import Requirement, installed_version
from autotrace.errors import AutotraceError
from autotrace.surface import Way

COVERED, PART, OPTIONAL, NOT, UNCLEAR = "covered", "in part", "by option", "not covered", "cannot tell"
"""A record with what was asked and said; one with model, id, usage and what only the plugin has a name for; one if an option of
the plugin is set to it; none; the source does not tell."""

_HIDDEN = "no call of this library can be followed to a target: it is made at run time, or reported by hooks"

_PLAIN = {"model", "id", "input_tokens", "output_tokens", "raw"}
_TELLING = {
    field.attribute
    for known in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE)
    for name, field in known.items()
    if name not in _PLAIN
}
"""The attributes that say what was asked and what was said."""


class Finding(NamedTuple):
    """One way to make a call, and what becomes of it."""

    verdict: str
    function: str
    """``module:Class.method``."""
    detail: str
    """The path, if the way has one."""
    operation: str
    """What the call is recorded as, or why it is not."""
    known: bool = False
    """Whether a pattern of ``--known`` says that this gap is meant."""


def main(argv: Sequence[str]) -> int:
    """Print the listing. 1 with ``--fail`` and a gap that is not known; 2 for a library that no plugin knows."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="autotrace coverage",
        description="List the public methods of an installed library that ask a model, and whether its plugin records them.",
    )
    parser.add_argument("library", help="an import package, or X for autotrace-X")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--all", action="store_true", help="list what is covered as well, and what asks no model")
    parser.add_argument("--fail", action="store_true", help="exit with 1 if something is not covered")
    parser.add_argument("--known", action="append", default=[], metavar="GLOB", help="a gap that is meant, such as '*.connect'")
    options = parser.parse_args(argv)
    try:
        package, instrumentor = _plugin(options.library)
    except AutotraceError as exc:
        complain(f"coverage: {exc}")
        return 2
    found = findings(package, instrumentor, every=options.all, known=options.known)
    version = installed_version(*(Requirement(text).distribution for text in instrumentor.requires))
    if not surface.functions(package):
        complain(f"coverage: {package} is not installed, or has no source to read")
        return 2
    if not found and instrumentor.surface is not None:
        complain(f"coverage: the plugin finds nothing of what it knows in {package} {version or ''}: look for a newer plugin")
        return 2
    _show(package, version, found, options.json, options.all)
    return int(options.fail and any(one.verdict == NOT and not one.known for one in found))


def _plugin(name: str) -> tuple[str, Instrumentor]:
    """The package and the Instrumentor of the plugin that answers to `name`. Raises `PluginError`."""
    from autotrace._instrumentation import activation

    plugin = activation.named(name)
    return plugin.entry.package, plugin.declared()


def findings(package: str, instrumentor: Instrumentor, *, every: bool = False, known: Sequence[str] = ()) -> list[Finding]:
    """Each way of the library that asks a model (with `every`, all of its ways), gaps first."""
    declared = {choice.key: choice.target for choice in instrumentor.choose(installed_version) if choice.use != "skipped"}
    there = {f"{function.module}:{function.name}" for function in surface.functions(package)}
    targets = {key: target for key, target in declared.items() if key in there}
    ways = list(instrumentor.surface(package) if instrumentor.surface is not None else surface.reaching(package, targets))
    found = []
    for way in ways:
        if every or way.asks or not way.target:
            verdict, operation = _verdict(way, targets, instrumentor)
            name = f"{way.function.module}:{way.function.name}"
            meant = verdict == NOT and any(fnmatch.fnmatch(name, pattern) for pattern in known)
            found.append(Finding(verdict, name, way.detail, operation, meant))
    if instrumentor.surface is None and not any(one.verdict in (COVERED, PART) for one in found):
        found = [_hidden(one) if one.verdict == NOT else one for one in found]
    order = (NOT, UNCLEAR, PART, OPTIONAL, COVERED)
    return sorted(found, key=lambda one: (order.index(one.verdict), one.function, one.detail))


def _hidden(one: Finding) -> Finding:
    return one._replace(verdict=UNCLEAR, operation=_HIDDEN, known=False)


def _verdict(way: Way, targets: Mapping[str, Target], instrumentor: Instrumentor) -> tuple[str, str]:
    if way.hook:
        return COVERED, f"reported to {way.hook}"
    if not way.target:
        if way.detail == surface.BY_NAME:
            return UNCLEAR, "may reach a target through a function of the same name"
        return NOT, "passes no target" + " and calls no hook" * bool(instrumentor.on_ready)
    target = targets.get(way.target)
    if isinstance(target, Operation):
        return _depth(target)
    if target is None:
        return NOT, f"{way.target} is no target, or is not in the library"
    if isinstance(target, (Observer, Inside)):
        return NOT, f"{way.target} begins no span"
    if way.invocation is None:
        return UNCLEAR, "which operation it is depends on the call"
    try:
        return _routed(target, way.invocation, instrumentor.options)
    except Exception as exc:  # a route that needs more of a call than the source tells
        return UNCLEAR, f"the route raised {type(exc).__name__} on what the source tells"


def _routed(route: Route, invocation: Invocation, options: Mapping[str, Option]) -> tuple[str, str]:
    """What `route` makes of a call with the plugin's `options` as they are, or else with one of them set otherwise."""
    values = {name: option.default for name, option in options.items()}
    for name, value in [("", None), *((name, choice) for name, option in options.items() for choice in option.choices)]:
        call = copy.copy(invocation)  # which a route may change
        call.kwargs = dict(invocation.kwargs)
        call.options = {**values, name: value} if name else values
        operation = route(call)
        if operation is not None:
            return (OPTIONAL, f"{operation.name}, with {name}={value!r}") if name else _depth(operation)
    return NOT, "the route passes it"


def _depth(operation: Operation) -> tuple[str, str]:
    read = {reading.field.attribute for reading in (*operation.request, *operation.response)}
    return (COVERED if read & _TELLING else PART), operation.name


def _show(package: str, version: str | None, found: list[Finding], as_json: bool, every: bool) -> None:
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in (COVERED, PART, OPTIONAL, NOT, UNCLEAR)}
    if as_json:
        ways = [one._asdict() for one in found]
        print(json.dumps({"package": package, "version": version, "counts": counts, "ways": ways}))
        return
    rows = [("verdict", "method", "path", "operation"), *_rows(found, every)]
    sys.stdout.write(table.render(rows) if len(rows) > 1 else "")
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    print(f"{package} {version or ''}: {len(found)} ways: {summary}".replace(" :", ":"))


def _rows(found: list[Finding], every: bool) -> Iterator[tuple[str, ...]]:
    for one in found:
        if every or one.verdict != COVERED:
            yield one.verdict + (" (known)" if one.known else ""), one.function, one.detail, one.operation
