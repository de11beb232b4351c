"""Random histories of a few modules, against a model of how often each callback must have been called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from autotrace import hooks
from autotrace.hooks import _finder

NAMES = ["throw_away_history", "throw_away_history.leaf", "throw_away_history_too"]
names = st.sampled_from(NAMES)
FAIL = "throw_away_failing"


class Watcher:
    """A callback, and how often the model says that it was called."""

    by_hand: Any = None
    """The module that is being executed without being in `sys.modules`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0
        self.expected = 0

    def __call__(self, module: Any = None) -> None:
        assert module is None or module is sys.modules.get(self.name) or module is Watcher.by_hand
        self.calls += 1


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        body = f"import sys\nif __name__ in sys.modules[{FAIL!r}].names: raise ValueError(__name__)\n"
        package = Path(self.directory.name, NAMES[0])
        package.mkdir()
        for path in (package / "__init__.py", package / "leaf.py", Path(self.directory.name, NAMES[2] + ".py")):
            path.write_text(body)
        self.failing = sys.modules[FAIL] = type(sys)(FAIL)
        self.failing.names = set()
        self.path, self.meta_path = list(sys.path), list(sys.meta_path)
        sys.path.insert(0, self.directory.name)
        importlib.invalidate_caches()
        self.after: list[Watcher] = []
        self.before: list[Watcher] = []
        self.forgotten: list[Watcher] = []
        # Callbacks that register another one when they are called for the first time.
        self.nested: list[tuple[Watcher, Watcher]] = []
        self.nested_before: list[tuple[Watcher, Watcher]] = []

    def teardown(self) -> None:
        hooks.uninstall()
        for name in [*NAMES, FAIL]:
            sys.modules.pop(name, None)
        sys.path[:] = self.path
        sys.path_importer_cache.pop(self.directory.name, None)
        self.directory.cleanup()
        assert sys.meta_path == self.meta_path

    def runs(self, name: str, by_hand: bool = False) -> bool:
        """The body of `name` is about to run: what the model expects of it, and whether it will succeed."""
        present = by_hand and name in sys.modules  # then who registers meanwhile is called for that module at once
        for watcher in self.before:
            watcher.expected += watcher.name == name
        self._register_inner(self.nested_before, name, present)
        if name in self.failing.names:
            return False
        if not by_hand:  # whose end is the import that who registers at it is called for
            self._register_inner(self.nested, name, False)
        for watcher in self.after:
            watcher.expected += watcher.name == name
        if by_hand:
            self._register_inner(self.nested, name, present)
        return True

    def _register_inner(self, nested: list[tuple[Watcher, Watcher]], name: str, present: bool) -> None:
        for outer, inner in nested:
            if outer.name == name:
                inner.expected += present
                self.after.append(inner)
        nested[:] = [pair for pair in nested if pair[0].name != name]

    @rule(name=names)
    def register(self, name: str) -> None:
        watcher = Watcher(name)
        watcher.expected += name in sys.modules
        self.after.append(watcher)
        hooks.when_imported(name, watcher)

    @rule(name=names)
    def register_before(self, name: str) -> None:
        watcher = Watcher(name)
        self.before.append(watcher)
        assert _finder.before_import(name, watcher) is (name in sys.modules)

    @rule(name=names, early=st.booleans())
    def register_one_that_registers(self, name: str, early: bool) -> None:
        outer, inner = Watcher(name), Watcher(name)

        def register(module: Any = None) -> None:
            outer(module)
            if outer.calls == 1:
                hooks.when_imported(name, inner)

        present = name in sys.modules
        if early:
            self.before.append(outer)
            _finder.before_import(name, register)
        else:
            self.after.append(outer)
            outer.expected += present
            hooks.when_imported(name, register)
        if present and not early:
            inner.expected += 1
            self.after.append(inner)
        else:
            (self.nested_before if early else self.nested).append((outer, inner))
        outer.registered = register  # type: ignore[attr-defined]

    @rule(name=names)
    def load(self, name: str) -> None:
        parent = name.partition(".")[0]
        works = True
        for one in dict.fromkeys([parent, name]):
            if works and name not in sys.modules and one not in sys.modules:
                works = self.runs(one)
        if works:
            importlib.import_module(name)
        else:
            with pytest.raises(ValueError, match="throw_away"):
                importlib.import_module(name)

    @rule(name=names)
    def execute_by_hand(self, name: str) -> None:
        if name.partition(".")[0] not in sys.modules and "." in name:
            return
        path = sys.modules[name.partition(".")[0]].__path__ if "." in name else [self.directory.name]
        spec = next(spec for one in sys.meta_path if (spec := one.find_spec(name, path, None)) is not None)
        Watcher.by_hand = module = importlib.util.module_from_spec(spec)
        try:
            if self.runs(name, by_hand=True):
                spec.loader.exec_module(module)  # type: ignore[union-attr]
            else:
                with pytest.raises(ValueError, match="throw_away"):
                    spec.loader.exec_module(module)  # type: ignore[union-attr]
        finally:
            Watcher.by_hand = None

    @rule(name=names)
    def reload(self, name: str) -> None:
        if name not in sys.modules or name.partition(".")[0] not in sys.modules:
            return
        if self.runs(name):
            importlib.reload(sys.modules[name])
        else:
            with pytest.raises(ValueError, match="throw_away"):
                importlib.reload(sys.modules[name])

    @rule(name=names)
    def look(self, name: str) -> None:
        for one in sys.meta_path:
            one.find_spec(name, [self.directory.name], None)

    @rule(name=names)
    def delete(self, name: str) -> None:
        sys.modules.pop(name, None)

    @rule(name=names, fails=st.booleans())
    def edit(self, name: str, fails: bool) -> None:
        (self.failing.names.add if fails else self.failing.names.discard)(name)

    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        if self.after:
            watcher = data.draw(st.sampled_from(self.after))
            self.after.remove(watcher)
            self.nested = [pair for pair in self.nested if pair[0] is not watcher]
            self.forgotten.append(watcher)
            _finder.forget([watcher, getattr(watcher, "registered", watcher)])

    @rule()
    def uninstall(self) -> None:
        hooks.uninstall()
        self.forgotten += self.after + self.before
        self.after, self.before, self.nested, self.nested_before = [], [], [], []
        assert sys.meta_path == self.meta_path

    @invariant()
    def each_was_called_as_often_as_it_had_to_be(self) -> None:
        for watcher in self.after + self.before + self.forgotten:
            assert watcher.calls == watcher.expected, watcher.name
        watching = bool(self.after or self.before)
        assert sys.meta_path[watching:] == self.meta_path


def test_in_any_history_each_callback_is_called_once_for_each_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    relaxed = settings(
        max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    run_state_machine_as_test(Histories, settings=relaxed)
