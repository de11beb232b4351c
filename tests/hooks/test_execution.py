"""Nobody sees a difference: loaders, specs, tracebacks, warnings, and odd modules."""

from __future__ import annotations

import copy
import importlib
import importlib.resources
import importlib.util
import inspect
import operator
import pickle
import pkgutil
import sys
import traceback
import types
import warnings
import zipfile
import zipimport
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from autotrace import hooks
from autotrace.hooks import _execution, _finder


@pytest.fixture
def seen() -> list[Any]:
    """The modules that a callback (`seen.append`) was called with."""
    return []


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(one is other for one, other in zip(left, right, strict=True))


def archive(modules: Any, **texts: str) -> None:
    """Put a zip file with modules on the path."""
    path = modules.directory / "archive.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in texts.items():
            file.writestr(name.replace("__slash__", "/") + ".py", text)
    sys.path.insert(0, str(path))
    importlib.invalidate_caches()


class Shared:
    """A loader that all its specs share, without attributes of its own."""

    __slots__ = ()

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        module.loaded_by = self


class ShareLoader:
    """A finder for one name, with one loader for all its specs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.loader = Shared()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self.loader) if name == self.name else None  # type: ignore[arg-type]


# --- the target's own failure ---

FAILURES = {
    ValueError: "raise ValueError('from the body')\n",
    KeyboardInterrupt: "raise KeyboardInterrupt\n",
    SystemExit: "raise SystemExit(3)\n",
    SyntaxError: "def def def\n",
    ModuleNotFoundError: "import there_is_no_such_module\n",
    ImportError: "from os import there_is_no_such_name\n",
    UnicodeDecodeError: "b'\\xff'.decode('utf-8')\n",
}


def failure(name: str) -> tuple[BaseException, list[tuple[str, str, int | None]]]:
    """What importing `name` raises, and the frames of its traceback."""
    try:
        exec(compile(f"import {name}", "<importer>", "exec"), {})
    except BaseException as exc:
        return exc, [(frame.filename, frame.name, frame.lineno) for frame in traceback.extract_tb(exc.__traceback__)][1:]
    raise AssertionError


@pytest.mark.parametrize("kind", ["module", "package", "zip"])
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: error.__name__)
def test_what_the_body_raises_comes_through_with_the_same_frames_and_a_later_import_fires(
    modules: Any, seen: list[Any], error: type[BaseException], kind: str
) -> None:
    name = modules.name()
    if kind == "zip":
        archive(modules, **{name: FAILURES[error]})
    else:
        modules.write(name, FAILURES[error], package=kind == "package")
    expected, frames = failure(name)
    hooks.when_imported(name, seen.append)
    raised, frames_with_hook = failure(name)
    assert type(raised) is type(expected) is error
    assert repr(raised) == repr(expected)
    assert (raised.__cause__, raised.__suppress_context__) == (expected.__cause__, expected.__suppress_context__)
    assert raised.__context__ is expected.__context__ is None
    if (error, kind) == (SyntaxError, "zip"):  # compiled inside find_spec, where our frames pass for the import system's
        frames, frames_with_hook = (
            [one for one in all_of if "importlib" not in one[0]] for all_of in (frames, frames_with_hook)
        )
    assert frames_with_hook == frames
    assert name not in sys.modules
    assert seen == []
    if kind == "zip":
        del sys.path[0]
    modules.write(name, "", package=kind == "package")
    assert same([importlib.import_module(name)], seen)


def test_a_reload_that_fails_calls_nobody_and_the_next_one_does(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    modules.write(name, "1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        importlib.reload(module)
    assert same(seen, [module])
    late: list[Any] = []
    hooks.when_imported(name, late.append)
    assert same(late, [module])
    modules.write(name, "fine = 1\n")
    importlib.reload(module)
    assert same(seen, [module] * 2)


@pytest.mark.parametrize("kind", ["module", "zip"])
def test_a_warning_of_the_body_with_stacklevel_2_points_at_the_importer(modules: Any, seen: list[Any], kind: str) -> None:
    name = modules.name()
    text = "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n"
    if kind == "zip":
        archive(modules, **{name: text})
    else:
        modules.write(name, text)
    hooks.when_imported(name, seen.append)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile(f"\n\nimport {name}", "<importer>", "exec"), {})
    assert [(str(one.message), one.filename, one.lineno) for one in caught] == [("old", "<importer>", 3)]
    assert len(seen) == 1


# --- loader and spec ---


def look(name: str) -> dict[str, Any]:
    """What a curious body may see of its loader."""
    return {
        "type": "type(__spec__.loader) is type(__loader__) is __import__('importlib.machinery').machinery.SourceFileLoader",
        "same": "__spec__.loader is __loader__",
        "attributes": "vars(__loader__) == {'name': __name__, 'path': __file__}",
        "spec": "type(__spec__).__name__ == 'ModuleSpec' and '_autotrace' not in vars(__spec__)",
        "method": "__loader__.exec_module.__func__ is type(__loader__).exec_module",
    }


def test_while_the_body_runs_and_afterwards_loader_and_spec_are_as_without_us(modules: Any, seen: list[Any]) -> None:
    checks = look("")
    name = modules.new("checks = {" + ", ".join(f"{key!r}: {check}" for key, check in checks.items()) + "}\n")
    hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert module.checks == dict.fromkeys(checks, True)
    assert {key: eval(check, vars(module)) for key, check in checks.items()} == dict.fromkeys(checks, True)
    importlib.reload(module)
    assert module.checks == dict.fromkeys(checks, True)
    assert len(seen) == 2
    assert module.__loader__ == SourceFileLoader(name, module.__file__)
    assert hash(module.__loader__) == hash(SourceFileLoader(name, module.__file__))


KINDS = ["module", "package", "zip", "namespace", "built-in"]


def of_kind(modules: Any, kind: str) -> str:
    """A module of that kind; its name."""
    name = modules.name()
    if kind == "zip":
        archive(modules, **{name: "value = 1\n"})
    elif kind == "namespace":
        (modules.directory / name).mkdir()
    elif kind == "built-in":
        return "_symtable"
    else:
        modules.write(name, "value = 1\n", package=kind == "package")
    return str(name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_spec_that_was_looked_for_is_as_without_us(modules: Any, seen: list[Any], kind: str) -> None:
    name = of_kind(modules, kind)
    without = importlib.util.find_spec(name)
    hooks.when_imported(name, seen.append)
    spec, again = importlib.util.find_spec(name), importlib.util.find_spec(name)
    assert spec.__class__ is without.__class__ is ModuleSpec
    assert isinstance(spec.loader, type) == isinstance(without.loader, type)
    if kind == "namespace":  # whose list of places is equal to none but itself
        for one in (without, spec, again):
            one.submodule_search_locations = list(one.submodule_search_locations)
    assert spec == again
    assert spec == without
    assert without == spec
    assert operator.ne(spec, without) is False
    assert spec.loader == without.loader
    assert without.loader == spec.loader
    assert operator.ne(spec.loader, without.loader) is False
    assert hash(spec.loader) == hash(without.loader)
    assert dir(spec) == dir(without)
    assert vars(spec).keys() == vars(without).keys()
    assert (spec.origin, spec.cached, spec.has_location, spec.parent) == (
        without.origin,
        without.cached,
        without.has_location,
        without.parent,
    )
    if kind in ("module", "package"):
        assert spec.loader.get_source(name) == "value = 1\n"
        assert spec.loader.get_filename(name) == without.origin
        assert isinstance(spec.loader.get_code(name), types.CodeType)
    if kind != "namespace":
        assert repr(spec) == repr(without).replace(hex(id(without.loader)), hex(id(spec.loader)))
    assert seen == []


@pytest.mark.parametrize("kind", ["module", "package", "zip"])
def test_a_loader_that_was_looked_for_has_nothing_that_it_did_not_have(modules: Any, seen: list[Any], kind: str) -> None:
    name = of_kind(modules, kind)
    without = vars(importlib.util.find_spec(name).loader).copy()
    hooks.when_imported(name, seen.append)
    loader = importlib.util.find_spec(name).loader
    attributes = vars(loader)
    assert type(loader) in (SourceFileLoader, zipimport.zipimporter)
    assert "exec_module" not in attributes
    assert attributes.get("exec_module") is None
    with pytest.raises(KeyError):
        attributes["exec_module"]
    for look in (
        dict,
        list,
        len,
        repr,
        lambda one: dict(**one),
        lambda one: list(one.items()),
        lambda one: list(reversed(one)),
        lambda one: sorted(one.keys()),
        lambda one: list(one.values()),
        lambda one: one | {"more": 1},
        lambda one: {"more": 1} | one,
        lambda one: {} | one.copy(),
        lambda one: isinstance(one, dict),
        lambda one: type(copy.copy(one)),
        lambda one: pickle.dumps({key: str(value) for key, value in one.items()}),
    ):
        assert look(attributes) == look(without)  # type: ignore[operator]
    assert attributes == without
    assert without == attributes
    assert operator.ne(attributes, without) is False
    importlib.import_module(name)
    assert type(vars(sys.modules[name].__loader__)) is dict
    assert len(seen) == 1


def twin(loader: Any, how: str) -> Any:
    return {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda one: pickle.loads(pickle.dumps(one))}[how](loader)


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_a_copy_of_a_loader_executes_the_module(modules: Any, how: str) -> None:
    name = modules.new("value = 1\n")
    hooks.when_imported(name, lambda module: None)
    found = importlib.util.find_spec(name)
    assert b"autotrace" not in pickle.dumps(found)
    assert twin(found, how) == found
    loader = twin(found.loader, how)
    assert type(loader) is SourceFileLoader
    assert type(vars(loader)) is dict
    module = types.ModuleType(name)
    loader.exec_module(module)
    assert module.value == 1
    imported = importlib.import_module(name)
    assert twin(imported.__loader__, how) == imported.__loader__


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_a_copy_of_a_loader_that_we_stand_for_is_the_loaders_own(
    modules: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.delitem(sys.modules, "_symtable", raising=False)
    hooks.when_imported("_symtable", lambda module: None)
    loader = importlib.util.find_spec("_symtable").loader
    assert twin(loader, how) is importlib.machinery.BuiltinImporter
    assert b"autotrace" not in pickle.dumps(loader)


def test_source_data_and_resources_are_there(modules: Any, seen: list[Any]) -> None:
    name = modules.new("def function():\n    return 1\n", leaf="")
    (modules.directory / name / "data.txt").write_text("data")
    hooks.when_imported(name, seen.append)
    assert pkgutil.get_data(name, "data.txt") == b"data"
    module = seen[0]
    assert inspect.getsource(module) == "def function():\n    return 1\n"
    assert inspect.getsource(module.function) == "def function():\n    return 1\n"
    assert (importlib.resources.files(name) / "data.txt").read_text() == "data"
    assert (importlib.resources.files(module) / "data.txt").read_text() == "data"
    assert [one.name for one in pkgutil.iter_modules(module.__path__)] == ["leaf"]
    assert pkgutil.resolve_name(f"{name}:function") is module.function


@pytest.mark.parametrize("kind", ["module", "package"])
def test_a_watched_module_can_be_run_with_m(modules: Any, kind: str) -> None:
    program = "import sys; print(__name__, __spec__.name, type(__loader__).__name__, sys.argv[1:])\n"
    name = modules.new(program) if kind == "module" else modules.new("import sys\n", __main__=program)
    watch = f"""
        from autotrace import hooks
        for name in ({name!r}, {name + ".__main__"!r}):
            hooks.when_imported(name, lambda module: print("imported", module.__name__))
        import runpy, sys
        sys.argv[1:] = ["x"]
        runpy.run_module({name!r}, run_name="__main__", alter_sys=True)
    """
    lines = modules.run(watch).stdout.splitlines()
    spec = name if kind == "module" else f"{name}.__main__"
    assert lines == [f"imported {name}"] * (kind == "package") + [f"__main__ {spec} SourceFileLoader ['x']"]


# --- kinds of modules ---


def test_a_module_in_a_zip_file(modules: Any, seen: list[Any]) -> None:
    name = modules.name()
    archive(
        modules,
        **{f"{name}__slash____init__": "inside = type(__loader__), type(__spec__.loader)\n", f"{name}__slash__leaf": ""},
    )
    for watched in (name, f"{name}.leaf"):
        hooks.when_imported(watched, seen.append)
    spec = importlib.util.find_spec(name)
    assert isinstance(spec.loader, type(sys.path_importer_cache[sys.path[0]]))
    assert spec.loader == sys.path_importer_cache[sys.path[0]]
    assert hash(spec.loader) == hash(sys.path_importer_cache[sys.path[0]])
    leaf = importlib.import_module(f"{name}.leaf")
    package = sys.modules[name]
    assert same(seen, [package, leaf])
    importer = sys.path_importer_cache[sys.path[0]]
    assert package.inside == (type(importer), type(importer))
    assert package.__spec__.loader is package.__loader__ is importer
    assert inspect.getsource(package).startswith("inside")
    assert (importlib.resources.files(name) / "leaf.py").read_text() == ""
    importlib.reload(package)
    assert same(seen, [package, leaf, package])
    assert package.__spec__.loader is package.__loader__ is importer


def test_a_namespace_package(modules: Any, seen: list[Any]) -> None:
    name = modules.name()
    (modules.directory / name).mkdir()
    (modules.directory / name / "leaf.py").write_text("")
    hooks.when_imported(name, seen.append)
    hooks.when_imported(f"{name}.leaf", seen.append)
    _finder.before_import(name, lambda: seen.append("before"))
    leaf = importlib.import_module(f"{name}.leaf")
    package = sys.modules[name]
    assert same(seen, ["before", package, leaf])
    assert type(package.__spec__) is ModuleSpec
    assert type(vars(package.__loader__)) is dict
    assert list(package.__path__) == [str(modules.directory / name)]
    loader = type(package.__loader__)
    importlib.reload(package)
    assert same(seen, ["before", package, leaf, "before", package])
    assert type(package.__spec__) is ModuleSpec
    assert type(package.__loader__) is type(package.__spec__.loader) is loader
    del sys.modules[name], seen[:]
    assert same(seen, ["before", importlib.import_module(name)])


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_a_copy_of_a_namespace_packages_spec_is_a_plain_one(modules: Any, seen: list[Any], how: str) -> None:
    name = of_kind(modules, "namespace")
    hooks.when_imported(name, seen.append)
    spec = importlib.util.find_spec(name)
    spec.submodule_search_locations = list(spec.submodule_search_locations)  # what is there without us has no copy
    other = twin(spec, how)
    assert type(other) is ModuleSpec
    assert other == spec


@pytest.mark.parametrize(
    ("name", "loader"),
    [("_symtable", importlib.machinery.BuiltinImporter), ("__phello__", importlib.machinery.FrozenImporter)],
    ids=["built-in", "frozen"],
)
def test_a_module_whose_loader_is_a_class(
    modules: Any, seen: list[Any], monkeypatch: pytest.MonkeyPatch, name: str, loader: Any
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    del sys.modules[name]
    hooks.when_imported(name, seen.append)
    assert importlib.util.find_spec(name).loader == loader
    module = importlib.import_module(name)
    assert same(seen, [module])
    assert module.__spec__.loader is module.__loader__ is loader


def test_an_extension_module(modules: Any) -> None:
    program = """
        import importlib.machinery, importlib.util, sys
        from autotrace import hooks
        name = next(
            name
            for name in ("_xxtestfuzz", "_testbuffer", "_lsprof", "_crypt", "_queue", "_zoneinfo", "audioop", "_statistics")
            if name not in sys.modules
            and isinstance((importlib.util.find_spec(name) or sys.__spec__).loader, importlib.machinery.ExtensionFileLoader)
        )
        seen = []
        hooks.when_imported(name, seen.append)
        module = importlib.import_module(name)
        assert seen == [module], seen
        assert type(module.__loader__) is importlib.machinery.ExtensionFileLoader
        assert module.__spec__.loader is module.__loader__
        assert vars(module.__loader__) == {"name": name, "path": module.__file__}
        print("ok")
    """
    assert ExtensionFileLoader.__name__ in program
    assert modules.run(program).stdout == "ok\n"


def test_a_loader_that_specs_share_and_that_has_no_attributes(modules: Any, seen: list[Any]) -> None:
    name = modules.name()
    foreign: Any = ShareLoader(name)
    sys.meta_path.insert(0, foreign)
    hooks.when_imported(name, seen.append)
    try:
        spec = importlib.util.find_spec(name)
        assert isinstance(spec.loader, Shared)
        module = importlib.import_module(name)
        importlib.reload(module)
    finally:
        sys.meta_path.remove(foreign)
    assert same(seen, [module, module])
    assert module.loaded_by is module.__loader__ is module.__spec__.loader is foreign.loader


def test_a_loader_that_specs_share_and_that_has_attributes(modules: Any, seen: list[Any]) -> None:
    first, second, other, never = (modules.name() for _ in range(4))
    archive(modules, **{first: f"import {other}, {second}", second: "", other: "", never: ""})
    for name in (first, second, never):
        hooks.when_imported(name, seen.append)
    loader = importlib.util.find_spec(never).loader
    importlib.util.find_spec(second)
    module = importlib.import_module(first)
    assert same(seen, [sys.modules[second], module])
    assert loader is module.__loader__ is sys.modules[other].__loader__ is sys.path_importer_cache[sys.path[0]]
    importlib.reload(sys.modules[other])
    importlib.reload(module)
    assert same(seen, [sys.modules[second], module, module])
    importlib.import_module(never)
    assert len(seen) == 4
    assert type(vars(loader)) is dict


class Legacy:
    """A loader as they were before there was `exec_module`."""

    def load_module(self, name: str) -> Any:
        module = sys.modules.get(name) or types.ModuleType(name)
        sys.modules[name] = module
        module.legacy = getattr(module, "legacy", 0) + 1  # type: ignore[attr-defined]
        return module


class LegacyWithoutAttributes(Legacy):
    def __setattr__(self, name: str, value: Any) -> None:
        raise AssertionError


class OwnExecution:
    """A loader whose `exec_module` is an attribute of the instance."""

    def __init__(self) -> None:
        self.exec_module = lambda module: module.__dict__.setdefault("own", True)

    def create_module(self, spec: ModuleSpec) -> None:
        return None


class FixedExecution:
    """A loader whose `exec_module` no attribute can stand in front of."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    @property
    def exec_module(self) -> Any:
        return lambda module: module.__dict__.setdefault("fixed", True)


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="load_module is gone")
@pytest.mark.filterwarnings("ignore::ImportWarning")
@pytest.mark.parametrize("loader", [Legacy, LegacyWithoutAttributes, OwnExecution, FixedExecution])
def test_odd_loaders(modules: Any, seen: list[Any], loader: Any) -> None:
    name = modules.name()
    foreign: Any = ShareLoader(name)
    foreign.loader = loader()
    before = dict(vars(foreign.loader))
    sys.meta_path.insert(0, foreign)
    hooks.when_imported(name, seen.append)
    try:
        module = importlib.import_module(name)
        importlib.reload(module)
    finally:
        sys.meta_path.remove(foreign)
    assert same(seen, [module, module])
    assert {key: value for key, value in vars(module).items() if not key.startswith("__")} in (
        {"legacy": 2},
        {"own": True},
        {"fixed": True},
    )
    assert module.__spec__.loader is module.__loader__ is foreign.loader
    assert type(vars(foreign.loader)) is dict
    assert vars(foreign.loader) == before


def lazily(spec: ModuleSpec) -> Any:
    """Import as `importlib.util.LazyLoader`'s documentation says."""
    spec.loader = importlib.util.LazyLoader(spec.loader)  # type: ignore[arg-type]
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Lazy:
    """A finder that makes one name lazy."""

    def __init__(self, name: str, shared: bool) -> None:
        self.name = name
        self.shared = shared

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        if self.shared:
            spec = ModuleSpec(name, Shared())  # type: ignore[arg-type]
        spec.loader = importlib.util.LazyLoader(spec.loader)  # type: ignore[arg-type]
        return spec


@pytest.mark.parametrize("shared", [False, True], ids=["own loader", "shared loader"])
@pytest.mark.parametrize("where", ["outside", "inside"])
def test_a_lazy_module_stays_lazy_and_the_callback_comes_with_its_first_use(
    modules: Any, seen: list[Any], where: str, shared: bool
) -> None:
    name = modules.new("ran = True\n")
    foreign: Any = Lazy(name, shared) if where == "inside" else ShareLoader(name if shared else "")
    sys.meta_path.insert(0, foreign)
    hooks.when_imported(name, lambda module: seen.append(dict(vars(module))))
    try:
        module = importlib.import_module(name) if where == "inside" else lazily(importlib.util.find_spec(name))
    finally:
        sys.meta_path.remove(foreign)
    assert type(module).__name__ == "_LazyModule"
    assert seen == []
    assert getattr(module, "loaded_by" if shared else "ran")
    assert len(seen) == 1
    assert ("loaded_by" if shared else "ran") in seen[0]
    assert type(module) is types.ModuleType
    assert isinstance(module.__loader__, Shared if shared else SourceFileLoader)
    assert type(module.__spec__.loader) is type(module.__loader__) in (Shared, SourceFileLoader)


def test_a_lazy_module_that_was_there_before_us_stays_lazy_too(modules: Any, seen: list[Any]) -> None:
    name = modules.new("ran = True\n")
    module = lazily(importlib.util.find_spec(name))
    hooks.when_imported(name, lambda module: seen.append(object.__getattribute__(module, "__dict__")["ran"]))
    hooks.when_imported(name, lambda module: seen.append(object.__getattribute__(module, "__dict__")["ran"]))
    assert type(module).__name__ == "_LazyModule"
    assert seen == []
    assert module.ran
    assert seen == [True, True]
    assert vars(module.__loader__) == {"name": name, "path": module.__file__}
    hooks.when_imported(name, seen.append)
    assert seen[2:] == [module]


@pytest.mark.parametrize("when", ["before", "after", "while the body runs"])
def test_a_module_with_a_getattr_of_its_own_is_never_asked(modules: Any, gate: Any, seen: list[Any], when: str) -> None:
    body = gate.body if when == "while the body runs" else ""
    name = modules.new(f"asked = []\ndef __getattr__(name):\n    asked.append(name)\n    raise AttributeError(name)\n{body}")
    if when == "before":
        hooks.when_imported(name, seen.append)
    thread = gate.start(__import__, name)
    if when == "while the body runs":
        gate.reached()
    else:
        thread.join(600)
    if when != "before":
        hooks.when_imported(name, seen.append)
    gate.open()
    assert same(seen, [sys.modules[name]])
    importing = importlib.import_module(
        modules.new("asked = []\ndef __getattr__(name):\n    asked.append(name)\n    raise AttributeError\n")
    )
    assert vars(sys.modules[name])["asked"] == vars(importing)["asked"]


REPLACEMENTS = {
    "a module": "import types; new = types.ModuleType(__name__)",
    "an object": "class Thing: pass\nnew = Thing()",
    "an object without a __dict__": "class Thing: __slots__ = ()\nnew = Thing()",
    "one that answers to everything": "class Thing:\n    def __getattr__(self, name): return self\nnew = Thing()",
    "another name": "__name__ = 'renamed'\nnew = sys.modules[name]",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_the_callback_gets_what_the_module_has_put_in_its_place(
    modules: Any, seen: list[Any], replacement: str, when: str
) -> None:
    name = modules.new(f"import sys\nname = __name__\n{REPLACEMENTS[replacement]}\nsys.modules[name] = new\n")
    if when == "before":
        hooks.when_imported(name, seen.append)
    imported = importlib.import_module(name)
    if when == "after":
        hooks.when_imported(name, seen.append)
    assert imported is sys.modules[name]
    assert same(seen, [imported])


def test_a_module_that_takes_itself_out_of_sys_modules_is_not_given(modules: Any, seen: list[Any]) -> None:
    name = modules.new("import sys\ndel sys.modules[__name__]\n")
    hooks.when_imported(name, seen.append)
    with pytest.raises(KeyError):
        importlib.import_module(name)
    assert seen == []


def test_a_submodule_that_an_attribute_of_its_package_hides_is_given_as_the_module(modules: Any, seen: list[Any]) -> None:
    name = modules.new("from .chat import chat\n", chat="def chat(): pass\n")
    hooks.when_imported(f"{name}.chat", seen.append)
    package = importlib.import_module(name)
    assert same(seen, [sys.modules[f"{name}.chat"]])
    assert package.chat is seen[0].chat
    late: list[Any] = []
    hooks.when_imported(f"{name}.chat", late.append)
    assert same(late, seen)


def test_what_the_package_exports_again_is_made_in_the_leaf_and_seen_before_the_package_is_done(modules: Any) -> None:
    name = modules.new("from .leaf import Class\nname = Class.name\n", leaf="class Class:\n    name = 'original'\n")

    def patch(leaf: Any) -> None:
        leaf.Class.name = "patched"

    hooks.when_imported(f"{name}.leaf", patch)
    assert importlib.import_module(name).name == "patched"


def test_pytests_importlib_mode_finds_and_runs_a_watched_module(modules: Any, seen: list[Any]) -> None:
    name = modules.new("value = 1\n")
    path = Path(modules.directory, f"{name}.py")
    hooks.when_imported(name, seen.append)
    spec = next(spec for one in sys.meta_path if (spec := one.find_spec(name, [str(path.parent)])) is not None)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    assert same(seen, [module])
    assert Path(module.__file__) == path
    spec.loader.exec_module(module)
    assert same(seen, [module])


def test_a_body_that_ended_while_we_were_attaching_to_it_is_not_missed(modules: Any) -> None:
    module = importlib.import_module(modules.new())
    ended: list[tuple[str, bool]] = []
    assert _execution.attach_to_running(module, lambda name, done: ended.append((name, done)))
    assert ended == [(module.__name__, True)]
    assert type(module.__spec__) is ModuleSpec
