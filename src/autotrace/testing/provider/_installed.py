"""The available wire formats: those of the core, and those of installed distributions."""

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
"""The entry-point group: the name of a format, and a `WireFormat` as its value."""

_OWN = {"anthropic": ANTHROPIC, "openai": OPENAI}
"""The formats of the core, by name. No distribution can use these names."""


def installed() -> tuple[WireFormat, ...]:
    """The wire formats of the core and of the installed distributions.

    They are in the order in which they are asked whether they own a path: by name, and those that are `general` last. A
    format that cannot be loaded is reported on stderr and ignored.
    """
    named = [*_OWN.items(), *_loaded()]
    return tuple(wire for _, wire in sorted(named, key=lambda one: (one[1].general, one[0])))


def _loaded() -> Iterator[tuple[str, WireFormat]]:
    owners = dict.fromkeys(_OWN, "llm-autotrace")
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: entry.distribution):
        name = entry.package
        if name in owners:
            _ignored(entry, f"{owners[name]} already has a wire format with that name")
            continue
        try:
            wire = references.load(entry.value)
        except (Exception, SystemExit) as exc:  # the module of another distribution
            _ignored(entry, f"{entry.value} cannot be loaded: {type(exc).__name__}: {exc}")
            continue
        if isinstance(wire, WireFormat):
            owners[name] = entry.distribution
            yield name, wire
        else:
            _ignored(entry, f"{entry.value} is {wire!r}, not a WireFormat")


def _ignored(entry: EntryPoint, reason: str) -> None:
    text = f"its wire format {entry.package} is ignored: {reason}. Repair or uninstall {entry.distribution}."
    diagnostics.say("provider", f"{entry.distribution}: {text}")
