"""Automatic function calling: the loop that calls the program's functions is an agent's span, each function call a tool's.

A chat has its own loop, and switches that of the models off. If a tool is an MCP session, the plugin for MCP records its
requests.
"""

from __future__ import annotations

from typing import Any

from autotrace.plugin import Invocation, Operation, constant

AGENT = Operation("invoke_agent", request={"model": "model"})
TOOL = Operation(
    "execute_tool",
    request={"tool_name": "name", "tool_type": constant("function"), "tool_arguments": "arguments"},
    response={"tool_result": lambda result: result},
)


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _can_be_called(tool: Any) -> bool:
    """Whether `tool` is a function or an MCP session, which the SDK can call."""
    return callable(tool) or hasattr(type(tool), "call_tool")


def _is_off(calling: Any) -> bool:
    """Whether automatic function calling is off. For the SDK, a maximum of 0 calls switches it off, too."""
    limit = _field(calling, "maximum_remote_calls")
    return bool(_field(calling, "disable")) or (limit is not None and int(limit) <= 0)


def loop(call: Invocation) -> Operation | None:
    """The agent, if the SDK gets functions to call. If there are declarations too, the program calls all functions itself."""
    config = call.argument("config") or getattr(call.instance, "_config", None)
    tools = _field(config, "tools") or ()
    if not any(map(_can_be_called, tools)) or _is_off(_field(config, "automatic_function_calling")):
        return None
    if any(_field(tool, "function_declarations") for tool in tools if not _can_be_called(tool)):
        return None
    models: Any = getattr(call.instance, "_modules", call.instance)
    call.provider = "gcp.vertex_ai" if models._api_client.vertexai else None
    call.request = {"model": call.argument("model") or getattr(call.instance, "_model", None)}
    return AGENT


def tool(call: Invocation) -> Operation:
    """``invoke_function_from_dict_args(args, function_to_invoke)``. Asynchronous clients call it on another thread."""
    function = call.argument("function_to_invoke")
    call.request = {"name": getattr(function, "__name__", None), "arguments": call.argument("args")}
    return TOOL


TARGETS: dict[str, Any] = {
    **{
        f"google.genai.{module}:{prefix}{method}": loop
        for module, methods in {
            "models": ("Models.generate_content", "Models.generate_content_stream"),
            "chats": ("Chat.send_message", "Chat.send_message_stream"),
        }.items()
        for method in methods
        for prefix in ("", "Async")
    },
    "google.genai._extra_utils:invoke_function_from_dict_args": tool,
    "google.genai._extra_utils:invoke_function_from_dict_args_async": tool,
}
