"""Putting something in the place of an attribute, and back."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from autotrace._instrumentation import patcher

BODY = """
    def function(): return "function"

    class Base:
        def inherited(self): return "inherited"

    class Meta(type):
        def of_the_metaclass(cls): return "metaclass"

    class Class(Base, metaclass=Meta):
        def method(self): return "method"
        @staticmethod
        def static(): return "static"
        @classmethod
        def of_class(cls): return "of_class"
        @property
        def attribute(self): return "attribute"
        class Inner:
            def method(self): return "inner"

    Alias = Class
"""


@pytest.fixture
def module(modules: Any) -> Any:
    return importlib.import_module(modules.new(BODY))


def owner_of(module: Any, qualified_name: str) -> Any:
    owner = module
    for part in qualified_name.split(".")[:-1]:
        owner = getattr(owner, part)
    return owner


EVERY_KIND = ["function", "Class", "Class.method", "Class.static", "Class.of_class", "Class.attribute", "Class.Inner.method"]


@pytest.mark.parametrize("qualified_name", EVERY_KIND)
def test_the_raw_attribute_is_given_and_the_replacement_stands_in_its_place(module: Any, qualified_name: str) -> None:
    owner, name = owner_of(module, qualified_name), qualified_name.rpartition(".")[2]
    raw, given, replacement = vars(owner)[name], [], object()

    def make(original: Any, of_class: bool) -> object:
        given.append((original, of_class))
        return replacement

    patch = patcher.apply(module, qualified_name, make)
    assert given[0][0] is raw
    assert given == [(raw, owner is not module)]
    assert vars(owner)[name] is replacement
    assert patch.undo() is True


@pytest.mark.parametrize("qualified_name", EVERY_KIND)
def test_undo_leaves_the_owner_with_the_very_objects_that_it_had(module: Any, qualified_name: str) -> None:
    owner = owner_of(module, qualified_name)
    before = dict(vars(owner))
    assert patcher.apply(module, qualified_name, lambda original, of_class: object()).undo() is True
    after = dict(vars(owner))
    assert list(after) == list(before)
    assert all(after[name] is value for name, value in before.items())


def test_undo_is_refused_while_somebody_elses_patch_stands_on_ours(module: Any) -> None:
    original = vars(module.Class)["method"]
    first = patcher.apply(module, "Class.method", lambda original, of_class: lambda self: "first")
    second = patcher.apply(module, "Class.method", lambda original, of_class: lambda self: "second")
    assert first.undo() is False
    assert module.Class().method() == "second"
    assert second.undo() is True
    assert module.Class().method() == "first"
    assert first.undo() is True
    assert vars(module.Class)["method"] is original
    assert first.undo() is False


def test_an_inherited_attribute_is_refused_and_the_message_says_which_target_to_declare(module: Any) -> None:
    with pytest.raises(LookupError) as caught:
        patcher.apply(module, "Class.inherited", lambda original, of_class: None)
    assert caught.value.args == (f"Class.inherited: inherited is defined by {module.__name__}:Base; declare that instead",)
    assert "inherited" not in vars(module.Class)


@pytest.mark.parametrize(
    ("qualified_name", "says"),
    [
        ("nothing", "nothing: {module} has no nothing"),
        ("Nothing.method", "Nothing.method: {module} has no Nothing"),
        ("Class.nothing", "Class.nothing: Class has no nothing"),
        ("Class.Nothing.method", "Class.Nothing.method: Class has no Nothing"),
        ("Class.of_the_metaclass", "Class.of_the_metaclass: Class has no of_the_metaclass"),
        ("function.nothing", "function.nothing: function has no nothing"),
        ("Alias.nothing", "Alias.nothing: Class has no nothing"),
    ],
)
def test_a_missing_name_is_a_lookup_error_that_says_what_is_not_there(module: Any, qualified_name: str, says: str) -> None:
    def never(original: Any, of_class: bool) -> None:
        raise AssertionError

    with pytest.raises(LookupError) as caught:
        patcher.apply(module, qualified_name, never)
    assert caught.value.args == (says.format(module=module.__name__),)


@pytest.mark.parametrize("qualified_name", ["nothing", "Nothing.method"])
def test_a_module_with_a_getattr_of_its_own_is_never_asked(modules: Any, qualified_name: str) -> None:
    body = """
        asked = []
        def __getattr__(name):
            asked.append(name)
            return type(name, (), {"method": None})
    """
    module = importlib.import_module(modules.new(body))
    del module.__dict__["__doc__"]
    with pytest.raises(LookupError, match=f"{module.__name__} has no"):
        patcher.apply(module, qualified_name, lambda original, of_class: None)
    assert module.asked == []


def test_what_make_raises_comes_through_and_nothing_is_replaced(module: Any) -> None:
    original = vars(module.Class)["method"]
    with pytest.raises(ZeroDivisionError):
        patcher.apply(module, "Class.method", lambda original, of_class: 1 / 0)
    assert vars(module.Class)["method"] is original


def test_an_attribute_that_cannot_be_set_is_an_error_and_not_a_patch() -> None:
    with pytest.raises(TypeError):
        patcher.apply(importlib.import_module("decimal"), "Decimal.sqrt", lambda original, of_class: None)


@pytest.mark.parametrize(
    "stated", ["count = len", "from json import dumps as count", "class Class:\n    count = staticmethod(sorted)"]
)
def test_what_is_the_standard_librarys_own_is_never_replaced(modules: Any, stated: str) -> None:
    """Everybody uses it, this project too: in its place a replacement would call itself."""
    module = importlib.import_module(modules.new(stated))
    name = "Class.count" if "Class" in stated else "count"
    raw = patcher.find(module, name)
    with pytest.raises(LookupError, match=r"of the standard library, which other code uses too; declare"):
        patcher.apply(module, name, lambda original, _: original)
    assert patcher.find(module, name) is raw
