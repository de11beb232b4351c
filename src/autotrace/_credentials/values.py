"""The values that clients of the program send as credentials: what plugins have picked up, and what of it counts."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from autotrace._credentials import forms, names
from autotrace._credentials.scrubbing import longest_first

SHORTEST = 8
"""A value with fewer characters does not count: it would be found in words."""

_UNQUOTED = re.compile(r"[A-Za-z0-9_.~-]*")
_SCHEMES = ("bearer", "basic", "token", "apikey", "key", "digest", "negotiate")
_PLACEHOLDERS = frozenset(
    """
    placeholder lm-studio not-needed not_needed no-key-required no_key_required not-required unused-key your-api-key
    your_api_key my-api-key api-key api_key test-key test_key fake-key fake_key dummy-key dummy_key anything undefined
    """.split()
)

holders: list[Callable[[], Iterable[Any]]] = []
"""Functions that return what was picked up of the calls that are in progress: open ones, and the one in translation."""


def in_use() -> tuple[str, ...]:
    """The values of all calls that are in progress. For diagnostics, which may quote any of them."""
    return of([held for holder in holders for held in holder()])


def of(picked_up: Iterable[Any]) -> tuple[str, ...]:
    """The values that count among `picked_up`, the longest first.

    That holds texts, bytes, and mappings or lists of pairs, of which those count that have the name of a credential. Anything
    else is ignored.
    """
    return longest_first(value for one in picked_up for text in _texts(one) for value in _variants(text))


def of_url(url: str) -> Iterator[str]:
    """The texts in `url` that are credentials: user, password, parameters."""
    if "@" not in url and "?" not in url:
        return
    try:
        parts = urlsplit(url)
        if parts.password is not None:
            user, password = unquote(parts.username or ""), unquote(parts.password)
            yield password
            yield base64.b64encode(f"{user}:{password}".encode()).decode()  # what a client makes of them
        elif parts.username is not None:
            yield unquote(parts.username)
        for name, value in parse_qsl(parts.query):
            if names.is_of_query(name):
                yield value
    except ValueError:
        return


def _texts(held: Any) -> Iterator[str]:
    if isinstance(held, str):
        yield held
    elif isinstance(held, bytes):
        yield held.decode("latin-1")
    elif isinstance(held, (Mapping, tuple, list)):
        for pair in held.items() if isinstance(held, Mapping) else held:
            if isinstance(pair, (tuple, list)) and len(pair) == 2:
                name = pair[0] if isinstance(pair[0], str) else "".join(_texts(pair[0]))
                value = "".join(_texts(pair[1])) if _is_name(name) else ""
                if value:
                    yield value
                    yield from _of_cookies(name, value)


@functools.lru_cache(maxsize=512)
def _is_name(name: str) -> bool:
    """Whether a header or a parameter called `name` is a credential."""
    return bool(name) and (names.is_of_header(name) or names.is_of_query(name))


def _of_cookies(name: str, value: str) -> Iterator[str]:
    if "cookie" in name.lower():
        for cookie in value.split(";"):
            yield cookie.partition("=")[2]


def _variants(text: str) -> Iterator[str]:
    """The value in `text`, and the forms in which others may quote it."""
    text = text.strip()
    scheme, _, rest = text.partition(" ")
    if rest and scheme.lower() in _SCHEMES:
        yield from _variants(rest)
        if scheme.lower() == "basic":
            yield from _of_basic(rest)
        return
    if len(text) >= SHORTEST and not _is_word(text) and text.lower() not in _PLACEHOLDERS and not forms.is_placeholder(text):
        yield text
        if _UNQUOTED.fullmatch(text) is None:
            yield from _escaped(text)


def _escaped(text: str) -> Iterator[str]:
    """How URLs, JSON, JSON inside of JSON, and ``repr()`` write a value with special characters."""
    import json  # few keys have such characters

    yield from (quote(text, safe=""), quote(text))
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield from (once, once.replace("/", "\\/"), json.dumps(once)[1:-1])
    yield repr(text)[1:-1]
    yield repr(text.encode("utf-8", "backslashreplace"))[2:-1]


def _is_word(text: str) -> bool:
    return text.isalpha() and text.islower() and len(text) < 16


def _of_basic(token: str) -> Iterator[str]:
    try:
        user, _, password = base64.b64decode(token.strip()).decode("utf-8", "replace").partition(":")
    except ValueError:
        return
    yield from _variants(password)
    if not password:
        yield from _variants(user)
