"""The price data of ``genai-prices``, as shipped with the installed version.

Its current snapshot, which the program may update over the network, is never used, because the record names the version. The
import takes 30 ms of CPU if an SDK has already imported pydantic and httpx, else 200 ms.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from autotrace._discovery import requirements
from autotrace._record.pricing import offline
from autotrace._record.pricing.billable import Cost, UnpricedError, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from genai_prices import data_snapshot, types
    from genai_prices.data import providers
    from genai_prices.types import ModelInfo, Provider
else:
    types, data_snapshot = offline.module("types"), offline.module("data_snapshot")
    providers = offline.module("data").providers

_CLOUDS = {"gcp": "google"}
"""First words of the conventions' provider names that have another name in the data."""

_IN_PATH = re.compile(r"(?:^|/)(?:models|foundation-model|inference-profile)/([^/]+)$")
"""The model's name at the end of a cloud resource name."""

_LIST_PRICE = frozenset(("default", "standard", "on_demand", "auto"))
"""Tiers that mean the list price."""

_SIDES = ("input_tokens", "output_tokens")

_FORMS, _ROOM = 256, 500
"""How many forms of usage are remembered: providers have a few each. How many values and characters one may have: real ones
have a few dozen."""

_COUNTS = {
    "input_tokens": "input_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "text_cache_read_input_tokens": "cache_text_read_tokens",
    "audio_cache_read_input_tokens": "cache_audio_read_tokens",
    "image_cache_read_input_tokens": "cache_image_read_tokens",
    "cache_write_input_tokens": "cache_write_tokens",
    "cache_write_5m_input_tokens": "cache_write_5m_tokens",
    "cache_write_1h_input_tokens": "cache_write_1h_tokens",
    "audio_input_tokens": "input_audio_tokens",
    "image_input_tokens": "input_image_tokens",
    "output_tokens": "output_tokens",
    "reasoning_output_tokens": "output_reasoning_tokens",
    "audio_output_tokens": "output_audio_tokens",
    "image_output_tokens": "output_image_tokens",
    "web_search_requests": "web_searches",
}
"""Our names to those of the data. Both count alike: input includes cached tokens, output includes reasoning."""


class Maintained:
    """A source of cost: the installed ``genai-prices``."""

    def __init__(self) -> None:
        self.name = f"genai-prices {requirements.installed_version('genai-prices')}"
        self._find = functools.lru_cache(256)(_find)
        blank = types.Usage()
        self._without_details: set[Any] = set()
        """The forms of usage from which the data reads no counts beyond ours."""
        self._counts = {ours: theirs for ours, theirs in _COUNTS.items() if hasattr(blank, theirs)}  # it warns about others

    def price(self, usage: Usage) -> Cost | None:
        """The cost, or None if the data does not have the model. Raises `UnpricedError`."""
        match = self._find(usage.provider, usage.address, usage.models)
        if match is None:
            return None
        provider, model = match
        context = _context(usage, provider, model)
        _check_priced(usage, vars(model.get_prices(usage.when, context)))
        counts = {theirs: usage.counts[ours] for ours, theirs in self._counts.items() if ours in usage.counts}
        try:
            counted = types.Usage(**{**self._reported(provider, usage.raw, counts), **counts})
            price = model.calc_price(counted, provider, genai_request_timestamp=usage.when, price_context=context)
        except ValueError as exc:  # the counts contradict each other, or do not separate tokens that have separate prices
            raise UnpricedError(str(exc).removeprefix("Invalid usage data: ").partition(": ")[0]) from None
        return Cost(price.input_price, price.output_price, price.total_price)

    def _reported(self, provider: Provider, raw: Any, counts: Mapping[str, int]) -> dict[str, Any]:
        """The counts that the data's own extractors read from the raw usage: which cached tokens were audio, searches, …

        Of the readings that agree with ours on input and output, this is the one with the most counts. Reading takes half the
        time of pricing and usually adds nothing, so the forms of usage for which it cannot are remembered.
        """
        try:
            form = provider.id, frozenset(counts), _form(raw, [_ROOM])
        except OverflowError:
            form = None
        if form in self._without_details:
            return {}
        readings = _readings(provider, raw)
        if all(reading.keys() <= counts.keys() for reading in readings):
            if len(self._without_details) >= _FORMS:
                self._without_details.clear()
            if form is not None:
                self._without_details.add(form)
            return {}
        same = [reading for reading in readings if all(reading.get(side) == counts.get(side) for side in _SIDES)]
        return max(same, key=len, default={})


def _find(name: str | None, address: str | None, models: tuple[str, ...]) -> tuple[Provider, ModelInfo] | None:
    provider = provider_of(name, address)
    for model in models:
        path = _IN_PATH.search(model)
        for reference in (model, path.group(1)) if path else (model,):
            # Without a provider's name and a server the model's maker is meant; the prices of an unknown provider are unknown.
            seller = provider or (_maker(reference) if name is None and address is None else None)
            info = seller.find_model(reference, all_providers=providers) if seller else None
            if seller and info:
                return seller, info
    return None


def provider_of(name: str | None, address: str | None) -> Provider | None:
    """The provider that charges for the call: the one at `address` if the data has it, else by the conventions' `name`."""
    if address:
        for provider in providers:
            if re.match(provider.api_pattern, f"https://{address}"):
                return provider
    if not name:
        return None
    name = name.lower()
    first = re.split("[._-]", name)[0]
    known = {provider.id: provider for provider in providers}
    for identifier in (name, name.replace("_", "-"), _CLOUDS.get(first, first)):
        if identifier in known:
            return known[identifier]
    return data_snapshot.find_provider_by_id(providers, name)


def _maker(model: str) -> Provider | None:
    return next((provider for provider in providers if provider.model_match and provider.model_match.is_match(model)), None)


def _context(usage: Usage, provider: Provider, model: ModelInfo) -> dict[str, str]:
    """The tiers for which the model has prices, in the data's terms. Raises `UnpricedError` for a tier that neither has a price
    nor means the list price."""
    context = {}
    # Only for the provider's own models: a reseller does not charge the maker's prices for tiers.
    variants = (model.price_variants or ()) if any(model is own for own in provider.models) else ()
    for name, value in usage.tiers.items():
        tier = "processing" if value == "batch" else name
        known = any(
            variant.when.get(tier) == value and (variant.constraint is None or variant.constraint.active(usage.when))
            for variant in variants
        )
        if known:
            context[tier] = value
        elif value.lower() not in _LIST_PRICE:
            raise UnpricedError(f"no price for {tier} {value} of {usage.label}")
    return context


def _check_priced(usage: Usage, prices: Mapping[str, Any]) -> None:
    """Raise `UnpricedError` where the data would compute 0 because a price or a count is missing."""
    priced = {key for key, price in prices.items() if price is not None}
    if not priced:
        raise UnpricedError(f"no price for {usage.label}")
    for side in ("input", "output"):
        count, has_price = usage.counts.get(f"{side}_tokens"), f"{side}_mtok" in priced
        if count is None and has_price:
            raise UnpricedError(f"no {side} token count")
        if count and not has_price:
            raise UnpricedError(f"no {side} price for {usage.label}")


def _readings(provider: Provider, raw: Any) -> list[dict[str, Any]]:
    """The counts that each of the data's extractors for this provider reads from the usage."""
    readings = []
    for extractor in provider.extractors or () if isinstance(raw, Mapping) else ():
        response: Any = raw
        for key in reversed([extractor.root] if isinstance(extractor.root, str) else extractor.root):
            response = {key: response}
        try:
            readings.append(dict(vars(extractor.extract(response)[1])))
        except ValueError:  # the usage of another API
            continue
    return readings


def _form(value: Any, room: list[int]) -> Any:
    """The structure of `value`, which decides what counts a reading contains; their size does not.

    Raises `OverflowError` if `value` has more values and characters than `room`: a server may send anything.
    """
    kind = type(value)
    room[0] -= 1 + (len(value) if kind is str else 0)
    if room[0] < 0:
        raise OverflowError
    if kind is int and value >= 0:
        return int
    if kind is dict:
        room[0] -= sum(map(len, map(str, value)))
        return tuple((key, _form(held, room)) for key, held in value.items())
    if kind is list:
        return (list, *(_form(held, room) for held in value))
    return kind, value
