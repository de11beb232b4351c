"""autotrace for the Ollama SDK: what its clients, and the functions of the package, ask of a model."""

from __future__ import annotations

from typing import Any

from autotrace.dialects.ollama import ollama_chat, ollama_embed, ollama_generate
from autotrace.families.sse import decode as json_body
from autotrace.plugin import Call, Instrumentor, Invocation, Operation

EMBED = Operation("embeddings", dialect=ollama_embed)
OPERATIONS = {
    "/api/chat": Operation("chat", dialect=ollama_chat),
    "/api/generate": Operation("text_completion", dialect=ollama_generate),
    "/api/embed": EMBED,
    "/api/embeddings": EMBED,
    "/api/systemone": Operation("systemone", request={"model": "model"}, response={"model": "model"}),
}
"""The paths that make a model work. Others (pull, create, list, …) manage models and are not recorded."""


def route(call: Invocation) -> Operation | None:
    """Streams: ``_request(cls, method, path, json=…, stream=True)``, which returns a bare generator."""
    return _operation(call, call.args[2:3]) if call.kwargs.get("stream") else None


def route_raw(call: Invocation) -> Operation | None:
    """All else: ``_request_raw(method, path, json=…)``, whose body has what the SDK's classes drop (ids of tool calls)."""
    call.stream = (_body,)
    return _operation(call, call.args[1:2])


def _operation(call: Invocation, path: tuple[object, ...]) -> Operation | None:
    operation = OPERATIONS.get(path[0]) if path and isinstance(path[0], str) else None
    if operation is not None:
        call.request = call.kwargs.get("json")
        call.server = getattr(getattr(call.instance, "_client", None), "base_url", None)
    return operation


def _body(response: Any, call: Call) -> bool:
    content = getattr(response, "content", None)
    if not isinstance(content, bytes):
        return False
    call.finish_decoded([content], json_body)
    return True


def _status(exc: Any) -> int | None:
    status = getattr(exc, "status_code", None)
    return status if isinstance(status, int) and status > 0 else None  # -1: the error came inside a stream


_CLIENTS = ("ollama._client:Client", "ollama._client:AsyncClient")
instrumentor = Instrumentor(
    provider="ollama",
    requires="ollama>=0.4",
    errors={"http_status": _status},
    targets={
        **{f"{client}._request": route for client in _CLIENTS},
        **{f"{client}._request_raw": route_raw for client in _CLIENTS},
    },
)
