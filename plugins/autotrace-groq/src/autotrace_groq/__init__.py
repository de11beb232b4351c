"""autotrace for the Groq SDK: every POST of a client, whatever it is called through.

The SDK is one that Stainless generates, and speaks OpenAI's API below ``/openai/v1``. What Groq adds to it (a stream's usage
under ``x_groq``, the tools that a compound system has executed) the dialect reads.
"""

from __future__ import annotations

from autotrace.families import openai_api, stainless
from autotrace.plugin import Instrumentor

instrumentor = Instrumentor(
    provider="groq",
    requires="groq>=1,<2",
    surface=stainless.surface,
    errors={**stainless.ERRORS, "error_code": "body.error.code"},
    targets=stainless.targets("groq", stainless.by_path(openai_api.OPERATIONS, base="/openai/v1"), "_response:BaseAPIResponse"),
)
