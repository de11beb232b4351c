"""Bedrock's ApplyGuardrail: content that a guardrail looks at apart from any model.

Source: the API reference of Bedrock runtime (``ApplyGuardrail``).
"""

from __future__ import annotations

from typing import Any

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant
from autotrace.dialects import parts, plain
from autotrace.dialects.bedrock_content import content
from autotrace.dialects.parts import Message

__all__ = ["bedrock_guardrail"]


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    """One message: of the user, or for what a model has said, of the assistant."""
    said = content([{"guardContent": block} for block in plain.listed(request.get("content"))])
    return [parts.message("assistant" if request.get("source") == "OUTPUT" else "user", said)] if said else None


def _output_messages(outputs: object) -> list[Message] | None:
    said = content(outputs)
    return [parts.message("assistant", said)] if said else None


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
    outcome=plain.of("action", _outcome),
)
