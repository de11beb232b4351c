"""autotrace for the Ollama SDK: records the requests of its clients, and of the package's functions, to a model."""

from __future__ import annotations

from functools import cache
from typing import Any

from autotrace.dialects import endings
from autotrace.plugin import Call, Instrumentor, Invocation, Operation, running_call
from autotrace_ollama.dialects import failure, ollama_chat, ollama_embed, ollama_generate

EMBED = Operation("embeddings", dialect=ollama_embed)
OPERATIONS = {
    "/api/chat": Operation("chat", dialect=ollama_chat),
    "/api/generate": Operation("text_completion", dialect=ollama_generate),
    "/api/embed": EMBED,
    "/api/embeddings": EMBED,
    "/v1/systemone": Operation("systemone", request={"model": "model"}, response={"model": "model"}, failure=failure),
}
"""Operations by path: those that run a model. Other paths (pull, create, list, …) manage models and are not recorded."""


def route(call: Invocation) -> Operation | None:
    """``_request(cls, method, path, json=…, stream=…)``, which sends every request. Its streams are bare generators."""
    path = call.args[2] if len(call.args) > 2 else None
    operation = OPERATIONS.get(path) if isinstance(path, str) else None
    if operation is not None:
        call.request = call.kwargs.get("json")
        call.server = getattr(getattr(call.instance, "_client", None), "base_url", None)
        if isinstance(call.args[0], type):
            call.args = (_recording(call.args[0]), *call.args[1:])
        call.stream = (_finish_with_body,)
    return operation


class _RecordingClass(type):
    """The type of the classes that stand in for response classes, and keep the JSON: those drop unknown fields.

    They are classes, because run-time type checkers compare the arguments of the SDK's functions with the annotations.
    """

    stands_for: Any

    def __call__(cls, **body: Any) -> Any:
        call = running_call()
        if call is not None:
            call.begin_stream(_bodies)
            call.chunk(body)
        return cls.stands_for(**body)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.stands_for, name)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.stands_for)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.stands_for)


@cache
def _recording(response: Any) -> Any:
    return _RecordingClass(response.__name__, (), {"__module__": response.__module__, "stands_for": response})


def _bodies(chunks: list[Any]) -> list[Any]:
    """The JSON of a stream's chunks, which are recorded together with the objects that the SDK made of them."""
    return [chunk for chunk in chunks if type(chunk) is dict]


def _body(chunks: list[Any]) -> Any:
    return chunks[-1] if chunks else None


def _finish_with_body(_result: Any, call: Call) -> bool:
    """The seam of an answer that is not streamed: finish the call with its JSON, if there is any."""
    if not call.received:
        return False
    call.begin_stream(_body)
    call.finish()
    return True


def _credentials(call: Invocation) -> list[Any]:
    client = getattr(call.instance, "_client", None)
    authentication = getattr(client, "_auth", None)  # from the user and the password in a URL, or given by the program
    return [tuple(getattr(client, "headers", {}).items()), getattr(authentication, "_auth_header", None)]


def _status(exc: Any) -> int | None:
    status = getattr(exc, "status_code", None)
    return status if isinstance(status, int) and status > 0 else None  # -1: the error came inside a stream


def _code(exc: Any) -> str | None:
    """The code in an error that a gateway has sent as an object; the server itself sends a text."""
    failure = endings.failure(getattr(exc, "error", None), "code", "type")
    return failure and failure["code"]


instrumentor = Instrumentor(
    provider="ollama",
    requires="ollama>=0.6,<1",
    errors={"http_status": _status, "error_code": _code, "credentials": "request.headers"},
    credentials=_credentials,
    targets={"ollama._client:Client._request": route, "ollama._client:AsyncClient._request": route},
    uncovered={f"*Client.{name}": "manages models" for name in ("create", "delete", "pull", "push", "show")},
)
