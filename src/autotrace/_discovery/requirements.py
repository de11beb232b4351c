"""``"acme-sdk>=2,<4"``: which versions of a library a plugin knows, and which one is installed. Release numbers only."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from autotrace._discovery import distributions
from autotrace._discovery.distributions import normal
from autotrace.errors import DeclarationError

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)$")
_CLAUSE = re.compile(r"^\s*(>=|<=|==|!=|~=|>|<)\s*([0-9]+(?:\.[0-9]+)*)\s*$")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


class Requirement:
    """A distribution and a version range. Raises `DeclarationError` for text that is not of that form."""

    __slots__ = ("clauses", "distribution", "text")

    def __init__(self, text: str) -> None:
        match = _REQUIREMENT.match(text)
        clauses = [_CLAUSE.match(part) for part in match[2].split(",")] if match and match[2].strip() else []
        if match is None or None in clauses:
            raise DeclarationError(f"requires {text!r}: expected a distribution and versions, such as 'acme-sdk>=2,<4'")
        self.text = text
        self.distribution = match[1]
        self.clauses = [(clause[1], release(clause[2])) for clause in clauses if clause is not None]

    def allows(self, version: str) -> bool:
        """Whether `version` is in the range. A version without a leading number is."""
        found = release(version)
        return not found or all(_holds(operator, found, wanted) for operator, wanted in self.clauses)

    def is_for(self, distribution: str) -> bool:
        """Whether this is about `distribution`, however its name is spelled."""
        return normal(self.distribution) == normal(distribution)


def release(version: str) -> tuple[int, ...]:
    """The release numbers at the start of a version: ``2.54.0rc1`` is ``(2, 54, 0)``; trailing zeros are dropped."""
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _holds(operator: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    if operator == "~=":
        return found >= wanted and found[: len(wanted) - 1] == wanted[:-1]
    return _COMPARE[operator](found, wanted)


def installed_version(*names: str) -> str | None:
    """The version of the first of the distributions `names` that is installed, from its metadata; ``None`` for none."""
    return next((version for name in names if (version := _version_of(name))), None)


def _version_of(distribution: str) -> str:
    """The version in the metadata of an installed distribution; "" if it is not there, or does not say."""
    found = distributions.Found(distributions.GROUP)
    found.read(path for path in sys.path if isinstance(path, str))
    directory = found.directory(normal(distribution))
    if directory:
        return distributions.name_and_version(directory)[1]
    if directory is None and not any(distributions.is_foreign(finder) for finder in sys.meta_path or ()):
        return ""
    from autotrace._discovery import metadata  # it puts a finder on the program's `sys.meta_path`: only if need be

    return metadata.version_of(distribution)
