"""The deployment that an Azure request goes to: it is the model, whatever the body says.

A client's deployment (``AzureOpenAI(azure_deployment=…)``) is in its base URL, and so is one that the program wrote there. For
a client without one, the SDK takes the deployment from the body. Read in openai 2.54 and 3.54.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from autotrace.plugin import Invocation

__all__ = ["read_deployment"]

_MARK = "/deployments/"
_DEPLOYMENT = re.compile(rb"/deployments/([^/?]+)")
_DEPLOYED = frozenset(
    {
        *("/completions", "/chat/completions", "/embeddings", "/images/generations", "/images/edits"),
        *("/audio/transcriptions", "/audio/translations", "/audio/speech"),
    }
)
"""The paths, as given, that the SDK sends to the client's own deployment."""


def read_deployment(call: Invocation) -> None:
    """Set the request's model to the deployment in the call's path, or else in the client's base URL, if there is one."""
    url: str = call.argument("options").url
    path = url.encode() if _MARK in url else _base_path(call, url)
    found = _DEPLOYMENT.search(path) if path else None
    if found is not None and isinstance(call.request, Mapping):
        call.request = {**call.request, "model": unquote_to_bytes(found[1]).decode("utf-8", "replace")}


def _base_path(call: Invocation, url: str) -> bytes:
    """The path of the client's base URL, if `url` comes after it and it has a deployment."""
    path: bytes = getattr(getattr(call.instance, "_base_url", None), "raw_path", b"")
    if _MARK.encode() not in path or "://" in url:
        return b""
    return path if url in _DEPLOYED or not getattr(call.instance, "_azure_deployment", None) else b""
