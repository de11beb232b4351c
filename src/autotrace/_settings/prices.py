"""The format of prices: a model, or provider and model, with its prices in USD per million tokens.

The settings import this module only if prices are given, so it imports nothing that is not loaded anyway.
"""

from __future__ import annotations

from autotrace._system import io
from autotrace.errors import SettingsError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Prices = Mapping[str, float]
    """The prices of one model in USD per million tokens, by the names in `KINDS`."""

KINDS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
)
"""What can have a price. A kind without a price is charged as the kind that contains it: `cache_write_1h` as `cache_write`,
all others as `input` or `output`."""

_files: dict[str, dict[str, dict[str, float]]] = {}
"""Parsed texts, each read once per process, because the settings are read for every record."""


def read(name: str, value: object) -> dict[str, dict[str, float]]:
    """The prices in `value`: a mapping, JSON text that begins with ``{``, or the path of a JSON file.

    Raises `SettingsError` for everything else; `name` is the setting or variable that the message names.
    """
    if not isinstance(value, str):
        return check(f"setting {name}", value)
    if value not in _files:
        import json

        where, text = f"setting {name}", value
        try:
            if not value.lstrip().startswith("{"):
                where = f"setting {name}, {value}"
                with io.open(value, encoding="utf-8") as file:
                    text = file.read()
            parsed = json.loads(text)
        except (OSError, ValueError) as exc:
            reason = (isinstance(exc, OSError) and exc.strerror) or exc
            raise SettingsError(
                f"{where}: cannot be read: {reason}; give prices as a table or as the path of a JSON file"
            ) from None
        _files[value] = check(where, parsed)
    return _files[value]


def check(where: str, value: Any) -> dict[str, dict[str, float]]:
    """A copy of `value`, which must map models to `Prices`. Raises `SettingsError` with a message that begins with `where`."""
    table = _mapping(where, value)
    return {model: check_model(f"{where}, {model}", prices) for model, prices in table.items()}


def check_model(where: str, value: Any) -> dict[str, float]:
    """A copy of `value`, which must be the `Prices` of one model. Raises `SettingsError` as `check` does."""
    prices = _mapping(where, value)
    for kind, price in prices.items():
        if kind not in KINDS:
            raise SettingsError(f"{where}: {kind!r} is not a known price{nearest(kind, KINDS)}")
        if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price < float("inf"):
            raise SettingsError(f"{where}: {kind}: expected a price, got {price!r}; give USD per million tokens, 0 or more")
    if not prices:
        raise SettingsError(f"{where}: no price is given; give at least one of {', '.join(KINDS)}")
    return prices


def _mapping(where: str, value: Any) -> dict[str, Any]:
    try:
        table = dict(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{where}: expected a table of prices, got {value!r}") from None
    for key in table:
        if not isinstance(key, str) or not key:
            raise SettingsError(f"{where}: expected a name, got {key!r}; use 'model', 'provider/model' or the name of a price")
    return table
