"""autotrace for the Anthropic SDK: every POST of a client, whatever it is called through.

Messages (beta, parsed, streamed, tool runner) and legacy completions with all they say; token counts, batches, files and
what else there is with model and time. Clients for other clouds are told apart by their class.
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
"""By the path below ``/v1``. Any other path is an operation called like its first part."""

_CLOUDS = {
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
}
CLIENTS = {prefix + name: provider for name, provider in _CLOUDS.items() for prefix in ("", "Async")}
"""Client classes that say by themselves which other cloud they speak to."""

instrumentor = Instrumentor(
    provider="anthropic",
    requires="anthropic>=2,<3",
    surface=stainless.surface,
    errors={**stainless.ERRORS, "error_code": "body.error.type"},
    targets={
        **stainless.targets("anthropic", stainless.by_path(OPERATIONS, clients=CLIENTS), "_response:BaseAPIResponse"),
        **tool_runner.targets(CLIENTS),
    },
)
