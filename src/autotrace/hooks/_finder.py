"""The finder on `sys.meta_path`, and the watch list that it looks names up in.

An import that is not watched costs one look-up in a dict. For one that is, the finders behind ours are asked, and what
they find is handed on as it is, with one hook attached to the execution of the module (`autotrace.hooks._execution`).
Nothing here holds a lock while it calls out: CPython holds its global import lock around `find_spec`, and a watched
module's own lock is held while its callbacks run.
"""

from __future__ import annotations

import _thread
import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace.hooks import _execution, _position
from autotrace.hooks._loaders import invisible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Callback = Callable[[ModuleType], object]


class Watch:
    """What to call before and after a module's body runs."""

    __slots__ = ("after", "before")

    def __init__(self, before: tuple[Callable[[], object], ...] = (), after: tuple[Callback, ...] = ()) -> None:
        self.before = before
        self.after = after


_watched: dict[str, Watch] = {}
"""Read without a lock; replaced, never changed, by writers."""

_writing = _thread.RLock()
"""Never held while calling out; re-entrant, as a finaliser that runs in between may import something."""

_running: list[tuple[int, str]] = []
"""Which thread runs the body of which module, at whose end our callbacks are to be called."""

_ended: dict[str, int] = {}
"""How often the body of a watched module has ended well and our callbacks were called. Who registers meanwhile tells by it
whether his was among them."""

_finding: set[tuple[int, str]] = set()
"""Which thread is looking for which module: a finder behind ours may ask all finders again."""


class Finder:
    """The meta path finder. One per interpreter, in front of the others."""

    @invisible
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _watched:
            return None
        spec: ModuleSpec | None = _find(self, fullname, path, target)
        return spec


_finder = Finder()


@invisible
def _find(finder: Finder, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    key = (_thread.get_ident(), fullname)
    if key in _finding:
        return None
    _finding.add(key)
    try:
        spec: ModuleSpec | None = _position.ask_behind(finder, fullname, path, target)
        if spec is not None:
            _execution.attach(spec, _before, _after)
        return spec
    finally:
        _finding.discard(key)


def _before(name: str) -> None:
    _running.append((_thread.get_ident(), name))
    watch = _watched.get(name)
    for callback in watch.before if watch is not None else ():
        try:
            callback()
        except Exception as exc:  # a callback's failure is neither the import's nor another callback's
            diagnostics.failed(f"before the import of {name}", exc)


def _after(name: str, done: bool) -> None:
    with _writing:  # who registers is either in `watch`, or finds that the body is done
        if (_thread.get_ident(), name) in _running:
            _running.remove((_thread.get_ident(), name))
        watch = _watched.get(name)
        if watch is not None:
            _ended[name] = _ended.get(name, 0) + done
            _position.take(_finder)  # another agent's finder may have come in front; one that knows the spec asks nobody
    module = sys.modules.get(name)
    for callback in watch.after if done and watch is not None and module is not None else ():
        _call(callback, name, module)


def _call(callback: Callback, name: str, module: Any) -> None:
    try:
        callback(module)
    except Exception as exc:  # as in _before
        diagnostics.failed(f"after the import of {name}", exc)


def _register(name: str, before: tuple[Callable[[], object], ...], after: tuple[Callback, ...]) -> tuple[bool, int]:
    """Whether the body of `name` is being run and its end will find what was registered; how many have ended before that."""
    global _watched
    with _writing:
        old = _watched.get(name, _NOTHING)
        _watched = {**_watched, name: Watch(old.before + before, old.after + after)}
        _position.take(_finder)
        running, ended = any(running == name for _, running in _running), _ended.get(name, 0)
    if not running and not _position.wait_for_search(name):
        diagnostics.say("hook", f"another thread was looking for {name} when it was to be watched; it may be missed this time.")
    return running, ended


_NOTHING = Watch()


def when_imported(name: str, callback: Callback) -> None:
    """Call `callback` with the module `name` each time its body has run: import, reload, import after deletion.

    If the module has been imported already the callback is also called now; if it is being imported, when that is done.
    An exception of the callback is reported on stderr and changes nothing for the import.
    """
    running, ended = _register(name, (), (callback,))
    module = sys.modules.get(name)
    if running or module is None or _execution.attach_to_lazy(module, _before, _after):
        return
    if not _execution.is_running(module):
        if not _has_ended(name, ended):
            _call(callback, name, module)
    elif not _execution.attach_to_running(module, lambda name, done: _late(callback, name, done, ended)):
        diagnostics.say("hook", f"{name} was half imported when it was to be watched; it is patched when imported again.")


def _has_ended(name: str, ended: int) -> bool:
    """Whether another thread has imported `name` since there were `ended` ends of it, and called what was registered then."""
    with _writing:
        return _ended.get(name, 0) != ended


def _late(callback: Callback, name: str, done: bool, ended: int) -> None:
    """Call what was registered while a body ran that we had not been asked to watch."""
    module = sys.modules.get(name)
    watch = _watched.get(name)
    if _has_ended(name, ended):
        return
    if done and module is not None and watch is not None and callback in watch.after:
        _call(callback, name, module)


def before_import(name: str, callback: Callable[[], object]) -> bool:
    """Call `callback` each time before the body of module `name` runs. True if the module has been imported already."""
    _register(name, (callback,), ())
    return sys.modules.get(name) is not None


def passed_by(name: str) -> str:
    """Why module `name`, which is watched, has been imported and nobody was called."""
    return f"{name} came from a finder in front of autotrace's; enable() again, and it is patched"


def forget(callbacks: Sequence[object]) -> None:
    """Take `callbacks` off the watch list; with the last one the finder leaves `sys.meta_path`."""
    with _writing:
        kept = {
            name: Watch(
                tuple(one for one in watch.before if one not in callbacks),
                tuple(one for one in watch.after if one not in callbacks),
            )
            for name, watch in _watched.items()
        }
        gone = _replace({name: watch for name, watch in kept.items() if watch.before or watch.after})
    if gone is not None:
        _position.leave(gone)


def uninstall() -> None:
    """Forget every callback and take the finder off `sys.meta_path`: later imports are as if it had never been there."""
    with _writing:
        gone = _replace({})
    if gone is not None:
        _position.leave(gone)


def _replace(watched: dict[str, Watch]) -> Finder | None:
    """Make `watched` the watch list. If it is empty, the finder that is to leave: whoever registers next gets another."""
    global _finder, _watched
    _watched = watched
    if watched:
        return None
    gone, _finder = _finder, Finder()
    return gone


def _in_child() -> None:
    # Other threads of the parent may have been inside; in the child they do not exist.
    global _writing, _finding, _running
    _writing = _thread.RLock()
    _finding = {key for key in _finding if key[0] == _thread.get_ident()}
    _running = [key for key in _running if key[0] == _thread.get_ident()]


_process.forks.add(in_child=_in_child)
