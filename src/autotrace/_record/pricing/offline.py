"""Loads ``genai-prices`` under a name of our own, without what updates its data.

The program may use the package itself, with data that it has updated, and must find it as it is. And openai 2 looks for the
HTTP client of the updates (httpx2) in `sys.modules` at every call and does not wait for an import in progress: while the
writer's thread was importing it, the program's first call failed on the half-imported module. So the package is not imported.
The code of those of its modules that are needed is executed in modules of ours, whose imports of the package lead to ours.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

_PACKAGE = "genai_prices"
NAME = "_autotrace_genai_prices"
"""The name of our copy. Its modules are in `sys.modules`, where pydantic and dataclasses look for the module of a class."""


def module(name: str) -> Any:
    """Our copy of the module `name` of the package. Raises ModuleNotFoundError if the package is not installed."""
    if NAME not in sys.modules:
        found = find_spec(_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
        spec = ModuleSpec(NAME, None, is_package=True)
        spec.submodule_search_locations = list(found.submodule_search_locations)
        sys.modules[NAME] = module_from_spec(spec)
    return _loaded(f"{NAME}.{name}")


def _loaded(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    parent, _, own = name.rpartition(".")
    there = f"{_PACKAGE}.{own}"
    found = PathFinder.find_spec(there, sys.modules[parent].__path__)
    loader: Any = None if found is None else found.loader
    if loader is None:
        raise ModuleNotFoundError(f"No module named {there!r}", name=there)
    made = module_from_spec(ModuleSpec(name, None, origin=found.origin if found else None))
    vars(made)["__builtins__"] = {**vars(builtins), "__import__": _import}
    sys.modules[name] = made
    try:
        exec(loader.get_code(there), vars(made))
    except BaseException:
        del sys.modules[name]
        raise
    setattr(sys.modules[parent], own, made)
    return made


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """`__import__` of the modules of the copy. Functions import, too, when they run."""
    if level:
        ours = f"{NAME}.{name}" if name else NAME
    elif name == _PACKAGE or name.startswith(f"{_PACKAGE}."):
        ours = NAME + name.removeprefix(_PACKAGE)
    else:
        return __import__(name, globals, locals, fromlist or (), level)
    imported = sys.modules[NAME] if ours == NAME else _loaded(ours)
    for one in fromlist or ():
        if one != "*" and not hasattr(imported, one):
            _loaded(f"{ours}.{one}")
    return imported if fromlist else sys.modules[NAME]
