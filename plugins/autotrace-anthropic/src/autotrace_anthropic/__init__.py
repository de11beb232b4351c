"""autotrace for the Anthropic SDK: every POST of a client, whatever it is called through.

Messages (beta, parsed, streamed, tool runner) and legacy completions with all they say; token counts, batches, files and
what else there is with model and time. Clients for other clouds are told apart by their class.
"""

from __future__ import annotations

from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.families import stainless
from autotrace.plugin import Instrumentor, Invocation, Operation
from autotrace_anthropic import tool_runner

OPERATIONS = {
    "/v1/messages": Operation("chat", dialect=anthropic_messages),
    "/v1/complete": Operation("text_completion", dialect=anthropic_complete),
    "/v1/messages/count_tokens": Operation("count_tokens", request={"model": "model"}),
    "/v1/messages/batches": Operation("batches", response={"id": "id"}),
}
"""By the path that the resource method gives. Any other path is an operation called like its first part after ``/v1``."""

_OTHERS: dict[str, Operation] = {}

_CLOUDS = {
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
}
CLIENTS = {prefix + name: provider for name, provider in _CLOUDS.items() for prefix in ("", "Async")}
"""Client classes that say by themselves which other cloud they speak to."""


def route(call: Invocation) -> Operation:
    """The operation behind the path."""
    path = stainless.path_of(call)
    call.provider = stainless.provider_of(call, CLIENTS)
    operation = OPERATIONS.get(path)
    if operation is None:
        name = path.removeprefix("/v1").strip("/").partition("/")[0] or "request"
        operation = _OTHERS.get(name)
        if operation is None:
            operation = _OTHERS.setdefault(name, Operation(name, request={"model": "model"}, response={"id": "id"}))
    return operation


instrumentor = Instrumentor(
    provider="anthropic",
    requires="anthropic>=2,<3",
    errors={**stainless.ERRORS, "error_code": "body.error.type"},
    targets={**stainless.targets("anthropic", route, "_response:BaseAPIResponse"), **tool_runner.targets(CLIENTS)},
)
