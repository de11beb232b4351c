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
    """``; did you mean 'X'?`` with the words in `known` that begin with `word`, else with the one that is closest to it.

    If none is close: ``; expected one of`` and the five closest, with the number of the others.
    """
    import difflib

    words = sorted(set(known))
    close = [known for known in words if len(word) > 1 and known.lower().startswith(word.lower())][:_AT_MOST]
    close = close or difflib.get_close_matches(word, words, 1)
    if close:
        return f"; did you mean {_alternatives([repr(known) for known in close])}?"
    first = sorted(words, key=lambda known: -difflib.SequenceMatcher(None, known, word).ratio())[:_AT_MOST]
    others = len(words) - len(first)
    return f"; expected one of {', '.join(first)}" + (f" (and {others} more)" if others else "")


_AT_MOST = 5
"""How many words a message offers."""


def _alternatives(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def sentences(problem: object, consequence: str) -> str:
    """Join a message and the sentence on its consequence: ``did you mean 'X'?`` needs no full stop."""
    text = str(problem)
    return f"{text} {consequence}" if text.endswith(("?", ".")) else f"{text}. {consequence}"
