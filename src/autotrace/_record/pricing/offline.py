"""Imports ``genai-prices`` without the HTTP client that it uses to update its data.

openai 2 looks for that client (httpx2) in `sys.modules` at every call and does not wait for an import in progress. While the
writer's thread was importing it, the program's first call failed on the half-imported module.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_PACKAGE = "genai_prices"
_UPDATES = f"{_PACKAGE}.update_prices"
_NAMES = ("UpdatePrices", "wait_prices_updated_async", "wait_prices_updated_sync")
"""What the package imports from that module. It gets them when the program first uses one."""


def load() -> None:
    """Import the package. Raises ImportError if it is not installed."""
    if _PACKAGE in sys.modules or "httpx2" in sys.modules:
        import genai_prices

        return
    empty = ModuleType(_UPDATES)
    vars(empty).update(dict.fromkeys(_NAMES))
    sys.modules[_UPDATES] = empty
    try:
        import genai_prices
    finally:
        del sys.modules[_UPDATES]
    package: Any = genai_prices
    for name in (*_NAMES, "update_prices"):
        vars(package).pop(name, None)

    def later(name: str) -> Any:
        if name in _NAMES:
            return getattr(import_module(_UPDATES), name)
        raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")

    package.__getattr__ = later
