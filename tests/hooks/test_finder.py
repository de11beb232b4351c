"""Who is told of which import, when, and how often."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
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


# --- what is not watched ---


def test_an_import_that_is_not_watched_is_left_to_the_finders_behind(modules: Any, seen: list[Any]) -> None:
    hooks.when_imported(modules.new(), seen.append)
    other = modules.new()
    assert sys.meta_path[0].find_spec(other) is None
    assert sys.meta_path[0].find_spec(other, [str(modules.directory)], types.ModuleType(other)) is None
    module = importlib.import_module(other)
    assert type(module.__spec__) is importlib.machinery.ModuleSpec
    assert vars(module.__spec__.loader) == {"name": other, "path": module.__file__}
    assert seen == []


def test_the_finder_stands_in_front_once_and_leaves_the_others_in_their_order(modules: Any, seen: list[Any]) -> None:
    before = list(sys.meta_path)
    hooks.when_imported(modules.new(), seen.append)
    hooks.when_imported(modules.new(), seen.append)
    assert same(sys.meta_path[1:], before)
    sys.meta_path.append(sys.meta_path.pop(0))
    hooks.when_imported(modules.new(), seen.append)
    assert same(sys.meta_path[1:], before)


def test_a_watched_name_that_does_not_exist_is_the_usual_error(modules: Any, seen: list[Any]) -> None:
    name = modules.name()
    hooks.when_imported(name, seen.append)
    with pytest.raises(ModuleNotFoundError, match=f"^No module named '{name}'$") as caught:
        importlib.import_module(name)
    assert caught.value.name == name
    assert importlib.util.find_spec(name) is None
    modules.write(name)
    assert seen == []
    assert same([importlib.import_module(name)], seen)


# --- how often ---


def test_a_callback_is_called_once_for_each_execution_of_the_body(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert same(seen, [module])
    importlib.import_module(name)
    assert same(seen, [module])
    importlib.reload(module)
    importlib.reload(module)
    assert same(seen, [module] * 3)
    del sys.modules[name]
    again = importlib.import_module(name)
    assert same(seen, [module] * 3 + [again])


def test_looking_for_a_module_is_no_import(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    for _ in range(3):
        assert importlib.util.find_spec(name).name == name
    assert seen == []
    assert same([importlib.import_module(name)], seen)


def test_a_module_that_has_been_imported_is_given_at_once_and_when_it_is_reloaded(modules: Any, seen: list[Any]) -> None:
    module = importlib.import_module(modules.new())
    hooks.when_imported(module.__name__, seen.append)
    assert same(seen, [module])
    importlib.reload(module)
    assert same(seen, [module] * 2)


def test_none_in_sys_modules_is_no_module(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    sys.modules[name] = None  # type: ignore[assignment]
    hooks.when_imported(name, seen.append)
    assert _finder.before_import(name, lambda: None) is False
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)
    assert seen == []


def test_callbacks_are_called_in_the_order_of_registration(modules: Any) -> None:
    name, order = modules.new(), []
    for number in range(4):
        hooks.when_imported(name, lambda module, number=number: order.append(number))
    importlib.import_module(name)
    assert order == [0, 1, 2, 3]


def test_one_callback_may_watch_many_modules_of_a_package(modules: Any, seen: list[Any]) -> None:
    name = modules.new("from . import first\n", first="", second="")
    for watched in (f"{name}.second", name, f"{name}.first"):
        hooks.when_imported(watched, seen.append)
    package = importlib.import_module(name)
    assert same(seen, [package.first, package])
    second = importlib.import_module(f"{name}.second")
    assert same(seen, [package.first, package, second])


def test_before_import_is_called_before_each_run_of_the_body(modules: Any) -> None:
    name = modules.new()
    order: list[str] = []
    modules.write(name, f"import {modules.new()} as order_of\norder_of.order.append('body')\n")
    helper = (modules.directory / f"{name}.py").read_text().split()[1]
    importlib.import_module(helper).order = order  # type: ignore[attr-defined]
    hooks.when_imported(name, lambda module: order.append("after"))
    assert _finder.before_import(name, lambda: order.append("before")) is False
    importlib.util.find_spec(name)
    assert order == []
    module = importlib.import_module(name)
    assert order == ["before", "body", "after"]
    importlib.reload(module)
    assert order == ["before", "body", "after"] * 2
    assert _finder.before_import(name, lambda: order.append("late")) is True
    assert order == ["before", "body", "after"] * 2


# --- registering in the middle ---


def test_who_registers_before_the_body_is_called_once_after_it(modules: Any, seen: list[Any]) -> None:
    name = modules.new("done = True\n")
    present: list[Any] = []
    hooks.when_imported(name, present.append)
    _finder.before_import(
        name, lambda: hooks.when_imported(name, lambda module: seen.append(module.done)) if not seen else None
    )
    module = importlib.import_module(name)
    assert seen == [True]
    assert same(present, [module])
    importlib.reload(module)
    assert seen == [True, True]


@pytest.mark.parametrize("watched_before", [True, False], ids=["watched before", "not watched before"])
@pytest.mark.parametrize("package", [True, False], ids=["package", "module"])
def test_who_registers_while_the_body_runs_is_called_once_when_it_is_done(
    modules: Any, seen: list[Any], watched_before: bool, package: bool
) -> None:
    name, helper = modules.name(), modules.name()
    modules.write(name, f"import {helper}\ndone = True\n", package=package)
    modules.write(
        helper,
        f"""
        from autotrace import hooks
        import {name}
        seen = []
        hooks.when_imported({name!r}, lambda module: seen.append(module.done))
        assert seen == []
        """,
    )
    if watched_before:
        hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert sys.modules[helper].seen == [True]
    assert same(seen, [module] * watched_before)
    assert type(module.__spec__) is importlib.machinery.ModuleSpec
    assert vars(module.__spec__).keys() == vars(sys.modules[helper].__spec__).keys()
    importlib.reload(module)
    assert sys.modules[helper].seen == [True, True]
    assert same(seen, [module] * 2 * watched_before)


def test_who_registers_while_callbacks_run_is_called_once_too(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    late: list[Any] = []

    def register(module: Any) -> None:
        seen.append(module)
        if len(seen) == 1:
            hooks.when_imported(name, late.append)

    hooks.when_imported(name, register)
    hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert same(seen, [module] * 2)
    assert same(late, [module])
    importlib.reload(module)
    assert same(seen, [module] * 4)
    assert same(late, [module] * 2)


def test_who_registers_in_a_body_that_fails_is_called_when_it_succeeds(modules: Any, seen: list[Any]) -> None:
    body = """
        from autotrace import hooks
        import {helper}
        if not {helper}.seen:
            {helper}.seen.append("tried")
            hooks.when_imported(__name__, {helper}.seen.append)
            raise ValueError
    """
    helper = modules.new("seen = []\n")
    name = modules.new(body.format(helper=helper))
    with pytest.raises(ValueError, match=r"^$"):
        importlib.import_module(name)
    assert sys.modules[helper].seen == ["tried"]
    module = importlib.import_module(name)
    assert sys.modules[helper].seen == ["tried", module]


@pytest.mark.parametrize("watched_before", [True, False], ids=["watched before", "not watched before"])
def test_while_another_thread_runs_the_body_the_callback_waits_for_its_end(
    modules: Any, gate: Any, seen: list[Any], watched_before: bool
) -> None:
    name = modules.new(gate.body + "done = True\n")
    if watched_before:
        hooks.when_imported(name, seen.append)
    gate.start(importlib.import_module, name)
    gate.reached()
    called: list[bool] = []
    hooks.when_imported(name, lambda module: called.append(module.done))
    hooks.when_imported(name, lambda module: called.append(module.done))
    assert called == []
    gate.open()
    assert called == [True, True]
    assert same(seen, [sys.modules[name]] * watched_before)


@pytest.mark.parametrize("forget", [hooks.uninstall, _finder.forget])
def test_what_is_forgotten_while_the_body_runs_is_not_called(modules: Any, gate: Any, seen: list[Any], forget: Any) -> None:
    name = modules.new(gate.body)
    others: list[Any] = []
    gate.start(importlib.import_module, name)
    gate.reached()
    hooks.when_imported(name, others.append)
    hooks.when_imported(name, seen.append)
    forget(*([[seen.append]] if forget is _finder.forget else []))
    gate.open()
    assert seen == []
    assert len(others) == (forget is _finder.forget)


# --- threads and processes ---


@pytest.mark.parametrize("registered", ["before", "while the body runs"])
def test_of_many_threads_none_sees_the_module_without_what_the_callback_does(modules: Any, gate: Any, registered: str) -> None:
    name = modules.new(gate.body)
    calls: list[Any] = []
    calling = threading.Event()

    def patch(module: Any) -> None:
        calls.append(module)
        calling.set()
        time.sleep(0.1)
        module.patched = True

    def use() -> None:
        namespace: dict[str, Any] = {}
        exec(f"import {name} as module; patched = module.patched", namespace)
        assert namespace["patched"]

    def use_during_the_callback() -> None:
        assert calling.wait(600)
        use()

    if registered == "before":
        hooks.when_imported(name, patch)
    for _ in range(8):
        gate.start(use)
    for _ in range(8):
        gate.start(use_during_the_callback)
    gate.reached()
    if registered != "before":
        hooks.when_imported(name, patch)
    gate.open()
    assert same(calls, [sys.modules[name]])


def test_many_threads_may_import_and_register_at_once(modules: Any) -> None:
    names = [modules.new("import time; time.sleep(0.001)\n") for _ in range(10)]
    counts: dict[tuple[int, str], int] = {}
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            barrier.wait(600)
            for name in names[number:] + names[:number]:
                counts[number, name] = 0

                def count(module: Any, key: tuple[int, str] = (number, name)) -> None:
                    counts[key] += 1

                hooks.when_imported(name, count)
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
    assert set(counts.values()) == {1}
    assert len(counts) == 80


def test_no_deadlock_while_another_thread_imports_the_parent(modules: Any) -> None:
    name = modules.new("import time; time.sleep(0.3); from . import leaf\n", leaf="value = 1\n")
    modules.run(
        f"""
        import faulthandler, threading, time
        faulthandler.dump_traceback_later(600, exit=True)
        from autotrace import hooks
        seen = []
        for watched in ({name!r}, {name + ".leaf"!r}):
            hooks.when_imported(watched, lambda module: seen.append(module.__name__))
        threads = [threading.Thread(target=__import__, args=(one,)) for one in ({name!r}, {name + ".leaf"!r}) * 4]
        for thread in threads:
            thread.start()
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert sorted(seen) == [{name!r}, {name + ".leaf"!r}], seen
        """
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_while_another_thread_is_inside_imports_as_usual(modules: Any, gate: Any, seen: list[Any]) -> None:
    slow, quick, later = modules.new(gate.body), modules.new(), modules.new()
    hooks.when_imported(slow, seen.append)
    hooks.when_imported(quick, seen.append)
    gate.start(importlib.import_module, slow)
    gate.reached()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            hooks.when_imported(later, seen.append)
            modules_seen = [importlib.import_module(quick), importlib.import_module(later)]
            sys.modules[slow] = another = types.ModuleType(slow)
            hooks.when_imported(slow, seen.append)
            modules_seen.append(another)
            code = 0 if same(seen, modules_seen) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.open()
    assert same(seen, [sys.modules[slow]])


class Slow:
    """A finder that stops in the middle."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reached, self.open = threading.Event(), threading.Event()

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname == self.name and threading.current_thread() is not threading.main_thread():
            self.reached.set()
            assert self.open.wait(600)


def test_a_search_in_one_thread_does_not_hide_the_module_from_another(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    slow = Slow(name)
    sys.meta_path.insert(0, slow)  # type: ignore[arg-type]
    hooks.when_imported(name, seen.append)
    thread = threading.Thread(target=sys.meta_path[0].find_spec, args=(name,))
    thread.start()
    assert slow.reached.wait(600)
    importlib.import_module(name)
    slow.open.set()
    thread.join(600)
    sys.meta_path.remove(slow)  # type: ignore[arg-type]
    assert same(seen, [sys.modules[name]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_in_the_middle_of_an_import_goes_on_in_the_child(modules: Any) -> None:
    name = modules.new(
        """
        import os
        child = os.fork()
        from autotrace import hooks
        hooks.when_imported(__name__, lambda module: os.write(1, b"inner "))
        """
    )
    output = modules.run(
        f"""
        import os
        from autotrace import hooks
        hooks.when_imported({name!r}, lambda module: os.write(1, b"called "))
        import {name} as module
        if module.child == 0:
            os._exit(0)
        os.waitpid(module.child, 0)
        hooks.when_imported({name!r}, lambda module: os.write(1, b"at-once"))
        """
    ).stdout
    assert sorted(output.split()) == ["at-once", "called", "called", "inner", "inner"]  # in whatever order the two write


class Blocked:
    """A finder that holds one search up, until it is let go."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reached, self.open = threading.Event(), threading.Event()
        self.waiting = True

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname == self.name and self.waiting:
            self.waiting = False
            self.reached.set()
            assert self.open.wait(600)


@pytest.fixture
def blocked(modules: Any) -> Iterator[Any]:
    """A finder in front of all others, and behind ours, that holds up the search for a new module."""
    foreign: Any = Blocked(modules.new())
    sys.meta_path.insert(0, foreign)
    yield foreign
    foreign.open.set()
    if foreign in sys.meta_path:
        sys.meta_path.remove(foreign)


@pytest.fixture
def few_finders(modules: Any) -> Iterator[Callable[[Any], None]]:
    """Make `sys.meta_path` ours, one other, and the one for files; all is back after the test."""
    before = list(sys.meta_path)

    def make(other: Any) -> None:
        sys.meta_path[1:] = [other, importlib.machinery.PathFinder]

    yield make
    sys.meta_path[:] = before


@pytest.mark.parametrize("patience", [30, 0.05], ids=["until it is done", "not for ever"])
def test_leaving_waits_for_searches_so_that_none_passes_a_finder_over(
    modules: Any, blocked: Any, few_finders: Any, gate: Any, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(_execution, "PATIENCE", patience)
    hooks.when_imported(modules.new(), lambda module: None)
    few_finders(blocked)  # with one less in front, the walk that goes on from `blocked` would pass the last one over
    before = sys.meta_path
    importing = gate.start(importlib.import_module, blocked.name)
    assert blocked.reached.wait(600)
    leaving = gate.start(hooks.uninstall)
    leaving.join(0.2)
    assert leaving.is_alive() == (patience == 30)
    blocked.open.set()
    importing.join(600)
    leaving.join(600)
    assert gate.errors == []
    assert blocked.name in sys.modules
    assert (sys.meta_path is before) == (patience == 30)
    assert sys.meta_path == [blocked, importlib.machinery.PathFinder]


def test_leaving_from_within_a_search_loses_nobody(modules: Any, few_finders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_execution, "PATIENCE", 600.0)  # which no machine is busy enough to come near, where nobody waits
    name = modules.new()
    hooks.when_imported(modules.new(), lambda module: None)

    def leave(*_: Any) -> None:
        started = time.monotonic()
        hooks.uninstall()
        assert time.monotonic() - started < _execution.PATIENCE / 2

    foreign: Any = Foreign(name, leave)
    few_finders(foreign)
    assert importlib.import_module(name).__name__ == name
    assert sys.meta_path == [foreign, importlib.machinery.PathFinder]


def test_who_asks_a_finder_that_is_leaving_gets_the_others_answer(modules: Any) -> None:
    name = modules.new()
    hooks.when_imported(modules.new(), lambda module: None)
    leaving = sys.meta_path[0]
    places = list(sys.meta_path)
    hooks.uninstall()
    assert leaving.find_spec(name) is None
    sys.meta_path[:] = places
    assert leaving.find_spec(name).name == name
    assert leaving.find_spec(modules.name()) is None
    sys.meta_path.remove(leaving)


def test_what_another_thread_is_looking_for_is_not_missed(modules: Any, blocked: Any, gate: Any, seen: list[Any]) -> None:
    modules.write(blocked.name, "done = True\n")
    gate.start(importlib.import_module, blocked.name)
    assert blocked.reached.wait(600)
    registering = gate.start(hooks.when_imported, blocked.name, lambda module: seen.append(module.done))
    registering.join(0.1)
    assert registering.is_alive()
    assert seen == []
    blocked.open.set()
    registering.join(600)
    gate.open()
    assert seen == [True]
    importlib.reload(sys.modules[blocked.name])
    assert seen == [True, True]


def test_what_another_thread_looks_for_without_end_is_said(
    modules: Any, blocked: Any, gate: Any, seen: list[Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_execution, "PATIENCE", 0.05)
    gate.start(importlib.import_module, blocked.name)
    assert blocked.reached.wait(600)
    hooks.when_imported(blocked.name, seen.append)
    assert f"looking for {blocked.name}" in capfd.readouterr().err
    blocked.open.set()
    gate.open()
    importlib.reload(sys.modules[blocked.name])
    assert seen == [sys.modules[blocked.name]]


# --- a callback's failure ---


class Refusal(Exception):
    pass


def refuse(*_: Any) -> None:
    raise Refusal("no")


def test_a_callback_that_raises_breaks_neither_the_import_nor_the_other_callbacks(
    modules: Any, seen: list[Any], lenient: dict[str, int], capfd: pytest.CaptureFixture[str]
) -> None:
    name = modules.new()
    _finder.before_import(name, refuse)
    _finder.before_import(name, lambda: seen.append("before"))
    hooks.when_imported(name, refuse)
    hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert seen == ["before", module]
    hooks.when_imported(name, refuse)
    assert lenient == {f"before the import of {name}": 1, f"after the import of {name}": 2}
    said = capfd.readouterr().err
    assert said.count("\n") == 2
    assert "Refusal: no" in said
    assert "Traceback" not in said


def test_a_callback_that_raises_while_the_body_was_running_breaks_nothing_either(
    modules: Any, gate: Any, seen: list[Any], lenient: dict[str, int]
) -> None:
    name = modules.new(gate.body)
    gate.start(importlib.import_module, name)
    gate.reached()
    hooks.when_imported(name, refuse)
    hooks.when_imported(name, seen.append)
    gate.open()
    assert same(seen, [sys.modules[name]])
    assert lenient == {f"after the import of {name}": 1}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_in_a_callback_is_the_programs(modules: Any, interruption: type[BaseException]) -> None:
    def interrupt(module: Any) -> None:
        raise interruption

    name = modules.new()
    hooks.when_imported(name, interrupt)
    with pytest.raises(interruption):
        importlib.import_module(name)
    assert name not in sys.modules


# --- other finders ---


class Foreign:
    """Somebody else's finder: answers for one name, by asking in the way that is to be tried."""

    def __init__(self, name: str, ask: Callable[[str, Any, Any], Any]) -> None:
        self.name = name
        self.ask = ask
        self.asking = False
        self.calls: list[tuple[str, Any, Any]] = []

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != self.name or self.asking:
            return None
        self.calls.append((fullname, path, target))
        self.asking = True
        try:
            return self.ask(fullname, path, target)
        finally:
            self.asking = False


def ask_the_path(name: str, path: Any, target: Any) -> Any:
    return importlib.machinery.PathFinder.find_spec(name, path, target)


def ask_all(name: str, path: Any, target: Any) -> Any:
    return next(spec for one in list(sys.meta_path) if (spec := one.find_spec(name, path, target)) is not None)


def ask_importlib(name: str, path: Any, target: Any) -> Any:
    return importlib.util.find_spec(name)


def find_nothing(name: str, path: Any, target: Any) -> None:
    return None


@pytest.mark.parametrize("ask", [ask_the_path, ask_all, ask_importlib, find_nothing])
@pytest.mark.parametrize("where", ["in front", "directly behind", "at the end"])
def test_a_foreign_finder_works_in_front_and_behind(modules: Any, seen: list[Any], ask: Any, where: str) -> None:
    name = modules.new()
    foreign: Any = Foreign(name, ask)
    if where == "directly behind":
        sys.meta_path.insert(0, foreign)
    hooks.when_imported(name, seen.append)
    if where == "in front" and ask is not ask_the_path:  # one that serves the module itself leaves nobody anything to see
        sys.meta_path.insert(0, foreign)
    elif where == "at the end":
        sys.meta_path.append(foreign)
    try:
        module = importlib.import_module(name)
        assert same(seen, [module])
        if (where, ask) != ("in front", ask_importlib):  # it answers with the spec that the module has
            importlib.reload(module)
            assert same(seen, [module] * 2)
    finally:
        if foreign in sys.meta_path:
            sys.meta_path.remove(foreign)


def test_a_finder_behind_gets_what_the_import_system_gives(modules: Any, seen: list[Any]) -> None:
    package = modules.new(leaf="")
    name = f"{package}.leaf"
    foreign: Any = Foreign(name, ask_the_path)
    sys.meta_path.insert(0, foreign)
    hooks.when_imported(name, seen.append)
    try:
        leaf = importlib.import_module(name)
        path = sys.modules[package].__path__
        assert foreign.calls == [(name, path, None)]
        importlib.reload(leaf)
        assert foreign.calls[1:] == [(name, path, leaf)]
    finally:
        sys.meta_path.remove(foreign)


def test_an_old_finder_without_find_spec_is_passed_over(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    spec = _with_finder(types.SimpleNamespace(), lambda: sys.meta_path[0].find_spec(name))
    assert spec.name == name


def _with_finder(foreign: Any, act: Callable[[], Any]) -> Any:
    sys.meta_path.insert(1, foreign)
    try:
        return act()
    finally:
        sys.meta_path.remove(foreign)


@pytest.mark.parametrize("error", [ImportError, ValueError, KeyboardInterrupt])
def test_what_a_finder_raises_comes_through_and_the_next_import_works(
    modules: Any, seen: list[Any], error: type[BaseException]
) -> None:
    raised = error("refused")

    def forbid(name: str, path: Any, target: Any) -> None:
        raise raised

    name = modules.new()
    hooks.when_imported(name, seen.append)
    with pytest.raises(error) as caught:
        _with_finder(Foreign(name, forbid), lambda: importlib.import_module(name))
    assert caught.value is raised
    assert not [entry for entry in caught.traceback if "autotrace" in str(entry.path) and "tests" not in str(entry.path)]
    assert same([importlib.import_module(name)], seen)


@pytest.mark.parametrize("kind", ["own loader", "shared loader", "no loader"])
def test_a_finder_that_gives_the_same_spec_each_time_is_seen_once_for_each_import(
    modules: Any, seen: list[Any], kind: str
) -> None:
    name = modules.new()
    if kind == "no loader":
        name = modules.name()
        (modules.directory / name).mkdir()
    spec = importlib.machinery.PathFinder.find_spec(name)
    if kind == "shared loader":
        spec = importlib.machinery.ModuleSpec(name, Silent())
    loader = spec.loader
    hooks.when_imported(name, seen.append)

    def several_times() -> None:
        for number in range(1, 4):
            importlib.util.find_spec(name)
            importlib.util.find_spec(name)
            importlib.import_module(name)
            assert len(seen) == number
            del sys.modules[name]

    _with_finder(Foreign(name, lambda *_: spec), several_times)
    if loader is not None:
        assert spec.loader is loader
        assert "exec_module" not in vars(loader)
    assert type(spec) is importlib.machinery.ModuleSpec


class Silent:
    """A loader of somebody's own."""

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        return None


def test_an_explicit_path_is_where_the_module_is_looked_for(modules: Any, seen: list[Any]) -> None:
    name = modules.new("place = 'first'\n")
    elsewhere = modules.directory / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / f"{name}.py").write_text("place = 'elsewhere'\n")
    hooks.when_imported(name, lambda module: seen.append(module.place))
    spec = sys.meta_path[0].find_spec(name, [str(elsewhere)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    assert (module.place, seen) == ("elsewhere", ["elsewhere"])


@pytest.mark.parametrize("order", [("ours", "wrapt"), ("wrapt", "ours")], ids="-".join)
def test_wrapts_hooks_on_the_same_module_work_beside_ours(modules: Any, order: tuple[str, str]) -> None:
    name = modules.new(leaf="")
    output = modules.run(
        f"""
        import importlib, sys
        import wrapt
        from autotrace import hooks
        seen = []
        for name in ({name!r}, {name + ".leaf"!r}):
            for who in {order!r}:
                if who == "ours":
                    hooks.when_imported(name, lambda module: seen.append("ours"))
                else:
                    wrapt.register_post_import_hook(lambda module: seen.append("wrapt"), name)
            importlib.import_module(name)
        print(sorted(seen))
        print(type(sys.modules[name].__spec__.loader).__name__)
        """
    ).stdout
    assert output.splitlines() == ["['ours', 'ours', 'wrapt', 'wrapt']", "SourceFileLoader"]


# --- leaving ---


def test_after_uninstall_nothing_is_left_and_nothing_is_called(modules: Any, seen: list[Any]) -> None:
    before = list(sys.meta_path)
    loaded, waiting = modules.new(), modules.new()
    hooks.when_imported(loaded, seen.append)
    hooks.when_imported(waiting, seen.append)
    _finder.before_import(waiting, lambda: seen.append("before"))
    module = importlib.import_module(loaded)
    handed_out = importlib.util.find_spec(waiting)
    seen.clear()
    hooks.uninstall()
    assert same(sys.meta_path, before)
    importlib.reload(module)
    sys.modules[waiting] = late = importlib.util.module_from_spec(handed_out)
    handed_out.loader.exec_module(late)
    del sys.modules[waiting]
    importlib.import_module(waiting)
    assert seen == []
    hooks.uninstall()
    assert same(sys.meta_path, before)


def test_uninstall_removes_only_ours_wherever_it_stands(modules: Any, seen: list[Any]) -> None:
    hooks.when_imported(modules.new(), seen.append)
    foreign: Any = Foreign("", find_nothing)
    sys.meta_path.insert(0, foreign)
    expected = [one for one in sys.meta_path if not isinstance(one, _finder.Finder)]
    hooks.uninstall()
    assert same(sys.meta_path, expected)
    sys.meta_path.remove(foreign)


def test_the_last_callback_to_be_forgotten_takes_the_finder_along(modules: Any, seen: list[Any]) -> None:
    before = list(sys.meta_path)
    name = modules.new()
    other: list[Any] = []
    hooks.when_imported(name, seen.append)
    hooks.when_imported(name, other.append)
    early = other.clear
    _finder.before_import(name, early)
    seen_append = seen.append
    _finder.forget([seen_append])
    importlib.import_module(name)
    assert (seen, len(other)) == ([], 1)
    _finder.forget([other.append, early])
    assert same(sys.meta_path, before)
    _finder.forget([other.append])


def test_after_uninstall_one_may_register_again(modules: Any, seen: list[Any]) -> None:
    name = modules.new()
    hooks.when_imported(name, seen.append)
    hooks.uninstall()
    hooks.when_imported(name, seen.append)
    assert same([importlib.import_module(name)], seen)


def test_a_module_can_be_collected_and_so_can_a_forgotten_callback(modules: Any) -> None:
    import gc
    import weakref

    class Callback:
        def __call__(self, module: Any) -> None:
            return None

    name = modules.new()
    callback = Callback()
    hooks.when_imported(name, callback)
    module = weakref.ref(importlib.import_module(name))
    del sys.modules[name]
    gc.collect()
    assert module() is None
    gone = weakref.ref(callback)
    hooks.uninstall()
    del callback
    gc.collect()
    assert gone() is None


def test_at_the_end_of_the_interpreter_nothing_is_said(modules: Any) -> None:
    result = modules.run(
        """
        from autotrace import hooks
        from autotrace.hooks import _finder
        import os, sys
        class Late:
            def __del__(self, hooks=hooks, finder=_finder, sys=sys, write=os.write):
                assert sys.meta_path is None
                hooks.when_imported("throw_away", print)
                finder.forget([print])
                hooks.uninstall()
                write(1, b"late")
        hooks.when_imported("json", print)
        kept = Late()
        """
    )
    assert (result.stdout, result.stderr) == ("late", "")


@pytest.mark.parametrize("ends", ["before it is looked for", "after that"])
def test_a_module_that_another_thread_imports_during_the_registration_is_reported_once(
    modules: Any, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Registered, and not imported yet; imported when the registration comes to look whether it is."""
    name = modules.new("import gate_of_test; gate_of_test.wait()\n")
    gate, begun = threading.Event(), threading.Event()
    stop = type(sys)("gate_of_test")
    vars(stop)["wait"] = lambda: (begun.set(), gate.wait(600))
    monkeypatch.setitem(sys.modules, "gate_of_test", stop)
    importing = threading.Thread(target=importlib.import_module, args=(name,))
    search = _execution.wait_for_search

    def other_thread_comes_first(searched: str) -> bool:
        importing.start()
        assert begun.wait(600)
        if ends == "before it is looked for":
            gate.set()
            importing.join(600)
        return search(searched)

    monkeypatch.setattr(_execution, "wait_for_search", other_thread_comes_first)
    calls: list[Any] = []
    hooks.when_imported(name, calls.append)
    gate.set()
    importing.join(600)
    assert same(calls, [sys.modules[name]])
