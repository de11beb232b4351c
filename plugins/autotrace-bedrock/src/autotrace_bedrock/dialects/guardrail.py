"""Dialect of Bedrock's ApplyGuardrail, which checks content with a guardrail, without calling a model.

Source: the API reference of Bedrock runtime (``ApplyGuardrail``).
"""

from __future__ import annotations

from typing import Any

from autotrace.dialects import parts, plain
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, constant
from autotrace_bedrock.dialects.content import content

__all__ = ["bedrock_guardrail"]


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    """One message: the assistant's if the content is a model's output, otherwise the user's."""
    checked = content([{"guardContent": block} for block in plain.listed(request.get("content"))])
    return [parts.message("assistant" if request.get("source") == "OUTPUT" else "user", checked)] if checked else None


def _output_messages(outputs: object) -> list[Message] | None:
    converted = content(outputs)
    return [parts.message("assistant", converted)] if converted else None


def _outcome(action: object) -> str | None:
    return "content_filtered" if action == "GUARDRAIL_INTERVENED" else None


bedrock_guardrail = Dialect(
    "bedrock_guardrail",
    request={
        "aws.bedrock.guardrail.id": plain.of("guardrailIdentifier", plain.string),
        "input_messages": plain.reading(_input_messages, "content", "source"),
        "parameters": plain.fields("guardrailVersion", "source", "outputScope"),
    },
    response={
        "output_messages": plain.of("outputs", _output_messages),
        "guardrail": plain.fields("action", "actionReason", "assessments"),
        "details": plain.fields("usage", "guardrailCoverage"),
    },
    failure=constant(None),
    not_content={"source": ("INPUT", "OUTPUT"), "outputScope": ("INTERVENTIONS", "FULL")},
    outcome=plain.of("action", _outcome),
)
