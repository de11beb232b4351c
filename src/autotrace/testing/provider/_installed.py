"""Which wire formats are here: the core's own, and those that installed distributions bring."""

from __future__ import annotations

from collections.abc import Iterator

from autotrace import _diagnostics as diagnostics
from autotrace._discovery import distributions, references
from autotrace._discovery.distributions import EntryPoint
from autotrace.testing.provider.anthropic import ANTHROPIC
from autotrace.testing.provider.openai import OPENAI
from autotrace.testing.provider.wire import WireFormat

__all__ = ["GROUP", "installed"]

GROUP = "autotrace.providers"
"""The group of the entry points: a name, and a `WireFormat` as the value."""

_OWN = {"anthropic": ANTHROPIC, "openai": OPENAI}
"""Those of the core, by name. No distribution can take their names."""


def installed() -> tuple[WireFormat, ...]:
    """The core's own wire formats and those of the installed distributions.

    They are in the order in which they are asked whether a path is theirs: those that are `general` last, and otherwise by
    name. One that cannot be loaded is said on stderr, and left out.
    """
    named = [*_OWN.items(), *_loaded()]
    return tuple(wire for _, wire in sorted(named, key=lambda one: (one[1].general, one[0])))


def _loaded() -> Iterator[tuple[str, WireFormat]]:
    holders = dict.fromkeys(_OWN, "llm-autotrace")
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: entry.distribution):
        name = entry.package
        holder = holders.setdefault(name, entry.distribution)
        if holder != entry.distribution:
            _left_out(entry, f"{holder} has one of that name")
            continue
        try:
            wire = references.load(entry.value)
        except Exception as exc:  # somebody else's module
            _left_out(entry, f"{entry.value} raised {type(exc).__name__}: {exc}")
            continue
        if isinstance(wire, WireFormat):
            yield name, wire
        else:
            _left_out(entry, f"{entry.value} is {wire!r}, not a WireFormat")


def _left_out(entry: EntryPoint, reason: str) -> None:
    whose = entry.distribution
    diagnostics.say("provider", f"{whose}: its wire format {entry.package} is left out: {reason}. Repair or uninstall {whose}.")
