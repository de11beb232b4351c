"""The import hook: being told when a module has been imported, at no cost for those that are not watched.

Usable on its own, by whoever needs just that::

    from autotrace import hooks

    hooks.when_imported("decimal", lambda module: print(module.__name__))
    hooks.uninstall()
"""

from __future__ import annotations

from autotrace.hooks._finder import uninstall, when_imported

__all__ = ["uninstall", "when_imported"]
