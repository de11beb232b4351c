"""Activation without code: what the `.pth` file in site-packages calls when ``AUTOTRACE`` is set.

Standard library only, and hardly that. It prints nothing, raises nothing, starts nothing, and may be called several times.
While `site` is still building `sys.path` the plugins cannot be found, so the scan waits for the first import after it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_started = False


def start() -> None:
    """Enable autotrace as the environment says, once `site` is done. Called by `.pth`, `sitecustomize`, or both."""
    global _started
    if _started:
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
    """A meta path finder that finds nothing and leaves at the first import that `site` does not make."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if _inside_site():
            return
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            _enable()


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
