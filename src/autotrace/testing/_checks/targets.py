"""The replaced functions themselves. These checks run once per library, without a call or with one of its first case."""

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
from autotrace.testing._checks.registering import check


def _targets(cell: Cell) -> dict[str, tuple[Any, str]]:
    """The targets that this version of the library has, by their key: module and qualified name."""
    cell.enable()
    states = autotrace.status()[cell.library.package]["targets"]
    patched: dict[str, tuple[Any, str]] = {}
    for key, state in states.items():
        module, _, name = key.partition(":")
        if state["state"] == "waiting":
            try:
                importlib.import_module(module)
            except ImportError:  # declared for another version
                continue
        if autotrace.status()[cell.library.package]["targets"][key]["state"] == "patched":
            patched[key] = (sys.modules[module], name)
    autotrace.disable()
    if not patched:
        raise NotApplicable("no target is patched: the plugin uses the library's own hooks")
    return patched


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
    """A replaced function has the kind, signature, name, docstring and annotations of the original, and leads to it."""
    targets = _targets(cell)
    before = _raw(targets)
    cell.enable()
    for key, replaced in _raw(targets).items():
        original = before[key]
        require(type(replaced) is type(original), f"{cell.name}: {key} is now a {type(replaced).__qualname__}")
        one, other = (getattr(raw, "__func__", raw) for raw in (replaced, original))
        for name in _ALIKE:
            require(
                getattr(one, name, None) == getattr(other, name, None),
                f"{cell.name}: {key} has another {name} than the original",
            )
        for kind in _KINDS[:1] + _KINDS[3:]:
            require(kind(one) == kind(other), f"{cell.name}: {kind.__name__}({key}) is now {kind(one)}")
        require(_signature(one) == _signature(other), f"{cell.name}: {key} now has the signature {_signature(one)}")
        require(
            inspect.unwrap(one) is inspect.unwrap(other), f"{cell.name}: __wrapped__ of {key} does not lead to the original"
        )


def _signature(function: Any) -> Any:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as exc:
        return type(exc)


@check("pickling", whole=True)
async def pickling(cell: Cell) -> None:
    """A function that can be pickled by name still can be, with autotrace and after it."""
    targets = _targets(cell)
    before = {key: _pickled(raw) for key, raw in _raw(targets).items()}
    cell.enable()
    for key, raw in _raw(targets).items():
        require(
            _pickled(raw) == before[key],
            f"{cell.name}: pickling {key} results in {_pickled(raw)}, without autotrace in {before[key]}",
        )


def _pickled(raw: Any) -> str:
    function = getattr(raw, "__func__", raw)
    try:
        return "the same function" if pickle.loads(pickle.dumps(function)) is function else "another object"
    except Exception as exc:  # any exception, which must be the same without autotrace
        return type(exc).__name__


@check("originals", whole=True)
async def originals(cell: Cell) -> None:
    """`disable()` restores the original functions themselves, however often it is called."""
    targets = _targets(cell)
    before = _raw(targets)
    for _ in range(3):
        cell.enable()
        same = [key for key, raw in _raw(targets).items() if raw is before[key]]
        require(not same, f"{cell.name}: not replaced after enable(): {same}")
        autotrace.disable()
        other = [key for key, raw in _raw(targets).items() if raw is not before[key]]
        require(not other, f"{cell.name}: not the originals after disable(): {other}")


_PROGRAM = (sys.executable, "-m", "autotrace.testing._program")


@check("early activation", whole=True)
async def early_activation(cell: Cell) -> None:
    """With ``AUTOTRACE=1``, active before the library is imported, the first call is recorded and the output is unchanged."""
    if cell.library.source is None:
        raise NotApplicable("the library is not described in a file")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this event loop
        [*_PROGRAM, cell.library.source, cell.library.package, cell.case.name, cell.side.name, cell.library.url],
        env={**inherited, "AUTOTRACE": "1", "AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    require(done.returncode == 0, f"{cell.name}: the program exited with {done.returncode}: {done.stderr[-2000:]}")
    lines = done.stdout.splitlines()
    require(
        all(line.startswith("{") for line in lines), f"{cell.name}: stdout has lines that are not records: {done.stdout[:500]}"
    )
    spans = [json.loads(line) for line in lines]
    ours = [span for span in spans if span["attributes"].get("gen_ai.operation.name") == cell.case.operation]
    require(
        len(ours) == 1,
        f"{cell.name}: expected one record of one call, got {len(ours)} among {[span['name'] for span in spans]}",
    )
    require(done.stderr == "", f"{cell.name}: the program wrote to stderr: {done.stderr[-2000:]}")
