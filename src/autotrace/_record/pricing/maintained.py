"""The maintained price data of ``genai-prices``: the data that its installed version was shipped with, and no other.

Never its snapshot of the moment, which the program may keep up to date over the network: the record names the version.
Its import takes 30 ms of CPU where an SDK has already imported pydantic and httpx, 200 ms elsewhere.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import genai_prices
from genai_prices import data_snapshot
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider

from autotrace._record.pricing.usage import Cost, UnpricedError, Usage

_CLOUDS = {"gcp": "google"}
"""First words of the conventions' provider names that the data calls differently."""

_IN_PATH = re.compile(r"(?:^|/)(?:models|foundation-model|inference-profile)/([^/]+)$")
"""A model's name at the end of a cloud's resource name."""

_USUAL = frozenset(("default", "standard", "on_demand", "auto"))
"""Tiers that mean the list price."""

_SIDES = ("input_tokens", "output_tokens")

_FORMS, _ROOM = 256, 500
"""How many forms of usage are kept in mind: providers have a few each. Values and characters in one: they have some dozens."""

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
"""Our names to the data's, which count alike: input with what was cached, output with reasoning."""


class Maintained:
    """A source of cost: the installed ``genai-prices``."""

    def __init__(self) -> None:
        self.name = f"genai-prices {genai_prices.__version__}"
        self._find = functools.lru_cache(256)(_find)
        blank = genai_prices.Usage()
        self._told: set[Any] = set()
        self._counts = {ours: theirs for ours, theirs in _COUNTS.items() if hasattr(blank, theirs)}  # it warns of others

    def price(self, usage: Usage) -> Cost | None:
        """The cost, or None if the data do not have the model. Raises `UnpricedError`."""
        found = self._find(usage.provider, usage.address, usage.models)
        if found is None:
            return None
        provider, model = found
        context = _context(usage, provider, model)
        _check_priced(usage, vars(model.get_prices(usage.when, context)))
        counts = {theirs: usage.counts[ours] for ours, theirs in self._counts.items() if ours in usage.counts}
        try:
            counted = genai_prices.Usage(**{**self._reported(provider, usage.raw, counts), **counts})
            price = model.calc_price(counted, provider, genai_request_timestamp=usage.when, price_context=context)
        except ValueError as exc:  # the counts contradict each other, or do not tell apart what has prices of its own
            raise UnpricedError(str(exc).removeprefix("Invalid usage data: ").partition(": ")[0]) from None
        return Cost(price.input_price, price.output_price, price.total_price)

    def _reported(self, provider: Provider, raw: Any, counts: Mapping[str, int]) -> dict[str, Any]:
        """The counts that the data's own reading of the usage as it came gives: which cached tokens were audio, searches, …

        Of the readings that agree with ours on input and output, the fullest. Reading takes half the time that a price takes,
        and mostly brings nothing: in which form of usage it cannot is noted.
        """
        try:
            form = provider.id, frozenset(counts), _form(raw, [_ROOM])
        except OverflowError:
            form = None
        if form in self._told:
            return {}
        readings = _readings(provider, raw)
        if all(found.keys() <= counts.keys() for found in readings):
            if len(self._told) >= _FORMS:
                self._told.clear()
            if form is not None:
                self._told.add(form)
            return {}
        same = [found for found in readings if all(found.get(side) == counts.get(side) for side in _SIDES)]
        return max(same, key=len, default={})


def _find(name: str | None, address: str | None, models: tuple[str, ...]) -> tuple[Provider, ModelInfo] | None:
    provider = provider_of(name, address)
    for model in models:
        path = _IN_PATH.search(model)
        for reference in (model, path.group(1)) if path else (model,):
            # Who names no provider means the model's maker; a provider that is not known may charge anything.
            seller = provider or (_maker(reference) if name is None else None)
            found = seller.find_model(reference, all_providers=providers) if seller else None
            if seller and found:
                return seller, found
    return None


def provider_of(name: str | None, address: str | None) -> Provider | None:
    """Whose bill it is: the provider at `address` if the data know that, else the one with the conventions' `name`."""
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
    """The tiers that the model has prices for, in the data's words. Raises `UnpricedError` for one that neither has a price
    nor means the list price."""
    context = {}
    # Those of a model that another provider resells are not what the reseller charges.
    variants = (model.price_variants or ()) if any(model is own for own in provider.models) else ()
    for name, value in usage.tiers.items():
        tier = "processing" if value == "batch" else name
        known = any(
            variant.when.get(tier) == value and (variant.constraint is None or variant.constraint.active(usage.when))
            for variant in variants
        )
        if known:
            context[tier] = value
        elif value.lower() not in _USUAL:
            raise UnpricedError(f"no price for {tier} {value} of {usage.label}")
    return context


def _check_priced(usage: Usage, prices: Mapping[str, Any]) -> None:
    """Raise `UnpricedError` where the data would say 0 for want of a price, or of a count."""
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
    """What the data's own ways of reading this provider's usage make of it."""
    found = []
    for extractor in provider.extractors or () if isinstance(raw, Mapping) else ():
        response: Any = raw
        for key in reversed([extractor.root] if isinstance(extractor.root, str) else extractor.root):
            response = {key: response}
        try:
            found.append(dict(vars(extractor.extract(response)[1])))
        except ValueError:  # another API's usage
            continue
    return found


def _form(value: Any, room: list[int]) -> Any:
    """Of `value` all that decides which counts a reading finds in it: how large they are does not.

    Raises `OverflowError` for more than there is `room` for, in values and characters: a server may send anything.
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
