"""The origin of a span: the plugin, its library, and what all spans of the plugin have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace._declaration import hosts
from autotrace._discovery.requirements import installed_version
from autotrace._record import lines


class Origin:
    """What all spans of a plugin have in common: name and version of the plugin, its library, and its provider.

    `by_host` maps suffixes of host names to providers. `content` is the plugin's content policy: whether messages, tools and
    answers are recorded. `options` are its own settings.
    """

    def __init__(
        self,
        name: str,
        version: str | None = None,
        library: str | None = None,
        distributions: tuple[str, ...] = (),
        provider: str | None = None,
        by_host: Mapping[str, str] | None = None,
        content: bool = True,
    ) -> None:
        self.name = name
        self.version = version
        self.library = library
        self.distributions = distributions
        self.provider = provider
        self.hosts = dict(by_host or {})
        self.content = content
        self.options: Mapping[str, Any] = {}
        self.policy: Any = None
        """The policy of redaction (`autotrace._redaction.policy`); ``None`` for that of spans of no library."""
        self._scope: lines.Scope | None = None

    def scope(self) -> lines.Scope:
        """The record's ``scope``. The library's version is looked up once, with the first record."""
        if self._scope is None:
            self._scope = lines.Scope(self.name, self.version, self.library, installed_version(*self.distributions))
        return self._scope

    def provider_at(self, host: str | None) -> str | None:
        """The provider at `host`: by the longest suffix in `hosts` that matches, else the library's default."""
        return hosts.provider_at(host, self.hosts) or self.provider
