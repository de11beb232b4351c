"""Activation without code: what the `.pth` file in site-packages calls when ``AUTOTRACE`` is set.

Standard library only, and hardly that. It prints nothing, raises nothing, starts nothing, and may be called several times.
While `site` is still building `sys.path` the plugins cannot be found, so the scan waits for the first import after it.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_started = False


def start() -> None:
    """Enable autotrace as the environment says, once `site` is done. Called by `.pth`, `sitecustomize`, or both."""
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

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if _inside_site() or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        _enable()
        if target is None and sys.modules.get(fullname) is not None:
            return _Loaded(sys.modules[fullname]).stand_in(fullname)
        # The import system goes on behind the place where we stood. In a list that has changed since, that would leave
        # out one of the others: the one in front, which may be autotrace's own.
        for finder in tuple(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find_spec is None else find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


class _Loaded:
    """A loader for what enabling has imported while it was looked for: gives the module that is there, not a second one."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._spec = module.__spec__

    def stand_in(self, name: str) -> ModuleSpec:
        # Of a module that came while it was looked for, the import system takes the spec that the module has.
        loader: Any = self
        self._module.__spec__ = spec = ModuleSpec(name, loader)
        return spec

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._module

    def exec_module(self, module: Any) -> None:
        module.__spec__ = self._spec


def _enable() -> None:
    try:
        from autotrace import settings

        if settings.switched_on():
            from autotrace.activation import enable_from_environment

            enable_from_environment()
    except Exception:  # the interpreter is starting: whatever is wrong with us, the program runs
        _report()


def _report() -> None:
    try:
        from autotrace import diagnostics

        exc = sys.exc_info()[1]
        diagnostics.say("boot", f"autotrace could not be enabled: {type(exc).__name__}: {exc}", level="error")
    except Exception:  # not even that
        return
