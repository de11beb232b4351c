"""Attaching to the execution of a module, without anybody seeing a difference.

The spec and the loader that a finder returned stay what they are; what stands in front of a loader is in
`autotrace.hooks._loaders`. A namespace package has no loader until it is made: its spec says when it gets one. A module
whose body is running already is past its loader: its spec says when the flag falls that the import system sets around it.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec

from autotrace.hooks import _loaders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from autotrace.hooks._loaders import After, Before


def attach(spec: ModuleSpec, before: Before, after: After) -> None:
    """Have `before` and `after` called with the name of `spec` around the next execution of its module.

    `after` is also told whether the body succeeded.
    """
    loader: Any = spec.loader
    if loader is None:
        if type(spec) is ModuleSpec and spec.submodule_search_locations is not None:
            _become(spec, _WatchedNamespace, around=(before, after))
        return
    lazy = getattr(sys.modules.get("importlib.util"), "LazyLoader", None)
    if lazy is not None and isinstance(loader, lazy):
        # Stays lazy: what counts is when the body really runs.
        _loaders.stand_in_front(loader, loader.loader, spec.name, before, after)
    else:
        _loaders.stand_in_front(spec, loader, spec.name, before, after)


class _WatchedSpec(ModuleSpec):
    """A spec that reports one change of itself. Before that happens it says that it is a plain one; then it is one."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return ModuleSpec

    def __reduce_ex__(self, protocol: Any) -> Any:
        plain = ModuleSpec.__new__(ModuleSpec)
        plain.__dict__.update(self.__dict__)
        return plain.__reduce_ex__(protocol)


def _become(spec: ModuleSpec, kind: type[_WatchedSpec], **state: Any) -> None:
    # What is to be called stands in a class of its own for each spec: attributes would be seen.
    _set_class(spec, type(kind.__name__, (kind,), state))


_set_class = object.__dict__["__class__"].__set__


class _WatchedNamespace(_WatchedSpec):
    """The spec of a namespace package that is still to be made, or made anew."""

    around: tuple[Before, After]

    @property
    def loader(self) -> Any:
        return self.__dict__.get("loader")

    @loader.setter
    def loader(self, loader: Any) -> None:
        before, after = type(self).around
        _set_class(self, ModuleSpec)
        self.loader = loader
        if _spec_of(sys.modules.get(self.name)) is not self:
            _loaders.stand_in_front(self, loader, self.name, before, after)
        else:  # a reload, which gives a namespace package a loader and does not use it
            before(self.name)
            after(self.name, True)


class _RunningSpec(_WatchedSpec):
    """The spec of a module whose body is running: reports when `_initializing`, which the import system sets, falls."""

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
            _call_each(pending, self.name, done)  # while the flag is up: until it falls, other threads wait for the module
        finally:
            _set_class(self, ModuleSpec)
            self._initializing = value
        _call_each(pending, self.name, done)


def _call_each(pending: list[After], name: str, done: bool) -> None:
    # Who takes one out calls it, so that none is called twice and none is lost: threads may add at any time.
    while pending:
        try:
            after = pending.pop(0)
        except IndexError:  # another thread was faster
            return
        after(name, done)


def is_running(module: ModuleType) -> bool:
    """Whether the body of `module` is being run, by this thread or another. Never asks the module for an attribute."""
    spec = _spec_of(module)
    return spec is not None and bool(spec.__dict__.get("_initializing", False))


def is_unfinished(module: ModuleType) -> bool:
    """Whether the body of `module` is being run, or waits for the module's first use."""
    return is_running(module) or _is_lazy(module)


def attach_to_running(module: ModuleType, after: After) -> bool:
    """Have `after` called once the body of `module`, which is being run, is done. False where that cannot be seen."""
    spec = _spec_of(module)
    if spec is None:
        return False
    with _loaders.changing():
        kind = type(spec)
        if kind is ModuleSpec:
            _become(spec, _RunningSpec, pending=[after])
        elif issubclass(kind, _RunningSpec):
            kind.pending.append(after)
        else:  # a class of somebody's own
            return False
        pending: list[After] = type(spec).pending  # type: ignore[attr-defined]
    if not spec.__dict__.get("_initializing", False):  # it has ended meanwhile, and perhaps before we were there
        _set_class(spec, ModuleSpec)
        _call_each(pending, spec.name, spec.name in sys.modules)
    return True


def attach_to_lazy(module: ModuleType, before: Before, after: After) -> bool:
    """As `attach`, for a module in `sys.modules` whose body waits for the first use. False if it is not such a module."""
    spec = _spec_of(module)
    if spec is None or not _is_lazy(module):
        return False
    attach(spec, before, after)
    return True


def _is_lazy(module: ModuleType) -> bool:
    lazy = getattr(sys.modules.get("importlib.util"), "_LazyModule", None)
    spec = _spec_of(module)
    return type(module) is lazy and spec is not None and not spec.loader_state.get("is_loading")


def _spec_of(module: Any) -> ModuleSpec | None:
    try:
        spec = object.__getattribute__(module, "__dict__").get("__spec__")
    except AttributeError:  # an object without a __dict__ that a module put in its place
        return None
    return spec if isinstance(spec, ModuleSpec) else None
