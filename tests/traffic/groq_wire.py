"""Groq's SDK, which speaks OpenAI's API, and tells the usage of a stream in its own place."""

from __future__ import annotations

from typing import Any

from . import openai_wire
from .accuracy import Reading, events


def usage(body: Any) -> dict[str, Any]:
    """As OpenAI's; of a stream under ``x_groq``."""
    told = [event["x_groq"]["usage"] for event in events(body) if (event.get("x_groq") or {}).get("usage")]
    return told[-1] if told else openai_wire.usage(body)


READING = Reading(
    module="groq",
    clients=("groq",),
    modes=("sync", "async"),
    asked=openai_wire.asked,
    usage=usage,
    counted=openai_wire.counted,
    said=openai_wire.said,
)
