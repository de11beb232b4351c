"""Standing in front of a loader for one execution, while the loader looks as it did.

A loader with attributes of its own gets one more, which its `__dict__` does not show: type, equality, copies and pickles are
as before. It goes before the body runs. A loader that is a class, or has no attributes, is replaced in its spec by a
proxy, until then.
"""

from __future__ import annotations

import _thread
import sys

from autotrace import _process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Before = Callable[[str], object]
    After = Callable[[str, bool], object]

_changing = _thread.RLock()
"""Held while the attributes of a loader, or the class of a spec, change; never while calling out."""


def changing() -> _thread.RLock:
    """The lock under which loaders and specs are changed."""
    return _changing


def invisible(function: Any) -> Any:
    """Take the frames of `function` for the import system's own."""
    # import.c cuts frames with this file name out of tracebacks, and `warnings` skips them: an import's
    # traceback and its warnings look as they do without us. Seen on 3.10 to 3.13.
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    return function


def stand_in_front(holder: Any, loader: Any, name: str, before: Before, after: After) -> None:
    """Have `before(name)` and `after(name, done)` called around the next execution of module `name` by `loader`.

    `holder.loader` is the loader. One that can execute nothing stays as it is.
    """
    method = next((one for one in ("exec_module", "load_module") if hasattr(loader, one)), None)
    if method is None or type(loader) is _Proxy:
        return
    if not _hide(loader, method, name, before, after):
        holder.loader = _Proxy(loader, holder, method, name, before, after)


def _hide(loader: Any, method: str, name: str, before: Before, after: After) -> bool:
    """Put an `_Execution` into the loader's attributes. False if that is not possible, or could be seen."""
    kind: Any = type(loader)
    if kind.__getattribute__ is not object.__getattribute__ or kind.__setattr__ is not object.__setattr__:
        return False
    with _changing:
        namespace = getattr(loader, "__dict__", None)
        execution = dict.get(namespace, method) if type(namespace) is _Attributes else None
        if execution is not None:
            execution.pending[name] = (before, after)
            return True
        if type(namespace) is not dict or method in namespace:
            return False
        execution = _Execution(loader, method)
        execution.pending[name] = (before, after)
        try:
            loader.__dict__ = _Attributes(namespace, method, execution)
        except (AttributeError, TypeError):  # a class with a `__dict__` of its own making
            return False
        if getattr(loader, method) is not execution:  # a method that is a data descriptor wins over attributes
            loader.__dict__ = namespace
            return False
        return True


@invisible
def _call_around(execute: Callable[[Any], Any], argument: Any, name: str, before: Before, after: After) -> Any:
    done = False
    try:
        before(name)
        result = execute(argument)
        done = True
        return result
    finally:
        after(name, done)


class _Execution:
    """Stands in front of a loader's method for the next execution of each module that is pending."""

    __slots__ = ("_execute", "_loader", "_method", "pending")

    def __init__(self, loader: Any, method: str) -> None:
        self._loader = loader
        self._method = method
        self._execute = getattr(loader, method)
        self.pending: dict[str, tuple[Before, After]] = {}

    @invisible
    def __call__(self, module: Any) -> Any:
        around = self._take(module)
        if around is None:
            return self._execute(module)
        return _call_around(self._execute, module, *around)

    def _take(self, module: Any) -> tuple[str, Before, After] | None:
        """What to call around the execution of `module`. After the last one the loader is as it was."""
        names = (module,) if isinstance(module, str) else _names(module)
        with _changing:
            name = next((one for one in (*names, self._loader.__dict__.get("name")) if one in self.pending), "")
            around = self.pending.pop(name, None)
            attributes = self._loader.__dict__
            if not self.pending and type(attributes) is _Attributes:
                self._loader.__dict__ = attributes.copy()
        return None if around is None else (name, *around)


def _names(module: Any) -> tuple[str, ...]:
    """What the module is called: by its spec first. It need not be a module, and may be a lazy one: it is asked nothing."""
    namespace = _namespace(module)
    names = (getattr(namespace.get("__spec__"), "name", None), namespace.get("__name__"))
    return tuple(name for name in names if isinstance(name, str))


def _namespace(module: Any) -> dict[str, Any]:
    try:
        namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
    except AttributeError:  # not a module at all
        return {}
    return namespace


class _Attributes(dict):  # type: ignore[type-arg]
    """The `__dict__` of a loader with an `_Execution` in it that only the look-up of attributes sees.

    CPython looks attributes up in the dict's own table; everybody else comes through the methods of the class.
    """

    __slots__ = ()
    __hash__ = None

    def __init__(self, attributes: dict[str, Any], method: str, execution: _Execution) -> None:
        super().__init__(attributes)
        dict.__setitem__(self, method, execution)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return dict

    def copy(self) -> dict[str, Any]:
        return {key: dict.__getitem__(self, key) for key in self}

    def __iter__(self) -> Any:
        return iter([key for key in dict.__iter__(self) if type(dict.__getitem__(self, key)) is not _Execution])

    def __reversed__(self) -> Any:
        return reversed(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def __contains__(self, key: object) -> bool:
        return key in self.copy()

    def __getitem__(self, key: str) -> Any:
        return self.copy()[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.copy().get(key, default)

    def keys(self) -> Any:
        return self.copy().keys()

    def values(self) -> Any:
        return self.copy().values()

    def items(self) -> Any:
        return self.copy().items()

    def __eq__(self, other: object) -> bool:
        return self.copy() == (other.copy() if type(other) is _Attributes else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)


class _Proxy:
    """Stands for a loader in one spec until the body runs; gives all its attributes, and its class, as the loader's own."""

    def __init__(self, loader: Any, holder: Any, method: str, name: str, before: Before, after: After) -> None:
        self.__dict__["_autotrace"] = (loader, holder, name, before, after)
        self.__dict__[method] = self._load if method == "load_module" else self._execute
        if hasattr(loader, "create_module"):
            self.__dict__["create_module"] = self._create

    def __getattr__(self, name: str) -> Any:
        return getattr(self._autotrace[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._autotrace[0], name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._autotrace[0].__class__

    def __eq__(self, other: object) -> bool:
        return bool(self._autotrace[0] == (other._autotrace[0] if type(other) is _Proxy else other))

    def __hash__(self) -> int:
        return hash(self._autotrace[0])

    def __repr__(self) -> str:
        return repr(self._autotrace[0])

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A copy or a pickle is the loader's: the greatest of one, which needs nothing of ours to be read.
        return max, ((self._autotrace[0],),)

    @invisible
    def _create(self, spec: ModuleSpec) -> Any:
        loader, _, name, before, after = self._autotrace
        found = spec.loader
        module = loader.create_module(spec)
        if spec.loader is not found:  # a loader that puts another one, or itself, in our place
            stand_in_front(spec, spec.loader, name, before, after)
        return module

    @invisible
    def _execute(self, module: ModuleType) -> None:
        loader, _, *around = self._autotrace
        self._step_aside(module)
        _call_around(loader.exec_module, module, *around)

    @invisible
    def _load(self, fullname: str) -> Any:
        loader, _, *around = self._autotrace
        self._step_aside(sys.modules.get(fullname))
        return _call_around(loader.load_module, fullname, *around)

    def _step_aside(self, module: Any) -> None:
        """Put the loader back where it was found, and where the import system has put its stand-in since."""
        loader, holder = self._autotrace[:2]
        namespace = _namespace(module)
        spec: ModuleSpec | None = namespace.get("__spec__")
        for place in (holder, spec):
            if place is not None and place.loader is self:
                place.loader = loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = loader


def _in_child() -> None:
    global _changing
    _changing = _thread.RLock()


_process.forks.add(in_child=_in_child)
