"""The house: rooms that depend in one direction, no provider in core, and public names that are meant."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType

import pytest

import autotrace

SOURCE = Path(autotrace.__file__).parent
ROOMS = """
errors _diagnostics _settings _process hooks _discovery _declaration surface _record sinks _writer _capture plugin
dialects families _instrumentation autotrace testing _cli __main__
""".split()
"""The packages and modules of `autotrace`. Each imports only what stands before it, wherever in a file the import is."""

PUBLIC = {"dialects", "errors", "families", "hooks", "plugin", "sinks", "surface", "testing"}
"""What others may import. Everything else starts with an underscore: a package, or a module in a public package."""

PROVIDERS = ("openai", "anthropic", "ollama", "gemini", "bedrock", "mistral", "cohere", "groq", "azure", "stainless")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__") or "autotrace"
        if "site" not in parts:
            yield name, path


def room(name: str) -> str:
    return name.partition(".")[0]


@cache
def imports(path: Path, at_run_time: bool = False) -> frozenset[str]:
    """The modules of autotrace that a file imports, relative to the package; `at_run_time` without those for type checkers."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if at_run_time and isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            relative = name.partition(".")[2] if name.partition(".")[0] == "autotrace" else None
            if relative is not None:
                found.add(next((one for one in (relative, relative.rpartition(".")[0]) if one in MODULES), "autotrace"))
    return frozenset(found)


MODULES = dict(modules())


def test_every_room_is_in_the_list_and_says_what_it_is_for() -> None:
    assert {room(name) for name in MODULES} == set(ROOMS)
    described = [name for name, path in MODULES.items() if path.name == "__init__.py" and name != "autotrace"]
    texts = {name: ast.get_docstring(ast.parse(MODULES[name].read_text())) or "" for name in described}
    assert [name for name, text in texts.items() if len(text.splitlines()) < 3] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_rooms_before_its_own(name: str) -> None:
    here = ROOMS.index(room(name))
    later = {one for one in imports(MODULES[name]) if room(one) != room(name) and ROOMS.index(room(one)) >= here}
    assert later == set()


def test_no_circle_in_a_room() -> None:
    graph = {
        name: {one for one in imports(path, at_run_time=True) if room(one) == room(name)} for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for one in sorted(graph[name] - {name}):
                visit(one, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_public_and_private_can_be_told_by_name() -> None:
    top = {room(name) for name in MODULES} - {"autotrace", "__main__"}
    assert {name for name in top if not name.startswith("_")} == PUBLIC
    public = [name for name in MODULES if "._" not in f".{name}" and name != "autotrace"]
    assert [name for name in public if not hasattr(importlib.import_module(f"autotrace.{name}"), "__all__")] == []


@pytest.mark.parametrize("name", [name for name in MODULES if ROOMS.index(room(name)) < ROOMS.index("testing")])
def test_nothing_in_core_needs_a_dialect_or_a_family(name: str) -> None:
    if room(name) not in ("dialects", "families"):
        assert not [one for one in imports(MODULES[name]) if room(one) in ("dialects", "families")]


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) not in ("dialects", "families", "_cli", "testing")])
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
