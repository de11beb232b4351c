"""`Option`: a setting of a plugin's own, as an `Instrumentor` declares it, and what it is set to without code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from autotrace import _diagnostics as diagnostics
from autotrace._settings import library_settings
from autotrace._settings.settings import switch
from autotrace.errors import DeclarationError, SettingsError, nearest

Value = Union[bool, int, float, str]


class Option:
    """A setting of a plugin's own: `default` gives its type (bool, int, float or str), `about` says in a sentence what it does.

    `choices`, if given, are the only values that it can have. Raises `DeclarationError` for a default of another type, one that
    is none of the choices, or an empty `about`.
    """

    __slots__ = ("about", "choices", "default")

    def __init__(self, default: Value, about: str, *, choices: Sequence[Value] = ()) -> None:
        if type(default) not in (bool, int, float, str):
            raise DeclarationError(f"Option: default {default!r} is none of bool, int, float, str")
        if not isinstance(about, str) or not about.strip():
            raise DeclarationError(f"Option({default!r}): say what it does: Option({default!r}, 'turns …')")
        self.default = default
        self.about = about
        self.choices = tuple(choices)
        if self.choices and default not in self.choices:
            raise DeclarationError(f"Option: default {default!r} is none of its choices {self.choices!r}")

    def __repr__(self) -> str:
        return f"Option({self.default!r}, {self.about!r})"

    @property
    def kind(self) -> str:
        """What a value looks like, in words: ``bool``, or the choices."""
        return " or ".join(repr(choice) for choice in self.choices) or type(self.default).__name__

    def described(self) -> dict[str, Any]:
        """`default`, `kind` and `about`: plain JSON values."""
        return {"default": self.default, "kind": self.kind, "about": self.about}

    def read(self, name: str, value: object) -> Value:
        """`value` as this option has it. Text is taken for what it says, as it comes from environment variables. Raises
        `SettingsError`, beginning with `name`, for one that is not of the type or none of the choices."""
        read = self._read(name, value)
        if read is None or (self.choices and read not in self.choices):
            raise SettingsError(f"{name}: {value!r} is not {self.kind}; it {self.about}")
        return read

    def _read(self, name: str, value: object) -> Value | None:
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


def in_force(title: str, package: str, declared: Mapping[str, Option]) -> tuple[dict[str, Value], bool]:
    """The value of each option of the plugin `title`, and whether content may be recorded, as environment and file have it.

    What they say wrongly is said on stderr, and left out of account.
    """
    values, content = {name: option.default for name, option in declared.items()}, True
    for name, (value, where) in library_settings.said(package).items():
        try:
            if name == "content":
                content = switch(where, value)
            elif name in declared:
                values[name] = declared[name].read(where, value)
            else:
                raise SettingsError(f"{where}: {title} has no such setting{nearest(name, [*declared, 'content'])}")
        except SettingsError as exc:
            closed = name == "content"  # a switch for privacy that cannot be read is taken for off
            content = content and not closed
            left_out = "Content is not recorded." if closed else "It is left out of account."
            diagnostics.say("settings", f"{exc}. {left_out}", level="error")
    return values, content
