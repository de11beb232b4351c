"""The same instrumentor for aiobotocore, and for the libraries that use it. It is a separate package with its own clients."""

from __future__ import annotations

from autotrace.plugin import Instrumentor
from autotrace_bedrock import ROUTES, botocore, surface

instrumentor = Instrumentor(
    provider="aws.bedrock",
    requires="aiobotocore>=2.13,<4",
    errors=botocore.ERRORS,
    credentials=botocore.credentials,
    targets=botocore.targets(ROUTES, asynchronous=True),
    surface=surface.of(ROUTES),
    uncovered=surface.UNCOVERED,
)
