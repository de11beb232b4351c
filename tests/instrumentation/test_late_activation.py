"""The library was imported first: what others have taken from it by name is found, patched and reverted as well."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import autotrace
from autotrace.testing import Capture

TAKERS = """
import functools
from {name}.client import Client, ask
from {name}.client import ask as renamed

client = Client()
chat = client.chat
made = Client.made
alone = Client.alone
unrelated = Client.achat_plain

kept = [ask]
partial = functools.partial(ask, "m")
def default(model, ask=ask): return ask(model)
"""
TAKEN = {"ask": "ask", "renamed": "ask", "chat": "Client.chat", "made": "Client.made", "alone": "Client.alone"}


@pytest.fixture
def taker(library: Any) -> Iterator[types.ModuleType]:
    """A module that has taken functions of the library by name, before autotrace is enabled."""
    name = f"{library.name}_taker"
    library.write(f"{name}.py", TAKERS.format(name=library.name))
    yield importlib.import_module(name)
    del sys.modules[name]


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_module_took_by_name_is_traced_and_given_back(library: Any, taker: Any, captured: Capture, name: str) -> None:
    before = dict(vars(taker))
    autotrace.enable(library.name)
    function = getattr(taker, name)
    function("m")
    assert [span["name"] for span in captured.spans] == ["chat m"]
    assert type(function) is type(before[name])
    assert (function.__name__, function.__qualname__) == (before[name].__name__, before[name].__qualname__)
    assert getattr(function, "__self__", None) is getattr(before[name], "__self__", None)
    autotrace.disable(library.name)
    assert vars(taker).keys() == before.keys()
    assert [key for key, value in vars(taker).items() if value is not before[key]] == []
    getattr(taker, name)("m")
    assert len(captured.spans) == 1


def test_status_says_what_was_found_and_what_cannot_be(library: Any, taker: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    targets = library.status["targets"]
    for name in TAKEN.values():
        target = targets[f"{library.name}.client:{name}"]
        assert (target["state"], target["late"]) == ("patched", True)
        assert target["aliases"] == [f"{taker.__name__}:{alias}" for alias in TAKEN if TAKEN[alias] == name]
        assert all(alias in target["reason"] for alias in target["aliases"])
        assert "functools.partial cannot be found" in target["reason"]
    assert targets[f"{library.name}.client:Client.later"]["aliases"] == []
    taker.kept[0]("m"), taker.partial(), taker.default("m")
    assert captured.spans == []


def test_on_time_only_what_the_module_itself_has_taken_is_looked_for(library: Any, captured: Capture) -> None:
    library.write(
        f"{library.name}/client.py", (library.site / library.name / "client.py").read_text() + "chat = Client().chat\n"
    )
    autotrace.enable(library.name)
    library.client.chat("m")
    assert len(captured.spans) == 1
    target = library.status["targets"][f"{library.name}.client:Client.chat"]
    assert (target["late"], target["aliases"], target["reason"]) == (False, [f"{library.name}.client:chat"], None)


class Asked(types.ModuleType):
    """A module that must not be asked for attributes."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AssertionError(name)


def test_no_module_is_asked_for_an_attribute(library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(f"{library.name}_asked")
    asked.__dict__["ask"] = library.client.ask
    monkeypatch.setitem(sys.modules, asked.__name__, asked)
    monkeypatch.setitem(sys.modules, f"{library.name}_none", None)
    monkeypatch.setitem(sys.modules, f"{library.name}_odd", object())  # type: ignore[arg-type]
    spec = importlib.util.find_spec("wave")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "wave", lazy)
    spec.loader.exec_module(lazy)
    original = library.client.ask
    autotrace.enable(library.name)
    assert asked.__dict__["ask"] is not original
    asked.__dict__["ask"]("m")
    assert len(captured.spans) == 1
    autotrace.disable(library.name)
    assert asked.__dict__["ask"] is original
    assert type(lazy).__name__ == "_LazyModule"


def test_a_reload_of_the_library_leaves_the_copies_and_patches_the_new_functions(
    library: Any, taker: Any, captured: Capture
) -> None:
    before = dict(vars(taker))
    autotrace.enable(library.name)
    importlib.reload(library.client)
    library.client.ask("m")
    taker.ask("m")
    assert len(captured.spans) == 2
    autotrace.disable(library.name)
    assert [key for key, value in vars(taker).items() if value is not before[key]] == []


class InFront:
    """A finder that serves the library itself, and gives nobody behind it a chance."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.machinery.PathFinder.find_spec(name, path, target)


def test_a_library_that_came_past_the_hook_is_taken_by_the_next_enable(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    foreign: Any = InFront()
    sys.meta_path.insert(0, foreign)
    try:
        client = library.client
    finally:
        sys.meta_path.remove(foreign)
    client.ask("m")
    assert captured.spans == []
    assert "in front of" in library.status["reason"]
    autotrace.enable(library.name)
    client.ask("m")
    assert len(captured.spans) == 1
    assert library.status["targets"][f"{library.name}.client:ask"]["state"] == "patched"


def test_a_leaf_that_came_past_the_hook_is_taken_by_the_next_enable(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    importlib.import_module(library.name)
    foreign: Any = InFront()
    sys.meta_path.insert(0, foreign)
    try:
        client = library.client
    finally:
        sys.meta_path.remove(foreign)
    assert "in front of" in library.status["targets"][f"{library.name}.client:ask"]["reason"]
    autotrace.enable(library.name)
    client.ask("m")
    assert len(captured.spans) == 1
    assert library.status["targets"][f"{library.name}.client:ask"]["late"] is True


def other_agent(function: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper as another agent puts it on a function: made by code of a package of its own."""
    made: dict[str, Any] = {"__name__": "other_agent.wrapping"}
    exec(
        "import functools\ndef wrap(function):\n    @functools.wraps(function)\n    def wrapper(*args, **kwargs):\n"
        "        return function(*args, **kwargs)\n    return wrapper\n",
        made,
    )
    wrapped: Callable[..., Any] = made["wrap"](function)
    return wrapped


def by_wrapt(function: Callable[..., Any]) -> Any:
    import wrapt

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    return wrapt.FunctionWrapper(function, types.FunctionType(wrapper.__code__, {"__name__": "other_agent.patches"}))


def by_itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return functools.lru_cache(function)


@pytest.mark.parametrize(("wrap", "by"), [(other_agent, "other_agent"), (by_wrapt, "other_agent"), (by_itself, None)])
def test_another_agents_wrapper_below_or_above_is_named(library: Any, wrap: Any, by: str | None, captured: Capture) -> None:
    key = f"{library.name}.client:ask"
    library.client.ask = wrap(library.client.ask)
    autotrace.enable(library.name)
    target = library.status["targets"][key]
    assert (target["below"], target["above"]) == (by, None)
    ours = library.client.ask
    library.client.ask = wrap(ours)
    target = library.status["targets"][key]
    assert (target["below"], target["above"]) == (by, by or "unknown")
    library.client.ask("m")
    assert len(captured.spans) == 1
    library.client.ask = ours


def test_threads_that_enable_and_import_at_once_patch_once(library: Any, captured: Capture) -> None:
    start = threading.Barrier(6)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            start.wait(600)
            if number % 2:
                autotrace.enable(library.name)
            importlib.import_module(f"{library.name}.client")
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert errors == []
    library.client.ask("m")
    assert len(captured.spans) == 1
    autotrace.disable(library.name)
    assert not hasattr(library.client.ask, "__wrapped__")
