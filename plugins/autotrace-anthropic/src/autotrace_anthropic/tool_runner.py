"""The SDK's tool runner: a run is an agent's span, with its model calls and the tools that it executes inside.

The loop is the generator ``__run__``, with one step for each reply. Tools are executed in its steps, but also while the program
reads a streamed reply (``run_tools_eagerly``), or when the program requests their results (``generate_tool_call_response``). In
each case they are children of the run. Read in anthropic 2.0 to 2.12.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from autotrace.dialects import parts
from autotrace.families import stainless
from autotrace.plugin import Call, Invocation, Operation, constant


def _result(answer: Mapping[str, Any]) -> Any:
    return parts.without_binary(answer.get("content"))


def _failure(answer: Mapping[str, Any]) -> Mapping[str, str | None] | None:
    """A toolset turns its exceptions into results, so no exception shows the failure."""
    if answer.get("is_error") is not True:
        return None
    content = answer.get("content")
    return {"code": "tool_error", "message": content if isinstance(content, str) else None}


AGENT = Operation("invoke_agent", request={"model": "model"})
TOOL = Operation(
    "execute_tool",
    request={"tool_name": "name", "tool_type": constant("function"), "tool_call_id": "id", "tool_arguments": "input"},
    response={"tool_result": _result},
    failure=_failure,
)

_MODULE = "anthropic.lib.tools._beta_runner"


def targets(clients: Mapping[str, str], hosts: Mapping[str, str]) -> dict[str, Callable[[Invocation], Operation]]:
    """The targets of the synchronous and the asynchronous runner. `clients` maps names of client classes to providers, `hosts`
    suffixes of host names."""

    def run(call: Invocation) -> Operation:
        runner: Any = call.instance
        call.key = _key(runner)
        call.request = {"model": runner._params.get("model")}
        call.provider = stainless.provider_of_client(runner._client, clients, hosts)
        return AGENT

    def tool(call: Invocation) -> Operation:
        proxy = _ToolProxy(call.argument("tool"))
        tool_use = call.argument("tool_use")
        call.args = (proxy, tool_use)
        call.stream = (proxy.end,)
        return member(call)

    def member(call: Invocation) -> Operation:
        runner: Any = call.instance
        tool_use = call.argument("tool_use")
        call.parent = _key(runner)
        call.request = {"name": tool_use.name, "id": tool_use.id, "input": tool_use.input}
        call.provider = stainless.provider_of_client(runner._client, clients, hosts)
        return TOOL

    routes = {"__run__": run, "_run_tool": tool, "_run_toolset_member": member}
    return {
        f"{_MODULE}:{runner}.{name}": route
        for runner in ("BaseSyncToolRunner", "BaseAsyncToolRunner")
        for name, route in routes.items()
    }


def _key(runner: Any) -> tuple[str, int]:
    return _MODULE, id(runner)


class _ToolProxy:
    """Stands in for a tool during one call, and keeps what it raises: the runner turns every exception into a result."""

    def __init__(self, tool: Any) -> None:
        self._tool = tool
        self._raised: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tool, name)

    def call(self, value: object) -> Any:
        try:
            result = self._tool.call(value)
        except Exception as exc:
            self._raised = exc
            raise
        return self._awaited(result) if inspect.isawaitable(result) else result

    async def _awaited(self, result: Awaitable[Any]) -> Any:
        try:
            return await result
        except Exception as exc:
            self._raised = exc
            raise

    def end(self, _result: Any, call: Call) -> bool:
        """Fail `call` with the exception that the tool raised. Returns False if it raised none."""
        raised, self._raised = self._raised, None
        if raised is not None:
            call.fail(raised)
        return raised is not None
