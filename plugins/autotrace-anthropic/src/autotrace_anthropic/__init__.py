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
    "/messages/count_tokens": Operation("count_tokens", request={"model": "model"}, failure=anthropic_messages.failure),
    "/messages/batches": Operation("batches", response={"id": "id"}, failure=anthropic_messages.failure),
}
"""Operations by their path below ``/v1``. Any other path is an operation with the name of its first segment."""

_CLOUDS = {
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
    "AnthropicAWS": "anthropic",  # Anthropic's own platform, in the clouds' accounts
    "AnthropicGoogleCloud": "anthropic",
}
CLIENTS = {prefix + name: provider for name, provider in _CLOUDS.items() for prefix in ("", "Async")}
"""Client classes that are for a cloud, and the provider there."""

HOSTS = {
    "anthropic.com": "anthropic",
    "amazonaws.com": "aws.bedrock",
    "api.aws": "aws.bedrock",
    "googleapis.com": "gcp.vertex_ai",
    "services.ai.azure.com": "azure.ai.inference",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "deepseek.com": "deepseek",
    "fireworks.ai": "fireworks",
    "minimax.io": "minimax",
    "minimaxi.com": "minimax",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "openrouter.ai": "openrouter",
    "x.ai": "x_ai",
    "z.ai": "zai",
    "bigmodel.cn": "zhipuai",
}
"""Hosts of providers that speak Anthropic's formats, and the providers. At any other host, the provider is unknown."""

_ANSWERS = ("get_final_message", "get_final_text")

instrumentor = Instrumentor(
    requires="anthropic>=2,<3",
    hosts=HOSTS,
    surface=stainless.surface,
    credentials=stainless.credentials,
    errors={**stainless.ERRORS, "error_code": stainless.error_code("type", "code")},
    targets={
        **stainless.targets("anthropic", stainless.by_path(OPERATIONS, clients=CLIENTS), "_response:BaseAPIResponse"),
        **stainless.helpers("anthropic.lib.streaming._messages", ("MessageStream", "AsyncMessageStream"), *_ANSWERS),
        **stainless.helpers(
            "anthropic.lib.streaming._beta_messages", ("BetaMessageStream", "BetaAsyncMessageStream"), *_ANSWERS
        ),
        **tool_runner.targets(CLIENTS, HOSTS),
    },
)
