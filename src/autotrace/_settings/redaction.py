"""The setting `redact`: what is removed from records in addition to credentials. Imported only if it is given."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from autotrace.errors import SettingsError, nearest

_KEYS = ("names", "patterns", "use")
_WORD = re.compile(r"[A-Za-z0-9][\w.-]*\Z")


class Rules(NamedTuple):
    """What one source adds."""

    names: tuple[str, ...] = ()
    """Names of fields whose values are removed."""
    patterns: tuple[tuple[str, str], ...] = ()
    """Regular expressions by the names under which the record mentions them."""
    use: tuple[Any, ...] = ()
    """Built-in patterns and installed redactors by name, functions, and functions as ``module:function``."""

    def only_less(self) -> Rules:
        """What a file without authority may say: names and words. It may neither load code nor keep the writer busy."""
        return Rules(self.names, (), tuple(one for one in self.use if ":" not in one))


def read(name: str, value: object) -> Rules:
    """The rules in `value`: a table with `names`, `patterns` and `use`; or what `use` would be: a name, a function, or a list.

    Text may be names separated by commas, or JSON. Raises `SettingsError` for everything else.
    """
    if isinstance(value, Rules):
        return value
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = _json(name, value)
    if not isinstance(value, Mapping):
        return Rules(use=_use(name, value))
    for key in value:
        if key not in _KEYS:
            raise SettingsError(f"setting {name}: {key!r} is not a known key{nearest(str(key), _KEYS)}")
    return Rules(
        _names(f"{name}.names", value.get("names", ())),
        _patterns(f"{name}.patterns", value.get("patterns", {})),
        _use(f"{name}.use", value["use"]) if "use" in value else (),
    )


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise SettingsError(f"setting {name}: starts with {text.lstrip()[0]!r} but is not valid JSON: {exc}") from None


def _listed(value: object) -> list[Any]:
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _names(name: str, value: object) -> tuple[str, ...]:
    names = _listed(value)
    for one in names:
        if not isinstance(one, str) or not one.strip():
            raise SettingsError(f"setting {name}: expected names of fields, got {one!r}")
    return tuple(names)


def _patterns(name: str, value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"setting {name}: expected a table of regular expressions by name, got {value!r}")
    for label, pattern in value.items():
        try:
            matches_nothing = re.compile(pattern).match("") is not None
        except (re.error, TypeError) as exc:
            raise SettingsError(f"setting {name}: {label!r} is not a valid regular expression: {exc}") from None
        if matches_nothing:
            raise SettingsError(f"setting {name}: {label!r} also matches empty text; use a pattern that needs a character")
    return tuple((str(label), pattern) for label, pattern in value.items())


def _use(name: str, value: object) -> tuple[Any, ...]:
    given = _listed(value)
    for one in given:
        if isinstance(one, str):
            module, colon, function = one.partition(":")
            words = (*module.split("."), *function.split(".")) if colon else ()
            if not (all(word.isidentifier() for word in words) if colon else _WORD.match(one)):
                raise SettingsError(f"setting {name}: expected a name or module:function, got {one!r}")
        elif not callable(one) or isinstance(one, type):
            raise SettingsError(f"setting {name}: expected a function or a name, got {one!r}")
    if not given:
        raise SettingsError(f"setting {name}: nothing is named; name a redactor, such as 'email', or remove the setting")
    return tuple(given)
