"""Modules that are executed by hand: found, made and executed without being in `sys.modules`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import types
import warnings
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from autotrace import hooks
from autotrace.hooks import _finder


@pytest.fixture
def seen() -> list[Any]:
    """The modules that a callback (`seen.append`) was called with."""
    return []


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(one is other for one, other in zip(left, right, strict=True))


def found(name: str) -> tuple[ModuleSpec, Any]:
    """What the finders return for `name`, and a module made of it, which is not executed yet."""
    spec = next(spec for one in sys.meta_path if (spec := one.find_spec(name, _path_of(name))) is not None)
    return spec, importlib.util.module_from_spec(spec)


def _path_of(name: str) -> Any:
    parent = name.rpartition(".")[0]
    return importlib.import_module(parent).__path__ if parent else None


def execute(name: str) -> Any:
    """Find, make and execute a module, as the documentation of importlib shows, but not put it into `sys.modules`."""
    spec, module = found(name)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


class Slotted:
    """A loader without attributes."""

    __slots__ = ()

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        module.value = 1


class SlottedFinder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.loader = Slotted()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self.loader) if name == self.name else None  # type: ignore[arg-type]


KINDS = ["module", "package", "zip", "namespace", "built-in", "no attributes"]


@pytest.fixture
def new(modules: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a module of a kind; its name."""

    def make(kind: str) -> str:
        name: str = modules.name()
        if kind == "zip":
            with zipfile.ZipFile(modules.directory / "archive.zip", "w") as file:
                file.writestr(f"{name}.py", "value = 1\n")
            sys.path.insert(0, str(modules.directory / "archive.zip"))
            importlib.invalidate_caches()
        elif kind == "namespace":
            (modules.directory / name).mkdir()
        elif kind == "built-in":
            monkeypatch.setitem(sys.modules, "_symtable", None)
            del sys.modules["_symtable"]
            return "_symtable"
        elif kind == "no attributes":
            sys.meta_path.insert(0, SlottedFinder(name))  # type: ignore[arg-type]
        else:
            modules.write(name, "value = 1\n", package=kind == "package")
        return name

    before = list(sys.meta_path)
    yield make
    hooks.uninstall()
    sys.meta_path[:] = before


@pytest.mark.parametrize("kind", KINDS)
def test_the_callback_gets_the_module_that_was_executed(new: Any, seen: list[Any], kind: str) -> None:
    name = new(kind)
    hooks.when_imported(name, seen.append)
    spec, module = found(name)
    registered = sys.modules.get(name)  # a built-in module may put itself there
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    assert same(seen, [module])
    assert sys.modules.get(name) is registered
    assert module.__spec__ is spec
    assert type(spec) is ModuleSpec
    assert module.__loader__ is spec.loader
    if not isinstance(spec.loader, (type, Slotted)):
        assert type(vars(spec.loader)) is dict


@pytest.mark.parametrize("kind", KINDS)
def test_it_does_not_get_another_module_of_that_name(new: Any, seen: list[Any], kind: str) -> None:
    name = new(kind)
    hooks.when_imported(name, seen.append)
    imported = importlib.import_module(name)
    spec, module = found(name)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    again = execute(name)
    if kind != "built-in":  # of which there may be one only
        assert len({id(one) for one in (imported, module, again)}) == 3
    assert same(seen, [imported, module, again])
    assert sys.modules[name] is imported
    importlib.reload(imported)
    assert same(seen, [imported, module, again, imported])


def test_two_modules_of_one_name_may_be_made_before_either_is_executed(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    (first, module), (second, other) = found(name), found(name)
    second.loader.exec_module(other)  # type: ignore[union-attr]
    first.loader.exec_module(module)  # type: ignore[union-attr]
    assert same(seen, [other, module])


def test_who_is_to_be_called_before_the_body_is(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    _finder.before_import(name, lambda: seen.append("before"))
    hooks.when_imported(name, seen.append)
    module = execute(name)
    assert same(seen, ["before", module])


REPLACE = "import sys, types\nsys.modules[__name__] = types.ModuleType(__name__)\n"


def test_of_a_module_that_replaces_itself_an_import_gives_the_replacement_and_an_execution_by_hand_the_module(
    modules: Any, seen: list[Any]
) -> None:
    name = modules.new(REPLACE)
    hooks.when_imported(name, seen.append)
    module = execute(name)
    assert same(seen, [module])
    del sys.modules[name]
    imported = importlib.import_module(name)
    assert imported.__spec__ is None
    assert same(seen, [module, imported])


def test_a_module_that_is_in_sys_modules_is_imported_by_whoever_executes_it(modules: Any, seen: list[Any]) -> None:
    name = modules.new(REPLACE)
    hooks.when_imported(name, seen.append)
    spec, module = found(name)
    sys.modules[name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    assert same(seen, [sys.modules[name]])
    assert seen[0] is not module


def test_a_body_that_imports_its_own_name_makes_two_modules_and_both_are_given(modules: Any, seen: list[Any]) -> None:
    name = modules.name()
    modules.write(name, f"import {name} as other\nitself = other\n")
    hooks.when_imported(name, seen.append)
    module = execute(name)
    assert module.other is sys.modules[name]
    assert module.other is not module
    assert same(seen, [module.other, module])


def test_a_body_that_executes_its_own_file_again_makes_two_modules_and_both_are_given(modules: Any, seen: list[Any]) -> None:
    name = modules.name()
    modules.write(
        name,
        f"""
        import sys
        inner = None
        if not hasattr(sys, "{name}"):
            sys.{name} = True
            inner = sys.modules["{name}_execute"].execute("{name}")
        """,
    )
    helper: Any = types.ModuleType(f"{name}_execute")
    helper.execute = execute
    sys.modules[helper.__name__] = helper
    hooks.when_imported(name, seen.append)
    try:
        module = execute(name)
    finally:
        delattr(sys, name)
    assert module.inner is not None
    assert same(seen, [module.inner, module])
    assert name not in sys.modules


def test_a_submodule_and_a_package_that_imports_it(modules: Any, seen: list[Any]) -> None:
    name = modules.new("from .leaf import value\n", leaf="value = 1\n")
    for watched in (name, f"{name}.leaf"):
        hooks.when_imported(watched, seen.append)
    package = execute(name)
    # The relative import needs the package in `sys.modules`, and imports a second one.
    imported, leaf = sys.modules[name], sys.modules[f"{name}.leaf"]
    assert imported is not package
    assert same(seen, [leaf, imported, package])
    by_hand = execute(f"{name}.leaf")
    assert by_hand is not leaf
    assert same(seen[3:], [by_hand])
    assert sys.modules[f"{name}.leaf"] is leaf


def test_a_module_that_was_executed_by_hand_is_reloaded_once_it_is_in_sys_modules(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    module = execute(name)
    with pytest.raises(ImportError, match="not in sys"):
        importlib.reload(module)
    assert same(seen, [module])
    sys.modules[name] = module
    importlib.reload(module)
    assert same(seen, [module, module])
    late: list[Any] = []
    hooks.when_imported(name, late.append)
    assert same(late, [module])


@pytest.mark.parametrize("imported_before", [False, True])
def test_a_body_that_fails_calls_nobody(modules: Any, seen: list[Any], imported_before: bool) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    if imported_before:
        importlib.import_module(name)
        del seen[:]
    path = modules.write(name, "raise ValueError('from the body')\n")
    with pytest.raises(ValueError, match="from the body") as caught:
        execute(name)
    assert seen == []
    assert not [entry for entry in caught.traceback if "autotrace/hooks" in Path(str(entry.path)).as_posix()]
    path.write_text("fixed = True\n")
    importlib.invalidate_caches()
    module = execute(name)
    assert module.fixed
    assert same(seen, [module])


@pytest.mark.parametrize("kind", ["module", "no attributes"])
def test_a_lazy_module_is_given_with_its_first_use(new: Any, seen: list[Any], kind: str) -> None:
    name = new(kind)
    hooks.when_imported(name, lambda module: seen.append((module, "value" in object.__getattribute__(module, "__dict__"))))
    spec = importlib.util.find_spec(name)
    assert spec is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)  # type: ignore[arg-type]
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert type(module).__name__ == "_LazyModule"
    assert seen == []
    assert module.value == 1
    assert len(seen) == 1
    assert seen[0][0] is module
    assert seen[0][1]
    assert name not in sys.modules


def test_a_loader_that_makes_the_module_itself_has_it_in_sys_modules(new: Any, seen: list[Any]) -> None:
    name = new("module")
    hooks.when_imported(name, seen.append)
    spec = importlib.util.find_spec(name)
    assert spec is not None
    if not hasattr(spec.loader, "load_module"):
        pytest.skip("load_module is gone")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        module = spec.loader.load_module(name)  # type: ignore[union-attr]
    assert same(seen, [module])
    assert sys.modules[name] is module


# --- registering meanwhile ---


@pytest.mark.parametrize("imported_before", [False, True])
def test_who_registers_while_the_body_runs_is_called_at_its_end_and_at_once_for_the_module_that_is_there(
    modules: Any, gate: Any, seen: list[Any], imported_before: bool
) -> None:
    name = modules.new()
    there = [importlib.import_module(name)] if imported_before else []
    modules.write(name, gate.body)
    hooks.when_imported(name, lambda module: None)
    by_hand: list[Any] = []
    gate.start(lambda: by_hand.append(execute(name)))
    gate.reached()
    hooks.when_imported(name, seen.append)
    assert same(seen, there)
    gate.open()
    assert same(seen, [*there, *by_hand])


def test_many_threads_may_execute_and_import_at_once(modules: Any) -> None:
    name = modules.new("import time; time.sleep(0.001)\n")
    given: list[Any] = []
    executed: list[Any] = []
    errors: list[BaseException] = []
    barrier = threading.Barrier(8)
    hooks.when_imported(name, given.append)

    def work(number: int) -> None:
        try:
            barrier.wait(600)
            for _ in range(20):
                executed.append(execute(name))
                importlib.import_module(name)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
        assert not thread.is_alive()
    assert errors == []
    assert len(given) == 161
    assert {id(one) for one in given} == {id(one) for one in [*executed, sys.modules[name]]}


def test_a_module_that_was_executed_by_hand_can_be_collected(modules: Any) -> None:
    import gc
    import weakref

    name = modules.new()
    hooks.when_imported(name, lambda module: None)
    module = weakref.ref(execute(name))
    gc.collect()
    assert module() is None


def test_after_uninstall_a_module_that_was_found_before_is_given_to_nobody(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    spec, module = found(name)
    hooks.uninstall()
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    assert seen == []


def test_a_loader_that_wraps_the_real_one_imports_whatever_module_it_executes(modules: Any, seen: list[Any]) -> None:
    """It executes a module of its own with the real loader, and copies the names."""
    name = modules.new("value = 1\n")

    class Copying:
        def __init__(self, loader: Any) -> None:
            self._loader = loader

        def create_module(self, spec: Any) -> None:
            return None

        def exec_module(self, module: Any) -> None:
            inner = types.ModuleType(name)
            inner.__spec__ = module.__spec__
            self._loader.exec_module(inner)
            vars(module)["value"] = vars(inner)["value"]

    class Front:
        def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
            if fullname != name:
                return None
            others = [finder for finder in sys.meta_path if finder is not self]
            spec: Any = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)))
            spec.loader = Copying(spec.loader)
            return spec

    hooks.when_imported(name, seen.append)
    sys.meta_path.insert(0, Front())
    try:
        imported = importlib.import_module(name)
    finally:
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Front)]
    assert imported.value == 1
    assert same(seen, [imported])
