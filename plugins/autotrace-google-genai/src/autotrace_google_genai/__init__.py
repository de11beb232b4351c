"""autotrace for the Google Gen AI SDK: records the requests of a client to models of the Gemini API or of Vertex AI.

Content from models and chats (streamed or not), embeddings and interactions are recorded with their content; token counts,
images and videos with model, usage and time. The loop of automatic function calling is an agent's span, and the functions that
it calls are its tools. The targets are for versions 2 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from autotrace.families import sse
from autotrace.plugin import Continues, Instrumentor, Invocation, Operation
from autotrace_google_genai import failures, function_calling, interactions, surface
from autotrace_google_genai.dialects.content import camel
from autotrace_google_genai.dialects.embeddings import gemini_embeddings
from autotrace_google_genai.dialects.generate_content import failure, gemini
from autotrace_google_genai.dialects.generate_content_stream import response


def _finish_with_body(result: Any, call: Any) -> bool:
    """The seam of an answer: finish the call with the body that was received, not with the SDK's object around it."""
    call.finish_decoded([(result.body or "").encode()], sse.decode)
    return True


def _response(chunks: list[Any]) -> Any:
    """Combine a stream's chunks into one response. Each chunk is an object with headers and the text of its JSON (``body``)."""
    bodies = [chunk.get("body") for chunk in chunks if isinstance(chunk, dict)]
    return response([sse.decode([body.encode()]) for body in bodies if isinstance(body, str)])


def _plain(name: str) -> Operation:
    return Operation(name, request={"model": "model"})


CONTENT = Operation("generate_content", dialect=gemini, reduce=_response, stream=_finish_with_body)
EMBED = Operation("embeddings", dialect=gemini_embeddings, stream=_finish_with_body)
BATCH = Operation("batches", request={"model": "model"}, response={"id": "name"}, failure=failure, stream=_finish_with_body)
OPERATIONS = {
    "generateContent": CONTENT,
    "streamGenerateContent": CONTENT,
    "embedContent": EMBED,
    "batchEmbedContents": EMBED,
    "countTokens": Operation(
        "count_tokens",
        request={"model": "model"},
        response={"autotrace.response.details": lambda body: body},
        failure=failure,
        stream=_finish_with_body,
    ),
    "batchGenerateContent": BATCH,
    "asyncBatchEmbedContent": BATCH,
    "computeTokens": _plain("compute_tokens"),
    "predict": _plain("image_generation"),
    "predictLongRunning": _plain("video_generation"),
}
"""Operations by the verb at the end of the path. Other verbs manage files, caches, tuning and models."""

_PATH = re.compile(r"(?:.*\bmodels/)?([^?]+):(\w+)")


def route(call: Invocation) -> Operation | None:
    """``request(http_method, path, request_dict, http_options)`` and its three variants, which send every request."""
    path = _PATH.match(call.argument("path"))
    body = call.argument("request_dict")
    operation = OPERATIONS.get(path[2]) if path and isinstance(body, dict) else None
    if path is None or operation is None:
        return None
    if path[2] == "predict" and any("content" in one for one in body.get("instances") or ()):
        operation = EMBED  # models older than Gemini, on Vertex AI
    client: Any = call.instance
    options = call.argument("http_options")
    extra = _option(options, "extra_body")
    sent = _merged(body, extra) if extra else body
    call.request = {**sent, "model": path[1], "stream": path[2].startswith("stream")}
    call.server = _option(options, "base_url") or client._http_options.base_url
    call.provider = "gcp.vertex_ai" if client.vertexai else None
    return operation


def answered(call: Invocation) -> Operation | None:
    """`route` for a function that returns the stream's generator only after the server has answered."""
    call.lazy = False
    return route(call)


def _option(options: Any, name: str) -> Any:
    return options.get(name) if isinstance(options, Mapping) else getattr(options, name, None)


def _credentials(call: Invocation) -> list[Any]:
    """The key or the token of a client, and the headers that the program has added to it or to this call."""
    instance: Any = call.instance
    client = getattr(instance, "_api_client", instance)
    security = getattr(getattr(instance, "sdk_configuration", None), "security", None)  # of interactions
    keys = [getattr(one, "api_key", None) for one in (client, security)]
    keys.append(getattr(getattr(client, "_credentials", None), "token", None))
    options = (getattr(client, "_http_options", None), call.argument("http_options"))
    headers = [*(_option(one, "headers") for one in options), getattr(security, "default_headers", None)]
    headers.append(call.kwargs.get("extra_headers"))
    return [*keys, *(tuple(one.items()) for one in headers if isinstance(one, Mapping))]


def _merged(body: Any, extra: Any) -> Any:
    """`body` with the fields of `extra`, which replace its own. As in the SDK, the two spellings of a name are one field."""
    if not isinstance(body, Mapping) or not isinstance(extra, Mapping):
        return extra
    merged = camel(body)
    for name, value in camel(extra).items():
        merged[name] = _merged(merged[name], value) if name in merged else value
    return merged


_TYPED = (
    *("_generate_content", "_generate_content_stream", "_embed_content", "count_tokens", "compute_tokens"),
    *("_generate_images", "_edit_image", "_upscale_image", "_generate_videos"),
)
"""The methods of models that send one request and make the SDK's objects of its answer."""

_CLIENT = "google.genai._api_client:BaseApiClient"
instrumentor = Instrumentor(
    provider="gcp.gemini",
    requires="google-genai>=2,<4",
    errors=failures.ERRORS,
    credentials=_credentials,
    targets={
        f"{_CLIENT}.request": route,
        f"{_CLIENT}.request_streamed": route,
        f"{_CLIENT}.async_request": route,
        f"{_CLIENT}.async_request_streamed": answered,
        **interactions.TARGETS,
        **function_calling.TARGETS,
        **failures.TARGETS,
        # They make the SDK's objects of the bodies that the functions above have received.
        **{f"google.genai.models:{prefix}Models.{name}": Continues(inside=True) for prefix in ("", "Async") for name in _TYPED},
    },
    surface=surface.ways,
    uncovered={"*.connect": "web sockets"},
    shapes={"google-genai>=3,<4": interactions.DECISIONS},
)
