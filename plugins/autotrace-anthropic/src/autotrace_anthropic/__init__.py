"""autotrace for the Anthropic SDK: records every POST request of a client, whichever method sends it.

Messages (beta, parsed, streamed, tool runner) and legacy completions are recorded with their content; token counts, batches,
files and all other requests with model and time. Clients for other clouds are recognized by their class.
"""

from __future__ import annotations

from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.families import stainless
from autotrace.plugin import Instrumentor, Operation
from autotrace_anthropic import tool_runner

OPERATIONS = {
    "/messages": Operation("chat", dialect=anthropic_messages),
    "/complete": Operation("text_completion", dialect=anthropic_complete),
    "/messages/count_tokens": Operation("count_tokens", request={"model": "model"}),
    "/messages/batches": Operation("batches", response={"id": "id"}),
}
"""Operations by their path below ``/v1``. Any other path is an operation with the name of its first segment."""

_CLOUDS = {
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
}
CLIENTS = {prefix + name: provider for name, provider in _CLOUDS.items() for prefix in ("", "Async")}
"""Client classes that are for another cloud, and the provider there."""

instrumentor = Instrumentor(
    provider="anthropic",
    requires="anthropic>=2,<3",
    surface=stainless.surface,
    credentials=stainless.credentials,
    errors={**stainless.ERRORS, "error_code": "body.error.type"},
    targets={
        **stainless.targets("anthropic", stainless.by_path(OPERATIONS, clients=CLIENTS), "_response:BaseAPIResponse"),
        **tool_runner.targets(CLIENTS),
    },
)
