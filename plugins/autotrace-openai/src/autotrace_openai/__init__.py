"""autotrace for the OpenAI SDK: every POST of a client, whatever it is called through.

Chat completions, Responses, embeddings and completions with all they say; images, audio, moderations, files, batches and
what else there is with model, usage and time. Azure and other providers behind the same SDK are told apart by client
class and host.
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
"""Client classes that say by themselves which provider they speak to."""

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
"""Providers that speak OpenAI's formats; the conventions' names where they have one."""


def _is_usage(chunk: Any) -> bool:
    """The chunk that comes last, and only if it is asked for: no choice, and the usage."""
    return not getattr(chunk, "choices", True) and getattr(chunk, "usage", None) is not None


_WITHOUT_USAGE = stainless.hiding(_is_usage)


def _ask_for_usage(call: Invocation) -> None:
    """Have a streamed chat completion tell its usage, and keep the chunk that tells it from a program that has not asked.

    Not where the program reads the response itself, in which nothing can be hidden.
    """
    asked = call.request.get("stream_options") or {}
    if call.request.get("stream") is True and "include_usage" not in asked and not stainless.is_raw(call):
        stainless.send_also(call, stream_options={**asked, "include_usage": True})
        call.stream = _WITHOUT_USAGE


_by_path = stainless.by_path(openai_api.OPERATIONS, clients=CLIENTS)


def route(call: Invocation) -> Operation | None:
    """The operation behind the path."""
    if stainless.path_of(call) == "/chat/completions" and call.options.get("stream_usage"):
        _ask_for_usage(call)
    return _by_path(call)


instrumentor = Instrumentor(
    provider="openai",
    requires="openai>=2,<4",
    hosts=HOSTS,
    errors=stainless.ERRORS,
    surface=stainless.surface,
    uncovered={"*.connect": "web sockets"},
    options={"stream_usage": Option(False, "asks for the usage of streamed chat completions, and hides the chunk with it")},
    targets=stainless.targets("openai", route, "_response:BaseAPIResponse", "_legacy_response:LegacyAPIResponse"),
    shapes={"openai>=3": tool_runner.targets(CLIENTS)},
)
