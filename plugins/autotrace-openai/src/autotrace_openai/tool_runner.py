"""The SDK's tool runners (3.54): a run is an agent's span, with its model calls and the tools that it executes inside.

The loop of `ResponsesToolRunner` is its generator ``iterate``. ``run`` uses this generator, and closes it as soon as it has its
answer, so ``run`` is the agent's span then, and the generator has none. `DecisionsToolRunner` and `ComputerToolset` (a tool and
a runner) each have their loop in one function. openai 2 has none of these modules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from autotrace.dialects import parts
from autotrace.families import stainless
from autotrace.plugin import Invocation, Operation, Route, constant, open_call


def _output(answer: Any) -> Any:
    """The output of a function, a browser or a computer. A browser answers with a pair: output, and whether it succeeded."""
    if isinstance(answer, (list, tuple)) and answer:
        answer = answer[0]
    return parts.without_binary(answer.get("output")) if isinstance(answer, Mapping) else None


def _failure(answer: Any) -> Mapping[str, str | None] | None:
    """A browser turns its exceptions into results, so no exception shows the failure."""
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


def targets(clients: Mapping[str, str], hosts: Mapping[str, str]) -> dict[str, Route]:
    """The targets of all runners, with their routes. `clients` maps names of client classes to providers, `hosts` suffixes of
    host names."""

    def run(call: Invocation) -> Operation | None:
        key = _key(call.instance)
        if open_call(key) is not None:
            return None  # the generator that `run` uses; nothing else, as a runner has one call at a time
        params = call.argument("params")
        call.key = key
        call.request = {"model": params.get("model") if isinstance(params, Mapping) else None}
        call.provider = stainless.provider_of_client(call.argument("client"), clients, hosts)
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

    routes: dict[str, Route] = {f"{_DECISIONS}:_Run.select": _name_candidates, f"{_DECISIONS}:invoke": _candidate}
    for prefix in ("", "Async"):
        routes[f"{_RESPONSES}:{prefix}ResponsesToolRunner.run"] = run
        routes[f"{_RESPONSES}:{prefix}ResponsesToolRunner.iterate"] = run
        routes[f"{_RESPONSES}:{prefix}ResponsesToolRunner._execute_function"] = function
        routes[f"{_DECISIONS}:{prefix}DecisionsToolRunner.run"] = run
        routes[f"{_COMPUTER}:{prefix}ComputerToolset.run"] = run
        routes[f"{_COMPUTER}:{prefix}ComputerToolset._dispatch"] = action
        routes[f"{_BROWSER}:{prefix}BrowserToolset._dispatch"] = action
    return routes


class _NamedExecutor:
    """An executor with the name of its candidate, because `invoke` gets only the executor.

    It can be called like the executor, in case tracing is switched off before the run calls `invoke`.
    """

    def __init__(self, name: str, execute: Callable[..., object]) -> None:
        self.name = name
        self.execute = self.__wrapped__ = execute

    def __call__(self, *args: Any, **kwargs: Any) -> object:
        return self.execute(*args, **kwargs)


def _name_candidates(call: Invocation) -> None:
    """Replace each executor in the list of candidates by a `_NamedExecutor`. The list is the runner's, not the program's."""
    candidates: Any = call.argument("candidates")
    for position, candidate in enumerate(candidates):
        if candidate.execute is not None:
            candidates[position] = dataclasses.replace(candidate, execute=_NamedExecutor(candidate.id, candidate.execute))


def _candidate(call: Invocation) -> Operation | None:
    """``invoke(handler, …)``, which executes the candidate that the model has chosen."""
    named: Any = call.argument("handler")
    if not isinstance(named, _NamedExecutor):
        return None
    call.replace("handler", named.execute)
    call.request = {"name": named.name}
    return CANDIDATE


def _key(runner: Any) -> tuple[str, int]:
    return __name__, id(runner)
