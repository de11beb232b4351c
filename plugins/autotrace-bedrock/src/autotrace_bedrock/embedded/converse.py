"""Answers to Converse, whole and as events, and to the bodies of Amazon Nova, which have the same shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from autotrace.testing.provider.faults import PREFIX
from autotrace.testing.provider.script import Ask, Said, Tool, cached, deltas, say, text_of, tokens
from autotrace.testing.provider.wire import Call, Json

__all__ = ["PATH", "STOP", "answer", "ask_of", "assessment", "events", "model_of", "nova", "nova_chunks"]

STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool": "tool_use",
    "refusal": "end_turn",
    "filter": "guardrail_intervened",
}

PATH = re.compile(r"/model/(?P<model>.+)/(?P<operation>[a-z-]+)$")


def model_of(call: Call) -> str:
    """The model in the path, or the fault if there is one (``fault-429`` of ``meta.fault-429``)."""
    match = PATH.match(call.path)
    model = match["model"] if match else ""
    last = model.rpartition(".")[2]
    return last if last.startswith(PREFIX) else model


def answer(call: Call) -> Json:
    """The response of Converse to `call`."""
    ask = ask_of(call)
    return _response(call, ask, say(ask))


def ask_of(call: Call) -> Ask:
    """The request in a body of Converse, for the script of the answer."""
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
        whole["trace"] = {"guardrail": {"modelOutput": [said.text], "inputAssessment": {guardrail: assessment(said)}}}
    return whole


def assessment(said: Said) -> Json:
    """A guardrail's assessment of the answer."""
    action = "BLOCKED" if said.finish == "filter" else "NONE"
    return {"topicPolicy": {"topics": [{"name": "secrets", "type": "DENY", "action": action, "detected": action != "NONE"}]}}


def _blocks(call: Call, said: Said) -> Iterator[Json]:
    if said.thinking:
        yield {"reasoningContent": {"reasoningText": {"text": said.thinking, "signature": call.id("sig")}}}
    if said.text:
        yield {"text": said.text}
    for i, tool in enumerate(said.calls):
        yield {"toolUse": {"toolUseId": call.id("tooluse_", i), "name": tool.name, "input": tool.arguments}}


def events(whole: Json) -> Iterator[tuple[str, Json]]:
    """The events of a response, as pairs of type and fields. Each has letters that pad it, to hide its length."""
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


def nova(call: Call) -> Json:
    """The answer of InvokeModel to a body of Nova."""
    whole = answer(call)
    del whole["metrics"]
    return whole


def nova_chunks(call: Call) -> Iterator[Json]:
    """The same answer as a stream of chunks."""
    yield from ({kind: fields} for kind, fields in events({**nova(call), "metrics": {}}))
