"""Which provider is at a host, by a plugin's table of host suffixes."""

from __future__ import annotations

from collections.abc import Mapping


def provider_at(host: str | None, hosts: Mapping[str, str]) -> str | None:
    """The provider at `host`: that of the longest suffix in `hosts` that matches; ``None`` if none does."""
    matching = [suffix for suffix in hosts if host and (host == suffix or host.endswith("." + suffix))]
    return hosts[max(matching, key=len)] if matching else None
