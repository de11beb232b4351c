"""The form in which prices are given: model, or provider and model, to USD per million tokens.

Read by the settings when there are prices to read, so this imports nothing that is not loaded anyway.
"""

from __future__ import annotations

from autotrace.errors import SettingsError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Prices = Mapping[str, float]
    """Of one model: USD per million tokens, by the names in `KINDS`."""

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
"""What can have a price. A kind that has none is charged as what it is a part of (`cache_write_1h` as `cache_write`,
all others as `input` or `output`)."""

_files: dict[str, dict[str, dict[str, float]]] = {}
"""What a text was read as. A file is read once a process: the settings are asked for every record."""


def read(name: str, value: object) -> dict[str, dict[str, float]]:
    """The prices in `value`: a mapping, JSON text that begins with ``{``, or the path of a JSON file.

    `name` is the setting or variable, for the `SettingsError` that is raised for everything else.
    """
    if not isinstance(value, str):
        return check(f"setting {name}", value)
    if value not in _files:
        import json

        where, text = f"setting {name}", value
        try:
            if not value.lstrip().startswith("{"):
                where = f"setting {name}, {value}"
                with open(value, encoding="utf-8") as file:
                    text = file.read()
            found = json.loads(text)
        except (OSError, ValueError) as exc:
            reason = (isinstance(exc, OSError) and exc.strerror) or exc
            raise SettingsError(f"{where}: {reason}; give prices as a table or as the path of a JSON file") from None
        _files[value] = check(where, found)
    return _files[value]


def check(where: str, value: Any) -> dict[str, dict[str, float]]:
    """A copy of `value`, which must map models to `Prices`. Raises `SettingsError` that begins with `where`."""
    table = _mapping(where, value)
    return {model: check_model(f"{where}, {model}", prices) for model, prices in table.items()}


def check_model(where: str, value: Any) -> dict[str, float]:
    """A copy of `value`, which must be one model's `Prices`. Raises `SettingsError` that begins with `where`."""
    prices = _mapping(where, value)
    for kind, price in prices.items():
        if kind not in KINDS:
            raise SettingsError(f"{where}: there is no price {kind!r}{nearest(kind, KINDS)}")
        if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price < float("inf"):
            raise SettingsError(f"{where}: {kind} = {price!r} is not a price; give USD per million tokens, 0 or more")
    if not prices:
        raise SettingsError(f"{where}: has no prices; give at least one of {', '.join(KINDS)}")
    return prices


def _mapping(where: str, value: Any) -> dict[str, Any]:
    try:
        table = dict(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{where}: {value!r} is not a table of prices") from None
    for key in table:
        if not isinstance(key, str) or not key:
            raise SettingsError(f"{where}: {key!r} is not a name; use 'model', 'provider/model' or the name of a price")
    return table
