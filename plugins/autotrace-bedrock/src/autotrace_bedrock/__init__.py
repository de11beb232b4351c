"""autotrace for Amazon Bedrock: records the requests to models that clients of boto3 or botocore send to ``bedrock-runtime``.

Converse and InvokeModel, streamed or not, are recorded with their content, for the models of all makers; guardrails, token
counts and asynchronous invocations with what their answers contain. Agents, knowledge bases and rerankers of
``bedrock-agent-runtime`` are recorded too. Calls of other services are not.
"""

from __future__ import annotations

from autotrace.plugin import Instrumentor, Invocation, Operation, Route, constant, content_of
from autotrace_bedrock import botocore, surface
from autotrace_bedrock.dialects import invoke
from autotrace_bedrock.dialects.agent import bedrock_agent, bedrock_rerank, bedrock_retrieve
from autotrace_bedrock.dialects.converse import bedrock_converse
from autotrace_bedrock.dialects.guardrail import bedrock_guardrail
from autotrace_bedrock.dialects.invoke import Maker

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
"""The operations of ``bedrock-runtime`` by name, except InvokeModel. Calls that read stored results are not recorded."""

AGENT_OPERATIONS = {
    "InvokeAgent": Operation("invoke_agent", dialect=bedrock_agent, kind="CLIENT", stream=botocore.event_stream("completion")),
    "Retrieve": Operation("retrieval", dialect=bedrock_retrieve),
    "Rerank": Operation("rerank", dialect=bedrock_rerank),
}

_INVOKED: dict[tuple[Maker, bool], Operation] = {}


def _invoked(maker: Maker, streamed: bool) -> Operation:
    """The operation for InvokeModel with a body of `maker`."""
    stream = botocore.event_stream("body", invoke.chunks) if streamed else botocore.body("body", invoke.response)
    dialect = invoke.invoked(maker.dialect, maker.operation, streamed)
    return Operation(maker.operation, dialect=dialect, stream=stream)


def route(call: Invocation) -> Operation | None:
    """The operation of a call of ``bedrock-runtime``."""
    name = botocore.operation_of(call)
    streamed = name == "InvokeModelWithResponseStream"
    if streamed or name == "InvokeModel":
        body = call.request.get("body")
        if not isinstance(body, (str, bytes, bytearray)):
            body = content_of(body)  # boto3 accepts files, too, and has not read this one yet
            call.request = {**call.request, "body": call.request.get("body") if body is None else body}
        key = invoke.choose(call.request.get("modelId"), body), streamed
        return _INVOKED.get(key) or _INVOKED.setdefault(key, _invoked(*key))
    return OPERATIONS.get(name)


ROUTES: dict[str, Route] = {
    "bedrock-runtime": route,
    "bedrock-agent-runtime": lambda call: AGENT_OPERATIONS.get(botocore.operation_of(call)),
}
"""Routes by the service's name."""

instrumentor = Instrumentor(
    provider="aws.bedrock",
    requires="botocore>=1.34,<2",
    errors=botocore.ERRORS,
    credentials=botocore.credentials,
    targets=botocore.targets(ROUTES),
    surface=surface.of(ROUTES),
    uncovered=surface.UNCOVERED,
)
