"""Attaching to the execution of a module, while its spec and its loader look as the finder returned them.

`autotrace.hooks._loaders` intercepts a loader. Two modules are beyond its reach, so their specs change class for a while: a
namespace package has no loader until it is made (programs tell it by ``spec.loader is None``, which a proxy is not), and a
module whose body is running has passed its loader (the import system holds the spec, and clears a flag in it at the end).
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec

from autotrace.hooks import _loaders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from autotrace.hooks._loaders import Observe

    After = Callable[[str, bool], object]


def attach(spec: ModuleSpec, observe: Observe) -> None:
    """Observe the next execution of the module of `spec`."""
    loader: Any = spec.loader
    if loader is None:
        if type(spec) is ModuleSpec and spec.submodule_search_locations is not None:
            _become(spec, _WatchedNamespace, observe=staticmethod(observe))
        return
    lazy = getattr(sys.modules.get("importlib.util"), "LazyLoader", None)
    if lazy is not None and isinstance(loader, lazy):
        # It stays lazy: what counts is when the body really runs.
        _loaders.intercept(loader, loader.loader, spec.name, observe)
    else:
        _loaders.intercept(spec, loader, spec.name, observe)


class _WatchedSpec(ModuleSpec):
    """A spec that reports one change of itself. It pretends to be a plain one before that, and is one afterwards."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return ModuleSpec

    def __reduce_ex__(self, protocol: Any) -> Any:
        plain = ModuleSpec.__new__(ModuleSpec)
        plain.__dict__.update(self.__dict__)
        return plain.__reduce_ex__(protocol)


def _become(spec: ModuleSpec, kind: type[_WatchedSpec], **state: Any) -> None:
    # Each spec gets a class of its own for the state: an attribute would be visible.
    _set_class(spec, type(kind.__name__, (kind,), state))


_set_class = object.__dict__["__class__"].__set__


class _WatchedNamespace(_WatchedSpec):
    """The spec of a namespace package that is about to be made, or reloaded."""

    observe: Observe

    @property
    def loader(self) -> Any:
        return self.__dict__.get("loader")

    @loader.setter
    def loader(self, loader: Any) -> None:
        observe = type(self).observe
        _set_class(self, ModuleSpec)
        self.loader = loader
        module = sys.modules.get(self.name)
        if _spec_of(module) is not self:
            _loaders.intercept(self, loader, self.name, observe)
        else:  # a reload, which gives a namespace package a loader and does not use it
            _loaders.call_observed(lambda module: None, module, observe(self.name, module))


class _RunningSpec(_WatchedSpec):
    """The spec of a module whose body is running. The import system clears `_initializing` at the end."""

    pending: list[After]

    @property
    def _initializing(self) -> bool:
        return bool(self.__dict__.get("_initializing", False))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        pending = type(self).pending
        if value:
            self.__dict__["_initializing"] = value
            return
        done = self.name in sys.modules
        try:
            _call_each(pending, self.name, done)  # before the flag is cleared: until then other threads wait for the module
        finally:
            _set_class(self, ModuleSpec)
            self._initializing = value
        _call_each(pending, self.name, done)


def _call_each(pending: list[After], name: str, done: bool) -> None:
    # Threads may add at any time. Each takes one out before it calls it, so each is called once.
    while pending:
        try:
            after = pending.pop(0)
        except IndexError:  # another thread was faster
            return
        after(name, done)


def is_running(module: ModuleType) -> bool:
    """Whether the body of `module` is running, in this thread or another. Does not ask the module for an attribute."""
    spec = _spec_of(module)
    return spec is not None and bool(spec.__dict__.get("_initializing", False))


def is_unfinished(module: ModuleType) -> bool:
    """Whether the body of `module` is running, or waits for the module's first use."""
    return is_running(module) or _is_lazy(module)


def attach_to_running(module: ModuleType, after: After) -> bool:
    """Call ``after(name, succeeded)`` when the body of `module`, which is running, has ended. False if that is impossible."""
    spec = _spec_of(module)
    if spec is None:
        return False
    with _loaders.changing():
        kind = type(spec)
        if kind is ModuleSpec:
            _become(spec, _RunningSpec, pending=[after])
        elif issubclass(kind, _RunningSpec):
            kind.pending.append(after)
        else:  # somebody else's class
            return False
        pending: list[After] = type(spec).pending  # type: ignore[attr-defined]
    if not spec.__dict__.get("_initializing", False):  # it has ended meanwhile, perhaps before the class changed
        _set_class(spec, ModuleSpec)
        _call_each(pending, spec.name, spec.name in sys.modules)
    return True


def attach_to_lazy(module: ModuleType, observe: Observe) -> bool:
    """As `attach`, for a module in `sys.modules` whose body waits for its first use. False for any other module."""
    spec = _spec_of(module)
    if spec is None or not _is_lazy(module):
        return False
    attach(spec, observe)
    return True


def _is_lazy(module: ModuleType) -> bool:
    lazy = getattr(sys.modules.get("importlib.util"), "_LazyModule", None)
    spec = _spec_of(module)
    return type(module) is lazy and spec is not None and not spec.loader_state.get("is_loading")


def _spec_of(module: Any) -> ModuleSpec | None:
    spec = _loaders.namespace_of(module).get("__spec__")
    return spec if isinstance(spec, ModuleSpec) else None
