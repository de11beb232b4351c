"""What of a record decides its cost: who was asked for which model, when, and how many tokens of which kind."""

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
    """The tokens of one call, and what their price depends on."""

    provider: Optional[str]
    address: Optional[str]
    models: tuple[str, ...]
    """The model that answered, then the one that was asked for, which may be an alias or a deployment."""
    counts: Mapping[str, int]
    """By the names of `conventions.USAGE`; what is not known is not there."""
    raw: Any
    tiers: Mapping[str, str]
    """``service_tier`` and ``speed`` as the response says them."""
    when: datetime
    """The start of the call."""

    @property
    def label(self) -> str:
        """Provider and model, for what is said about them."""
        return "/".join(filter(None, (self.provider, self.models[0] if self.models else "?")))


class Cost(NamedTuple):
    """US dollars. `total` may be more than input and output: searches of the provider's own are in it."""

    input: Decimal
    output: Decimal
    total: Decimal


class UnpricedError(Exception):
    """There is no price for this; the message says why. Becomes an attribute of the record and is seen by nobody else."""


def of(attributes: Mapping[str, Any], start_ns: int) -> Usage:
    """The usage in a record's attributes. `start_ns` is Unix time in nanoseconds."""
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
