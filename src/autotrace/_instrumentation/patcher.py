"""Replacing an attribute of a library, and restoring it."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any


class Patch:
    """One replaced attribute. `undo` restores the original, unless other code has replaced the attribute since.

    `unshared` says that nothing but the attribute referred to the original, so that no module has an alias of it.
    """

    __slots__ = ("name", "original", "owner", "replacement", "unshared")

    def __init__(self, owner: Any, name: str, original: Any, replacement: Any, unshared: bool = False) -> None:
        self.owner = owner
        self.name = name
        self.original = original
        self.replacement = replacement
        self.unshared = unshared
        self._put(replacement)

    def _put(self, value: Any) -> None:
        if isinstance(self.owner, type):
            setattr(self.owner, self.name, value)
        else:  # not setattr: the class of a module may define `__setattr__`
            _namespace(self.owner)[self.name] = value

    @property
    def present(self) -> Any:
        """The current value of the attribute; ``None`` if it is gone."""
        return _namespace(self.owner).get(self.name)

    def undo(self) -> bool:
        """Restore the original. False if another patch is on top of ours, which then has to stay."""
        if self.present is not self.replacement:
            return False
        self._put(self.original)
        return True


def apply(module: Any, qualified_name: str, make: Callable[[Any, bool], Any]) -> Patch:
    """Replace ``Class.method`` or ``function`` of `module` by ``make(original, owner_is_class)``.

    The original is the raw attribute (for example a staticmethod object) of the class or module that *defines* it. Raises
    `LookupError` that says what is missing. Reads only the module's dictionary, because a PEP 562 module would load things on
    attribute access.
    """
    owner, name = _owner(module, qualified_name)
    unshared = _references(_namespace(owner), name) == _references({"": object()}, "")
    original = _member(owner, name, qualified_name)
    home = _function(original).__module__ if type(_function(original)) in (FunctionType, BuiltinFunctionType) else None
    if home is not None and _top(home) in sys.stdlib_module_names and _top(module.__name__) not in sys.stdlib_module_names:
        raise LookupError(
            f"{qualified_name} is {home}.{name} of the standard library, which other code uses too; "
            "declare the library's function that calls it"
        )
    return Patch(owner, name, original, make(original, isinstance(owner, type)), unshared)


def _references(namespace: Any, name: str) -> int:
    """The number of references to a plain function under `name`; 0 for anything else, whose function has its own count."""
    raw = namespace.get(name)
    return 0 if type(raw) in (staticmethod, classmethod) else sys.getrefcount(raw)


def _top(module: object) -> str:
    return str(module).partition(".")[0]


def find(module: Any, qualified_name: str) -> Any:
    """The raw attribute that `apply` would replace. Raises `LookupError` as it does."""
    return _member(*_owner(module, qualified_name), qualified_name)


def _owner(module: Any, qualified_name: str) -> tuple[Any, str]:
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
            raise LookupError(
                f"{qualified_name}: {name} is defined by {base.__module__}:{base.__qualname__}; declare that instead"
            )
    raise LookupError(f"{qualified_name}: {holder} has no {name}")


def _namespace(owner: Any) -> Any:
    return vars(owner) if isinstance(owner, type) else object.__getattribute__(owner, "__dict__")


def apply_to_aliases(patches: Iterable[Patch], modules: Iterable[Any]) -> Iterator[tuple[Patch, Patch]]:
    """Patch what `modules` imported by name before the `patches`: the same function, or a method bound to an instance.

    Yields each patch with the additional patch of an alias. Aliases are found by identity in copies of the modules'
    dictionaries, because attribute access would load a lazy module. References in closures, defaults, instances, containers or
    partial objects are not found.
    """
    by_original = {id(_function(patch.original)): patch for patch in patches if not patch.unshared}
    for module in modules if by_original else ():
        try:
            names = dict(object.__getattribute__(module, "__dict__"))
        except (AttributeError, TypeError):  # `sys.modules` may hold objects that are not modules
            continue
        if by_original.keys().isdisjoint(map(id, names.values())) and MethodType not in set(map(type, names.values())):
            continue  # true for nearly all modules, and checked in C
        for name, value in names.items():
            bound = type(value) is MethodType
            patch = by_original.get(id(value.__func__ if bound else value))
            if patch is not None:
                replacement = _function(patch.replacement)
                yield patch, Patch(module, name, value, MethodType(replacement, value.__self__) if bound else replacement)


def _function(raw: Any) -> Any:
    return raw.__func__ if type(raw) in (staticmethod, classmethod) else raw


def wrapped_by(raw: Any, package: str) -> str | None:
    """The package that has wrapped a function of `package`; ``None`` if no other package has.

    Decorators of `package` itself and of the standard library do not count.
    """
    function = _function(raw)
    wrapper = getattr(function, "_self_wrapper", None) if type(function).__name__.endswith("FunctionWrapper") else None
    if wrapper is None and "__wrapped__" not in (getattr(function, "__dict__", None) or ()):
        return None
    outer = wrapper if wrapper is not None else function
    module = outer.__globals__.get("__name__") if isinstance(outer, FunctionType) else type(outer).__module__
    by = _top(module)
    own = by == _top(package) or by in sys.stdlib_module_names or by == "typing_extensions"
    return None if own else by
