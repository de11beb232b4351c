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

    Before = Callable[[str], object]
    After = Callable[[str, bool], object]

_ONE_PER_SPEC = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)


def invisible(function: Any) -> Any:
    """Take the frames of `function` for the import system's own."""
    # import.c cuts frames with this file name out of tracebacks, and `warnings` skips them: an import's
    # traceback and its warnings look as they do without us. Seen on 3.10 to 3.13.
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    return function


def attach(spec: ModuleSpec, before: Before, after: After) -> None:
    """Have `before` and `after` called with the name of `spec` around each execution of its module.

    `after` is also told whether the body succeeded.
    """
    loader: Any = spec.loader
    if loader is None:
        if type(spec) is not _WatchedSpec:
            _attach_to_flag(spec, before, after)
        return
    holder: Any = spec
    if type(loader).__name__ == "LazyLoader" and "loader" in loader.__dict__:
        holder, loader = loader, loader.loader  # stays lazy: what counts is when the body really runs
    if type(loader) in _ONE_PER_SPEC:
        loader.exec_module = _Execution(loader, spec.name, before, after)
    elif type(loader) is _Proxy or not hasattr(loader, "exec_module"):
        return
    else:
        holder.loader = _Proxy(loader, spec, before, after)


class _Execution:
    """Stands in front of a loader's `exec_module`, as an attribute of that instance, for one execution."""

    __slots__ = ("_after", "_before", "_loader", "_name")

    def __init__(self, loader: Any, name: str, before: Before, after: After) -> None:
        self._loader = loader
        self._name = name
        self._before = before
        self._after = after

    @invisible
    def __call__(self, module: ModuleType) -> None:
        self._loader.__dict__.pop("exec_module", None)
        done = False
        try:
            self._before(self._name)
            self._loader.exec_module(module)
            done = True
        finally:
            self._after(self._name, done)

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

    def __init__(self, loader: Any, spec: ModuleSpec, before: Before, after: After) -> None:
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

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A copy or a pickle is the loader's.
        return _itself, (self._autotrace[0],)

    @invisible
    def exec_module(self, module: ModuleType) -> None:
        loader, spec, before, after = self._autotrace
        spec.loader = loader
        namespace = object.__getattribute__(module, "__dict__")
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = loader
        done = False
        try:
            before(spec.name)
            loader.exec_module(module)
            done = True
        finally:
            after(spec.name, done)


def _itself(loader: Any) -> Any:
    return loader


class _WatchedSpec(ModuleSpec):
    """A spec whose `_initializing` flag, which the import system sets around the body, reports. Turns back into its class."""

    @property
    def _initializing(self) -> bool:
        return bool(self.__dict__.get("_initializing", False))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        before, pending = self.__dict__["_autotrace"]
        if value:
            self.__dict__["_initializing"] = value
            before(self.name)
            return
        done = self.name in sys.modules
        try:
            _call_each(pending, self.name, done)  # while the flag is up: until it falls, other threads wait for the module
        finally:
            self.__class__ = ModuleSpec  # type: ignore[assignment]
            self.__dict__.pop("_autotrace", None)
            self._initializing = value
        _call_each(pending, self.name, done)


def _call_each(pending: list[After], name: str, done: bool) -> None:
    # Who takes one out calls it, so that none is called twice and none is lost: threads may add at any time.
    while pending:
        pending.pop(0)(name, done)


def _attach_to_flag(spec: ModuleSpec, before: Before, after: After) -> list[After] | None:
    """The callbacks that wait for the flag to fall, `after` among them; ``None`` for a spec with a class of its own."""
    if type(spec) is not ModuleSpec and type(spec) is not _WatchedSpec:
        return None
    pending: list[After] = spec.__dict__.setdefault("_autotrace", (before, []))[1]
    pending.append(after)
    spec.__class__ = _WatchedSpec
    return pending


def is_running(module: ModuleType) -> bool:
    """Whether the body of `module` is being run, by this thread or another. Never asks the module for an attribute."""
    spec = _spec_of(module)
    return spec is not None and bool(spec.__dict__.get("_initializing", False))


def attach_to_running(module: ModuleType, after: After) -> bool:
    """Have `after` called once the body of `module`, which is being run, is done. False where that cannot be seen."""
    spec = _spec_of(module)
    pending = None if spec is None else _attach_to_flag(spec, lambda _name: None, after)
    if spec is None or pending is None:
        return False
    if not spec.__dict__.get("_initializing", False):  # it has ended meanwhile, and perhaps before we were there
        spec.__class__ = ModuleSpec
        spec.__dict__.pop("_autotrace", None)
        _call_each(pending, spec.name, spec.name in sys.modules)
    return True


def attach_to_lazy(module: ModuleType, before: Before, after: After) -> bool:
    """As `attach`, for a module in `sys.modules` whose body waits for the first use. False if it is not such a module."""
    spec = _spec_of(module)
    if spec is None or type(module).__name__ != "_LazyModule" or spec.loader_state.get("is_loading"):
        return False
    attach(spec, before, after)
    return True


def _spec_of(module: ModuleType) -> ModuleSpec | None:
    try:
        spec = object.__getattribute__(module, "__dict__").get("__spec__")
    except AttributeError:  # an object without a __dict__ that a module put in its place
        return None
    return spec if isinstance(spec, ModuleSpec) else None
