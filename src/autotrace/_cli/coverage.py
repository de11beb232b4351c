"""`autotrace coverage LIBRARY`: the public methods of an installed library that call a model, and whether they are traced.

It reads the library's source. Nothing is imported and no call is made. What the source does not show is reported as unclear.
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
from autotrace._declaration.invocation import Continues, Invocation, Observer, Route, RunsInside, Target
from autotrace._declaration.operation import Operation
from autotrace._declaration.options import Option
from autotrace._discovery.requirements import Requirement, installed_version
from autotrace.errors import AutotraceError
from autotrace.surface import Way

COVERED, PART, OPTIONAL, NOT, UNCLEAR = "covered", "in part", "by option", "not covered", "cannot tell"
"""Recorded with prompt and answer; recorded with model, id, usage and the plugin's own attributes only; recorded if an option
of the plugin is set; not recorded; the source does not show it."""

_HIDDEN = "calls of this library cannot be followed to a target: they are built at run time, or reported by hooks"

_PLAIN = {"model", "id", "input_tokens", "output_tokens", "raw"}
_TELLING = {
    field.attribute
    for known in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE)
    for name, field in known.items()
    if name not in _PLAIN
}
"""The attributes that hold the prompt and the answer."""


class Finding(NamedTuple):
    """One way to make a call, and whether it is recorded."""

    verdict: str
    function: str
    """``module:Class.method``."""
    detail: str
    """The HTTP path, if there is one."""
    operation: str
    """The operation that the call is recorded as, or why it is not recorded."""
    known: bool = False
    """Whether this gap is intended: the plugin declares it as `uncovered`, or a pattern of ``--known`` matches it."""


def main(argv: Sequence[str]) -> int:
    """Print the listing. Return 1 with ``--fail`` and an unknown gap, 2 if no plugin watches the library."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="autotrace coverage",
        description="List the public methods of an installed library that call a model, and whether its plugin records them.",
    )
    parser.add_argument("library", help="an import package, or X for the plugin autotrace-X")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--all", action="store_true", help="also list what is covered, and what calls no model")
    parser.add_argument("--fail", action="store_true", help="exit with 1 if anything is not covered")
    parser.add_argument(
        "--known", action="append", default=[], metavar="GLOB", help="an intended gap, such as '*.connect'; may be repeated"
    )
    options = parser.parse_args(argv)
    try:
        package, instrumentor = _plugin(options.library)
    except AutotraceError as exc:
        complain(f"coverage: {exc}")
        return 2
    found = findings(package, instrumentor, every=options.all, known=options.known)
    version = installed_version(*(Requirement(text).distribution for text in instrumentor.requires))
    if not surface.functions(package):
        complain(f"coverage: {package} is not installed, or its source cannot be read")
        return 2
    if not found and instrumentor.surface is not None:
        installed = f"{package} {version or ''}".strip()
        complain(f"coverage: {installed}: the plugin does not recognize this version; update the plugin")
        return 2
    _show(package, version, found, options.json, options.all)
    if options.fail:
        for glob in _unused(instrumentor, found):
            installed = f"{package} {version or ''}".strip()
            complain(f"coverage: uncovered {glob!r} matches no gap of {installed}; remove it if no supported version has one")
    return int(options.fail and any(one.verdict == NOT and not one.known for one in found))


def _plugin(name: str) -> tuple[str, Instrumentor]:
    """The package and the Instrumentor of the plugin that answers to `name`. Raises `PluginError`."""
    from autotrace import _instrumentation as instrumentation

    plugin = instrumentation.named(name)
    return plugin.entry.package, plugin.declared()


def findings(package: str, instrumentor: Instrumentor, *, every: bool = False, known: Sequence[str] = ()) -> list[Finding]:
    """Return each way of the library to call a model (with `every`, all public ways), gaps first."""
    declared = {choice.key: choice.target for choice in instrumentor.choose(installed_version) if choice.use != "skipped"}
    there = {f"{function.module}:{function.name}" for function in surface.functions(package)}
    targets = {key: target for key, target in declared.items() if key in there}
    ways = list(instrumentor.surface(package) if instrumentor.surface is not None else surface.reaching(package, targets))
    results = []
    for way in ways:
        if every or way.asks or not way.target:
            verdict, operation = _verdict(way, targets, instrumentor)
            name = f"{way.function.module}:{way.function.name}"
            reason = _reason(name, instrumentor.uncovered) if verdict == NOT else ""
            known_gap = bool(reason) or (verdict == NOT and any(fnmatch.fnmatchcase(name, pattern) for pattern in known))
            results.append(Finding(verdict, name, way.detail, reason or operation, known_gap))
    if instrumentor.surface is None and not any(one.verdict in (COVERED, PART) for one in results):
        results = [_hidden(one) if one.verdict == NOT else one for one in results]
    order = (NOT, UNCLEAR, PART, OPTIONAL, COVERED)
    return sorted(results, key=lambda one: (order.index(one.verdict), one.function, one.detail))


def _reason(name: str, uncovered: Mapping[str, str]) -> str:
    """The reason that a plugin declares for a gap of this name; "" if it declares none."""
    return next((reason for glob, reason in uncovered.items() if fnmatch.fnmatchcase(name, glob)), "")


def _unused(instrumentor: Instrumentor, found: Sequence[Finding]) -> list[str]:
    """The globs in `Instrumentor.uncovered` that match no gap of the installed version."""
    gaps = [one.function for one in found if one.verdict == NOT]
    return [glob for glob in instrumentor.uncovered if not fnmatch.filter(gaps, glob)]


def _hidden(one: Finding) -> Finding:
    return one._replace(verdict=UNCLEAR, operation=_HIDDEN, known=False)


def _verdict(way: Way, targets: Mapping[str, Target], instrumentor: Instrumentor) -> tuple[str, str]:
    if way.hook:
        return COVERED, f"reported to {way.hook}"
    if not way.target:
        if way.detail == surface.BY_NAME:
            return UNCLEAR, "may reach a target through a function of the same name"
        return NOT, "reaches no target" + " and calls no hook" * bool(instrumentor.on_ready)
    target = targets.get(way.target)
    if isinstance(target, Operation):
        return _depth(target)
    if target is None:
        return NOT, f"{way.target} is not a target, or is not in the library"
    if isinstance(target, (Observer, RunsInside, Continues)):
        return NOT, f"{way.target} starts no span"
    if way.invocation is None:
        return UNCLEAR, "the operation depends on the call"
    try:
        return _routed(target, way.invocation, instrumentor.options)
    except Exception as exc:  # the route needs more of a call than the source shows
        return UNCLEAR, f"the route raised {type(exc).__name__}: it needs more than the source shows"


def _routed(route: Route, invocation: Invocation, options: Mapping[str, Option]) -> tuple[str, str]:
    """What `route` makes of a call with the default `options`, or else with one of them set to another value."""
    values = {name: option.default for name, option in options.items()}
    for name, value in [("", None), *((name, choice) for name, option in options.items() for choice in option.choices)]:
        call = copy.copy(invocation)  # a route may change it
        call.kwargs = dict(invocation.kwargs)
        call.options = {**values, name: value} if name else values
        operation = route(call)
        if operation is not None:
            return (OPTIONAL, f"{operation.name}, with {name}={value!r}") if name else _depth(operation)
    return NOT, "the route ignores it"


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
    known = sum(one.known for one in found)
    summary = ", ".join(
        f"{n} {verdict}" + f" ({known} known)" * (verdict == NOT and known > 0) for verdict, n in counts.items()
    )
    print(f"{package} {version or ''}: {len(found)} ways: {summary}".replace(" :", ":"))


def _rows(found: list[Finding], every: bool) -> Iterator[tuple[str, ...]]:
    for one in found:
        if every or one.verdict != COVERED:
            yield one.verdict + (" (known)" if one.known else ""), one.function, one.detail, one.operation
