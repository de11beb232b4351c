"""The throw-away modules of the import hook's tests."""

from __future__ import annotations

from ..hooks.conftest import lenient, modules

__all__ = ["lenient", "modules"]
