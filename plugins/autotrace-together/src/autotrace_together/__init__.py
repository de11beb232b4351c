"""autotrace for the Together AI SDK: records the requests that a client makes to a model.

Stainless generates the SDK. It speaks OpenAI's API; version 2 has ``/v1`` in its base URL, version 3 in the paths. Requests
that manage endpoints, deployments, clusters and the like are not recorded.
"""

from __future__ import annotations

from autotrace.families import openai_api, stainless
from autotrace.plugin import Instrumentor

VIDEOS = stainless.plain("videos")
OPERATIONS = {**openai_api.OPERATIONS, "/videos": VIDEOS, "/v2/videos": VIDEOS}

instrumentor = Instrumentor(
    provider="together",
    requires="together>=2,<4",
    surface=stainless.surface,
    credentials=stainless.credentials,
    uncovered={
        "*.connect": "web sockets",
        **dict.fromkeys(("*.batches:*", "*.jig.*", "*.endpoints.*", "*.models.*"), "manages resources on the server"),
        **dict.fromkeys(("*.fine_tuning:*", "*.post_training.*"), "trains a model"),
    },
    errors=stainless.ERRORS,
    targets=stainless.targets("together", stainless.by_path(OPERATIONS, other=None), "_response:BaseAPIResponse"),
)
