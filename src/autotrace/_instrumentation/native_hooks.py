"""Native hooks of a library: a plugin's functions install them when their module is imported, and remove them again."""

from __future__ import annotations

import sys

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
        self._undo: dict[tuple[str, bool], Callable[[], None] | None] = {}
        """By the name of the module, and whether it is the one in `sys.modules`."""

    def installer(self, name: str, hook: Hook) -> Callable[[Any], None]:
        """A function that installs `hook` in a module called `name`. Called again, it first removes the hook installed before.

        The hook in the imported module stays when another module of that name is executed by hand.
        """

        def install(module: Any) -> None:
            key = (name, sys.modules.get(name) is module)
            self._remove(key)
            self._undo[key] = hook(module)

        return install

    def remove(self) -> None:
        """Remove all hooks."""
        for key in tuple(self._undo):
            self._remove(key)

    def _remove(self, key: tuple[str, bool]) -> None:
        undo = self._undo.pop(key, None)
        if undo is not None:
            try:
                undo()
            except Exception as exc:  # the plugin's function may raise anything
                diagnostics.failed(f"{self._title}: removing its hook", exc)
