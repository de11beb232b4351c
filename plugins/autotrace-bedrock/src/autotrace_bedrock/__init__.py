"""autotrace for Amazon Bedrock: what boto3's client, or botocore's own, asks of a model through ``bedrock-runtime``.

Converse and InvokeModel, streamed or not, with all they say, whosever model it is; guardrails, token counts and asynchronous
invocations with what there is to know; agents and knowledge bases of ``bedrock-agent-runtime``. Calls of other services pass.
"""

from __future__ import annotations

from autotrace.dialects import bedrock_invoke
from autotrace.dialects.bedrock_agent import bedrock_agent, bedrock_retrieve
from autotrace.dialects.bedrock_converse import bedrock_converse
from autotrace.dialects.bedrock_guardrail import bedrock_guardrail
from autotrace.dialects.bedrock_invoke import Maker
from autotrace.families import botocore
from autotrace.plugin import Instrumentor, Invocation, Operation, Route, constant
from autotrace_bedrock import surface

_MODEL = {"model": "modelId"}
OPERATIONS = {
    "Converse": Operation("chat", dialect=bedrock_converse),
    "ConverseStream": Operation(
        "chat", dialect=bedrock_converse, request={"stream": constant(True)}, stream=botocore.event_stream("stream")
    ),
    "ApplyGuardrail": Operation("apply_guardrail", dialect=bedrock_guardrail),
    "CountTokens": Operation("count_tokens", request=_MODEL, response={"details": "inputTokens"}),
    "StartAsyncInvoke": Operation("start_async_invoke", request=_MODEL, response={"details": "invocationArn"}),
}
"""Those whose name says what is asked. Reading back what is stored is not recorded."""

AGENT_OPERATIONS = {
    "InvokeAgent": Operation("invoke_agent", dialect=bedrock_agent, kind="CLIENT", stream=botocore.event_stream("completion")),
    "Retrieve": Operation("retrieval", dialect=bedrock_retrieve),
}

_INVOKED: dict[tuple[Maker, bool], Operation] = {}


def _invoked(maker: Maker, streamed: bool) -> Operation:
    """InvokeModel with a body of `maker`."""
    if streamed:
        stream = botocore.event_stream("body", bedrock_invoke.chunks)
    else:
        stream = botocore.body("body", bedrock_invoke.response)
    dialect = bedrock_invoke.invoked(maker.dialect, maker.operation, streamed)
    return Operation(maker.operation, dialect=dialect, stream=stream)


def route(call: Invocation) -> Operation | None:
    """An operation of ``bedrock-runtime``."""
    name = botocore.operation_of(call)
    streamed = name == "InvokeModelWithResponseStream"
    if streamed or name == "InvokeModel":
        key = bedrock_invoke.choose(call.request.get("modelId"), call.request.get("body")), streamed
        return _INVOKED.get(key) or _INVOKED.setdefault(key, _invoked(*key))
    return OPERATIONS.get(name)


ROUTES: dict[str, Route] = {
    "bedrock-runtime": route,
    "bedrock-agent-runtime": lambda call: AGENT_OPERATIONS.get(botocore.operation_of(call)),
}
"""By the service's name."""

instrumentor = Instrumentor(
    provider="aws.bedrock",
    requires="botocore>=1.34,<2",
    errors=botocore.ERRORS,
    targets=botocore.targets(ROUTES),
    surface=surface.of(ROUTES),
)
