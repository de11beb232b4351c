"""autotrace for the Groq SDK: records every POST request of a client, whichever method sends it.

Stainless generates the SDK. It speaks OpenAI's API below ``/openai/v1``. The dialect also reads what Groq adds to it: a
stream's usage under ``x_groq``, and the tools that a compound system has executed.
"""

from __future__ import annotations

from autotrace.families import openai_api, stainless
from autotrace.plugin import Instrumentor

instrumentor = Instrumentor(
    provider="groq",
    requires="groq>=1,<2",
    surface=stainless.surface,
    credentials=stainless.credentials,
    errors=stainless.ERRORS,
    targets=stainless.targets("groq", stainless.by_path(openai_api.OPERATIONS, base="/openai/v1"), "_response:BaseAPIResponse"),
)
