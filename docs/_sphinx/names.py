"""How docstrings are read: their indented examples, and the names in them.

A name is found where users have it (`autotrace.plugin.Operation`), whatever module defines it. One that leads nowhere is code
without a link, unless it claims to be ours: then it is wrong, and the build fails.
"""

from __future__ import annotations

import builtins
import collections.abc
import importlib
import inspect
import re
import sys
import typing
from types import FunctionType
from typing import Any

import api
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

from autotrace import plugin


def _found(path: str) -> bool:
    """Whether something is importable under this dotted path."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            one: Any = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            if not hasattr(one, name):
                return False
            one = getattr(one, name)
        return True
    return False


def _known(name: str) -> bool:
    """Whether a type without a module before it is one that annotations of ours may use."""
    ours = [module for path, module in list(sys.modules.items()) if path.partition(".")[0] == "autotrace"]
    if any(name in vars(place) for place in (builtins, collections.abc, typing, *ours)):
        return True
    alias = re.compile(rf"^    {re.escape(name)} = ", re.MULTILINE)  # which only a type checker sees
    return any(alias.search(inspect.getsource(module)) for module in ours)


def _public_names() -> dict[str, str]:
    """Each public object's name where it is defined, and where users have it."""
    names: dict[str, str] = {}
    for module in map(importlib.import_module, api.PUBLIC):
        for name in getattr(module, "__all__", ()):
            one = getattr(module, name)
            if isinstance(one, (type, FunctionType)):
                names.setdefault(f"{one.__module__}.{one.__qualname__}", f"{module.__name__}.{name}")
    return names


def _resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    if node.get("refdomain") != "py":
        return None
    target: str = node["reftarget"]
    domain = env.get_domain("py")
    public = _public_names()
    defined = next((name for name in public if target == name or target.startswith(f"{name}.")), None)
    homes = [f"{module}.{target}" for module in ("autotrace", "autotrace.errors", "autotrace.plugin")]
    for name in (*((public[defined] + target[len(defined) :],) if defined else ()), *homes):
        if name in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, content)
    if target.startswith("autotrace."):
        return content if _found(target) else None
    return content if node["reftype"] == "obj" or _found(target) or _known(target) else None


def _examples(app: Any, what: str, name: str, one: object, options: object, lines: list[str]) -> None:
    """Make what is indented a literal block: the docstrings have no quotations."""
    made: list[str] = []
    inside = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not inside and (not made or not made[-1]):
            before = next((text for text in reversed(made) if text), "")
            if not before.endswith("::") and not before.startswith((".. ", "- ", "   ")):
                made += ["::", ""]
            inside = True
        elif line and not indented:
            inside = False
        made.append(line)
    lines[:] = made


def _alias(app: Any, what: str, name: str, one: object, options: object, lines: list[str]) -> None:
    """Say of a value what stands below it in the module that defines it."""
    path, _, last = name.rpartition(".")
    if what != "data" or path not in api.PUBLIC:
        return
    lines.clear()
    ours = [module for place, module in list(sys.modules.items()) if place.startswith("autotrace.")]
    for module in ours:
        if vars(module).get(last) is one:
            lines[:] = ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", last), [])
            if lines:
                return


def _fields(app: Any, what: str, name: str, one: object, options: object, lines: list[str]) -> None:
    """Leave out what Python says of each field of a named tuple."""
    if lines and lines[0].startswith("Alias for field number "):
        lines.clear()


def _signature(
    app: Any, what: str, name: str, one: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Call aliases that authors know by their names."""
    texts = [signature, returned]
    for alias in ("Target", "Route"):
        written = stringify_annotation(getattr(plugin, alias), "smart")
        texts = [text and text.replace(written, f"~autotrace.plugin.{alias}") for text in texts]
    return texts[0], texts[1]


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("missing-reference", _resolve)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _alias)
    app.connect("autodoc-process-docstring", _fields)
    app.connect("autodoc-process-docstring", _examples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
