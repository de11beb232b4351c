"""Ollama's wire format for the embedded provider: chat, generate and embeddings.

Answers are streamed by default. A stream consists of lines of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autotrace.testing.provider.script import Ask, Said, Tool, ToolCall, deltas, inputs, say, text_of, tokens, vector
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, dumps, json_answer, ndjson_answer

__all__ = ["OLLAMA"]

_CREATED_AT = "2026-01-01T00:00:00.000000Z"
_DONE = {"stop": "stop", "length": "length", "tool": "stop", "refusal": "stop", "filter": "stop"}
_ERRORS = {
    "rate_limit": "too many requests",
    "server": "llama runner process has terminated: exit status 2",
    "overloaded": "server busy, please try again. maximum pending requests exceeded",
    "context": "the input length exceeds the context length",
    "authentication": "unauthorized",
    "permission": "forbidden",
    "not_found": "404 page not found",
    "invalid": "invalid character 'n' looking for beginning of value",
}


def _answer(call: Call) -> Answer | None:
    endpoint = _ENDPOINTS.get((call.method, call.path))
    return endpoint(call) if endpoint else None


def _chat(call: Call) -> Answer:
    ask = _ask_of(call.json)
    said = say(ask)
    if call.json.get("stream", True):
        return ndjson_answer(_chat_lines(call, ask, said))
    return json_answer(_line(call, message=_message(call, said)) | _totals(ask, said))


def _generate(call: Call) -> Answer:
    prompt = str(call.json.get("prompt") or "")
    ask = _ask(call.json, prompt, tokens(prompt) + tokens(str(call.json.get("system") or "")))
    said = say(ask)
    context = {"context": [1, 2, 3]}
    if call.json.get("stream", True):
        return ndjson_answer(_generate_lines(call, ask, said, context))
    thought = {"thinking": said.thinking} if said.thinking else {}
    return json_answer(_line(call, response=said.text, **thought) | _totals(ask, said) | context)


def _ask_of(body: Json) -> Ask:
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    last = messages[-1] if messages else {}
    used = sum(4 + tokens(text_of(message.get("content"))) for message in messages)
    tools = tuple(
        Tool(str(tool["function"].get("name")), tool["function"].get("parameters"))
        for tool in body.get("tools") or ()
        if isinstance(tool, dict) and isinstance(tool.get("function"), dict)
    )
    ask = _ask(body, text_of(last.get("content")), used + (tokens(str(body.get("tools"))) if tools else 0))
    return ask._replace(tools=tools, from_tool=last.get("role") == "tool")


def _ask(body: Json, text: str, used: int) -> Ask:
    wanted: Any = body.get("format")
    schema = wanted if isinstance(wanted, dict) else {} if wanted == "json" else None
    limit = (body.get("options") or {}).get("num_predict")
    return Ask(str(body.get("model")), text, used, schema=schema, limit=limit, thinks=bool(body.get("think")))


def _line(call: Call, **fields: Any) -> Json:
    return {"model": call.model, "created_at": _CREATED_AT, **fields, "done": False}


def _message(call: Call, said: Said) -> Json:
    message: Json = {"role": "assistant", "content": said.text}
    if said.thinking:
        message["thinking"] = said.thinking
    if said.calls:
        message["tool_calls"] = [_tool_call(call, i, tool) for i, tool in enumerate(said.calls)]
    return message


def _tool_call(call: Call, index: int, tool: ToolCall) -> Json:
    return {"id": call.id("call_", index), "function": {"index": index, "name": tool.name, "arguments": tool.arguments}}


def _totals(ask: Ask, said: Said) -> Json:
    return {
        "done": True,
        "done_reason": _DONE[said.finish],
        "total_duration": 52_000_000,
        "load_duration": 10_000_000,
        "prompt_eval_count": ask.input_tokens,
        "prompt_eval_duration": 2_000_000,
        "eval_count": said.output_tokens,
        "eval_duration": 40_000_000,
    }


def _chat_lines(call: Call, ask: Ask, said: Said) -> Iterator[Json]:
    for text in deltas(said.thinking):
        yield _line(call, message={"role": "assistant", "content": "", "thinking": text})
    for text in deltas(said.text):
        yield _line(call, message={"role": "assistant", "content": text})
    for i, tool in enumerate(said.calls):
        # Ollama sends a tool call in one piece.
        yield _line(call, message={"role": "assistant", "content": "", "tool_calls": [_tool_call(call, i, tool)]})
    yield _line(call, message={"role": "assistant", "content": ""}) | _totals(ask, said)


def _generate_lines(call: Call, ask: Ask, said: Said, context: Json) -> Iterator[Json]:
    for text in deltas(said.thinking):
        yield _line(call, response="", thinking=text)
    for text in deltas(said.text):
        yield _line(call, response=text)
    yield _line(call, response="") | _totals(ask, said) | context


def _embed(call: Call) -> Answer:
    texts = inputs(call.json.get("input"))
    size = call.json.get("dimensions") or 768
    used = sum(map(tokens, texts))
    totals = {"total_duration": 14_000_000, "load_duration": 1_000_000, "prompt_eval_count": used}
    return json_answer({"model": call.model, "embeddings": [vector(text, size) for text in texts], **totals})


def _embeddings(call: Call) -> Answer:
    return json_answer({"embedding": vector(str(call.json.get("prompt") or ""), 768)})


def _version(_: Call) -> Answer:
    return json_answer({"version": "0.12.0"})


def _tags(_: Call) -> Answer:
    details = {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"]}
    details.update(parameter_size="3.2B", quantization_level="Q4_K_M")
    model = {"name": "llama3.2:latest", "model": "llama3.2:latest", "modified_at": _CREATED_AT, "size": 2_019_393_189}
    return json_answer({"models": [{**model, "digest": "a80c4f17acd5", "details": details}]})


_ENDPOINTS: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("POST", "/api/chat"): _chat,
    ("POST", "/api/generate"): _generate,
    ("POST", "/api/embed"): _embed,
    ("POST", "/api/embeddings"): _embeddings,
    ("GET", "/api/tags"): _tags,
    ("GET", "/api/version"): _version,
}


def _failure(_: Call, failure: Failure) -> Answer:
    wait = (("retry-after", "1"),) if failure.kind == "rate_limit" else ()
    return json_answer({"error": _ERRORS.get(failure.kind, _ERRORS["server"])}, failure.status).under(*wait)


def _error_event(_: Call) -> bytes:
    return dumps({"error": _ERRORS["server"]}) + b"\n"


_MALFORMED = b'{"model":"torn","message":{"role":"assis\n'


OLLAMA = WireFormat(
    "ollama",
    _answer,
    _failure,
    _error_event,
    _MALFORMED,
    owns=lambda call: call.path.startswith("/api/"),
    environment=lambda url: {"OLLAMA_HOST": url},
)
