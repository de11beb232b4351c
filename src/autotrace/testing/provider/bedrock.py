"""Amazon Bedrock: Converse, InvokeModel, guardrails and token counts, agents and knowledge bases, with binary event streams.

The model is in the path. A fault may follow a maker, ``meta.fault-429``, as the bodies of InvokeModel are each maker's own.
Signatures are not checked.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator

from autotrace.testing.provider import bedrock_invoke
from autotrace.testing.provider.event_stream import CONTENT_TYPE, event, exception
from autotrace.testing.provider.faults import PREFIX
from autotrace.testing.provider.script import Ask, Said, Tool, cached, deltas, say, text_of, tokens
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, dumps, json_answer

__all__ = [
    "BEDROCK",
    "BY_STATUS",
    "ERRORS",
    "MALFORMED",
    "MODELS",
    "OTHERS",
    "STOP",
    "Endpoint",
    "answer",
    "ask_of",
    "converse_events",
    "environment",
    "error_event",
    "failure",
    "model_of",
    "owns",
]

STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool": "tool_use",
    "refusal": "end_turn",
    "filter": "guardrail_intervened",
}
ERRORS = {
    "rate_limit": ("ThrottlingException", "Too many requests, please wait before trying again."),
    "server": ("InternalServerException", "The system encountered an unexpected error during processing."),
    "overloaded": ("ServiceUnavailableException", "Bedrock is unable to process your request."),
    "context": ("ValidationException", "Input is too long for requested model."),
    "authentication": ("UnrecognizedClientException", "The security token included in the request is invalid."),
    "permission": ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "not_found": ("ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."),
    "invalid": ("ValidationException", "The provided model identifier is invalid."),
}
BY_STATUS = {
    408: ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    424: ("ModelErrorException", "The system encountered an unexpected error during processing."),
    503: ERRORS["overloaded"],
}
_PATH = re.compile(r"/model/(?P<model>.+)/(?P<operation>[a-z-]+)$")


def model_of(call: Call) -> str:
    """The model in the path; of ``meta.fault-429`` the fault."""
    found = _PATH.match(call.path)
    model = found["model"] if found else ""
    last = model.rpartition(".")[2]
    return last if last.startswith(PREFIX) else model


def owns(call: Call) -> bool:
    return call.path.startswith(("/model/", "/guardrail/", "/async-invoke", "/agents/", "/knowledgebases/"))


def answer(call: Call) -> Answer | None:
    found = _PATH.match(call.path)
    name = found["operation"] if found else next((name for name in OTHERS if re.fullmatch(name, call.path)), "")
    endpoint = MODELS.get(name) or OTHERS.get(name)
    if endpoint is None or call.method != "POST":
        return None
    made = endpoint(call._replace(json={**call.json, "model": found["model"] if found else ""}))
    return made.under(("x-amzn-requestid", call.id("")))


def _converse(call: Call) -> Answer:
    ask = ask_of(call)
    return json_answer(_response(call, ask, say(ask)))


def _converse_stream(call: Call) -> Answer:
    ask = ask_of(call)
    pieces = (event(kind, fields) for kind, fields in converse_events(_response(call, ask, say(ask))))
    return Answer(pieces=pieces, content_type=CONTENT_TYPE)


def ask_of(call: Call) -> Ask:
    body = call.json
    messages = [one for one in body.get("messages") or () if isinstance(one, dict)]
    blocks = messages[-1].get("content") if messages else []
    results = [block["toolResult"] for block in blocks or () if isinstance(block, dict) and "toolResult" in block]
    words = [text_of(body.get("system")), *(text_of(one.get("content")) for one in messages)]
    tools = (body.get("toolConfig") or {}).get("tools") or ()
    specs = [tool["toolSpec"] for tool in tools if isinstance(tool, dict) and "toolSpec" in tool]
    form = ((body.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
    schema = (form.get("jsonSchema") or {}).get("schema")
    return Ask(
        model=model_of(call),
        text=text_of(results or blocks),
        input_tokens=sum(4 + tokens(text) for text in words if text) + (tokens(str(tools)) if tools else 0),
        from_tool=bool(results),
        tools=tuple(Tool(str(spec.get("name")), (spec.get("inputSchema") or {}).get("json")) for spec in specs),
        schema=json.loads(schema) if schema else None,
        limit=(body.get("inferenceConfig") or {}).get("maxTokens"),
        thinks="reasoning" in str(body.get("additionalModelRequestFields")),
    )


def _response(call: Call, ask: Ask, said: Said) -> Json:
    read, written = (cached(ask.input_tokens), cached(ask.input_tokens)) if "cachePoint" in str(call.json) else (0, 0)
    usage: Json = {
        "inputTokens": ask.input_tokens - read - written,
        "outputTokens": said.output_tokens,
        "totalTokens": ask.input_tokens + said.output_tokens,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }
    if written:
        usage["cacheDetails"] = [{"ttl": "5m", "inputTokens": written}]
    whole: Json = {
        "output": {"message": {"role": "assistant", "content": list(_blocks(call, said))}},
        "stopReason": STOP[said.finish],
        "usage": usage,
        "metrics": {"latencyMs": 52},
    }
    guardrail = (call.json.get("guardrailConfig") or {}).get("guardrailIdentifier")
    if guardrail:
        whole["trace"] = {"guardrail": {"modelOutput": [said.text], "inputAssessment": {guardrail: _assessment(said)}}}
    return whole


def _assessment(said: Said) -> Json:
    action = "BLOCKED" if said.finish == "filter" else "NONE"
    return {"topicPolicy": {"topics": [{"name": "secrets", "type": "DENY", "action": action, "detected": action != "NONE"}]}}


def _blocks(call: Call, said: Said) -> Iterator[Json]:
    if said.thinking:
        yield {"reasoningContent": {"reasoningText": {"text": said.thinking, "signature": call.id("sig")}}}
    if said.text:
        yield {"text": said.text}
    for i, tool in enumerate(said.calls):
        yield {"toolUse": {"toolUseId": call.id("tooluse_", i), "name": tool.name, "input": tool.arguments}}


def converse_events(whole: Json) -> Iterator[tuple[str, Json]]:
    """A response in pieces, each with the letters that hide its length."""
    said = whole["output"]["message"]
    yield "messageStart", {"role": said["role"], "p": "abcd"}
    for index, block in enumerate(said["content"]):
        if "toolUse" in block:
            start = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            yield "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": start}, "p": "ab"}
        for delta in _deltas(block):
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abc"}
        yield "contentBlockStop", {"contentBlockIndex": index, "p": "a"}
    yield "messageStop", {"stopReason": whole["stopReason"], "p": "abcdef"}
    yield "metadata", {**{name: whole[name] for name in ("usage", "metrics", "trace") if name in whole}, "p": "ab"}


def _deltas(block: Json) -> Iterator[Json]:
    if "text" in block:
        yield from ({"text": text} for text in deltas(block["text"]))
    elif "reasoningContent" in block:
        thought = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": text}} for text in deltas(thought["text"]))
        yield {"reasoningContent": {"signature": thought["signature"]}}
    else:
        written = json.dumps(block["toolUse"]["input"], ensure_ascii=False)
        yield from ({"toolUse": {"input": text}} for text in deltas(written))


def _invoke(call: Call) -> Answer:
    made = bedrock_invoke.body(call, model_of(call), _nova)
    counts = tuple((f"x-amzn-bedrock-{name}-token-count", str(count)) for name, count in made.counts.items())
    return json_answer(made.body).under(*counts, ("x-amzn-bedrock-invocation-latency", "52"))


def _invoke_stream(call: Call) -> Answer:
    def pieces() -> Iterator[bytes]:
        for chunk in bedrock_invoke.chunks(call, model_of(call), _nova_chunks):
            yield event("chunk", {"bytes": base64.b64encode(dumps(chunk)).decode(), "p": "abcdefg"})

    return Answer(pieces=pieces(), content_type=CONTENT_TYPE).under(("x-amzn-bedrock-content-type", "application/json"))


def _nova(call: Call) -> Json:
    ask = ask_of(call)
    whole = _response(call, ask, say(ask))
    del whole["metrics"]
    return whole


def _nova_chunks(call: Call) -> Iterator[Json]:
    yield from ({kind: fields} for kind, fields in converse_events({**_nova(call), "metrics": {}}))


def _count(call: Call) -> Answer:
    given = call.json.get("input") or {}
    return json_answer({"inputTokens": ask_of(call._replace(json=given.get("converse") or {})).input_tokens})


def _guardrail(call: Call) -> Answer:
    text = text_of([block.get("text") for block in call.json.get("content") or ()])
    stops = "secret" in text
    return json_answer(
        {
            "usage": {"topicPolicyUnits": 1},
            "action": "GUARDRAIL_INTERVENED" if stops else "NONE",
            "outputs": [{"text": "I cannot speak of that."}] if stops else [],
            "assessments": [_assessment(say(Ask("fault-filter" if stops else "", text, 1)))],
        }
    )


def _async_invoke(call: Call) -> Answer:
    return json_answer({"invocationArn": f"arn:aws:bedrock:us-east-1:123456789012:async-invoke/{call.id('')[:12]}"})


def _agent(call: Call) -> Answer:
    said = say(Ask("", str(call.json.get("inputText")), 1)).text
    pieces = (event("chunk", {"bytes": base64.b64encode(text.encode()).decode()}) for text in deltas(said))
    head = (("x-amz-bedrock-agent-session-id", "session"), ("x-amzn-bedrock-agent-content-type", "application/json"))
    return Answer(pieces=pieces, content_type=CONTENT_TYPE).under(*head)


def _retrieve(call: Call) -> Answer:
    query = (call.json.get("retrievalQuery") or {}).get("text")
    location = {"type": "S3", "s3Location": {"uri": "s3://documents/one.txt"}}
    found = {"content": {"type": "TEXT", "text": f"About “{query}”"}, "location": location, "score": 0.75}
    return json_answer({"retrievalResults": [found]})


Endpoint = Callable[[Call], Answer]

MODELS: dict[str, Endpoint] = {
    "converse": _converse,
    "converse-stream": _converse_stream,
    "invoke": _invoke,
    "invoke-with-response-stream": _invoke_stream,
    "count-tokens": _count,
}
OTHERS: dict[str, Endpoint] = {
    r"/guardrail/[^/]+/version/[^/]+/apply": _guardrail,
    r"/async-invoke": _async_invoke,
    r"/agents/[^/]+/agentAliases/[^/]+/sessions/[^/]+/text": _agent,
    r"/knowledgebases/[^/]+/retrieve": _retrieve,
}


def failure(call: Call, failure: Failure) -> Answer:
    name, text = BY_STATUS.get(failure.status) or ERRORS.get(failure.kind, ERRORS["server"])
    kind = ("x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/")
    return json_answer({"message": text}, failure.status).under(kind, ("x-amzn-requestid", call.id("")))


def error_event(_: Call) -> bytes:
    return exception("serviceUnavailableException", ERRORS["overloaded"][1])


MALFORMED = event("contentBlockStop", {"contentBlockIndex": 0})[:-1] + b"?"
"""A message whose checksum is wrong. One that is no JSON is an empty event for the SDK."""


def environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": url,
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


BEDROCK = WireFormat("bedrock", answer, failure, error_event, MALFORMED, owns, model_of, environment)
