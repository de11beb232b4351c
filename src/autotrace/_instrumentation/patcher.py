"""Putting something in the place of a library's attribute, and putting it back."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any


class Patch:
    """One replaced attribute. `undo` puts the original back, unless somebody has put something else there since."""

    __slots__ = ("name", "original", "owner", "replacement")

    def __init__(self, owner: Any, name: str, original: Any, replacement: Any) -> None:
        self.owner = owner
        self.name = name
        self.original = original
        self.replacement = replacement
        self._put(replacement)

    def _put(self, value: Any) -> None:
        if isinstance(self.owner, type):
            setattr(self.owner, self.name, value)
        else:  # a module may have made itself one with a `__setattr__`
            _namespace(self.owner)[self.name] = value

    @property
    def present(self) -> Any:
        """What stands in the attribute's place now; ``None`` if there is nothing."""
        return _namespace(self.owner).get(self.name)

    def undo(self) -> bool:
        """True if the original is back; False if another patch stands on ours, which then has to stay."""
        if self.present is not self.replacement:
            return False
        self._put(self.original)
        return True


def apply(module: Any, qualified_name: str, make: Callable[[Any, bool], Any]) -> Patch:
    """Replace ``Class.method`` or ``function`` of `module` by ``make(original, owner_is_class)``.

    The original is the raw attribute (a staticmethod object, say) of the class or module that *defines* it. Raises
    `LookupError`, saying what is not there. No attribute of the module is asked for: PEP 562 modules would load things.
    """
    owner, name = _place(module, qualified_name)
    original = _member(owner, name, qualified_name)
    home = _function(original).__module__ if type(_function(original)) in (FunctionType, BuiltinFunctionType) else None
    if home is not None and _top(home) in sys.stdlib_module_names and _top(module.__name__) not in sys.stdlib_module_names:
        raise LookupError(
            f"{qualified_name} is {home}'s own {name}, which everybody uses; declare the library's function around it"
        )
    return Patch(owner, name, original, make(original, isinstance(owner, type)))


def _top(module: object) -> str:
    return str(module).partition(".")[0]


def find(module: Any, qualified_name: str) -> Any:
    """The raw attribute that `apply` would replace. Raises `LookupError` as it does."""
    return _member(*_place(module, qualified_name), qualified_name)


def _place(module: Any, qualified_name: str) -> tuple[Any, str]:
    owner: Any = module
    *outer, name = qualified_name.split(".")
    for part in outer:
        owner = _member(owner, part, qualified_name)
    return owner, name


def _member(owner: Any, name: str, qualified_name: str) -> Any:
    namespace = _namespace(owner)
    if name in namespace:
        return namespace[name]
    holder = owner.__qualname__ if isinstance(owner, type) else namespace.get("__name__", type(owner).__name__)
    for base in owner.__mro__[1:] if isinstance(owner, type) else ():
        if name in vars(base):
            raise LookupError(f"{qualified_name}: {name} is defined by {base.__module__}:{base.__qualname__}; declare that")
    raise LookupError(f"{qualified_name}: {holder} has no {name}")


def _namespace(owner: Any) -> Any:
    return vars(owner) if isinstance(owner, type) else object.__getattribute__(owner, "__dict__")


def apply_to_aliases(patches: Iterable[Patch], modules: Iterable[Any]) -> Iterator[tuple[Patch, Patch]]:
    """Replace what `modules` took by name before the `patches`: the same function, or a method bound to an instance.

    Yields the patch and what was replaced for it. Found by identity in copies of the modules' dictionaries: an attribute asked
    for would load a lazy module. What is in closures, defaults, instances, containers or partial objects is not found.
    """
    wanted = {id(_function(patch.original)): patch for patch in patches}
    for module in modules:
        try:
            names = dict(object.__getattribute__(module, "__dict__"))
        except (AttributeError, TypeError):  # an object of another kind in the place of a module
            continue
        if wanted.keys().isdisjoint(map(id, names.values())) and MethodType not in set(map(type, names.values())):
            continue  # as nearly all modules; in C
        for name, value in names.items():
            bound = type(value) is MethodType
            patch = wanted.get(id(value.__func__ if bound else value))
            if patch is not None:
                replacement = _function(patch.replacement)
                yield patch, Patch(module, name, value, MethodType(replacement, value.__self__) if bound else replacement)


def _function(raw: Any) -> Any:
    return raw.__func__ if type(raw) in (staticmethod, classmethod) else raw


def wrapped_by(raw: Any, package: str) -> str | None:
    """The package that has put a wrapper around a function of `package`; ``None`` for the function as it was written.

    Decorators of the package's own, and of the standard library, count as written.
    """
    function = _function(raw)
    wrapper = getattr(function, "_self_wrapper", None) if type(function).__name__.endswith("FunctionWrapper") else None
    if wrapper is None and "__wrapped__" not in (getattr(function, "__dict__", None) or ()):
        return None
    named = wrapper if wrapper is not None else function
    module = named.__globals__.get("__name__") if isinstance(named, FunctionType) else type(named).__module__
    by = _top(module)
    written = by == _top(package) or by in sys.stdlib_module_names or by == "typing_extensions"
    return None if written else by
