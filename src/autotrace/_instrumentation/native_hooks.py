"""The hooks that a library offers itself: installed by a plugin's functions when their module is there, and taken off again."""

from __future__ import annotations

from autotrace import _diagnostics as diagnostics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from autotrace._declaration.instrumentor import Hook


class NativeHooks:
    """Those of one plugin, which is called `title` in messages."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._undo: dict[str, Callable[[], None] | None] = {}

    def installing(self, name: str, hook: Hook) -> Callable[[Any], None]:
        """A function that installs `hook` in the module that it is given; called again, it takes the former one off before."""

        def install(module: Any) -> None:
            self._take_off(name)
            self._undo[name] = hook(module)

        return install

    def take_off(self) -> None:
        """Take all of them off."""
        for name in tuple(self._undo):
            self._take_off(name)

    def _take_off(self, name: str) -> None:
        undo = self._undo.pop(name, None)
        if undo is not None:
            try:
                undo()
            except Exception as exc:  # a plugin's own function
                diagnostics.failed(f"{self._title}: taking off its hook", exc)
