"""For tests of plugins and of programs: capture what is recorded, and a provider to talk to without a network."""

from __future__ import annotations

from autotrace.testing.capturing import Capture, capture

__all__ = ["Capture", "capture"]
