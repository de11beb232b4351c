"""Native hooks of a library: a plugin's functions install them when their module is imported, and remove them again."""

from __future__ import annotations

from autotrace import _diagnostics as diagnostics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from autotrace._declaration.instrumentor import Hook


class NativeHooks:
    """The native hooks of the plugin `title`."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._undo: dict[str, Callable[[], None] | None] = {}

    def installer(self, name: str, hook: Hook) -> Callable[[Any], None]:
        """A function that installs `hook` in a module. Called again, it first removes the hook installed before."""

        def install(module: Any) -> None:
            self._remove(name)
            self._undo[name] = hook(module)

        return install

    def remove(self) -> None:
        """Remove all hooks."""
        for name in tuple(self._undo):
            self._remove(name)

    def _remove(self, name: str) -> None:
        undo = self._undo.pop(name, None)
        if undo is not None:
            try:
                undo()
            except Exception as exc:  # the plugin's function may raise anything
                diagnostics.failed(f"{self._title}: removing its hook", exc)
