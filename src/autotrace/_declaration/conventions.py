"""The vocabulary of the record: OpenTelemetry's GenAI semantic conventions, as data.

One table gives, for each short field name of a declaration, the attribute in the record, its JSON type, and whether it is
*content* (what was said to and by the model, which the content policy governs). The JSON Schema is made from the same table.

Source: open-telemetry/semantic-conventions-genai, its main branch of autumn 2026 (registry and `client-inference`), and the
names of semantic-conventions 1.41 that readers still look for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple


class Field(NamedTuple):
    """One attribute of the record."""

    attribute: str
    type: str
    """JSON type: string, integer, number, boolean, strings (array of string), any."""
    content: bool = False
    also: str = ""
    """A second attribute with the same value: the name that older readers use."""


REQUEST: dict[str, Field] = {
    "model": Field("gen_ai.request.model", "string"),
    "max_tokens": Field("gen_ai.request.max_tokens", "integer"),
    "temperature": Field("gen_ai.request.temperature", "number"),
    "top_p": Field("gen_ai.request.top_p", "number"),
    "top_k": Field("gen_ai.request.top_k", "integer"),
    "frequency_penalty": Field("gen_ai.request.frequency_penalty", "number"),
    "presence_penalty": Field("gen_ai.request.presence_penalty", "number"),
    "stop_sequences": Field("gen_ai.request.stop_sequences", "strings"),
    "seed": Field("gen_ai.request.seed", "integer"),
    "choice_count": Field("gen_ai.request.choice.count", "integer"),
    "stream": Field("gen_ai.request.stream", "boolean"),
    "encoding_formats": Field("gen_ai.request.encoding_formats", "strings"),
    "reasoning_level": Field("gen_ai.request.reasoning.level", "string"),
    "previous_response_id": Field("gen_ai.request.previous_response.id", "string"),
    "conversation_id": Field("gen_ai.conversation.id", "string"),
    "dimensions": Field("gen_ai.embeddings.dimension.count", "integer"),
    "output_type": Field("gen_ai.output.type", "string"),
    "output_schema": Field("autotrace.request.output_schema", "any", content=True),
    "prediction": Field("autotrace.request.prediction", "any", content=True),
    "prompt_name": Field("gen_ai.prompt.name", "string"),
    "prompt_version": Field("gen_ai.prompt.version", "string"),
    "prompt_variables": Field("autotrace.request.prompt_variables", "any", content=True),
    "parameters": Field("autotrace.request.parameters", "any"),
    "agent_name": Field("gen_ai.agent.name", "string"),
    "agent_id": Field("gen_ai.agent.id", "string"),
    "agent_version": Field("gen_ai.agent.version", "string"),
    "data_source_id": Field("gen_ai.data_source.id", "string"),
    "query": Field("gen_ai.retrieval.query.text", "string", content=True),
    "retrieval_top_k": Field("gen_ai.retrieval.top_k", "integer"),
    "workflow_name": Field("gen_ai.workflow.name", "string"),
    "tool_description": Field("gen_ai.tool.description", "string"),
    "tool_name": Field("gen_ai.tool.name", "string"),
    "tool_type": Field("gen_ai.tool.type", "string"),
    "tool_call_id": Field("gen_ai.tool.call.id", "string"),
    "tool_arguments": Field("gen_ai.tool.call.arguments", "any", content=True),
    "input_messages": Field("gen_ai.input.messages", "any", content=True),
    "system_instructions": Field("gen_ai.system_instructions", "any", content=True),
    "tool_definitions": Field("gen_ai.tool.definitions", "any", content=True),
}
RESPONSE: dict[str, Field] = {
    "id": Field("gen_ai.response.id", "string"),
    "model": Field("gen_ai.response.model", "string"),
    "finish_reasons": Field("gen_ai.response.finish_reasons", "strings"),
    "status": Field("gen_ai.response.status", "string"),
    "dimensions": Field("gen_ai.embeddings.dimension.count", "integer"),
    "conversation_id": Field("gen_ai.conversation.id", "string"),
    "compacted": Field("gen_ai.conversation.compacted", "boolean"),
    "details": Field("autotrace.response.details", "any"),
    "output_messages": Field("gen_ai.output.messages", "any", content=True),
    "documents": Field("gen_ai.retrieval.documents", "any", content=True),
    "guardrail": Field("autotrace.response.guardrail", "any", content=True),
    "tool_result": Field("gen_ai.tool.call.result", "any", content=True),
}
USAGE: dict[str, Field] = {
    "input_tokens": Field("gen_ai.usage.input_tokens", "integer"),
    "output_tokens": Field("gen_ai.usage.output_tokens", "integer"),
    "cache_read_input_tokens": Field("gen_ai.usage.cache_read.input_tokens", "integer"),
    "cache_write_input_tokens": Field(
        "gen_ai.usage.cache_write.input_tokens", "integer", also="gen_ai.usage.cache_creation.input_tokens"
    ),
    "cache_write_5m_input_tokens": Field("autotrace.usage.cache_write_5m.input_tokens", "integer"),
    "cache_write_30m_input_tokens": Field("autotrace.usage.cache_write_30m.input_tokens", "integer"),
    "cache_write_1h_input_tokens": Field("autotrace.usage.cache_write_1h.input_tokens", "integer"),
    "cache_write_12h_input_tokens": Field("autotrace.usage.cache_write_12h.input_tokens", "integer"),
    "reasoning_output_tokens": Field("gen_ai.usage.reasoning.output_tokens", "integer"),
    "accepted_prediction_output_tokens": Field("autotrace.usage.accepted_prediction.output_tokens", "integer"),
    "rejected_prediction_output_tokens": Field("autotrace.usage.rejected_prediction.output_tokens", "integer"),
    "text_input_tokens": Field("gen_ai.usage.text.input_tokens", "integer"),
    "audio_input_tokens": Field("gen_ai.usage.audio.input_tokens", "integer"),
    "image_input_tokens": Field("gen_ai.usage.image.input_tokens", "integer"),
    "text_output_tokens": Field("gen_ai.usage.text.output_tokens", "integer"),
    "audio_output_tokens": Field("gen_ai.usage.audio.output_tokens", "integer"),
    "image_output_tokens": Field("gen_ai.usage.image.output_tokens", "integer"),
    "text_cache_read_input_tokens": Field("gen_ai.usage.text.cache_read.input_tokens", "integer"),
    "audio_cache_read_input_tokens": Field("gen_ai.usage.audio.cache_read.input_tokens", "integer"),
    "image_cache_read_input_tokens": Field("gen_ai.usage.image.cache_read.input_tokens", "integer"),
    "web_search_requests": Field("autotrace.usage.web_search.requests", "integer"),
    "web_fetch_requests": Field("autotrace.usage.web_fetch.requests", "integer"),
    "missing": Field("autotrace.usage.missing", "boolean"),
    "raw": Field("autotrace.usage.raw", "any"),
}
ALWAYS: dict[str, Field] = {
    "operation": Field("gen_ai.operation.name", "string"),
    "provider": Field("gen_ai.provider.name", "string"),
    "time_to_first_chunk": Field("gen_ai.response.time_to_first_chunk", "number"),
    "chunks": Field("autotrace.stream.chunks", "integer"),
    "server_address": Field("server.address", "string"),
    "server_port": Field("server.port", "integer"),
    "http_status": Field("http.response.status_code", "integer"),
    "request_id": Field("autotrace.request.id", "string"),
    "error_type": Field("error.type", "string"),
    "error_code": Field("autotrace.error.code", "string"),
    "error_category": Field("autotrace.error.category", "string"),
    "outcome": Field("autotrace.outcome", "string"),
    "attempts": Field("autotrace.attempts", "any"),
    "cut_characters": Field("autotrace.cut.characters", "any"),
    "cut_elements": Field("autotrace.cut.elements", "any"),
    "cut_attributes": Field("autotrace.cut.attributes", "strings"),
    "redacted": Field("autotrace.redacted", "any"),
    "content_dropped": Field("autotrace.content.dropped", "string"),
    "finish_reasons_raw": Field("autotrace.response.finish_reasons", "strings"),
    "agent_name": Field("gen_ai.agent.name", "string"),
    "tool_name": Field("gen_ai.tool.name", "string"),
    "cost": Field("autotrace.cost.usd", "number"),
    "cost_input": Field("autotrace.cost.input.usd", "number"),
    "cost_output": Field("autotrace.cost.output.usd", "number"),
    "cost_source": Field("autotrace.cost.source", "string"),
    "cost_unknown": Field("autotrace.cost.unknown", "string"),
}
"""Attributes that the core itself sets on a span, for any operation."""

FINISH_REASONS: dict[str, str] = {
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "tool_use": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "max_messages": "length",
    "refusal": "content_filter",
    "completed": "stop",
    "failed": "error",
    "FINISH": "stop",
    "COMPLETE": "stop",
    "LENGTH": "length",
    "MAX_TOKENS": "length",
    "CONTENT_FILTERED": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
"""Providers' words for the conventions' ``stop length content_filter tool_call error``. Other words are kept as they are."""

OUTCOMES: dict[str, str] = {
    "content_filter": "content_filtered",
    "guardrail_intervened": "content_filtered",
    "content_filtered": "content_filtered",
    "CONTENT_FILTERED": "content_filtered",
    "refusal": "refused",
    "length": "truncated",
    "max_tokens": "truncated",
    "max_output_tokens": "truncated",
    "max_messages": "truncated",
    "model_context_window_exceeded": "truncated",
    "LENGTH": "truncated",
    "MAX_TOKENS": "truncated",
}
"""The outcome for a finish reason, the provider's own or the conventions', that means an incomplete answer.

If an answer has several, the one that comes first here counts."""


def outcome_of(reasons: Iterable[object]) -> str | None:
    """The outcome for `reasons`, one per choice of an answer; ``None`` for a complete answer."""
    outcomes = {OUTCOMES[reason] for reason in reasons if isinstance(reason, str) and reason in OUTCOMES}
    return next((outcome for outcome in OUTCOMES.values() if outcome in outcomes), None)


REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-goog-request-id", "cf-ray")
"""Response headers that hold the server's id of the request. The first one present counts."""

HEADER = "http.response.header."
"""The prefix of a response header's attribute (OpenTelemetry, *HTTP spans*). The value is a list of strings."""

GENERATIONS = frozenset({"chat", "text_completion", "generate_content"})
"""Operations that may wrap one another: for example, a chat model that calls a completion."""

Kind = Literal["CLIENT", "INTERNAL", "SERVER", "PRODUCER", "CONSUMER"]
"""The span kinds of OpenTelemetry."""

INTERNAL_OPERATIONS = frozenset({"invoke_agent", "execute_tool", "invoke_workflow", "plan"})
"""Operations that run in the process. Their span kind is INTERNAL, that of all others CLIENT."""

TARGET_OF_NAME = {
    "execute_tool": "gen_ai.tool.name",
    "invoke_agent": "gen_ai.agent.name",
    "prompts/get": "gen_ai.prompt.name",
    "retrieval": "gen_ai.data_source.id",
    "invoke_workflow": "gen_ai.workflow.name",
}
"""The attribute that follows the operation in a span's name. For other operations it is the request model."""
