"""Prices from the settings or from a distribution: looked up by model, multiplied by token counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Optional

from autotrace._record.pricing.billable import Cost, UnpricedError, Usage

if TYPE_CHECKING:
    from autotrace._settings.prices import Prices

_PER = 1_000_000


class Table:
    """A source of prices: `prices` by ``model``, ``provider/model``, or ``provider/*`` for all models of a provider."""

    def __init__(self, name: str, prices: Mapping[str, Prices]) -> None:
        self.name = name
        self.prices = prices

    def price(self, usage: Usage) -> Cost | None:
        """The cost, or None if the table does not have the model. Raises `UnpricedError`."""
        prefix = f"{usage.provider}/" if usage.provider else ""
        keys = [key for model in usage.models for key in (prefix + model, model)]
        for key in [*keys, prefix + "*"]:
            if key in self.prices:
                return cost(self.prices[key], usage.counts)
        return None


def cost(prices: Prices, counts: Mapping[str, int]) -> Cost:
    """The cost of `counts` at `prices`. Cached tokens are taken to be text. Raises `UnpricedError`."""
    written, longer = counts.get("cache_write_input_tokens", 0), counts.get("cache_write_1h_input_tokens", 0)
    shorter = prices.get("cache_write")
    input_cost = _side(
        "input",
        counts.get("input_tokens"),
        prices.get("input"),
        (
            (counts.get("cache_read_input_tokens", 0), prices.get("cache_read")),
            (written - longer, shorter),
            (longer, prices.get("cache_write_1h", shorter)),
            (counts.get("audio_input_tokens", 0), prices.get("audio_input")),
            (counts.get("image_input_tokens", 0), prices.get("image_input")),
        ),
    )
    output_cost = _side(
        "output",
        counts.get("output_tokens"),
        prices.get("output"),
        (
            (counts.get("audio_output_tokens", 0), prices.get("audio_output")),
            (counts.get("image_output_tokens", 0), prices.get("image_output")),
        ),
    )
    return Cost(input_cost, output_cost, input_cost + output_cost)


def _side(side: str, whole: int | None, price: float | None, parts: Iterable[tuple[int, Optional[float]]]) -> Decimal:
    priced = [(count, own) for count, own in parts if own is not None]
    if whole is None:
        if price is None and not priced:
            return Decimal(0)  # embeddings: no output is counted or charged
        raise UnpricedError(f"no {side} token count")
    rest = whole - sum(count for count, _ in priced)
    if rest < 0 or any(count < 0 for count, _ in priced):
        raise UnpricedError(f"the {side} token counts contradict each other")
    if rest and price is None:
        raise UnpricedError(f"no {side} price")
    return sum((count * Decimal(str(own)) for count, own in [(rest, price or 0), *priced]), Decimal(0)) / _PER
