"""What stays of a record when content is off: an allow-list. Pure functions on plain data.

Numbers, Booleans, words of known lists, ids, and names of models, agents and tools stay. Any other text is content: what is not
known is left out. What an attribute holds is said by the conventions (`conventions.Field`) or by an operation
(``not_content=``); the words of enumerations are in `vocabulary`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from autotrace._declaration import conventions, vocabulary
from autotrace._declaration.conventions import ALWAYS, Field
from autotrace._declaration.operation import Operation
from autotrace._declaration.vocabulary import Known

_ID = re.compile(r"[\w.:/@+=~,;|#$<>-]{1,256}", re.ASCII)
"""Ids, models and classes of exceptions: no blank, no quote, and no script in which a sentence needs no blank."""

_NAME = re.compile(r"(?=[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,128}\Z)\S+(?: \S+){0,5}")
"""Names of agents, tools and spans: a few words on one line. A sentence is none."""

_KEY = re.compile(r"[a-z][A-Za-z0-9]*(?:[._-][a-z0-9][A-Za-z0-9]*)*|[0-9]+")
"""Names of fields, in snake, camel and kebab case; ids of tokens. A key may be a text, too: that of a map is the program's."""

_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?(?:ns|us|ms|s|m|h|d|%)?", re.ASCII)
"""A number as text, with its unit."""

_LIMIT = re.compile(r"\d[\w.,;:=/ -]{0,63}|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
"""The value of a rate limit's header: a number, a duration, a time, a policy."""

_LONGEST_KEY = 64
_DEEPEST = 6
"""How many lists and objects deep numbers are kept. Deeper ones are in a schema or a document, whose structure is content."""

_MOST_NUMBERS = 16
"""A longer list of numbers is a text as tokens, or a vector."""

_TABLES = (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)
_FIELDS: dict[str, tuple[str, Field]] = {
    attribute: (short, field)
    for table in _TABLES
    for short, field in table.items()
    for attribute in (field.attribute, field.also)
    if attribute
}
_TYPE, _CODE, _STATUS = (ALWAYS[name].attribute for name in ("error_type", "error_code", "http_status"))
_ATTEMPTS = ALWAYS["attempts"].attribute
_OF_ATTEMPTS: Known = {"error": True}

UNNAMED = "_OTHER"
"""The ``error.type`` of a failure without a name that can be shown, as in the conventions."""


def attributes(recorded: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """Those of the attributes that are not content, without the texts in them that are."""
    kept = {}
    for name, value in recorded.items():
        stays = _attribute(name, value, operation.not_content)
        if stays is not None:
            kept[name] = stays
    if _TYPE in recorded:
        kept.setdefault(_TYPE, UNNAMED)
    return kept


def description(kept: Mapping[str, Any]) -> str:
    """What the status of a failure says, without the exception's text: its type, the provider's code, the HTTP status."""
    code, status = kept.get(_CODE), kept.get(_STATUS)
    words = dict.fromkeys(str(word) for word in (kept.get(_TYPE), code) if word is not None)
    return ", ".join([*words, *([] if status is None else [f"HTTP {status}"])])


def name(given: Optional[str]) -> Optional[str]:
    """The name that was given to a span, if it can be one."""
    return given if given is not None and _NAME.fullmatch(given) else None


def _attribute(name: str, value: Any, own: Known) -> Any:
    if name in _FIELDS:
        short, field = _FIELDS[name]
        return None if field.content else _of_conventions(name, value, short, field, own)
    if name in conventions.GENERAL or own.get(name) is True:
        return _named(value)
    if name.startswith(conventions.HEADER):
        return [text for text in value if _LIMIT.fullmatch(text)] or None if _are_texts(value) else None
    if not _is_key(name):
        return None
    last = name.rpartition(".")[2]
    if last == "id" and isinstance(value, str):
        return value if _ID.fullmatch(value) else None
    return _reduced(value, name if name in own else last, own)


def _of_conventions(name: str, value: Any, short: str, field: Field, own: Known) -> Any:
    texts = [value] if isinstance(value, str) else value if _are_texts(value) else None
    if texts is None:
        return _reduced(value, short, _OF_ATTEMPTS if name == _ATTEMPTS else own)
    if field.text == "word":
        fits = all(vocabulary.is_word(text, short) or vocabulary.is_word(text, name, own) for text in texts)
    else:
        pattern = {"id": _ID, "name": _NAME}.get(field.text)
        fits = pattern is not None and all(map(pattern.fullmatch, texts))
    return value if fits else None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(element, str) for element in value)


def _named(value: Any) -> Any:
    """The value of an attribute whose texts are ids or names."""
    if isinstance(value, list):
        return [kept for element in value if (kept := _named(element)) is not None] or None
    if isinstance(value, str):
        return value if _NAME.fullmatch(value) else None
    return value if isinstance(value, (bool, int, float)) else None


def _reduced(value: Any, field: str, own: Known, depth: int = 0) -> Any:
    """Numbers, Booleans and the words of their fields, in any structure; None if nothing stays."""
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value if _is_allowed(value, field, own) else None
    if depth >= _DEEPEST or not isinstance(value, (list, dict)):
        return None
    if isinstance(value, list):
        if len(value) > _MOST_NUMBERS and all(isinstance(element, (int, float)) for element in value):
            return None
        kept = (_reduced(element, field, own, depth + 1) for element in value)
        return [element for element in kept if element is not None] or None
    fields = ((key, _reduced(element, key, own, depth + 1)) for key, element in value.items() if _is_key(key))
    return {key: element for key, element in fields if element is not None} or None


def _is_allowed(text: str, field: str, own: Known) -> bool:
    if vocabulary.is_word(text, field.rpartition(".")[2], own) or vocabulary.is_word(text, field, own):
        return True
    if _NUMBER.fullmatch(text):
        return True
    return vocabulary.is_id(field, own) and _ID.fullmatch(text) is not None


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) is not None
