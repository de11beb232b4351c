"""A finder's place on `sys.meta_path`, taken and left while other threads are importing.

An import walks along the list and asks one finder after the other. Who takes an element out meanwhile makes it skip one, and
a module is "not found"; who puts one in front comes too late for what is being looked for already.
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
"""Seconds to wait for searches of other threads. One takes microseconds, unless its finder waits for something else."""

_STEP = 0.0005
_bootstrap: Any = _frozen_importlib
_FIND = _bootstrap._find_spec.__code__
_LOAD = _bootstrap._load_unlocked.__code__
_OTHER_INTERPRETERS = ("_interpreters", "_xxsubinterpreters", "concurrent.interpreters", "interpreters")


def take(finder: Any) -> None:
    """Put `finder` in front of all others, if it is not there."""
    meta_path = sys.meta_path
    if meta_path is not None and meta_path[:1] != [finder]:  # it is None when the interpreter ends
        meta_path[:] = [finder, *(other for other in meta_path if other is not finder)]


def leave(finder: Any) -> None:
    """Take `finder` off, wherever it stands. No import of another thread, in whatever place it is, passes a finder over.

    Not to be called with a lock that an import may want.
    """
    if sys.meta_path is None or finder not in sys.meta_path:
        return

    # From here on, who asks it gets the answer of all those behind it. Who asked it before is waited for.
    @invisible
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        return ask_behind(finder, name, path, target)

    finder.find_spec = find_spec
    if _searches_end():
        sys.meta_path.remove(finder)
    else:  # one that waits, perhaps for us: it goes on along the list that it has
        sys.meta_path = [other for other in sys.meta_path if other is not finder]


@invisible
def ask_behind(finder: Any, name: str, path: Any, target: Any) -> Any:
    """The spec that the finders behind `finder` have for module `name`, or ``None``."""
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


def wait_for_search(name: str) -> bool:
    """Wait until no other thread is between looking for module `name` and running its body. False if that takes too long."""
    if name not in _bootstrap._module_locks or not _may_look():
        return True
    give_up_at = time.monotonic() + PATIENCE
    while _is_on_its_way(name):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_STEP)
    return True


def _is_on_its_way(name: str) -> bool:
    for frame in _frames_of_others() if sys.modules.get(name) is None else ():
        if frame.f_code is _FIND and frame.f_locals.get("name") == name:
            return True
        if frame.f_code is _LOAD and getattr(frame.f_locals.get("spec"), "name", None) == name:
            return True
    return False


def _searches_end() -> bool:
    """Wait for the walks along `sys.meta_path` that are under way. False if one does not end soon, or never before we do."""
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
    """Whether the frames of other threads may be looked at."""
    # Not without the GIL. And `_current_frames` takes those of other interpreters as well, which have a GIL and an
    # allocator of their own: CPython 3.12 and 3.13 crash some time later.
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
