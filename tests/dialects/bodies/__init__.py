"""Bodies that hold every kind of content their APIs know, for tests that change them."""

from __future__ import annotations

from .anthropic import MESSAGES
from .body import DATA, PICTURE, Body
from .openai import CHAT, RESPONSES

__all__ = ["ALL", "DATA", "PICTURE", "Body"]

ALL = (CHAT, RESPONSES, MESSAGES)
