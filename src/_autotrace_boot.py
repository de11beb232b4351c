"""Activation without code: `autotrace.pth`, `autotrace.start` and our `sitecustomize` call `start`.

`start` prints nothing, raises nothing, starts no thread or process, and may be called several times. While `site` is still
building `sys.path`, plugins cannot be found. So autotrace is enabled at the first import after `site`.

Python 3.15 imports this module at every start, whether it is needed or not (PEP 829). So it imports only what is loaded
already. That excludes `__future__`, which alone would be a third of its time.
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
    """Enable autotrace if the environment says so, once `site` is done. Does nothing if ``AUTOTRACE`` is unset or off."""
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
    """A meta path finder that enables autotrace and removes itself, at the first import that `site` does not make."""

    def __init__(self) -> None:
        self._claim = [True]
        self._others: list[Any] = []

    def find_spec(self, fullname: str, path: "Any" = None, target: "Any" = None) -> "ModuleSpec | None":
        if self._claim and _inside_site():
            return None
        try:
            self._claim.pop()
        except IndexError:  # another thread's import, which was already walking the old `sys.meta_path` when we left
            return self._ask_new_finders(fullname, path, target)
        was_there = fullname in sys.modules
        self._leave()
        _without_the_import_lock(_enable)
        module = sys.modules.get(fullname)
        if module is not None and not was_there and target is None:
            return _Loaded(module).stand_in()
        return self._ask_new_finders(fullname, path, target)

    def _leave(self) -> None:
        # Replace the list instead of removing an element. This import, and those of threads that a `sitecustomize` may have
        # started, are iterating over the old list, and would skip a finder if an element were removed.
        self._others = [finder for finder in sys.meta_path if finder is not self]
        sys.meta_path = list(self._others)

    def _ask_new_finders(self, fullname: str, path: "Any", target: "Any") -> "ModuleSpec | None":
        # Only new finders: the import system itself asks the others, those before us already and those behind us next.
        for finder in tuple(sys.meta_path or ()):
            if not any(finder is other for other in self._others):
                spec: ModuleSpec | None = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None


class _Loaded:
    """A loader for a module that enabling autotrace imported during `find_spec`. It returns that module, not a second one."""

    def __init__(self, module: "Any") -> None:
        self._module = module
        self._spec = module.__spec__

    def stand_in(self) -> "ModuleSpec":
        # For a module that was imported during `find_spec`, the import system uses the module's own spec.
        spec: Any = object.__new__(type(self._spec))
        spec.__dict__.update(self._spec.__dict__, loader=self)
        self._module.__spec__ = spec
        result: ModuleSpec = spec
        return result

    def create_module(self, spec: "ModuleSpec") -> "Any":
        return self._module

    def exec_module(self, module: "Any") -> None:
        module.__spec__ = self._spec

    def __getattr__(self, name: str) -> "Any":  # for callers that only find the module and ask its loader
        return getattr(self.__dict__["_spec"].loader, name)


def _without_the_import_lock(function: "Any") -> None:
    """Call `function` as if outside of `find_spec`, for which the import system holds its global lock.

    An import under that lock waits for a module that another thread is importing, and that thread may be waiting for the lock.
    """
    import _imp

    held = 0
    try:
        while True:
            _imp.release_lock()
            held += 1
    except RuntimeError:  # this thread does not hold the lock, or no longer
        pass
    try:
        function()
    finally:
        for _ in range(held):
            _imp.acquire_lock()


def _enable() -> None:
    try:
        from autotrace import _settings as settings

        if settings.switched_on():
            from autotrace._instrumentation import enable_from_environment

            enable_from_environment()
    except Exception as exc:  # the interpreter is starting, and the program must run
        _report(exc)


def _report(exc: Exception) -> None:
    """Write one line to stderr like `autotrace._diagnostics`, once per process. Imports only `time`: an import may be what
    failed."""
    global _reported
    if _reported:
        return
    _reported = True
    try:
        import time

        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        message = _quoted(
            f"autotrace could not be enabled: {type(exc).__name__}: {exc}"[:1000] + "; the program runs without it."
        )
        line = f'{{"timestamp": "{now}", "level": "error", "event": "autotrace.boot", "message": {message}}}\n'
        os.write(2, line.encode("ascii"))
    except Exception:  # stderr is closed, or the exception cannot be formatted
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
