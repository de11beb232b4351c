"""autotrace for the Model Context Protocol: records the requests of clients and servers, in versions 1 and 2 of its SDK.

Either side of a session may send requests (a server requests sampling). Each request has a span on the side that sends it and
another on the side that serves it. The trace context is sent with the message.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from autotrace.plugin import Call, Continues, Instrumentor, Invocation, Observer, Operation, Option, leave_stdout
from autotrace_mcp import operations, propagation, surface

_VERSION_HEADER = "mcp-protocol-version"
_SESSION_HEADER = "mcp-session-id"


def _attributes(**values: object) -> dict[str, Any]:
    """Attributes, from values by short names. Values that are None are left out."""
    names = {"id": "jsonrpc.request.id", "version": "mcp.protocol.version", "session": "mcp.session.id"}
    return {names.get(name, name): str(value) for name, value in values.items() if value is not None}


def serve_on_stdio(call: Invocation) -> None:
    """``stdio_server(stdin=None, stdout=None)``: from here on, stdout carries the protocol, so records must not go there."""
    if call.argument("stdout") is None:
        leave_stdout()


# Version 2: requests and results are plain JSON on both sides.


def ask(call: Invocation) -> Operation | None:
    """``send_raw_request(method, params, opts)`` of a dispatcher, over a transport or in memory."""
    method, options = call.argument("method"), call.argument("opts") or {}
    call.request = {"method": method, "params": call.argument("params")}
    call.attributes = _attributes(version=(options.get("headers") or {}).get(_VERSION_HEADER))
    return operations.choose(method, False, call.options["requests"])


def serve(call: Invocation) -> Operation | None:
    """``_on_request(dctx, method, params)`` of a server, or of a client that serves a request of a server."""
    method, params, dispatched = call.argument("method"), call.argument("params"), call.argument("dctx")
    call.request = {"method": method, "params": params}
    call.parent = propagation.extract((params or {}).get("_meta"))
    version = getattr(getattr(call.instance, "connection", call.instance), "protocol_version", None)
    call.attributes = _attributes(id=dispatched.request_id, version=version, session=_session_of(dispatched.message_metadata))
    return operations.choose(method, True, call.options["requests"])


def _session_of(metadata: Any) -> str | None:
    headers = getattr(getattr(metadata, "request_context", None), "headers", None)
    return headers.get(_SESSION_HEADER) if isinstance(headers, Mapping) else None


def _credentials(call: Invocation) -> list[Any]:
    """The headers of a request that a server received, or those that a client adds to this one message."""
    served: Any = call.argument("dctx") or call.argument("message") or call.argument("responder")
    received = getattr(getattr(getattr(served, "message_metadata", None), "request_context", None), "headers", None)
    added = (call.argument("opts") or {}).get("headers")
    return [tuple(headers.items()) for headers in (received, added) if isinstance(headers, Mapping)]


def _inject_trace(call: Call, invocation: Invocation, _none: None) -> None:
    # By now, OpenTelemetry has added its own. The dispatcher has copied `meta` for this message.
    propagation.inject(invocation.argument("meta"), call.context)


def _record_id(call: Call, _invocation: Invocation, number: int) -> None:
    call.set_attribute("jsonrpc.request.id", str(number))


# Version 1: requests and results are models. Their fields have the names of the protocol.


def ask_v1(call: Invocation) -> Operation | None:
    """``send_request(request, …)`` of a session, which assigns the request's id."""
    request: Any = call.argument("request")
    operation = _operation_of_model(call, request, served=False)
    if operation is not None:
        carrier = propagation.Carrier(request)
        call.key = carrier.key
        call.replace("request", carrier)
        call.attributes = _attributes(id=getattr(call.instance, "_request_id", None))
    return operation


def serve_v1(call: Invocation) -> Operation | None:
    """``_handle_request(message, …)`` of a server; ``_received_request(responder)`` of a client that serves one of a server."""
    responder: Any = call.argument("message") or call.argument("responder")
    call.parent = propagation.extract(responder.request_meta)
    call.attributes = _attributes(id=responder.request_id, session=_session_of(responder.message_metadata))
    call.stream = (lambda _result, began: _cancel_if_cancelled(responder, began),)
    return _operation_of_model(call, responder.request, served=True)


def _operation_of_model(call: Invocation, request: Any, served: bool) -> Operation | None:
    request = getattr(request, "root", request)
    params = getattr(request, "params", None)
    uri = getattr(params, "uri", None)  # a URL object of pydantic's; its text is the URL
    call.request = {"method": request.method, "params": params if uri is None else {"uri": str(uri)}}
    return operations.choose(request.method, served, call.options["requests"])


def _cancel_if_cancelled(responder: Any, call: Call) -> bool:
    """Cancel the call if the other side has cancelled the request: the SDK then neither answers nor raises."""
    if getattr(responder, "cancelled", False):
        call.cancel()
        return True
    return False


def _finish_with_response(call: Call, invocation: Invocation, _none: None) -> None:
    """``respond(response)``: a server's answer or error in version 1, where it is not the result of the served function."""
    response: Any = invocation.argument("response")
    response = getattr(response, "root", response)
    call.finish({"error": response} if hasattr(response, "code") and hasattr(response, "message") else response)


def _tool_raised(call: Call, _invocation: Invocation, exc: BaseException) -> None:
    """``call_tool(…)`` of a server's tools raises: the server makes a result of that, which has only the exception's text."""
    call.caused_by(operations.raised_by_tool(exc))


def _tool_has_raised(call: Call, _invocation: Invocation, _result: Any) -> None:
    """``_make_error_result(text)``, which version 1 calls while it handles the exception of a tool, and for other mistakes."""
    exc = sys.exc_info()[1]
    if exc is not None:
        call.caused_by(operations.raised_by_tool(exc))


instrumentor = Instrumentor(
    requires="mcp>=1.30,<3",
    surface=surface.ways,
    credentials=_credentials,
    uncovered={"*Notification": "a notification has no answer"},
    errors={
        "error_type": operations.text_of_code,
        "error_code": operations.text_of_code,
        operations.STATUS: operations.text_of_code,
    },
    options={
        "requests": Option(
            "named",
            "says which requests are recorded: those of tools; the named ones (tools, prompts, resources, sampling, "
            "elicitation, completion, extensions); or all (lists, pings and handshakes too)",
            choices=operations.CHOICES,
        ),
    },
    targets={
        "mcp.server.stdio:stdio_server": serve_on_stdio,
        "mcp.client.session:ClientSession.call_tool": Continues(inside=True),  # it checks the result against the tool's schema
    },
    shapes={
        "mcp>=2": {
            "mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher.send_raw_request": ask,
            "mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher._allocate_id": Observer(_record_id),
            "mcp.shared.direct_dispatcher:DirectDispatcher.send_raw_request": ask,
            "mcp.shared._otel:inject_trace_context": Observer(_inject_trace),
            "mcp.server.runner:ServerRunner._on_request": serve,
            "mcp.client.session:ClientSession._on_request": serve,
            "mcp.server.mcpserver.tools.tool_manager:ToolManager.call_tool": Observer(raised=_tool_raised),
        },
        "mcp<2": {
            "mcp.shared.session:BaseSession.send_request": ask_v1,
            "mcp.server.lowlevel.server:Server._handle_request": serve_v1,
            "mcp.client.session:ClientSession._received_request": serve_v1,
            "mcp.shared.session:RequestResponder.respond": Observer(_finish_with_response),
            "mcp.server.lowlevel.server:Server._make_error_result": Observer(_tool_has_raised),
        },
    },
)
