"""The import hook: it reports that a module has been imported, and costs other imports one look-up in a dict.

In: names of modules, and functions to call (`when_imported`). Out: calls of these functions with the module, each time its
body has run, until `uninstall`.
"""

from __future__ import annotations

from autotrace.hooks._finder import uninstall, when_imported

__all__ = ["uninstall", "when_imported"]
