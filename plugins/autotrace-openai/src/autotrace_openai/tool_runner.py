"""The SDK's tool runners (3.54): a run is an agent, with its model calls and the tools that it executes inside.

`ResponsesToolRunner` is driven by its generator ``iterate``, which ``run`` closes as soon as it has its answer: a run of
``run`` is the agent then, and its generator is nothing of its own. The loops of `DecisionsToolRunner` and
of `ComputerToolset`, which is a tool and a runner, are one function each. openai 2 has none of these modules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from autotrace.dialects import parts
from autotrace.families import stainless
from autotrace.plugin import Invocation, Operation, Route, constant, open_call


def _output(answer: Any) -> Any:
    """Of a function, a browser or a computer; of a browser with whether the action was carried out."""
    if isinstance(answer, (list, tuple)) and answer:
        answer = answer[0]
    return parts.without_binary(answer.get("output")) if isinstance(answer, Mapping) else None


def _failure(answer: Any) -> Mapping[str, str | None] | None:
    """A browser makes its exceptions results before anybody sees them."""
    failed = isinstance(answer, (list, tuple)) and len(answer) == 2 and answer[1] is False
    return {"code": "tool_error", "message": None} if failed else None


AGENT = Operation("invoke_agent", request={"model": "model"})
TOOL = Operation(
    "execute_tool",
    request={
        "tool_name": "name",
        "tool_type": constant("function"),
        "tool_call_id": "id",
        "tool_arguments": lambda request: parts.parsed(request["arguments"]),
    },
    response={"tool_result": _output},
    failure=_failure,
)
CANDIDATE = Operation("execute_tool", request={"tool_name": "name", "tool_type": constant("function")})

_RESPONSES = "openai.lib.responses_tool_runner"
_DECISIONS = "openai.lib.decisions_tool_runner"
_COMPUTER = "openai.lib.computer"
_BROWSER = "openai.lib.browser"


def targets(clients: Mapping[str, str]) -> dict[str, Route]:
    """The targets of all runners. `clients` are classes of clients and their providers."""

    def run(call: Invocation) -> Operation | None:
        key = _key(call.instance)
        if open_call(key) is not None:
            return None  # the generator of a `run`; nothing else: a runner is busy with one call at a time
        params = call.argument("params")
        call.key = key
        call.request = {"model": params.get("model") if isinstance(params, Mapping) else None}
        call.provider = stainless.provider_of_client(call.argument("client"), clients)
        return AGENT

    def function(call: Invocation) -> Operation:
        call.parent = _key(call.instance)
        return action(call)

    def action(call: Invocation) -> Operation:
        item: Any = call.argument("item") or call.argument("call")
        computer = item.type == "computer_call"
        call.request = {
            "name": "computer" if computer else item.name,
            "id": item.call_id,
            "arguments": (item.actions or item.action) if computer else item.arguments,
        }
        return TOOL

    found: dict[str, Route] = {f"{_DECISIONS}:_Run.select": _name_candidates, f"{_DECISIONS}:invoke": _candidate}
    for prefix in ("", "Async"):
        found[f"{_RESPONSES}:{prefix}ResponsesToolRunner.run"] = run
        found[f"{_RESPONSES}:{prefix}ResponsesToolRunner.iterate"] = run
        found[f"{_RESPONSES}:{prefix}ResponsesToolRunner._execute_function"] = function
        found[f"{_DECISIONS}:{prefix}DecisionsToolRunner.run"] = run
        found[f"{_COMPUTER}:{prefix}ComputerToolset.run"] = run
        found[f"{_COMPUTER}:{prefix}ComputerToolset._dispatch"] = action
        found[f"{_BROWSER}:{prefix}BrowserToolset._dispatch"] = action
    return found


class _Named:
    """An executor together with the id of its candidate: on its way to `invoke`, which is given nothing else.

    It does what the executor does, for a run that is no longer traced when it gets there.
    """

    def __init__(self, name: str, execute: Callable[..., object]) -> None:
        self.name = name
        self.execute = self.__wrapped__ = execute

    def __call__(self, *args: Any, **kwargs: Any) -> object:
        return self.execute(*args, **kwargs)


def _name_candidates(call: Invocation) -> None:
    """The runner's own list of what can be chosen, in which the program's functions are; the program has no hold of it."""
    candidates: Any = call.argument("candidates")
    for position, one in enumerate(candidates):
        if one.execute is not None:
            candidates[position] = dataclasses.replace(one, execute=_Named(one.id, one.execute))


def _candidate(call: Invocation) -> Operation | None:
    named: Any = call.argument("handler")
    if not isinstance(named, _Named):
        return None
    call.replace("handler", named.execute)
    call.request = {"name": named.name}
    return CANDIDATE


def _key(runner: Any) -> tuple[str, int]:
    return __name__, id(runner)
