"""The replaced functions themselves: the library as a whole, with no call or with one of its first case."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pickle
import subprocess
import sys
from typing import Any

import autotrace
from autotrace._instrumentation import patcher
from autotrace.testing._cell import Cell, NotApplicable, require
from autotrace.testing._checks.declaring import check


def _targets(cell: Cell) -> dict[str, tuple[Any, str]]:
    """The targets that are there in this version of the library: module and qualified name, by declaration."""
    cell.enable()
    states = autotrace.status()[cell.library.package]["targets"]
    found: dict[str, tuple[Any, str]] = {}
    for key, state in states.items():
        module, _, name = key.partition(":")
        if state["state"] == "waiting":
            try:
                importlib.import_module(module)
            except ImportError:  # another version's
                continue
        if autotrace.status()[cell.library.package]["targets"][key]["state"] == "patched":
            found[key] = (sys.modules[module], name)
    autotrace.disable()
    if not found:
        raise NotApplicable("no target is patched: the plugin uses the library's own hooks")
    return found


def _raw(targets: dict[str, tuple[Any, str]]) -> dict[str, Any]:
    return {key: patcher.find(module, name) for key, (module, name) in targets.items()}


_ALIKE = ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__")
_KINDS = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    inspect.isfunction,
    inspect.isbuiltin,
)


@check("signature", whole=True)
async def signature(cell: Cell) -> None:
    """A replaced function has the kind, signature, name, documentation and annotations of the original, and leads to it."""
    targets = _targets(cell)
    before = _raw(targets)
    cell.enable()
    for key, replaced in _raw(targets).items():
        original = before[key]
        require(type(replaced) is type(original), f"{cell.name}: {key} is a {type(replaced).__qualname__} now")
        one, other = (getattr(raw, "__func__", raw) for raw in (replaced, original))
        for name in _ALIKE:
            require(getattr(one, name, None) == getattr(other, name, None), f"{cell.name}: {key} has another {name}")
        for kind in _KINDS[:1] + _KINDS[3:]:
            require(kind(one) == kind(other), f"{cell.name}: {kind.__name__}({key}) is {kind(one)} now")
        require(_signature(one) == _signature(other), f"{cell.name}: {key} has the signature {_signature(one)} now")
        require(
            inspect.unwrap(one) is inspect.unwrap(other), f"{cell.name}: {key} does not lead to the original by __wrapped__"
        )


def _signature(function: Any) -> Any:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as exc:
        return type(exc)


@check("pickling", whole=True)
async def pickling(cell: Cell) -> None:
    """What could be pickled by name can be still: each function, with autotrace and after it."""
    targets = _targets(cell)
    before = {key: _pickled(raw) for key, raw in _raw(targets).items()}
    cell.enable()
    for key, raw in _raw(targets).items():
        require(
            _pickled(raw) == before[key], f"{cell.name}: {key} pickled gives {_pickled(raw)}, without autotrace {before[key]}"
        )


def _pickled(raw: Any) -> str:
    function = getattr(raw, "__func__", raw)
    try:
        return "itself" if pickle.loads(pickle.dumps(function)) is function else "something else"
    except Exception as exc:  # whatever it is, it is to be the same
        return type(exc).__name__


@check("originals", whole=True)
async def originals(cell: Cell) -> None:
    """`disable()` puts the very originals back, however often."""
    targets = _targets(cell)
    before = _raw(targets)
    for _ in range(3):
        cell.enable()
        same = [key for key, raw in _raw(targets).items() if raw is before[key]]
        require(not same, f"{cell.name}: enabled, and not replaced: {same}")
        autotrace.disable()
        other = [key for key, raw in _raw(targets).items() if raw is not before[key]]
        require(not other, f"{cell.name}: after disable() these are not the originals: {other}")


_PROGRAM = (sys.executable, "-m", "autotrace.testing._program")


@check("early activation", whole=True)
async def early_activation(cell: Cell) -> None:
    """With ``AUTOTRACE=1``, before the library is imported, a program's first call is recorded and its output is its own."""
    if cell.library.source is None:
        raise NotApplicable("the description is not in a file")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this event loop
        [*_PROGRAM, cell.library.source, cell.library.package, cell.case.name, cell.side.name, cell.library.url],
        env={**inherited, "AUTOTRACE": "1", "AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    require(done.returncode == 0, f"{cell.name}: the program ended with {done.returncode}: {done.stderr[-2000:]}")
    lines = done.stdout.splitlines()
    require(all(line.startswith("{") for line in lines), f"{cell.name}: on stdout is what no record is: {done.stdout[:500]}")
    spans = [json.loads(line) for line in lines]
    ours = [span for span in spans if span["attributes"].get("gen_ai.operation.name") == cell.case.operation]
    require(len(ours) == 1, f"{cell.name}: one call, and {len(ours)} records: {[span['name'] for span in spans]}")
    require(done.stderr == "", f"{cell.name}: on stderr: {done.stderr[-2000:]}")
