"""Putting something in the place of a library's attribute, and putting it back."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Patch:
    """One replaced attribute. `undo` puts the original back, unless somebody has put something else there since."""

    __slots__ = ("_name", "_original", "_owner", "_replacement")

    def __init__(self, owner: Any, name: str, original: Any, replacement: Any) -> None:
        self._owner = owner
        self._name = name
        self._original = original
        self._replacement = replacement
        setattr(owner, name, replacement)

    def undo(self) -> bool:
        """True if the original is back; False if another patch stands on ours, which then has to stay."""
        if _namespace(self._owner).get(self._name) is not self._replacement:
            return False
        setattr(self._owner, self._name, self._original)
        return True


def apply(module: Any, qualified_name: str, make: Callable[[Any, bool], Any]) -> Patch:
    """Replace ``Class.method`` or ``function`` of `module` by ``make(original, owner_is_class)``.

    The original is the raw attribute (a staticmethod object, say) of the class or module that *defines* it. Raises
    `LookupError`, saying what is not there. No attribute of the module is asked for: PEP 562 modules would load things.
    """
    owner: Any = module
    *outer, name = qualified_name.split(".")
    for part in outer:
        owner = _member(owner, part, qualified_name)
    original = _member(owner, name, qualified_name)
    return Patch(owner, name, original, make(original, isinstance(owner, type)))


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


def loaded(module_name: str) -> Any:
    """The module `module_name` if it has been imported, else ``None``. Not by attribute: a package may shadow its submodule."""
    return sys.modules.get(module_name)
