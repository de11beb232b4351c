"""Redactors: functions of users and of installed distributions that change the content of records.

A distribution registers one by an entry point in the group ``autotrace.redactors``. A redactor takes the field (an attribute's
name, or ``status.description``), its value as plain JSON, and all attributes of the record, and returns the value to record, or
``None`` for no value. It runs on the writer's thread. If it raises, the value is dropped.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace._discovery import distributions, references
from autotrace._discovery.distributions import EntryPoint

GROUP = "autotrace.redactors"
"""The entry-point group of redactors."""

Function = Callable[[str, Any, Mapping[str, Any]], Any]


def installed() -> dict[str, EntryPoint]:
    """The redactors of installed distributions by name. Of two with one name, the alphabetically first distribution's."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: entry.distribution):
        found.setdefault(entry.package, entry)
    return found


class Redactor:
    """A redactor by its name, ``module:function`` or function. It is loaded for the first record."""

    def __init__(self, given: Any) -> None:
        self.name: str = given if isinstance(given, str) else str(getattr(given, "__qualname__", type(given).__qualname__))
        self._function: Function | None = None if isinstance(given, str) else given

    def __call__(self, field: str, value: Any, attributes: Mapping[str, Any]) -> tuple[Any, bool]:
        """What `value` of `field` becomes, and whether the redactor worked; if not, nothing of the value may be recorded."""
        try:
            if self._function is None:
                self._function = self._load()
            result = self._function(field, value, attributes)
            return (None if result is None else msgspec.json.decode(msgspec.json.encode(result))), True
        except BaseException as exc:  # the user's own function, and its import
            if isinstance(exc, KeyboardInterrupt) and _thread.get_ident() == threading.main_thread().ident:
                raise  # the user's, while the program waits for its records
            diagnostics.failed(f"redactor {self.name}", exc, aside=True, quote=False)
            text = "What it should have redacted is not recorded. Correct it, or remove it from the setting redact."
            diagnostics.say("redactor", f"redactor {self.name}: failed. {text}", level="error")
            return None, False

    def _load(self) -> Function:
        reference = self.name
        if ":" not in reference:
            entry = installed().get(reference)
            if entry is None:
                raise LookupError(f"no installed distribution has a redactor {reference!r} (entry-point group {GROUP})")
            reference = entry.value
        loaded: Function = references.load(reference)
        if not callable(loaded):
            raise TypeError(f"{reference} is not a function")
        return loaded
