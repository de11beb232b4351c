"""The exceptions that autotrace raises, and only if the user called autotrace itself.

    AutotraceError
    ├── SettingsError      (ValueError)  an unknown or malformed setting
    ├── DeclarationError   (ValueError)  a declaration of a plugin that cannot be right
    └── PluginError        (LookupError) a plugin that was requested by name and is not installed

A failure of autotrace inside the program's own call or import is never raised. It goes through `autotrace._diagnostics`.
"""

from __future__ import annotations

__all__ = ["AutotraceError", "DeclarationError", "PluginError", "SettingsError", "nearest"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class AutotraceError(Exception):
    """The base of every exception that autotrace raises."""


class SettingsError(AutotraceError, ValueError):
    """A setting that neither autotrace nor the named plugin has, or an invalid value."""


class DeclarationError(AutotraceError, ValueError):
    """An invalid `Instrumentor`, `Operation`, dialect or path."""


class PluginError(AutotraceError, LookupError):
    """A plugin that was named and is not installed, or cannot be loaded."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'X'?`` with the word in `known` that is closest to `word`; if none is close, the list of them all."""
    import difflib

    words = sorted(known)
    close = difflib.get_close_matches(word, words, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; expected one of {', '.join(words)}"
