"""The house: rooms that depend in one direction, no provider in core, and public names that are meant."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType

import pytest

import autotrace

SOURCE = Path(autotrace.__file__).parent
ROOMS = """
errors _system _credentials _diagnostics _settings _process hooks _discovery _declaration surface _record _redaction sinks
_writer _capture plugin dialects families _instrumentation autotrace testing _pyinstaller _cli __main__
""".split()
"""The packages and modules of `autotrace`. Each imports only what stands before it, wherever in a file the import is."""

PUBLIC = {"dialects", "errors", "families", "hooks", "plugin", "sinks", "surface", "testing"}
"""What others may import. Everything else starts with an underscore: a package, or a module in a public package."""

PROVIDERS = ("openai", "anthropic", "ollama", "gemini", "bedrock", "mistral", "cohere", "groq", "azure", "stainless")
AT_HOME = ("ollama", "gemini", "bedrock", "cohere", "botocore", "boto3", "google")
"""Providers and libraries that a plugin of their own knows, and nothing else: not even the rooms for what several share."""
SHARED = ("dialects", "families")


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


def words(path: Path) -> list[str]:
    """The names and texts in a file, without what only a reader sees."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    found += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose]
    return found + [node.value for node in constants if isinstance(node.value, str)]


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) not in (*SHARED, "_cli", "testing")])
def test_no_provider_has_a_name_in_core(name: str) -> None:
    assert [word for word in words(MODULES[name]) if any(provider in word.lower() for provider in PROVIDERS)] == []


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in (*SHARED, "testing")])
def test_what_several_share_knows_no_provider_that_has_a_plugin_of_its_own(name: str) -> None:
    found = [name, *words(MODULES[name])]
    assert [word for word in found if any(provider in word.lower() for provider in AT_HOME)] == []


FACES = (
    *("autotrace", "autotrace.plugin", "autotrace.sinks", "autotrace.testing", "autotrace.hooks", "autotrace.testing.provider"),
    *(f"autotrace.{name}" for name in MODULES if name.startswith((*SHARED, "testing.provider.")) and "._" not in name),
)


@pytest.mark.parametrize("name", FACES)
def test_what_is_public_is_listed_sorted_there_and_described(name: str) -> None:
    module = importlib.import_module(name)
    public: list[str] = module.__all__
    assert public == sorted(public, key=lambda one: (not one.isupper(), one))
    assert [one for one in public if not hasattr(module, one)] == []
    kinds = [one for one in public if isinstance(getattr(module, one), (type, FunctionType))]
    described = [one for one in kinds if not hasattr(getattr(module, one), "__origin__")]  # an alias of types is not
    assert [one for one in described if not getattr(module, one).__doc__] == []


PLUGINS = sorted((SOURCE.parents[1] / "plugins").glob("*/src/*/**/*.py"))
AUTHORS = ("autotrace.plugin", "autotrace.dialects", "autotrace.families", "autotrace.surface")
"""What any author of a plugin may import; an embedded provider, which no traced program loads, `EMBEDDED` as well."""
EMBEDDED = "autotrace.testing.provider"


def plugin(path: Path) -> Path:
    """The folder of the distribution that a module of a plugin is in."""
    return next(folder for folder in path.parents if (folder / "pyproject.toml").exists())


def inside(path: Path) -> str:
    """The dotted name of a module of a plugin."""
    parts = path.relative_to(plugin(path) / "src").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(path: Path) -> set[tuple[str, str]]:
    """Each module that a file imports from, with what it imports; "" for all of it."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


def requirements(path: Path) -> set[str]:
    """The packages that a plugin requires by name, other than ours."""
    declared = re.search(r"^dependencies = \[(.*?)\]", (plugin(path) / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert declared is not None
    return set(re.findall(r'"([\w-]+)', declared[1])) - {"llm-autotrace"}


def is_embedded(name: str) -> bool:
    return "embedded" in name.split(".")


@pytest.mark.parametrize("path", PLUGINS, ids=inside)
def test_a_plugin_imports_what_any_author_may_import(path: Path) -> None:
    name = inside(path)
    own = (*AUTHORS, *requirements(path), room(name), *((EMBEDDED,) if is_embedded(name) else ()))
    foreign = {module for module, _ in imported(path) if room(module) not in sys.stdlib_module_names}
    assert {module for module in foreign if not f"{module}.".startswith(tuple(f"{one}." for one in own))} == set()
    assert {module for module in foreign if "._" in module} == set()
    if not is_embedded(name):
        assert {(module, one) for module, one in imported(path) if is_embedded(f"{module}.{one}")} == set()


@pytest.mark.parametrize("path", PLUGINS, ids=inside)
def test_a_plugin_imports_names_that_are_meant_for_others(path: Path) -> None:
    for module, one in imported(path):
        if room(module) == "autotrace" and f"{module}.{one}".partition(".")[2] not in MODULES:
            assert one in importlib.import_module(module).__all__, f"{module}.{one}"


def test_a_shared_module_serves_more_than_one_plugin() -> None:
    """What one plugin alone needs is that plugin's: reached from several plugins, or from elsewhere in the core."""
    users: dict[str, set[str]] = {}

    def reach(name: str, user: str) -> None:
        if user not in users.setdefault(name, set()):
            users[name].add(user)
            for one in imports(MODULES[name], at_run_time=True):
                if room(one) in (*SHARED, "testing"):
                    reach(one, user)

    for path in PLUGINS:
        for module, one in imported(path):
            names = (f"{module}.{one}".partition(".")[2], module.partition(".")[2])
            name = next((name for name in names if name in MODULES), "")
            if room(module) == "autotrace" and room(name) in (*SHARED, "testing"):
                reach(name, plugin(path).name)
    for name, path in MODULES.items():
        if room(name) not in SHARED and not name.startswith("testing.provider."):
            for one in imports(path):
                if room(one) in (*SHARED, "testing"):
                    reach(one, "the core")
    shared = [name for name in MODULES if name.startswith((*(f"{one}." for one in SHARED), "testing.provider."))]
    alone = {name: users.get(name, set()) for name in shared}
    alone = {name: found for name, found in alone.items() if len(found) < 2 and "the core" not in found}
    assert alone == {}


def test_an_embedded_provider_is_not_loaded_with_the_plugin() -> None:
    """Nor is anything else that only tests need."""
    packages = sorted({inside(path) for path in PLUGINS if not is_embedded(inside(path))})
    program = f"import importlib, sys; [importlib.import_module(one) for one in {packages!r}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    loaded = [name for name in done.stdout.split() if is_embedded(name) or name.startswith("autotrace.testing")]
    assert loaded == []


def test_modules_and_functions_stay_small() -> None:
    long = []
    for name, path in [*MODULES.items(), *((inside(path), path) for path in PLUGINS)]:
        text = path.read_text()
        if text.count("\n") > 350:
            long.append(f"{name}: {text.count(chr(10))} lines")
        long += [
            f"{name}.{node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.end_lineno or 0) - node.lineno > 60
        ]
    assert long == []
