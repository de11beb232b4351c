"""autotrace for the OpenAI SDK: records every POST request of a client, whichever method sends it, and the requests that
collect background responses.

Chat completions, Responses, embeddings and completions are recorded with their content; images, audio, moderations, files,
batches and all other requests with model, usage and time. The client's class and host show whether the provider is Azure or
another one with the same API.
"""

from __future__ import annotations

from typing import Any

from autotrace.families import openai_api, stainless
from autotrace.plugin import Instrumentor, Invocation, Operation, Option, Target
from autotrace_openai import azure, tool_runner

CLIENTS = {
    "AzureOpenAI": "azure.ai.openai",
    "AsyncAzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AsyncBedrockOpenAI": "aws.bedrock",
}
"""Client classes that are for one provider, and that provider."""

HOSTS = {
    "openai.com": "openai",
    "chatgpt.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "models.ai.azure.com": "azure.ai.inference",
    "amazonaws.com": "aws.bedrock",
    "api.aws": "aws.bedrock",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "googleapis.com": "gcp.vertex_ai",
    "anthropic.com": "anthropic",
    "cerebras.ai": "cerebras",
    "cloudflare.com": "cloudflare",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "deepinfra.com": "deepinfra",
    "deepseek.com": "deepseek",
    "fireworks.ai": "fireworks",
    "githubcopilot.com": "github-copilot",
    "models.github.ai": "github",
    "groq.com": "groq",
    "huggingface.co": "huggingface",
    "integrate.api.nvidia.com": "nvidia",
    "minimax.io": "minimax",
    "minimaxi.com": "minimax",
    "mistral.ai": "mistral_ai",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "novita.ai": "novita",
    "ollama.com": "ollama",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "sambanova.ai": "sambanova",
    "together.ai": "together",
    "together.xyz": "together",
    "x.ai": "x_ai",
    "z.ai": "zai",
    "bigmodel.cn": "zhipuai",
}
"""Hosts of providers that speak OpenAI's formats, and the providers. The names are the conventions', if they have one. At any
other host, a local server or a gateway, the provider is unknown."""


def _is_usage(chunk: Any) -> bool:
    """Whether `chunk` only has usage and no choices: the last chunk, which the server sends only on request."""
    return not getattr(chunk, "choices", True) and getattr(chunk, "usage", None) is not None


_WITHOUT_USAGE = stainless.hiding(_is_usage)


def _request_usage(call: Invocation) -> None:
    """Request the usage of a streamed chat completion, and hide the chunk with it, unless the program requests it itself.

    Does nothing if the program reads the raw response, because no chunk can be hidden there.
    """
    stream_options = call.request.get("stream_options") or {}
    if call.request.get("stream") is True and "include_usage" not in stream_options and not stainless.is_raw(call):
        stainless.send_also(call, stream_options={**stream_options, "include_usage": True})
        call.stream = _WITHOUT_USAGE


_by_path = stainless.by_path(openai_api.OPERATIONS, clients=CLIENTS)
_CHAT = openai_api.OPERATIONS["/chat/completions"]


def route(call: Invocation) -> Operation | None:
    """Choose the operation by the request's path. With the option `stream_usage`, also request the usage of a stream."""
    operation = _by_path(call)
    if operation is _CHAT and call.options.get("stream_usage"):
        _request_usage(call)
    azure.read_deployment(call)
    return operation


def _helpers(module: str, name: str, answer: str) -> dict[str, Target]:
    """The targets of the helpers that ``.stream()`` returns."""
    return stainless.helpers(f"openai.lib.streaming.{module}", (name, f"Async{name}"), answer)


instrumentor = Instrumentor(
    requires="openai>=2,<4",
    hosts=HOSTS,
    errors=stainless.ERRORS,
    surface=stainless.surface,
    credentials=stainless.credentials,
    uncovered={"*.connect": "web sockets"},
    options={"stream_usage": Option(False, "requests the usage of streamed chat completions, and hides the chunk with it")},
    targets={
        **stainless.targets(
            *("openai", route, "_response:BaseAPIResponse", "_legacy_response:LegacyAPIResponse"),
            reads=stainless.by_path(openai_api.READS, other=None, clients=CLIENTS),
        ),
        **_helpers("chat._completions", "ChatCompletionStream", "get_final_completion"),
        **_helpers("responses._responses", "ResponseStream", "get_final_response"),
    },
    shapes={"openai>=3": tool_runner.targets(CLIENTS, HOSTS)},
)
