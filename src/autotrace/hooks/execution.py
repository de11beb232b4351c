"""Attaching to the execution of a module, without anybody seeing a difference.

The spec and the loader that a finder returned stay what they are. Where each spec has a loader of its own (files), an
instance attribute stands in front of its `exec_module` until the body runs. A loader that is shared, a class, or without
attributes of its own is replaced, in this one spec and until the body runs, by a proxy. A namespace package has no
loader, and a module whose body is running already is past it: there the spec's own flag says when the body is done.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Notify = Callable[[str], object]

_ONE_PER_SPEC = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)


def _invisible(function: Any) -> Any:
    # import.c cuts frames with this file name out of tracebacks, and `warnings` skips them: an import's
    # traceback and its warnings look as they do without us. Seen on 3.10 to 3.13.
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    return function


def attach(spec: ModuleSpec, before: Notify, after: Notify) -> None:
    """Have `before` and `after` called with the name of `spec` around each execution of its module."""
    loader: Any = spec.loader
    if loader is None:
        _attach_to_flag(spec, spec.name, before, after)
        return
    inner = loader.__dict__.get("loader") if type(loader).__name__ == "LazyLoader" else None
    if inner is not None and type(inner) in _ONE_PER_SPEC:
        loader = inner  # stays lazy: what counts is when the body really runs
    if type(loader) in _ONE_PER_SPEC:
        loader.exec_module = _Execution(loader, spec.name, before, after)
    elif type(loader) is _Proxy or not hasattr(loader, "exec_module"):
        return
    else:
        spec.loader = _Proxy(loader, spec, before, after)


class _Execution:
    """Stands in front of a loader's `exec_module`, as an attribute of that instance, for one execution."""

    __slots__ = ("_after", "_before", "_loader", "_name")

    def __init__(self, loader: Any, name: str, before: Notify, after: Notify) -> None:
        self._loader = loader
        self._name = name
        self._before = before
        self._after = after

    @_invisible
    def __call__(self, module: ModuleType) -> None:
        self._loader.__dict__.pop("exec_module", None)
        self._before(self._name)
        self._loader.exec_module(module)
        self._after(self._name)

    def __eq__(self, other: object) -> bool:
        # Loaders are equal when their attributes are, and this is none of theirs.
        return isinstance(other, _Execution)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        # A copy or a pickle of the loader executes as the loader does.
        return _plain_execution, (self._loader,)


def _plain_execution(loader: Any) -> Any:
    return type(loader).exec_module.__get__(loader)


class _Proxy:
    """Stands for a loader in one spec until the body runs; gives all its attributes, and its class, as the loader's own."""

    def __init__(self, loader: Any, spec: ModuleSpec, before: Notify, after: Notify) -> None:
        self.__dict__["_autotrace"] = (loader, spec, before, after)

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

    @_invisible
    def exec_module(self, module: ModuleType) -> None:
        loader, spec, before, after = self._autotrace
        spec.loader = loader
        if module.__dict__.get("__loader__") is self:
            module.__loader__ = loader
        before(spec.name)
        loader.exec_module(module)
        after(spec.name)


class _WatchedSpec(ModuleSpec):
    """A spec whose `_initializing` flag, which the import system sets around the body, reports. Turns back into its class."""

    @property
    def _initializing(self) -> bool:
        return bool(self.__dict__.get("_initializing", False))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        name, before, after, original = self.__dict__["_autotrace"]
        self.__dict__["_initializing"] = value
        if value:
            before(name)
            return
        del self.__dict__["_autotrace"]
        self.__class__ = original
        if name in sys.modules:
            after(name)


def _attach_to_flag(spec: ModuleSpec, name: str, before: Notify, after: Notify) -> bool:
    if type(spec) is not ModuleSpec:
        return False
    spec.__dict__["_autotrace"] = (name, before, after, type(spec))
    spec.__class__ = _WatchedSpec
    return True


def is_running(module: ModuleType) -> bool:
    """Whether the body of `module` is being run, by this thread or another. Never asks the module for an attribute."""
    spec = _spec_of(module)
    return spec is not None and bool(spec.__dict__.get("_initializing", False))


def attach_to_running(module: ModuleType, name: str, after: Notify) -> bool:
    """Have `after` called once the body of `module`, which is being run, is done. False where that cannot be seen."""
    spec = _spec_of(module)
    return spec is not None and _attach_to_flag(spec, name, lambda _name: None, after)


def _spec_of(module: ModuleType) -> ModuleSpec | None:
    try:
        spec = object.__getattribute__(module, "__dict__").get("__spec__")
    except AttributeError:  # an object without a __dict__ that a module put in its place
        return None
    return spec if isinstance(spec, ModuleSpec) else None
