"""The survey of data that most likely holds no credential: it gathers the texts, over which one search then decides.

Most records end here, so this is the part of redaction that has a cost. What occurs in every record (names of fields, roles,
types) was found harmless before and is skipped.
"""

from __future__ import annotations

import re
from typing import Any

from autotrace._credentials import hint, names

_SHORT = 15
_MOST = 2000
"""How many names and words are remembered, at most."""

_names: set[str] = set()
_words: set[str] = set()
"""Names that are not those of credentials. Short texts that are neither credentials nor values that a client could send."""

_is_known = _names.issuperset
_ATOMS = frozenset((float, bool, type(None)))


def texts_of(data: dict[str, Any]) -> list[str] | None:
    """The texts in `data` that are not remembered; ``None`` if the data has to be walked in any case."""
    texts: list[str] = []
    todo: list[Any] = [data]
    words = _words
    for one in todo:  # it grows meanwhile
        if type(one) is dict:
            if not _is_known(one) and not all(map(_is_ordinary, one)):
                return None
            elements: Any = one.values()
        else:
            elements = one
        for element in elements:
            kind = type(element)
            if kind is str:
                if len(element) > 15 or element not in words:  # `_SHORT`, inlined as all of this
                    texts.append(element)
            elif kind is int:
                continue
            elif kind is dict or kind is list:
                todo.append(element)
            elif kind not in _ATOMS:
                return None
    return texts


def is_clean(texts: list[str], values: tuple[str, ...], near: tuple[re.Pattern[str], ...] = ()) -> bool:
    """Whether `texts` hold no credential, none of the `values`, and nothing that one of the patterns `near` finds."""
    joined = "\n".join(texts)
    if hint.search(joined) is not None:
        return False
    for value in values:
        if value in joined:
            return False
    for pattern in near:
        if pattern.search(joined):
            return False
    if next(_lessons, None) is not None and len(_words) < _MOST:
        _words.update([text for text in texts if _is_word(text)])
    return True


_lessons = iter(range(1000))
"""The surveys from which words are learned. What occurs in every record has occurred by then."""


def _is_word(text: str) -> bool:
    """Whether `text` is neither a credential, whatever the client sends (`values.SHORTEST`), nor of a built-in pattern."""
    if len(text) < 8:
        return text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return len(text) <= _SHORT and text.isalpha() and text.islower()


def _is_ordinary(key: Any) -> bool:
    """Whether a field called `key` holds no credential. Remembers it."""
    if type(key) is not str:
        return False
    if key in _names:
        return True
    if (
        names.is_strong(key)
        or names.is_weak(key)
        or names.is_headers(key)
        or names.is_of_server(key)
        or names.is_environment(key)
        or hint.of_text(key)
    ):
        return False
    if len(_names) < _MOST and len(key) < 100:
        _names.add(key)
    return True
