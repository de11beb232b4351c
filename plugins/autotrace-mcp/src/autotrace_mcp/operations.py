"""The operations for the protocol's requests: their names in the record, and where their fields are.

The names are those of OpenTelemetry's conventions for MCP: a tool call is ``execute_tool``; other requests are not operations
of generative AI and have the name of their method. The getters read the protocol's JSON: ``{"method", "params"}``, and the
result, or ``{"error": {"code", "message"}}`` if a server answers with an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace.dialects import parts
from autotrace.plugin import Operation, constant

METHOD = "mcp.method.name"
STATUS = "rpc.response.status_code"

CALLERS_FAULT = frozenset({-32700, -32600, -32601, -32602, -32002})
"""Codes for a mistake of the caller, which is not a failure of the server (conventions, *MCP server spans*)."""

_INVALID_PARAMS = -32602


def _content(result: Mapping[str, Any]) -> Any:
    """A tool's result: its content; with its structured content if it has any."""
    content, structured = result.get("content"), result.get("structuredContent")
    return parts.without_binary(content if structured is None else {"content": content, "structuredContent": structured})


def _error_of(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    error = result.get("error")
    return error if isinstance(error, Mapping) else None


def _status(result: Mapping[str, Any]) -> str | None:
    error = _error_of(result)
    return None if error is None else str(error.get("code"))


def _failure(result: Mapping[str, Any]) -> Mapping[str, str | None] | None:
    """The failure that a result contains: a JSON-RPC error, or ``isError``, by which the protocol says that a tool failed."""
    error = _error_of(result)
    if error is not None:
        return None if error.get("code") in CALLERS_FAULT else {"code": str(error.get("code")), "message": error.get("message")}
    if result.get("isError") is not True:
        return None
    content = result.get("content")
    texts = [item.get("text") for item in content if isinstance(item, Mapping)] if isinstance(content, list) else []
    return {"code": "tool_error", "message": next((text for text in texts if isinstance(text, str)), None)}


def _messages(value: Any) -> list[parts.Message] | None:
    """Messages of a sampling request or of its answer. Each has one content or a list of them."""
    messages = []
    for message in value if isinstance(value, list) else [value]:
        if isinstance(message, Mapping) and "role" in message:
            content = message.get("content")
            contents = content if isinstance(content, list) else [content]
            messages.append(parts.message(message["role"], list(map(_part, contents))))
    return messages or None


def _part(content: Any) -> parts.Part:
    kind = content.get("type") if isinstance(content, Mapping) else None
    if kind == "text" and isinstance(content["text"], str):
        return parts.text(content["text"])
    if kind in ("image", "audio") and isinstance(content.get("data"), str):
        return parts.binary(content["data"], kind, content.get("mimeType"))
    return parts.kept(content)


_TOOL: dict[str, Any] = {
    "tool_name": "params.name",
    "tool_arguments": "params.arguments",
    "tool_type": constant("function"),
}
_SAMPLING: dict[str, Any] = {
    "max_tokens": "params.maxTokens",
    "temperature": "params.temperature",
    "stop_sequences": "params.stopSequences",
    "input_messages": lambda request: _messages(request["params"].get("messages")),
}
_REQUESTS: dict[str, dict[str, Any]] = {
    "tools/call": _TOOL,
    "prompts/get": {"prompt_name": "params.name", "prompt_variables": "params.arguments"},
    "resources/read": {"mcp.resource.uri": "params.uri"},
    "resources/subscribe": {"mcp.resource.uri": "params.uri"},
    "resources/unsubscribe": {"mcp.resource.uri": "params.uri"},
    "sampling/createMessage": _SAMPLING,
}
_RESULTS: dict[str, dict[str, Any]] = {
    "tools/call": {"tool_result": _content},
    "sampling/createMessage": {"model": "model", "output_messages": _messages},
}
_NAMED = ("elicitation/create", "completion/complete", "roots/list")
_HOUSEKEEPING = frozenset(
    {
        "initialize",
        "server/discover",
        "ping",
        "logging/setLevel",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    }
)
"""Requests that a session sends to keep running, and sends often."""

_METHODS = (*_REQUESTS, *_NAMED, *_HOUSEKEEPING)
"""The methods of the protocol. The name of another one is the program's, and a peer may send any text as one."""


def code_of(exc: Any) -> int | None:
    """The JSON-RPC code of an exception (``exc.error.code``), in both versions of the SDK.

    For a validation error of pydantic, it is that of *invalid params*, with which the SDK answers. None if there is no code.
    """
    code = getattr(getattr(exc, "error", None), "code", None)
    if isinstance(code, int):
        return code
    return _INVALID_PARAMS if type(exc).__name__ == "ValidationError" else None


_WRAPPERS = ("ToolError", "UnexpectedToolError", "UnexpectedResourceError")
"""The exceptions in which the SDK wraps those of tools. A tool may raise the first one itself."""


def raised_by_tool(exc: BaseException) -> BaseException:
    """What the tool has raised, if `exc` is the SDK's exception around that, else `exc`. A tool may call another tool."""
    wrapped = exc
    while _is_wrapper(wrapped) and wrapped.__cause__ is not None:
        deliberate = type(wrapped).__name__ == "ToolError"
        wrapped = wrapped.__cause__
        if deliberate:
            break
    return wrapped


def _is_wrapper(exc: BaseException) -> bool:
    return type(exc).__name__ in _WRAPPERS and type(exc).__module__.startswith("mcp.server.")


def is_callers_fault(exc: Exception) -> bool:
    """Whether the code of a server's exception shows a mistake of the caller."""
    return code_of(exc) in CALLERS_FAULT


def text_of_code(exc: Any) -> str | None:
    """`code_of` as text, which the conventions require."""
    code = code_of(exc)
    return None if code is None else str(code)


def _operation(name: str, method: str, kind: str) -> Operation:
    return Operation(
        name,
        kind=kind,
        request={METHOD: "method", **_REQUESTS.get(method, {})},
        response={STATUS: _status, **_RESULTS.get(method, {})},
        failure=_failure,
        expected=is_callers_fault if kind == "SERVER" else None,
        label="gen_ai.operation.name" if method == "tools/call" else None,
        not_content={METHOD: _METHODS, "mcp.protocol.version": True},
    )


def _all(kind: str) -> dict[str, Operation]:
    operations = {method: _operation(method, method, kind) for method in (*_REQUESTS, *_NAMED, *_HOUSEKEEPING)}
    return {**operations, "tools/call": _operation("execute_tool", "tools/call", kind)}


ASKED, SERVED = _all("CLIENT"), _all("SERVER")
"""The operations by method, on the side that sends the request and on the side that serves it."""

_ASKED_OTHER, _SERVED_OTHER = _operation("request", "", "CLIENT"), _operation("request", "", "SERVER")
"""For methods of extensions. The server does not choose their names, so they are not used as span names."""

CHOICES = ("tools", "named", "all")


def choose(method: object, served: bool, requests: str) -> Operation | None:
    """The operation of `method`, on the side that serves it if `served`. None if the option `requests` excludes it."""
    if not isinstance(method, str) or (requests == "tools" and method != "tools/call"):
        return None
    if requests == "named" and method in _HOUSEKEEPING:
        return None
    return (SERVED if served else ASKED).get(method) or (_SERVED_OTHER if served else _ASKED_OTHER)
