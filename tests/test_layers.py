"""The house: layers in one direction, no provider in core, and public names that are meant."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

import autotrace

SOURCE = Path(autotrace.__file__).parent
ORDER = """
errors references declaration diagnostics conventions model paths pricing.prices
sinks.system sinks.rotation sinks.compression sinks.options
settings per_library options hooks.discovery provenance requirements operation
invocation surface instrumentor context freezing limits shedding resource transparency open_calls chunks failures exchange
pricing translation
sinks.leaving sinks.destination sinks.locking sinks.processing sinks.entry sinks.memory sinks.descriptor
sinks.terminal sinks.excerpts sinks.tree sinks.pretty sinks.file
sinks.registry sinks.queue sinks.delivery sinks.dispatch sinks.process sinks.thread sinks.writer sinks
beginnings recording streams callbacks overhead calls availability spans plugin
dialects families
hooks native_hooks targets instrumentation reporting activation vitals autotrace
testing cli __main__
""".split()
"""A module imports only what stands before it, wherever in the file the import is."""

PROVIDERS = ("openai", "anthropic", "ollama", "gemini", "bedrock", "mistral", "cohere", "groq", "azure", "stainless")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__") or "autotrace"
        if "site" not in parts:
            yield name, path


def layer(name: str) -> int:
    """The place of a module in `ORDER`: its own, or that of the package it is in. Empty packages stand first."""
    while name:
        if name in ORDER:
            return ORDER.index(name)
        name = name.rpartition(".")[0]
    return -1


def imports(path: Path) -> Iterator[str]:
    """The modules of autotrace that a file imports, relative to the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if (SOURCE.parent / (name.replace(".", "/") + ".py")).exists() else node.module for name in inside]
            names = [name if name != "autotrace" else whole for name, whole in zip(names, inside, strict=True)]
        for name in names:
            if name.partition(".")[0] == "autotrace":
                yield name.partition(".")[2] or "autotrace"


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_layers_above_it(name: str) -> None:
    for imported in imports(MODULES[name]):
        same = name.partition(".")[0] == imported.partition(".")[0] and name.partition(".")[0] != "sinks"
        assert same or layer(imported) < layer(name), f"{name} imports {imported}"


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name) < ORDER.index("testing")])
def test_nothing_in_core_needs_a_dialect_or_a_family(name: str) -> None:
    if name.partition(".")[0] not in ("dialects", "families"):
        assert not [one for one in imports(MODULES[name]) if one.partition(".")[0] in ("dialects", "families")]


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.partition(".")[0] not in ("dialects", "families", "cli", "testing")]
)
def test_no_provider_has_a_name_in_core(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    words = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    words += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    words += [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    assert [word for word in words if any(provider in word.lower() for provider in PROVIDERS)] == []


@pytest.mark.parametrize("name", ["autotrace", "autotrace.plugin", "autotrace.sinks", "autotrace.testing", "autotrace.hooks"])
def test_what_is_public_is_listed_sorted_there_and_described(name: str) -> None:
    module = importlib.import_module(name)
    public: list[str] = module.__all__
    assert public == sorted(public)
    assert [one for one in public if not hasattr(module, one)] == []
    kinds = [one for one in public if isinstance(getattr(module, one), (type, FunctionType))]
    described = [one for one in kinds if not hasattr(getattr(module, one), "__origin__")]  # an alias of types is not
    assert [one for one in described if not getattr(module, one).__doc__] == []


PLUGINS = [path for path in (SOURCE.parents[1] / "plugins").glob("*/src/*/*.py") if path.suffix == ".py"]


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_plugin_imports_what_any_author_may_import(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    own = ("autotrace.plugin", "autotrace.dialects", "autotrace.families", "autotrace.surface", path.parent.name)
    foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if not f"{name}.".startswith(tuple(f"{one}." for one in own))} == set()


def test_modules_and_functions_stay_small() -> None:
    long = []
    for name, path in MODULES.items():
        text = path.read_text()
        if text.count("\n") > 350:
            long.append(f"{name}: {text.count(chr(10))} lines")
        long += [
            f"{name}.{node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.end_lineno or 0) - node.lineno > 60
        ]
    assert long == []
