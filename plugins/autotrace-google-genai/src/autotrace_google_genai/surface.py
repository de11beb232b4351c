"""The SDK's functions that make calls, for ``autotrace coverage google.genai``. They are read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from autotrace.plugin import Invocation

_CLIENT = "google.genai._api_client:BaseApiClient"
_REQUESTS = ("request", "request_streamed", "async_request", "async_request_streamed")
_VERB = re.compile(r"\{\w+\}:(\w+)(?:\?[\w=]*)?$")
"""A path that runs a model, as in the SDK's source: ``'{model}:generateContent'``."""


def ways(package: str) -> Iterator[Any]:
    """Each function that requests such a path, ``create`` of the second stack, and each function that opens a web socket."""
    from autotrace.surface import Record, Way, calls, functions  # not at import: a traced program never needs it

    client = Record(vertexai=False, _http_options=Record(base_url=""))
    stack = Record(sdk_configuration=Record(get_server_details=lambda: ("", {}), globals=Record(api_version="")))
    for function in functions(package):
        called = {name for name, _ in calls(function)}
        key = f"{function.module}:{function.name}"
        sent = next((name for name in _REQUESTS if name in called), None)
        if sent is not None:
            for path in sorted(_paths(function.node)):
                call = Invocation(("http_method", "path", "request_dict"), True, (client, "post", path, {}), {})
                yield Way(function, f"{_CLIENT}.{sent}", call, path)
        elif function.name.endswith(".create") and called & {"do_request", "do_request_async"}:
            yield Way(function, key, Invocation((), True, (stack,), {"model": "m", "input": ""}))
        elif function.name.endswith(".connect"):
            yield Way(function, "", None, "web socket")


def _paths(node: ast.AST) -> set[str]:
    texts = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str))
    return {text for text in texts if _VERB.match(text)}
