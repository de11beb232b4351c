"""Version requirements such as ``"acme-sdk>=2,<4"``, and installed versions. Compares release numbers only."""

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
    """A distribution and a version range. Raises `DeclarationError` for malformed text."""

    __slots__ = ("clauses", "distribution", "text")

    def __init__(self, text: str) -> None:
        match = _REQUIREMENT.match(text)
        clauses = [_CLAUSE.match(part) for part in match[2].split(",")] if match and match[2].strip() else []
        if match is None or None in clauses:
            raise DeclarationError(f"requires {text!r}: expected a distribution and a version range, such as 'acme-sdk>=2,<4'")
        self.text = text
        self.distribution = match[1]
        self.clauses = [(clause[1], release(clause[2])) for clause in clauses if clause is not None]

    def allows(self, version: str) -> bool:
        """Whether `version` is in the range. True for a version that does not start with a number."""
        numbers = release(version)
        return not numbers or all(_satisfies(operator, numbers, wanted) for operator, wanted in self.clauses)

    def is_for(self, distribution: str) -> bool:
        """Whether this is about `distribution`, in any spelling of the name."""
        return normal(self.distribution) == normal(distribution)


def release(version: str) -> tuple[int, ...]:
    """The release numbers at the start of a version, without trailing zeros: ``2.54.0rc1`` is ``(2, 54)``."""
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _satisfies(operator: str, numbers: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    if operator == "~=":
        return numbers >= wanted and numbers[: len(wanted) - 1] == wanted[:-1]
    return _COMPARE[operator](numbers, wanted)


def installed_version(*names: str) -> str | None:
    """The version of the first installed distribution in `names`, from its metadata; ``None`` if none is installed."""
    return next((version for name in names if (version := _version_of(name))), None)


def _version_of(distribution: str) -> str:
    """The version in the metadata of an installed distribution; "" if it is not installed or has no version."""
    installed = distributions.Distributions()
    installed.read(path for path in sys.path if isinstance(path, str))
    directory = installed.directory(normal(distribution))
    if directory:
        return distributions.name_and_version(directory)[1]
    if directory is None and not any(distributions.is_foreign(finder) for finder in sys.meta_path or ()):
        return ""
    from autotrace._discovery import metadata  # adds a finder to the program's `sys.meta_path`, so only if needed

    return metadata.version_of(distribution)
