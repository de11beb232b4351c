"""autotrace for the Model Context Protocol: what clients ask and what servers answer, in versions 1 and 2 of its SDK.

Both sides of a session may ask the other (a server asks for sampling); each request is a span where it is asked and another
where it is served, and the trace goes with the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace.plugin import Call, Instrumentor, Invocation, Observer, Operation, Option, leave_stdout
from autotrace_mcp import operations, propagation, surface

_VERSION_HEADER = "mcp-protocol-version"
_SESSION_HEADER = "mcp-session-id"


def _attributes(**found: object) -> dict[str, Any]:
    """Attributes by their short names, without what is not known."""
    names = {"id": "jsonrpc.request.id", "version": "mcp.protocol.version", "session": "mcp.session.id"}
    return {names.get(name, name): str(value) for name, value in found.items() if value is not None}


def serve_on_stdio(call: Invocation) -> None:
    """``stdio_server(stdin=None, stdout=None)``: from here on the process's stdout is the protocol."""
    if call.argument("stdout") is None:
        leave_stdout()


# Version 2: plain JSON on both sides.


def ask(call: Invocation) -> Operation | None:
    """``send_raw_request(method, params, opts)``, of the dispatcher over a wire and of the one in memory."""
    method, options = call.argument("method"), call.argument("opts") or {}
    call.request = {"method": method, "params": call.argument("params")}
    call.attributes = _attributes(version=(options.get("headers") or {}).get(_VERSION_HEADER))
    return operations.choose(method, False, call.options["requests"])


def serve(call: Invocation) -> Operation | None:
    """``_on_request(dctx, method, params)``, of a server, and of a client that is asked by one."""
    method, params, dispatched = call.argument("method"), call.argument("params"), call.argument("dctx")
    call.request = {"method": method, "params": params}
    call.parent = propagation.extract((params or {}).get("_meta"))
    version = getattr(getattr(call.instance, "connection", call.instance), "protocol_version", None)
    call.attributes = _attributes(id=dispatched.request_id, version=version, session=_session_of(dispatched.message_metadata))
    return operations.choose(method, True, call.options["requests"])


def _session_of(metadata: Any) -> str | None:
    headers = getattr(getattr(metadata, "request_context", None), "headers", None)
    return headers.get(_SESSION_HEADER) if isinstance(headers, Mapping) else None


def _with_trace(call: Call, invocation: Invocation, _none: None) -> None:
    # After OpenTelemetry has put its own there, on a copy that the dispatcher has made for the message.
    propagation.inject(invocation.argument("meta"), call.context)


def _numbered(call: Call, _invocation: Invocation, number: int) -> None:
    call.set_attribute("jsonrpc.request.id", str(number))


# Version 1: models, whose fields are called as on the wire.


def ask_1(call: Invocation) -> Operation | None:
    """``send_request(request, …)`` of a session, which numbers its requests itself."""
    request: Any = call.argument("request")
    operation = _of_model(call, request, served=False)
    if operation is not None:
        carrier = propagation.Carrier(request)
        call.key = carrier.key
        call.replace("request", carrier)
        call.attributes = _attributes(id=getattr(call.instance, "_request_id", None))
    return operation


def serve_1(call: Invocation) -> Operation | None:
    """``_handle_request(message, …)`` of a server; ``_received_request(responder)`` of a client that is asked by one."""
    responder: Any = call.argument("message") or call.argument("responder")
    call.parent = propagation.extract(responder.request_meta)
    call.attributes = _attributes(id=responder.request_id, session=_session_of(responder.message_metadata))
    call.stream = (lambda _result, began: _called_off(responder, began),)
    return _of_model(call, responder.request, served=True)


def _of_model(call: Invocation, request: Any, served: bool) -> Operation | None:
    request = getattr(request, "root", request)
    params = getattr(request, "params", None)
    uri = getattr(params, "uri", None)  # an object of pydantic's that says what it is when it is asked for its text
    call.request = {"method": request.method, "params": params if uri is None else {"uri": str(uri)}}
    return operations.choose(request.method, served, call.options["requests"])


def _called_off(responder: Any, call: Call) -> bool:
    """A request that the other side has cancelled is left without an answer, and without an exception."""
    if getattr(responder, "cancelled", False):
        call.cancel()
        return True
    return False


def _responded(call: Call, invocation: Invocation, _none: None) -> None:
    """The answer of a server of version 1 goes through here, errors and all, and is not what its function returns."""
    response: Any = invocation.argument("response")
    response = getattr(response, "root", response)
    call.finish({"error": response} if hasattr(response, "code") and hasattr(response, "message") else response)


instrumentor = Instrumentor(
    requires="mcp>=1.30,<3",
    surface=surface.ways,
    uncovered={"*Notification": "a notification has no answer"},
    errors={
        "error_type": operations.text_of_code,
        "error_code": operations.text_of_code,
        operations.STATUS: operations.text_of_code,
    },
    options={
        "requests": Option(
            "named",
            "says which requests are spans: those of tools, those named (tools, prompts, resources, sampling, elicitation, "
            "completion, extensions), or all (lists, pings and handshakes as well)",
            choices=operations.CHOICES,
        ),
    },
    targets={"mcp.server.stdio:stdio_server": serve_on_stdio},
    shapes={
        "mcp>=2": {
            "mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher.send_raw_request": ask,
            "mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher._allocate_id": Observer(_numbered),
            "mcp.shared.direct_dispatcher:DirectDispatcher.send_raw_request": ask,
            "mcp.shared._otel:inject_trace_context": Observer(_with_trace),
            "mcp.server.runner:ServerRunner._on_request": serve,
            "mcp.client.session:ClientSession._on_request": serve,
        },
        "mcp<2": {
            "mcp.shared.session:BaseSession.send_request": ask_1,
            "mcp.server.lowlevel.server:Server._handle_request": serve_1,
            "mcp.client.session:ClientSession._received_request": serve_1,
            "mcp.shared.session:RequestResponder.respond": Observer(_responded),
        },
    },
)
