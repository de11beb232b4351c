"""autotrace for the OpenAI SDK: records every POST request of a client, whichever method sends it.

Chat completions, Responses, embeddings and completions are recorded with their content; images, audio, moderations, files,
batches and all other requests with model, usage and time. The client's class and host show whether the provider is Azure or
another one with the same API.
"""

from __future__ import annotations

from typing import Any

from autotrace.families import openai_api, stainless
from autotrace.plugin import Instrumentor, Invocation, Operation, Option
from autotrace_openai import tool_runner

CLIENTS = {
    "AzureOpenAI": "azure.ai.openai",
    "AsyncAzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AsyncBedrockOpenAI": "aws.bedrock",
}
"""Client classes that are for one provider, and that provider."""

HOSTS = {
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "x.ai": "x_ai",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "cohere.com": "cohere",
    "openrouter.ai": "openrouter",
    "together.xyz": "together",
    "together.ai": "together",
    "fireworks.ai": "fireworks",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
}
"""Hosts of providers that speak OpenAI's formats, and the providers. The names are the conventions', if they have one."""


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


def route(call: Invocation) -> Operation | None:
    """Choose the operation by the request's path. With the option `stream_usage`, also request the usage of a stream."""
    if stainless.path_of(call) == "/chat/completions" and call.options.get("stream_usage"):
        _request_usage(call)
    return _by_path(call)


instrumentor = Instrumentor(
    provider="openai",
    requires="openai>=2,<4",
    hosts=HOSTS,
    errors=stainless.ERRORS,
    surface=stainless.surface,
    credentials=stainless.credentials,
    uncovered={"*.connect": "web sockets"},
    options={"stream_usage": Option(False, "requests the usage of streamed chat completions, and hides the chunk with it")},
    targets=stainless.targets("openai", route, "_response:BaseAPIResponse", "_legacy_response:LegacyAPIResponse"),
    shapes={"openai>=3": tool_runner.targets(CLIENTS)},
)
