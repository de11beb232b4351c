"""`Option`: a setting of a plugin's own, as an `Instrumentor` declares it, and its value from environment and file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from autotrace import _diagnostics as diagnostics
from autotrace._settings import library_settings, redaction, switch
from autotrace._settings.redaction import Rules
from autotrace.errors import DeclarationError, SettingsError, nearest, sentences

Value = Union[bool, int, float, str]


class Option:
    """A setting of a plugin's own.

    `default` determines the type (bool, int, float or str). `about` says in one sentence what the option does. `choices`, if
    given, are the only valid values. Raises `DeclarationError` for a default of another type or outside of the choices, and for
    an empty `about`.
    """

    __slots__ = ("about", "choices", "default")

    def __init__(self, default: Value, about: str, *, choices: Sequence[Value] = ()) -> None:
        if type(default) not in (bool, int, float, str):
            raise DeclarationError(f"Option: default must be a bool, int, float or str, got {default!r}")
        if not isinstance(about, str) or not about.strip():
            raise DeclarationError(f"Option({default!r}): about must say what the option does: Option({default!r}, 'turns …')")
        self.default = default
        self.about = about
        if isinstance(choices, str) or not isinstance(choices, Sequence):
            raise DeclarationError(f"Option({default!r}): choices: expected a sequence of values, got {choices!r}")
        self.choices = tuple(choices)
        if self.choices and default not in self.choices:
            raise DeclarationError(f"Option: default {default!r} is not one of its choices {self.choices!r}")

    def __repr__(self) -> str:
        return f"Option({self.default!r}, {self.about!r})"

    @property
    def kind(self) -> str:
        """The valid values in words: ``bool``, or the choices."""
        return " or ".join(repr(choice) for choice in self.choices) or type(self.default).__name__

    def described(self) -> dict[str, Any]:
        """`default`, `kind` and `about` as plain JSON values."""
        return {"default": self.default, "kind": self.kind, "about": self.about}

    def read(self, name: str, value: object) -> Value:
        """`value`, converted to the type of this option. Text is parsed, because environment variables are text.

        Raises `SettingsError`, with a message that begins with `name`, for a value of another type or outside of the choices.
        """
        parsed = self._parse(name, value)
        if parsed is None or (self.choices and parsed not in self.choices):
            raise SettingsError(f"{name}: expected {self.kind}, got {value!r}; it {self.about}")
        return parsed

    def _parse(self, name: str, value: object) -> Value | None:
        wanted = type(self.default)
        if type(value) is wanted:
            return value
        if wanted is float and type(value) is int:
            return float(value)
        if not isinstance(value, str):
            return None
        try:
            return switch(name, value) if wanted is bool else wanted(value)
        except ValueError:
            return None


def in_force(title: str, package: str, declared: Mapping[str, Option]) -> tuple[dict[str, Value], bool, list[Rules]]:
    """The values that environment and file give the options of the plugin `title`, whether they allow content, and what they
    redact.

    Malformed values are reported on stderr and ignored.
    """
    values, content, rules, problems = read(title, package, declared)
    for problem in problems:
        diagnostics.say("settings", problem, level="error")
    return values, content, rules


def read(title: str, package: str, declared: Mapping[str, Option]) -> tuple[dict[str, Value], bool, list[Rules], list[str]]:
    """What `in_force` returns, and a message on each ignored value."""
    values, content = {name: option.default for name, option in declared.items()}, True
    rules: list[Rules] = []
    problems = []
    for name, (value, where) in library_settings.given(package).items():
        try:
            if name == "content":
                content = content and switch(where, value)
            elif name == "redact":
                rules.append(redaction.read(where, value))
            elif name in declared:
                values[name] = declared[name].read(where, value)
            else:
                raise SettingsError(
                    f"{where}: {title} has no setting {name!r}{nearest(name, [*declared, 'content', 'redact'])}"
                )
        except SettingsError as exc:
            closed = name in ("content", "redact")  # fail closed: a malformed privacy switch counts as off
            content = content and not closed
            consequence = "Content is not recorded." if closed else "The value is ignored."
            problems.append(sentences(exc, consequence))
    return values, content, rules, problems
