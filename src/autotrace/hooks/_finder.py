"""The finder on `sys.meta_path`, and the watch list in which it looks names up.

An import that is not watched costs one look-up in a dict. For a watched module the finder asks the finders behind it,
attaches to the execution of the module (`autotrace.hooks._execution`) and returns their spec. Nothing here holds a lock
while it calls out: CPython holds its global import lock around `find_spec`, and a module's own lock while callbacks run.
"""

from __future__ import annotations

import _thread
import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace.hooks import _execution
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


_NOTHING = Watch()

_watched: dict[str, Watch] = {}
"""Read without a lock. Writers replace it and never change it."""

_writing = _thread.RLock()
"""Never held while calling out. Re-entrant, because a finaliser that runs in between may import something."""

_running: list[Observation] = []
"""The executions of watched modules that have begun and not ended."""

_ended: dict[str, int] = {}
"""How many imports of a watched module have succeeded. A registration tells by it whether its callback was called meanwhile."""

_finding: set[tuple[int, str]] = set()
"""Which thread is looking for which module: a finder behind this one may ask all finders again."""


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
        spec: ModuleSpec | None = _execution.ask_behind(finder, fullname, path, target)
        if spec is not None:
            _execution.attach(spec, Observation)
        return spec
    finally:
        _finding.discard(key)


class Observation:
    """One execution of the body of a watched module: calls what is watching before it and after it.

    After an import, callbacks get what `sys.modules` has then, as the importer does: a module may replace itself. A module that
    is not in `sys.modules` when its body begins is executed by hand: callbacks get that module itself. That is
    not so while this thread imports the name: a loader that wraps the real one may execute a module of its own.
    """

    __slots__ = ("_module", "by_hand", "name", "thread")

    def __init__(self, name: str, module: Any) -> None:
        """`module` is ``None`` for a loader that makes the module itself, and puts it into `sys.modules`."""
        self.name = name
        self.thread = _thread.get_ident()
        is_other = module is not None and sys.modules.get(name) is not module
        self.by_hand = is_other and not _execution.is_importing(name)
        self._module = module

    def begin(self) -> None:
        """The body is about to run."""
        _running.append(self)
        for callback in _watched.get(self.name, _NOTHING).before:
            try:
                callback()
            except Exception as exc:  # a callback's failure stops neither the import nor other callbacks
                diagnostics.failed(f"before the import of {self.name}", exc)

    def end(self, done: bool) -> None:
        """The body has run; `done` says whether it succeeded."""
        with _writing:  # a registration is either in `watch`, or sees that the body has ended
            if self in _running:
                _running.remove(self)
            watch = _watched.get(self.name)
            if watch is not None:
                _ended[self.name] = _ended.get(self.name, 0) + (done and not self.by_hand)
                _execution.take(_finder)  # another agent's finder may have come in front of it meanwhile
        module = self._module if self.by_hand else sys.modules.get(self.name)
        for callback in watch.after if done and watch is not None and module is not None else ():
            _call(callback, self.name, module)


def _call(callback: Callback, name: str, module: Any) -> None:
    try:
        callback(module)
    except Exception as exc:  # as in `Observation.begin`
        diagnostics.failed(f"after the import of {name}", exc)


def _register(name: str, before: tuple[Callable[[], object], ...], after: tuple[Callback, ...]) -> tuple[bool, int]:
    """Whether an import of `name` is running, whose end will call what was registered; how many have succeeded before."""
    global _watched
    with _writing:
        old = _watched.get(name, _NOTHING)
        _watched = {**_watched, name: Watch(old.before + before, old.after + after)}
        _execution.take(_finder)
        running, ended = any(one.name == name and not one.by_hand for one in _running), _ended.get(name, 0)
    if not running and not _execution.wait_for_search(name):
        text = f"another thread was looking for {name}; this import may be missed. A reload is patched."
        diagnostics.say("hook", text, names_only=True)
    return running, ended


def when_imported(name: str, callback: Callback) -> None:
    """Call `callback` with the module `name` each time its body has run: import, reload, import after deletion.

    If the module has been imported already, the callback is called now as well; if it is being imported, when that has ended.
    An exception of the callback is reported on stderr and does not reach the import.
    """
    running, ended = _register(name, (), (callback,))
    module = sys.modules.get(name)
    if running or module is None or _execution.attach_to_lazy(module, Observation):
        return
    if not _execution.is_running(module):
        if not _has_ended(name, ended):
            _call(callback, name, module)
    elif not _execution.attach_to_running(module, lambda name, done: _late(callback, name, done, ended)):
        diagnostics.say("hook", f"{name} was half imported when its watch began. A reload is patched.", names_only=True)


def _has_ended(name: str, ended: int) -> bool:
    """Whether another import of `name` has succeeded since `ended` were counted, and called what was registered."""
    with _writing:
        return _ended.get(name, 0) != ended


def _late(callback: Callback, name: str, done: bool, ended: int) -> None:
    """Call what was registered while an unwatched body ran."""
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
    """Why no callback was called for module `name`, which is watched and imported."""
    return f"{name} came from a finder in front of autotrace's; call enable() again to patch it"


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
        _execution.leave(gone)


def uninstall() -> None:
    """Forget every callback and take the finder off `sys.meta_path`."""
    with _writing:
        gone = _replace({})
    if gone is not None:
        _execution.leave(gone)


def _replace(watched: dict[str, Watch]) -> Finder | None:
    """Make `watched` the watch list. If it is empty, return the finder that is to leave; the next registration gets another."""
    global _finder, _watched
    _watched = watched
    if watched:
        return None
    gone, _finder = _finder, Finder()
    return gone


def _in_child() -> None:
    # Other threads of the parent may have been inside; the child does not have them.
    global _writing, _finding, _running
    own = _thread.get_ident()
    _writing = _thread.RLock()
    _finding = {key for key in _finding if key[0] == own}
    _running = [one for one in _running if one.thread == own]


_process.forks.add(in_child=_in_child)
