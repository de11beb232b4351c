"""Scrubbing: one walk through plain data that replaces each credential and notes where it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from autotrace._credentials import forms, hint, names
from autotrace._credentials.forms import MARK, Text

_DEPTH = 150
"""How deep the walk goes. What lies deeper is removed; no request is that deep."""

_SCHEMA_TYPES = frozenset("string str number integer int float boolean bool object array list dict null any".split())
_LABELS = frozenset("type name id domain kind label title description scheme method provider scope scopes".split())
_ADDRESSES = frozenset("url uri serverurl endpoint baseurl".split())

_ATOMS = (int, float, bool, type(None))

Path = Optional[tuple[Any, Any]]
"""Where a value is: the path of what it is in, and its key or index. ``None`` at the top."""

_NAME, _DEEP = "name", "depth"


class Pattern(NamedTuple):
    """A user's own pattern, or a built-in one that was switched on. What it matches is removed where `check` is true."""

    rule: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    near: re.Pattern[str] | None = None
    """Finds quickly the parts of a text in which `pattern` can match at all."""


class Scrubber:
    """Removes credentials from data, and what `patterns` match; `fields` are names of fields that users have added.

    `values` are those that clients of the program send as credentials, the longest first. One scrubber is for one record: it
    collects in `found` which rules have removed something, by the place.
    """

    __slots__ = ("_fields", "_patterns", "found", "learned", "values")

    def __init__(
        self, values: tuple[str, ...] = (), fields: frozenset[str] = frozenset(), patterns: tuple[Pattern, ...] = ()
    ) -> None:
        self.values = values
        self._fields = fields
        self._patterns = patterns
        self.found: dict[str, list[str]] = {}
        self.learned: set[str] = set()
        """Values of fields with the name of a credential. Other fields may quote them."""

    def data(self, value: Any, path: Path = None, under: str = "") -> Any:
        """`value` without credentials; `value` itself if it has none.

        `under` says what it is in: a field whose name is that of a credential (``secret``), headers of a request (``headers``),
        the description of a server (``server``), variables of an environment (``environment``), a table of a schema
        (its ``properties``), or none of these.
        """
        kind = type(value)
        if kind is str:
            return self._leaf(value, path, under)
        if kind is dict:
            return self._mapping(value, path, under)
        if kind is list:
            return self._elements(value, path, under)
        return value if kind in _ATOMS else self._foreign(value, path, under)

    def _foreign(self, value: Any, path: Path, under: str) -> Any:
        """A value of a type that only the encoder of the line knows: a tuple, a date, a dataclass."""
        if isinstance(value, (tuple, set, frozenset)):
            plain: Any = list(value)
        else:
            import msgspec  # not where this module is needed for diagnostics: some interpreters cannot load it

            plain = msgspec.to_builtins(value, str_keys=True)
        if type(plain) not in (str, dict, list):
            return value
        made = self.data(plain, path, under)
        return value if made is plain else made

    def text(self, text: str, path: Path = None) -> str:
        """`text` without credentials."""
        hinted = hint.of_text(text)
        patterns = [one for one in self._patterns if one.near is None or one.near.search(text)] if self._patterns else ()
        if not hinted and not patterns and not any(value in text for value in self.values):
            return text
        scrubbed = Text(text)
        scrubbed.without(self.values)
        if hinted:
            scrubbed.without_forms()
        for pattern in patterns:
            scrubbed.without_matches(*pattern)
        for rule in scrubbed.rules:
            self.note(path, rule)
        return scrubbed.text

    def note(self, path: Path, rule: str) -> None:
        """Note that `rule` removed something at `path`."""
        rules = self.found.setdefault(self._shown(path), [])
        if rule not in rules:
            rules.append(rule)

    def _shown(self, path: Path) -> str:
        steps: list[str] = []
        while path is not None:
            path, step = path
            if isinstance(step, int):
                steps.append(f"[{step}]")
            else:
                quiet = Scrubber(self.values, self._fields, self._patterns)
                name = quiet.text(step) if len(step) <= 100 else "…"
                steps.append(f".{name}" if path is not None else name)
        return "".join(reversed(steps))

    def _leaf(self, value: str, path: Path, under: str) -> str:
        if under in ("secret", "headers"):
            if forms.is_placeholder(value):
                return value
            if forms.is_likely(value):
                self.learned.add(value)
            return self._removed(path)
        if under == "server" and path is not None and isinstance(path[1], str) and names.normalized(path[1]) in _ADDRESSES:
            strict, removed = forms.strict_url(value)
            if strict != value:
                self.note(path, "url")
                self.learned.update(part for part in removed if forms.is_likely(part))
                value = strict
        return self.text(value, path)

    def _removed(self, path: Path) -> str:
        self.note(path, _NAME)
        return MARK

    def _mapping(self, value: dict[Any, Any], path: Path, under: str) -> Any:
        if path is not None and _is_deep(path):
            return self._removed_deep(path)
        if under == "secret" and _is_schema(value):
            under = ""
        made = {}
        changed = False
        pair = self._is_pair(value)
        if not under and (value.get("type") == "mcp" or "server_url" in value):
            under = "server"
        for key, held in value.items():
            new_key = key
            if type(key) is str:
                new_key = self.text(key, (path, key))
                here = self._under(key, held, under, pair)
            else:
                here = under
            if here == "removed":
                new = self._removed((path, key)) if held != MARK else held
            else:
                new = self.data(held, (path, key), here)
            changed = changed or new is not held or new_key is not key
            made[new_key] = new
        return made if changed else value

    def _under(self, key: str, held: Any, under: str, pair: bool) -> str:
        """What `held`, the field `key` of a mapping, is in; ``removed`` if nothing of it stays."""
        if held is not None and self._is_added(key):
            return "removed"
        if under == "properties" and type(held) is not str:
            return ""
        if under == "secret":
            return "" if names.normalized(key) in _LABELS else under
        if pair and names.normalized(key) == "value":
            return "secret"
        if under == "headers":
            return "" if names.is_harmless_header(key) else under
        if under == "environment" and type(held) is str and names.is_of_header(key) and forms.is_likely(held):
            return "secret"
        if self._is_secret(key, held):
            return "removed" if type(held) is int else "secret"
        if names.is_headers(key) and type(held) in (dict, list):
            return "headers" if type(held) is dict or _is_list_of_pairs(held) else ""
        if type(held) is dict and names.is_environment(key):
            return "environment"
        plain = names.normalized(key)
        if plain == "properties" and type(held) is dict:
            return "properties"
        return "server" if under == "server" or names.is_of_server(key) else ""

    def _is_secret(self, key: str, held: Any) -> bool:
        if type(held) is bool or held is None or type(held) is float:
            return False
        if type(held) is int:
            return names.normalized(key).endswith(("password", "passwd", "secret"))
        if names.is_strong(key):
            return True
        return names.is_weak(key) and (forms.is_likely(held) if type(held) is str else type(held) is dict)

    def _is_added(self, key: str) -> bool:
        """Whether users have added the name `key`. Of an attribute's name, the last part counts as well."""
        fields = self._fields
        return bool(fields) and (names.normalized(key) in fields or names.normalized(key.rpartition(".")[2]) in fields)

    def _is_pair(self, value: dict[Any, Any]) -> bool:
        """Whether a mapping is the name and the value of a credential: ``{"name": "API_KEY", "value": "…"}``."""
        if "value" not in value:
            return False
        named = value.get("name", value.get("key"))
        return type(named) is str and (names.is_strong(named) or self._is_added(named))

    def _elements(self, value: list[Any], path: Path, under: str) -> Any:
        if path is not None and _is_deep(path):
            return self._removed_deep(path)
        if len(value) == 2 and type(value[0]) is str and type(value[1]) is str and under in ("", "headers", "server"):
            if under == "headers":
                under = "" if names.is_harmless_header(value[0]) else "pair"
            elif names.is_strong(value[0]) and forms.is_likely(value[1]) and forms.is_random(value[1]):
                under = "pair"
            if under == "pair":
                new = [self.text(value[0], (path, 0)), self._leaf(value[1], (path, 1), "secret")]
                return new if new != value else value
        made = []
        for index, element in enumerate(value):
            option = (
                index > 0 and under in ("", "server") and type(element) is str and self._is_option(value[index - 1], element)
            )
            made.append(self.data(element, (path, index), "secret" if option else under))
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value

    def _is_option(self, before: Any, element: str) -> bool:
        """Whether `element` is the value of the option `before`, in the arguments of a command: ``--api-key``, ``…``."""
        if type(before) is not str or before[:1] != "-" or len(before) > 60 or element[:1] == "-":
            return False
        return (names.is_strong(before) or names.is_weak(before) or self._is_added(before)) and forms.is_likely(element)

    def _removed_deep(self, path: Path) -> str:
        self.note(path, _DEEP)
        return MARK


def _is_deep(path: Path) -> bool:
    depth = 0
    while path is not None and depth <= _DEPTH:
        path, depth = path[0], depth + 1
    return depth > _DEPTH


def _is_schema(value: dict[Any, Any]) -> bool:
    """Whether a mapping describes a field of that name, and is not its value."""
    kind = value.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return any(isinstance(one, str) and one.lower() in _SCHEMA_TYPES for one in kinds) or not value.keys().isdisjoint(
        ("anyOf", "oneOf", "allOf", "$ref")
    )


def _is_list_of_pairs(value: Any) -> bool:
    return all(type(element) in (dict, list) for element in value)


def longest_first(values: Iterable[str]) -> tuple[str, ...]:
    """`values` in the order in which they are removed: a value may contain another one."""
    return tuple(sorted(set(values), key=lambda value: (-len(value), value)))
