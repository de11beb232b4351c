"""Bodies that hold every kind of content their APIs know, for tests that change them."""

from __future__ import annotations

from .anthropic import MESSAGES
from .bedrock import BEDROCK_TEXT, COHERE_CHAT, CONVERSE
from .body import DATA, PICTURE, Body
from .gemini import GEMINI, INTERACTIONS
from .ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from .openai import CHAT, RESPONSES

__all__ = ["ALL", "DATA", "PICTURE", "Body"]

ALL = (CHAT, RESPONSES, MESSAGES, OLLAMA_CHAT, OLLAMA_GENERATE, CONVERSE, BEDROCK_TEXT, COHERE_CHAT, GEMINI, INTERACTIONS)
