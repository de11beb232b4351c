"""A page for each public module, from its docstrings; for dialects and families, which are many small modules, one together."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from types import FunctionType, ModuleType

from sphinx.pycode import ModuleAnalyzer

from autotrace import dialects, families
from autotrace.plugin import Dialect

PUBLIC = (
    "autotrace",
    "autotrace.errors",
    "autotrace.hooks",
    "autotrace.plugin",
    "autotrace.sinks",
    "autotrace.surface",
    "autotrace.testing",
    "autotrace.testing.provider",
)
_TOGETHER = ("autotrace.dialects", "autotrace.families")


def _source(name: str) -> str:
    package = hasattr(importlib.import_module(name), "__path__")
    return f"src/{name.replace('.', '/')}{'/__init__' if package else ''}.py"


SOURCES = {f"api/{name}": _source(name) for name in (*PUBLIC, *_TOGETHER)}
"""Each page and the file that plain Markdown links to in its place."""
_OPTIONS = {"autotrace.errors": "   :show-inheritance:\n   :exclude-members: nearest\n"}
"""What is particular of a module: of an exception its bases, and not the helper that others of ours take from there."""


def pages() -> dict[str, str]:
    """Every page and its reStructuredText."""
    made = {f"api/{name}": _title(name) + _module(name) + _aliases(name) for name in PUBLIC}
    made["api/autotrace.dialects"] = _title(dialects.__name__) + _module(dialects.__name__) + _dialects()
    made["api/autotrace.families"] = _title(families.__name__) + _module(families.__name__) + _families()
    return made


def _title(text: str, line: str = "=") -> str:
    return f"{text}\n{line * len(text)}\n\n"


def _module(name: str) -> str:
    return f".. automodule:: {name}\n{_OPTIONS.get(name, '')}\n"


def _aliases(name: str) -> str:
    """The public values of a module that have no docstring to be found by: aliases of types, above all."""
    module = importlib.import_module(name)
    explained = {one for _, one in ModuleAnalyzer.for_module(name).find_attr_docs()}
    found = [one for one in getattr(module, "__all__", ()) if not one.startswith("_") and one not in explained]
    values = [one for one in found if not isinstance(inspect.unwrap(getattr(module, one)), (type, FunctionType))]
    return "".join(f".. autodata:: {name}.{one}\n\n" for one in values)


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def _dialects() -> str:
    """The dialects with what their modules say of the format, then what makes messages."""
    text = ""
    for module in _modules(dialects):
        made = re.findall(r"^(\w+) = ", inspect.getsource(module), re.MULTILINE)  # not those that it imports
        here = [name for name in made if not name.startswith("_") and isinstance(getattr(module, name), Dialect)]
        if here:
            text += _title(module.__name__, "-") + f".. automodule:: {module.__name__}\n   :no-members:\n\n"
            text += "".join(f".. py:data:: {name}\n   :type: Dialect\n\n" for name in here)
    return text + _title("autotrace.dialects.parts", "-") + _module("autotrace.dialects.parts")


def _families() -> str:
    return "".join(_title(module.__name__, "-") + _module(module.__name__) for module in _modules(families))
