"""The part of a record that decides its cost: provider, model, time, and the tokens of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple, Optional

from autotrace._declaration import conventions

_ATTRIBUTES = {name: field.attribute for name, field in conventions.USAGE.items() if field.type == "integer"}
_RAW = conventions.USAGE["raw"].attribute
_MODELS = (conventions.RESPONSE["model"].attribute, conventions.REQUEST["model"].attribute)
_TIERS = ("service_tier", "speed")


class Usage(NamedTuple):
    """The tokens of one call, and everything that their price depends on."""

    provider: Optional[str]
    address: Optional[str]
    models: tuple[str, ...]
    """The model of the response, then that of the request, which may be an alias or a deployment."""
    counts: Mapping[str, int]
    """By the names of `conventions.USAGE`; unknown counts are absent."""
    raw: Any
    tiers: Mapping[str, str]
    """``service_tier`` and ``speed`` as given in the response."""
    when: datetime
    """The start of the call."""

    @property
    def label(self) -> str:
        """Provider and model, for messages."""
        return "/".join(filter(None, (self.provider, self.models[0] if self.models else "?")))


class Cost(NamedTuple):
    """US dollars. `total` may be more than input plus output: it includes the provider's own searches."""

    input: Decimal
    output: Decimal
    total: Decimal


class UnpricedError(Exception):
    """There is no price; the message says why. The message becomes an attribute of the record; the program never sees it."""


def of(attributes: Mapping[str, Any], start_ns: int) -> Usage:
    """The usage in a record's attributes. `start_ns` is the start of the call, Unix time in nanoseconds."""
    counts = {name: attributes[attribute] for name, attribute in _ATTRIBUTES.items() if type(attributes.get(attribute)) is int}
    raw = attributes.get(_RAW)
    return Usage(
        provider=_text(attributes.get(conventions.ALWAYS["provider"].attribute)),
        address=_text(attributes.get(conventions.ALWAYS["server_address"].attribute)),
        models=tuple(dict.fromkeys(model for model in map(attributes.get, _MODELS) if isinstance(model, str) and model)),
        counts=counts,
        raw=raw,
        tiers=_tiers(attributes, raw),
        when=datetime.fromtimestamp(start_ns / 1e9, timezone.utc),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _tiers(attributes: Mapping[str, Any], raw: Any) -> dict[str, str]:
    tiers = {tier: raw.get(tier) for tier in _TIERS} if isinstance(raw, Mapping) else {}
    for attribute, value in attributes.items():
        if attribute.endswith(".response.service_tier"):
            tiers["service_tier"] = value
    return {tier: value for tier, value in tiers.items() if isinstance(value, str) and value}
