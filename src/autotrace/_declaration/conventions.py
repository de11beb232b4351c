"""The vocabulary of the record: OpenTelemetry's GenAI semantic conventions, as data.

One table gives, for each short field name of a declaration, the attribute in the record, its JSON type, whether it is
*content* (what was said to and by the model, which the content policy governs), and what its text is if it is not. The JSON
Schema is made from the same table.

Source: open-telemetry/semantic-conventions-genai, its main branch of autumn 2026 (registry and `client-inference`), and the
names of semantic-conventions 1.41 that readers still look for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Text = Literal["", "id", "name", "word"]
"""The kinds of text that are not content: an id (of a response, a model, an error), a name that the program chose (of an agent,
a tool), a word of `autotrace._declaration.vocabulary`."""


class Field(NamedTuple):
    """One attribute of the record."""

    attribute: str
    type: str
    """JSON type: string, integer, number, boolean, strings (array of string), any."""
    content: bool = False
    """Whether the attribute is left out when content is off, whatever its value is."""
    also: str = ""
    """A second attribute with the same value: the name that older readers use."""
    text: Text = ""
    """What a text in it is. With content off, one that is not what it should be is left out, and without a kind every text."""


REQUEST: dict[str, Field] = {
    "model": Field("gen_ai.request.model", "string", text="id"),
    "max_tokens": Field("gen_ai.request.max_tokens", "integer"),
    "temperature": Field("gen_ai.request.temperature", "number"),
    "top_p": Field("gen_ai.request.top_p", "number"),
    "top_k": Field("gen_ai.request.top_k", "integer"),
    "frequency_penalty": Field("gen_ai.request.frequency_penalty", "number"),
    "presence_penalty": Field("gen_ai.request.presence_penalty", "number"),
    "stop_sequences": Field("gen_ai.request.stop_sequences", "strings", content=True),
    "seed": Field("gen_ai.request.seed", "integer"),
    "choice_count": Field("gen_ai.request.choice.count", "integer"),
    "stream": Field("gen_ai.request.stream", "boolean"),
    "encoding_formats": Field("gen_ai.request.encoding_formats", "strings", text="word"),
    "reasoning_level": Field("gen_ai.request.reasoning.level", "string", text="word"),
    "previous_response_id": Field("gen_ai.request.previous_response.id", "string", text="id"),
    "conversation_id": Field("gen_ai.conversation.id", "string", text="id"),
    "dimensions": Field("gen_ai.embeddings.dimension.count", "integer"),
    "output_type": Field("gen_ai.output.type", "string", text="word"),
    "output_schema": Field("autotrace.request.output_schema", "any", content=True),
    "prediction": Field("autotrace.request.prediction", "any", content=True),
    "prompt_name": Field("gen_ai.prompt.name", "string", text="name"),
    "prompt_version": Field("gen_ai.prompt.version", "string", text="id"),
    "prompt_variables": Field("autotrace.request.prompt_variables", "any", content=True),
    "parameters": Field("autotrace.request.parameters", "any"),
    "agent_name": Field("gen_ai.agent.name", "string", text="name"),
    "agent_id": Field("gen_ai.agent.id", "string", text="id"),
    "agent_version": Field("gen_ai.agent.version", "string", text="id"),
    "data_source_id": Field("gen_ai.data_source.id", "string", text="id"),
    "query": Field("gen_ai.retrieval.query.text", "string", content=True),
    "documents": Field("autotrace.request.documents", "any", content=True),
    "retrieval_top_k": Field("gen_ai.retrieval.top_k", "integer"),
    "workflow_name": Field("gen_ai.workflow.name", "string", text="name"),
    "tool_description": Field("gen_ai.tool.description", "string", content=True),
    "tool_name": Field("gen_ai.tool.name", "string", text="name"),
    "tool_type": Field("gen_ai.tool.type", "string", text="word"),
    "tool_call_id": Field("gen_ai.tool.call.id", "string", text="id"),
    "tool_arguments": Field("gen_ai.tool.call.arguments", "any", content=True),
    "input_messages": Field("gen_ai.input.messages", "any", content=True),
    "system_instructions": Field("gen_ai.system_instructions", "any", content=True),
    "tool_definitions": Field("gen_ai.tool.definitions", "any", content=True),
}
RESPONSE: dict[str, Field] = {
    "id": Field("gen_ai.response.id", "string", text="id"),
    "model": Field("gen_ai.response.model", "string", text="id"),
    "finish_reasons": Field("gen_ai.response.finish_reasons", "strings", text="word"),
    "status": Field("gen_ai.response.status", "string", text="word"),
    "dimensions": Field("gen_ai.embeddings.dimension.count", "integer"),
    "conversation_id": Field("gen_ai.conversation.id", "string", text="id"),
    "compacted": Field("gen_ai.conversation.compacted", "boolean"),
    "background": Field("autotrace.response.background", "boolean"),
    "system_instructions": Field("gen_ai.system_instructions", "any", content=True),
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
    "operation": Field("gen_ai.operation.name", "string", text="name"),
    "provider": Field("gen_ai.provider.name", "string", text="id"),
    "time_to_first_chunk": Field("gen_ai.response.time_to_first_chunk", "number"),
    "chunks": Field("autotrace.stream.chunks", "integer"),
    "server_address": Field("server.address", "string", text="id"),
    "server_port": Field("server.port", "integer"),
    "http_status": Field("http.response.status_code", "integer"),
    "request_id": Field("autotrace.request.id", "string", text="id"),
    "error_type": Field("error.type", "string", text="id"),
    "error_code": Field("autotrace.error.code", "string", text="id"),
    "error_category": Field("autotrace.error.category", "string", text="word"),
    "outcome": Field("autotrace.outcome", "string", text="word"),
    "attempts": Field("autotrace.attempts", "any"),
    "cut_characters": Field("autotrace.cut.characters", "any"),
    "cut_elements": Field("autotrace.cut.elements", "any"),
    "cut_attributes": Field("autotrace.cut.attributes", "strings"),
    "redacted": Field("autotrace.redacted", "any"),
    "content_dropped": Field("autotrace.content.dropped", "string", text="word"),
    "finish_reasons_raw": Field("autotrace.response.finish_reasons", "strings", text="word"),
    "agent_name": Field("gen_ai.agent.name", "string", text="name"),
    "tool_name": Field("gen_ai.tool.name", "string", text="name"),
    "cost": Field("autotrace.cost.usd", "number"),
    "cost_input": Field("autotrace.cost.input.usd", "number"),
    "cost_output": Field("autotrace.cost.output.usd", "number"),
    "cost_source": Field("autotrace.cost.source", "string", text="name"),
    "cost_unknown": Field("autotrace.cost.unknown", "string", text="name"),
}
"""Attributes that the core itself sets on a span, for any operation."""

GENERAL = frozenset(
    "cloud.provider cloud.region client.address network.protocol.name network.protocol.version network.transport "
    "network.peer.address deployment.environment.name service.name service.version".split()
)
"""Attributes of OpenTelemetry's general conventions that a plugin or a program may set, and whose texts are names."""

FINISH_REASONS: dict[str, str] = {
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "tool_use": "tool_call",
    "TOOL_CALL": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "STOP_SEQUENCE": "stop",
    "STOP_CRITERIA_MET": "stop",
    "endoftext": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "model_length": "length",
    "ERROR_LIMIT": "length",
    "guardrail_intervened": "content_filter",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
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
    "ERROR_TOXIC": "content_filtered",
    "refusal": "refused",
    "length": "truncated",
    "max_tokens": "truncated",
    "max_output_tokens": "truncated",
    "max_messages": "truncated",
    "model_context_window_exceeded": "truncated",
    "model_length": "truncated",
    "ERROR_LIMIT": "truncated",
    "LENGTH": "truncated",
    "MAX_TOKENS": "truncated",
}
"""The outcome for a finish reason, the provider's own or the conventions', that means an incomplete answer.

If an answer has several, the one that comes first here counts."""


def outcome_of(reasons: Iterable[object]) -> str | None:
    """The outcome for `reasons`, one per choice of an answer; ``None`` for a complete answer."""
    outcomes = {OUTCOMES[reason] for reason in reasons if isinstance(reason, str) and reason in OUTCOMES}
    return next((outcome for outcome in OUTCOMES.values() if outcome in outcomes), None)


UNFINISHED = frozenset({"queued", "in_progress"})
"""Values of ``gen_ai.response.status`` for an answer that the provider is still working on."""

REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-goog-request-id", "cf-ray")
"""Response headers that hold the server's id of the request. The first one present counts."""

IDS = frozenset({"id", "conversation_id", "previous_response_id", "agent_id", "data_source_id", "tool_call_id"})
"""The fields that identify something. Some servers number it, so a whole number is recorded as its text."""

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
