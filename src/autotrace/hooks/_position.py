"""A finder's place on `sys.meta_path`, taken and left while other threads are importing.

An import iterates over the list and asks one finder after the other. If an element is removed meanwhile, the import skips
one, and a module is "not found". An element that is inserted in front comes too late for the searches that have begun.
"""

from __future__ import annotations

import _frozen_importlib
import _thread
import sys
import time

from autotrace.hooks._loaders import invisible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

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
