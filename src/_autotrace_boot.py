"""Activation without code: what `autotrace.pth`, `autotrace.start` and our `sitecustomize` call.

It prints nothing, raises nothing, starts nothing, and may be called several times. While `site` is still building `sys.path`
the plugins cannot be found, so autotrace is enabled at the first import after it.

Python 3.15 imports this module at every start, wanted or not (PEP 829). So it imports nothing that is not there already, which
`__future__` is not: that alone would be a third of its time.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

_started = False
_reported = False


def start() -> None:
    """Enable autotrace as the environment says, once `site` is done. Does nothing when ``AUTOTRACE`` is unset or off."""
    global _started
    if _started or os.environ.get("AUTOTRACE", "").strip().lower() in ("", "0", "false", "no", "off"):
        return
    _started = True
    if _inside_site():
        sys.meta_path.insert(0, _AfterSite())
    else:
        _enable()


def _inside_site() -> bool:
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "site":
            return True
        frame = frame.f_back
    return False


class _AfterSite:
    """A meta path finder that leaves, after enabling autotrace, at the first import that `site` does not make."""

    def __init__(self) -> None:
        self._turn = [True]
        self._others: list[Any] = []

    def find_spec(self, fullname: str, path: "Any" = None, target: "Any" = None) -> "ModuleSpec | None":
        if self._turn and _inside_site():
            return None
        try:
            self._turn.pop()
        except IndexError:  # an import of another thread, which had its eye on us before we left
            return self._ask_newcomers(fullname, path, target)
        was_there = fullname in sys.modules
        self._leave()
        _without_the_import_lock(_enable)
        module = sys.modules.get(fullname)
        if module is not None and not was_there and target is None:
            return _Loaded(module).stand_in()
        return self._ask_newcomers(fullname, path, target)

    def _leave(self) -> None:
        # By a list without us in the place of the old one. This import, and those of threads that a `sitecustomize` may have
        # started, are walking along the old one, and would pass over a finder if an element were taken out of it.
        self._others = [finder for finder in sys.meta_path if finder is not self]
        sys.meta_path = list(self._others)

    def _ask_newcomers(self, fullname: str, path: "Any", target: "Any") -> "ModuleSpec | None":
        # The others are asked by the import system itself: those in front of us have been, those behind us will be.
        for finder in tuple(sys.meta_path or ()):
            if not any(finder is other for other in self._others):
                spec: ModuleSpec | None = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None


class _Loaded:
    """A loader for what enabling has imported while it was looked for: gives the module that is there, not a second one."""

    def __init__(self, module: "Any") -> None:
        self._module = module
        self._spec = module.__spec__

    def stand_in(self) -> "ModuleSpec":
        # Of a module that came while it was looked for, the import system takes the spec that the module has.
        spec: Any = object.__new__(type(self._spec))
        spec.__dict__.update(self._spec.__dict__, loader=self)
        self._module.__spec__ = spec
        found: ModuleSpec = spec
        return found

    def create_module(self, spec: "ModuleSpec") -> "Any":
        return self._module

    def exec_module(self, module: "Any") -> None:
        module.__spec__ = self._spec

    def __getattr__(self, name: str) -> "Any":  # for who only looks for the module, and asks its loader something
        return getattr(self.__dict__["_spec"].loader, name)


def _without_the_import_lock(function: "Any") -> None:
    """Call `function` as if outside `find_spec`, around which the import system holds its global lock.

    What imports something with that lock held waits for a module that another thread is importing, which may be waiting for
    the lock.
    """
    import _imp

    held = 0
    try:
        while True:
            _imp.release_lock()
            held += 1
    except RuntimeError:  # not, or no longer, ours
        pass
    try:
        function()
    finally:
        for _ in range(held):
            _imp.acquire_lock()


def _enable() -> None:
    try:
        from autotrace._settings import settings

        if settings.switched_on():
            from autotrace._instrumentation.activation import enable_from_environment

            enable_from_environment()
    except Exception as exc:  # the interpreter is starting: whatever is wrong with us, the program runs
        _report(exc)


def _report(exc: Exception) -> None:
    """Write one line to stderr as `autotrace._diagnostics` would, once a process. Imports nothing: that may be what fails."""
    global _reported
    if _reported:
        return
    _reported = True
    try:
        import time

        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        said = _quoted(f"autotrace could not be enabled: {type(exc).__name__}: {exc}"[:1000] + "; the program runs without it.")
        line = f'{{"timestamp": "{now}", "level": "error", "event": "autotrace.boot", "message": {said}}}\n'
        os.write(2, line.encode("ascii"))
    except Exception:  # stderr is closed, or the exception cannot be shown
        return


def _quoted(text: str) -> str:
    """`text` as a JSON string, in ASCII."""
    units = []
    for character in text:
        code = ord(character)
        if " " <= character <= "~" and character not in '"\\':
            units.append(character)
        elif code > 0xFFFF:
            units.append(f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
        else:
            units.append(f"\\u{code:04x}")
    return '"' + "".join(units) + '"'
