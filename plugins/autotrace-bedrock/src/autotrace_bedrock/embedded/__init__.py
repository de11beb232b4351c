"""Amazon Bedrock's wire format for the embedded provider.

Converse, InvokeModel, guardrails and token counts, agents and knowledge bases, with binary event streams. The model is in the
path. A fault may follow a maker (``meta.fault-429``), because the bodies of InvokeModel differ by maker. Signatures are not
checked.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

from autotrace.testing.provider.script import Ask, deltas, say, text_of
from autotrace.testing.provider.wire import Answer, Call, Failure, WireFormat, dumps, json_answer
from autotrace_bedrock.embedded import converse, invoke
from autotrace_bedrock.embedded.event_stream import CONTENT_TYPE, event, exception

__all__ = ["BEDROCK"]

_ERRORS = {
    "rate_limit": ("ThrottlingException", "Too many requests, please wait before trying again."),
    "server": ("InternalServerException", "The system encountered an unexpected error during processing."),
    "overloaded": ("ServiceUnavailableException", "Bedrock is unable to process your request."),
    "context": ("ValidationException", "Input is too long for requested model."),
    "authentication": ("UnrecognizedClientException", "The security token included in the request is invalid."),
    "permission": ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "not_found": ("ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."),
    "invalid": ("ValidationException", "The provided model identifier is invalid."),
}
_BY_STATUS = {
    408: ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    424: ("ModelErrorException", "The system encountered an unexpected error during processing."),
    503: _ERRORS["overloaded"],
}


def _owns(call: Call) -> bool:
    return call.path.startswith(("/model/", "/guardrail/", "/async-invoke", "/agents/", "/knowledgebases/"))


def _answer(call: Call) -> Answer | None:
    match = converse.PATH.match(call.path)
    name = match["operation"] if match else next((name for name in _OTHERS if re.fullmatch(name, call.path)), "")
    endpoint = _MODELS.get(name) or _OTHERS.get(name)
    if endpoint is None or call.method != "POST":
        return None
    made = endpoint(call._replace(json={**call.json, "model": match["model"] if match else ""}))
    return made.under(("x-amzn-requestid", call.id("")))


def _converse(call: Call) -> Answer:
    return json_answer(converse.answer(call))


def _converse_stream(call: Call) -> Answer:
    pieces = (event(kind, fields) for kind, fields in converse.events(converse.answer(call)))
    return Answer(pieces=pieces, content_type=CONTENT_TYPE)


def _invoke(call: Call) -> Answer:
    made = invoke.body(call)
    counts = tuple((f"x-amzn-bedrock-{name}-token-count", str(count)) for name, count in made.counts.items())
    return json_answer(made.body).under(*counts, ("x-amzn-bedrock-invocation-latency", "52"))


def _invoke_stream(call: Call) -> Answer:
    def pieces() -> Iterator[bytes]:
        for chunk in invoke.chunks(call):
            yield event("chunk", {"bytes": base64.b64encode(dumps(chunk)).decode(), "p": "abcdefg"})

    return Answer(pieces=pieces(), content_type=CONTENT_TYPE).under(("x-amzn-bedrock-content-type", "application/json"))


def _count(call: Call) -> Answer:
    given = call.json.get("input") or {}
    return json_answer({"inputTokens": converse.ask_of(call._replace(json=given.get("converse") or {})).input_tokens})


def _guardrail(call: Call) -> Answer:
    text = text_of([block.get("text") for block in call.json.get("content") or ()])
    stops = "secret" in text
    return json_answer(
        {
            "usage": {"topicPolicyUnits": 1},
            "action": "GUARDRAIL_INTERVENED" if stops else "NONE",
            "outputs": [{"text": "I cannot speak of that."}] if stops else [],
            "assessments": [converse.assessment(say(Ask("fault-filter" if stops else "", text, 1)))],
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
    result = {"content": {"type": "TEXT", "text": f"About “{query}”"}, "location": location, "score": 0.75}
    return json_answer({"retrievalResults": [result]})


_Endpoint = Callable[[Call], Answer]

_MODELS: dict[str, _Endpoint] = {
    "converse": _converse,
    "converse-stream": _converse_stream,
    "invoke": _invoke,
    "invoke-with-response-stream": _invoke_stream,
    "count-tokens": _count,
}
_OTHERS: dict[str, _Endpoint] = {
    r"/guardrail/[^/]+/version/[^/]+/apply": _guardrail,
    r"/async-invoke": _async_invoke,
    r"/agents/[^/]+/agentAliases/[^/]+/sessions/[^/]+/text": _agent,
    r"/knowledgebases/[^/]+/retrieve": _retrieve,
}


def _failure(call: Call, failure: Failure) -> Answer:
    name, text = _BY_STATUS.get(failure.status) or _ERRORS.get(failure.kind, _ERRORS["server"])
    kind = ("x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/")
    return json_answer({"message": text}, failure.status).under(kind, ("x-amzn-requestid", call.id("")))


def _error_event(_: Call) -> bytes:
    return exception("serviceUnavailableException", _ERRORS["overloaded"][1])


_MALFORMED = event("contentBlockStop", {"contentBlockIndex": 0})[:-1] + b"?"
"""A message with a wrong checksum. (For the SDK, a message that is not JSON is an empty event.)"""


def _environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": url,
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


BEDROCK = WireFormat("bedrock", _answer, _failure, _error_event, _MALFORMED, _owns, converse.model_of, _environment)
