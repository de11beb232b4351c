"""The programs of the sinks' tests."""

from __future__ import annotations

from ..sinks.conftest import environment, run, site, start

__all__ = ["environment", "run", "site", "start"]
