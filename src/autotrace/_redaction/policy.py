"""The policy of redaction: everything that the code, the environment and the files add for a library. It only adds up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from autotrace import _settings as settings
from autotrace._credentials import names
from autotrace._credentials.scrubbing import Pattern
from autotrace._redaction import built_in, redactors
from autotrace._redaction.redactors import Redactor
from autotrace.errors import SettingsError, nearest, sentences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._settings.redaction import Rules


class Policy:
    """What is removed from a record in addition to credentials: named fields, matches of patterns, what redactors change."""

    __slots__ = ("fields", "is_for_some", "near", "patterns", "redactors")

    def __init__(self, rules: Iterable[Rules] = ()) -> None:
        rules = list(rules)
        used = list(dict.fromkeys(one for rule in rules for one in rule.use))
        own = dict.fromkeys(pattern for rule in rules for pattern in rule.patterns)
        self.fields = frozenset(names.normalized(name) for rule in rules for name in rule.names)
        self.patterns = (
            *(pattern for name, pattern in built_in.PATTERNS.items() if name in used),
            *(Pattern(f"pattern.{name}", re.compile(text)) for name, text in own),
        )
        self.redactors = tuple(Redactor(one) for one in used if one not in built_in.PATTERNS)
        self.near = tuple({pattern.near for pattern in self.patterns if pattern.near is not None})
        """What finds the texts in which the built-in patterns may match."""
        self.is_for_some = not (self.fields or self.redactors or any(pattern.near is None for pattern in self.patterns))
        """Whether it changes nothing in a record that has no credential, and in which `near` finds nothing."""


ONLY_CREDENTIALS = Policy()
"""The policy if users add nothing."""

_known: dict[tuple[Any, ...], Policy] = {}


def in_force(library: str | None = None, more: Iterable[Rules] = ()) -> Policy:
    """The policy for `library`, or for spans of no library, as the settings are now. `more` are rules of the library's own."""
    rules = (*(value for value, _ in settings.current.sources("redact", library)), *more)
    if not rules:
        return ONLY_CREDENTIALS
    if rules not in _known:
        if len(_known) > 100:
            _known.clear()
        _known[rules] = Policy(rules)
    return _known[rules]


def check() -> None:
    """Raise `SettingsError` if a redactor that the settings name is neither built in nor installed."""
    used = [one for value in settings.current.given("redact") for one in value.use if isinstance(one, str) and ":" not in one]
    others = [one for one in used if one not in built_in.PATTERNS]
    if not others:
        return
    known = {*built_in.PATTERNS, *redactors.installed()}
    for name in others:
        if name not in known:
            hint = f"Or install the distribution that brings it, by an entry point in the group {redactors.GROUP}."
            raise SettingsError(sentences(f"{name!r} is not a known redactor{nearest(name, known)}", hint))
