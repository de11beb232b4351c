"""The exceptions that autotrace raises, and only where the user called autotrace itself.

    AutotraceError
    ├── SettingsError      (ValueError)  an unknown or malformed setting
    ├── DeclarationError   (ValueError)  a plugin's declaration that cannot be right
    └── PluginError        (LookupError) a plugin that was asked for by name and is not there

A failure of ours inside the program's own call or import is never raised: it goes through `autotrace._diagnostics`.
"""

from __future__ import annotations

__all__ = ["AutotraceError", "DeclarationError", "PluginError", "SettingsError", "nearest"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class AutotraceError(Exception):
    """The base of every exception that autotrace raises."""


class SettingsError(AutotraceError, ValueError):
    """A setting that neither autotrace nor the named plugin knows, or a value that it cannot have."""


class DeclarationError(AutotraceError, ValueError):
    """An `Instrumentor`, `Operation`, dialect or path that is declared wrongly."""


class PluginError(AutotraceError, LookupError):
    """A plugin that was named and is not installed."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` for the closest of `known`, else the list of them."""
    import difflib

    words = sorted(known)
    close = difflib.get_close_matches(word, words, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(words)}"
