"""The protocol's messages, for ``autotrace coverage mcp``: the types in the SDK's unions of requests and notifications.

The unions also show which side sends a message. A type that is in none of them cannot be sent.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from autotrace.plugin import Invocation

_ASKED = ("mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher.send_raw_request", "mcp.shared.session:BaseSession.send_request")
_SERVED = {
    "Client": ("mcp.server.runner:ServerRunner._on_request", "mcp.server.lowlevel.server:Server._handle_request"),
    "Server": ("mcp.client.session:ClientSession._on_request", "mcp.client.session:ClientSession._received_request"),
}
"""By the side that sends the request: the targets in version 2 and in version 1 of the SDK. The one that exists counts."""


def ways(package: str) -> Iterator[Any]:
    """Each request, once where it is sent and once where it is served; and each notification, which passes no target."""
    from autotrace.surface import Described, Record, Way, functions, modules  # not at import: a traced program never needs it

    existing = {f"{function.module}:{function.name}" for function in functions(package)}
    trees = dict([*modules("mcp_types"), *modules(f"{package}.types")])  # version 2, version 1
    module = next((name for name in (f"{package}.types", "mcp_types._types") if _union("ClientRequest", trees.get(name))), "")
    for side, served in _SERVED.items():
        other = "server" if side == "Client" else "client"
        for name in _union(f"{side}Notification", trees.get(module)):
            yield Way(Described(module, name), "", None, f"{_method(name, trees[module])} from the {side.lower()}")
        for name in _union(f"{side}Request", trees.get(module)):
            method = _method(name, trees[module])
            request = Record(method=method, params=None)
            message = Record(request=request, request_id=1, request_meta=None, message_metadata=None)
            given = {"method": method, "params": {}, "opts": {}, "dctx": message, "request": request, "message": message}
            for keys, where in ((_ASKED, f"asked by the {side.lower()}"), (served, f"served by the {other}")):
                target = next((key for key in keys if key in existing), "")
                call = Invocation((), True, (Record(_request_id=0),), given)
                yield Way(Described(module, name), target, call, f"{method} {where}")


def _union(name: str, tree: ast.Module | None) -> list[str]:
    """The classes in the union `name`, or in the union ``{name}Type`` if `name` is the root model of that."""
    for node in () if tree is None else tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.BinOp):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in (name, f"{name}Type"):
                return sorted({one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)})
    return []


def _method(name: str, tree: ast.Module) -> str:
    """The method of the class `name`: the default of its field ``method``."""
    for node in tree.body:
        for field in node.body if isinstance(node, ast.ClassDef) and node.name == name else ():
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id == "method":
                return str(ast.literal_eval(field.value)) if field.value is not None else ""
    return ""
