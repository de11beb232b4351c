"""Attaching to the execution of a module, while its spec and its loader look as the finder returned them.

`autotrace.hooks._loaders` intercepts a loader. Two modules are beyond its reach, so their specs change class for a while: a
namespace package has no loader until it is made (programs tell it by ``spec.loader is None``, which a proxy is not), and a
module whose body is running has passed its loader (the import system holds the spec, and clears a flag in it at the end).

The second half is the finder's place on `sys.meta_path`, taken and left while other threads are importing. An import iterates
over the list and asks one finder after the other. If an element is removed meanwhile, the import skips one, and a module is
"not found". An element that is inserted in front comes too late for the searches that have begun.
"""

from __future__ import annotations

import _frozen_importlib
import _thread
import sys
from _frozen_importlib import ModuleSpec

from autotrace._system import time
from autotrace.hooks import _loaders
from autotrace.hooks._loaders import invisible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, ModuleType
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


# ------------------------------------------------------------------------------------------- the finder's place

PATIENCE = 0.5
"""Seconds to wait for searches of other threads. One takes microseconds, unless a finder blocks."""

_STEP = 0.0005
_bootstrap: Any = _frozen_importlib
_FIND = _bootstrap._find_spec.__code__
_LOAD = _bootstrap._load_unlocked.__code__
_OTHER_INTERPRETERS = ("_interpreters", "_xxsubinterpreters", "concurrent.interpreters", "interpreters")


def take(finder: Any) -> None:
    """Put `finder` in front of all others."""
    meta_path = sys.meta_path
    if meta_path is not None and meta_path[:1] != [finder]:  # it is None while the interpreter shuts down
        meta_path[:] = [finder, *(other for other in meta_path if other is not finder)]


def leave(finder: Any) -> None:
    """Remove `finder`. Imports that are running in other threads skip no finder because of it.

    Do not call it with a lock that an import may need.
    """
    if sys.meta_path is None or finder not in sys.meta_path:
        return

    # A search that asks it from now on gets the answer of all finders behind it. Earlier searches are waited for.
    @invisible
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        return ask_behind(finder, name, path, target)

    finder.find_spec = find_spec
    if _searches_end():
        sys.meta_path.remove(finder)
    else:  # a search is blocked, perhaps by us: it continues on the old list
        sys.meta_path = [other for other in sys.meta_path if other is not finder]


@invisible
def ask_behind(finder: Any, name: str, path: Any, target: Any) -> Any:
    """The spec that the finders behind `finder` return for module `name`, or ``None``."""
    behind = False
    for other in tuple(sys.meta_path or ()):
        if other is finder:
            behind = True
        elif behind:
            find_spec = getattr(other, "find_spec", None)
            spec = None if find_spec is None else find_spec(name, path, target)
            if spec is not None:
                return spec
    return None


def is_importing(name: str) -> bool:
    """Whether this thread is importing module `name`: it holds the lock of the module."""
    reference = _bootstrap._module_locks.get(name)
    lock = None if reference is None else reference()
    return lock is not None and lock.owner == _thread.get_ident()


def wait_for_search(name: str) -> bool:
    """Wait until no other thread is between its search for module `name` and the module's body. False after `PATIENCE`."""
    if name not in _bootstrap._module_locks or not _may_look():
        return True
    give_up_at = time.monotonic() + PATIENCE
    while _is_being_found(name):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_STEP)
    return True


def _is_being_found(name: str) -> bool:
    for frame in _frames_of_others() if sys.modules.get(name) is None else ():
        if frame.f_code is _FIND and frame.f_locals.get("name") == name:
            return True
        if frame.f_code is _LOAD and getattr(frame.f_locals.get("spec"), "name", None) == name:
            return True
    return False


def _searches_end() -> bool:
    """Wait for the running searches. False if one does not end within `PATIENCE`, or is waiting for this call."""
    if any(frame.f_code is _FIND for frame in _stack(sys._getframe())):
        return False
    if not _thread._count():
        return True
    if not _may_look():
        return False
    searches = _searches()
    give_up_at = time.monotonic() + PATIENCE
    while searches:
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_STEP)
        now = _searches()
        searches = [one for one in searches if one in now]
    return True


def _searches() -> list[FrameType]:
    return [frame for frame in _frames_of_others() if frame.f_code is _FIND]


def _may_look() -> bool:
    """Whether it is safe to look at the frames of other threads."""
    # It is not without the GIL. `_current_frames` also returns frames of other interpreters, which have their own GIL and
    # allocator: CPython 3.12 and 3.13 crash some time later.
    return (
        bool(getattr(sys, "_is_gil_enabled", lambda: True)())
        and bool(getattr(_thread, "daemon_threads_allowed", lambda: True)())
        and not any(name in sys.modules for name in _OTHER_INTERPRETERS)
    )


def _frames_of_others() -> Iterator[FrameType]:
    own = _thread.get_ident()
    for thread, frame in sys._current_frames().items():
        if thread != own:
            yield from _stack(frame)


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
