"""autotrace for the Ollama SDK: records the requests of its clients, and of the package's functions, to a model."""

from __future__ import annotations

from typing import Any

from autotrace.plugin import Instrumentor, Invocation, Operation
from autotrace_ollama.dialects import ollama_chat, ollama_embed, ollama_generate

EMBED = Operation("embeddings", dialect=ollama_embed)
OPERATIONS = {
    "/api/chat": Operation("chat", dialect=ollama_chat),
    "/api/generate": Operation("text_completion", dialect=ollama_generate),
    "/api/embed": EMBED,
    "/api/embeddings": EMBED,
    "/v1/systemone": Operation("systemone", request={"model": "model"}, response={"model": "model"}),
}
"""Operations by path: those that run a model. Other paths (pull, create, list, …) manage models and are not recorded."""


def route(call: Invocation) -> Operation | None:
    """``_request(cls, method, path, json=…, stream=…)``, which sends every request. Its streams are bare generators."""
    path = call.args[2] if len(call.args) > 2 else None
    operation = OPERATIONS.get(path) if isinstance(path, str) else None
    if operation is not None:
        call.request = call.kwargs.get("json")
        call.server = getattr(getattr(call.instance, "_client", None), "base_url", None)
        call.wire = []
        call.args = (_ResponseClassProxy(call.args[0], call.wire), *call.args[1:])
    return operation


class _ResponseClassProxy:
    """Stands in for the response class, and keeps the JSON: the class drops unknown fields (ids of tool calls)."""

    def __init__(self, cls: Any, wire: list[Any]) -> None:
        self._cls = cls
        self._wire = wire

    def __call__(self, **body: Any) -> Any:
        self._wire.append(body)
        return self._cls(**body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cls, name)


def _credentials(call: Invocation) -> list[Any]:
    client = getattr(call.instance, "_client", None)
    authentication = getattr(client, "_auth", None)  # from the user and the password in a URL, or given by the program
    return [tuple(getattr(client, "headers", {}).items()), getattr(authentication, "_auth_header", None)]


def _status(exc: Any) -> int | None:
    status = getattr(exc, "status_code", None)
    return status if isinstance(status, int) and status > 0 else None  # -1: the error came inside a stream


instrumentor = Instrumentor(
    provider="ollama",
    requires="ollama>=0.6,<1",
    errors={"http_status": _status, "credentials": "request.headers"},
    credentials=_credentials,
    targets={"ollama._client:Client._request": route, "ollama._client:AsyncClient._request": route},
    uncovered={f"*Client.{name}": "manages models" for name in ("create", "delete", "pull", "push", "show")},
)
