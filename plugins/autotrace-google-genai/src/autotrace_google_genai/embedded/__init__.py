"""The Gemini API's wire format for the embedded provider, of Google AI and of Vertex AI.

Contents, streams of responses, embeddings, token counts, errors. The model is part of the path. Like the API, it accepts a body
in ``camelCase`` and in ``snake_case``. If the model refuses a prompt, the prompt is blocked, and the answer has no candidate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from autotrace.testing.provider.script import Ask, Said, Tool, cached, deltas, say, text_of, tokens, vector
from autotrace.testing.provider.wire import Answer, Call, Failure, Json, WireFormat, json_answer, sse, sse_answer
from autotrace_google_genai.embedded import interactions

__all__ = ["GEMINI"]

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP", "refusal": "STOP", "filter": "SAFETY"}
_ERRORS = {
    "rate_limit": ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    "server": ("INTERNAL", "An internal error has occurred. Please retry."),
    "overloaded": ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    "context": (
        "INVALID_ARGUMENT",
        "The input token count (1200042) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "authentication": ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "permission": ("PERMISSION_DENIED", "The caller does not have permission"),
    "not_found": ("NOT_FOUND", "models/none is not found for API version v1beta, or is not supported for this method."),
    "invalid": ("INVALID_ARGUMENT", "Invalid JSON payload received."),
}
_INTERACTION_PATHS = ("/interactions", "/decisions")
_MODEL = re.compile(r"/(?:models|tunedModels)/([^/:]+):(\w+)$")


def _model_of(call: Call) -> str:
    match = _MODEL.search(call.path)
    return match[1] if match else call.model


def _owns(call: Call) -> bool:
    return _MODEL.search(call.path) is not None or call.path.endswith(_INTERACTION_PATHS)


def _answer(call: Call) -> Answer | None:
    if call.method != "POST":
        return None
    if call.path.endswith(_INTERACTION_PATHS):
        return interactions.answer(call)
    match = _MODEL.search(call.path)
    endpoint = _ENDPOINTS.get(match[2]) if match else None
    return endpoint(call) if endpoint else None


def _field(body: Any, name: str) -> Any:
    """The field `name`, in ``camelCase`` or in ``snake_case``."""
    fields = body if isinstance(body, dict) else {}
    snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)
    return fields.get(name, fields.get(snake))


def _ask_of(call: Call) -> Ask:
    body = call.json
    contents = body.get("contents") or [body.get("content")]
    contents = contents if isinstance(contents, list) else [contents]
    parts = _parts(contents[-1])
    results = [_field(part, "functionResponse") for part in parts if _field(part, "functionResponse")]
    texts = [text_of(_parts(content)) for content in (_field(body, "systemInstruction"), *contents)]
    config = _field(body, "generationConfig") or {}
    tools = body.get("tools") or ()
    schema = _field(config, "responseSchema") or _field(config, "responseJsonSchema")
    return Ask(
        model=_model_of(call),
        text=" ".join(str(next(iter(one.get("response", {}).values()), "")) for one in results) or text_of(parts),
        input_tokens=sum(4 + tokens(text) for text in texts if text) + (tokens(str(tools)) if tools else 0),
        from_tool=bool(results),
        tools=_tools(tools) if _mode(body) != "NONE" else (),
        schema=_lowered(schema) if schema else {} if _field(config, "responseMimeType") == "application/json" else None,
        limit=_field(config, "maxOutputTokens"),
        thinks=bool(_field(_field(config, "thinkingConfig"), "includeThoughts")),
    )


def _parts(content: Any) -> list[Any]:
    items = content.get("parts") if isinstance(content, dict) else content
    return [
        one if isinstance(one, dict) else {"text": str(one)} for one in (items if isinstance(items, list) else [items]) if one
    ]


def _mode(body: Json) -> Any:
    return _field(_field(_field(body, "toolConfig"), "functionCallingConfig"), "mode")


def _tools(tools: Any) -> tuple[Tool, ...]:
    declared = [one for tool in tools for one in _field(tool, "functionDeclarations") or ()]
    return tuple(
        Tool(str(one.get("name")), _lowered(one.get("parameters") or _field(one, "parametersJsonSchema"))) for one in declared
    )


def _lowered(schema: Any) -> Any:
    """A schema with its types in lower case, as in JSON Schema: Gemini's are in upper case."""
    if isinstance(schema, dict):
        types = {"type": schema["type"].lower()} if isinstance(schema.get("type"), str) else {}
        return {**{key: _lowered(value) for key, value in schema.items()}, **types}
    return [_lowered(one) for one in schema] if isinstance(schema, list) else schema


def _count(call: Call) -> int:
    return int(_field(_field(call.json, "generationConfig"), "candidateCount") or 1)


def _usage(ask: Ask, said: list[Said]) -> Json:
    spoken = sum(one.output_tokens - one.thinking_tokens for one in said)
    thoughts = sum(one.thinking_tokens for one in said)
    return {
        "promptTokenCount": ask.input_tokens,
        "candidatesTokenCount": spoken,
        "totalTokenCount": ask.input_tokens + spoken + thoughts,
        "cachedContentTokenCount": cached(ask.input_tokens),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": ask.input_tokens}],
        **({"thoughtsTokenCount": thoughts} if thoughts else {}),
    }


def _blocked(call: Call, ask: Ask) -> Json:
    usage = {"promptTokenCount": ask.input_tokens, "totalTokenCount": ask.input_tokens}
    return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage, **_envelope(call)}


def _envelope(call: Call) -> Json:
    return {"modelVersion": _model_of(call), "responseId": call.id("")}


def _generate(call: Call) -> Answer:
    ask = _ask_of(call)
    said = [say(ask, i) for i in range(_count(call))]
    if said[0].finish == "refusal":
        return json_answer(_blocked(call, ask))
    candidates = [
        {"content": {"role": "model", "parts": _answer_parts(call, one)}, "finishReason": _FINISH[one.finish], "index": i}
        for i, one in enumerate(said)
    ]
    return json_answer({"candidates": candidates, "usageMetadata": _usage(ask, said), **_envelope(call)})


def _answer_parts(call: Call, said: Said) -> list[Json]:
    thought = [{"text": said.thinking, "thought": True}] if said.thinking else []
    text = [{"text": said.text}] if said.text else []
    return [*thought, *text, *_calls(call, said)]


def _calls(call: Call, said: Said) -> list[Json]:
    made = [{"id": call.id("call_", i), "name": one.name, "args": one.arguments} for i, one in enumerate(said.calls)]
    return [{"functionCall": one, "thoughtSignature": "c2lnbmF0dXJl"} for one in made]


def _stream(call: Call) -> Answer:
    ask = _ask_of(call)
    said = [say(ask, i) for i in range(_count(call))]
    return sse_answer([sse(_blocked(call, ask))] if said[0].finish == "refusal" else _chunks(call, ask, said))


def _chunks(call: Call, ask: Ask, said: list[Said]) -> Iterator[bytes]:
    begun = {"promptTokenCount": ask.input_tokens, "totalTokenCount": ask.input_tokens}
    for index, one in enumerate(said):
        pieces = [{"text": text, "thought": True} for text in deltas(one.thinking)]
        pieces += [{"text": text} for text in deltas(one.text)]
        for part in [*pieces, *_calls(call, one)]:
            candidate = {"content": {"role": "model", "parts": [part]}, "index": index}
            yield sse({"candidates": [candidate], "usageMetadata": begun, **_envelope(call)})
        last = index == len(said) - 1
        ended = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": _FINISH[one.finish], "index": index}
        usage = _usage(ask, said) if last else begun
        yield sse({"candidates": [ended], "usageMetadata": usage, **_envelope(call)})


def _embed(call: Call) -> Answer:
    asked = call.json.get("requests") or [call.json]
    made = [{"values": vector(text_of(_parts(one.get("content"))), _size(one))} for one in asked]
    return json_answer({"embeddings": made} if "requests" in call.json else {"embedding": made[0]})


def _size(asked: Json) -> int:
    return int(_field(asked, "outputDimensionality") or 768)


def _predict(call: Call) -> Answer:
    """Answers of models older than Gemini: embeddings of texts, or images."""
    made: list[Json] = []
    for one in call.json.get("instances") or ():
        if "content" in one:
            text, size = str(one["content"]), _size(call.json.get("parameters") or {})
            made.append({"embeddings": {"values": vector(text, size), "statistics": {"token_count": tokens(text)}}})
        else:
            made.append({"mimeType": "image/png", "bytesBase64Encoded": "iVBORw0KGgo="})
    return json_answer({"predictions": made})


def _count_tokens(call: Call) -> Answer:
    return json_answer({"totalTokens": _ask_of(call).input_tokens})


def _video(call: Call) -> Answer:
    return json_answer({"name": f"models/{_model_of(call)}/operations/{call.id('')}"})


def _batch(call: Call) -> Answer:
    return json_answer({"name": f"batches/{call.id('')}", "metadata": {"state": "BATCH_STATE_PENDING"}})


_ENDPOINTS: dict[str, Callable[[Call], Answer]] = {
    "generateContent": _generate,
    "streamGenerateContent": _stream,
    "embedContent": _embed,
    "batchEmbedContents": _embed,
    "batchGenerateContent": _batch,
    "countTokens": _count_tokens,
    "predict": _predict,
    "predictLongRunning": _video,
}


def _error(failure: Failure) -> Json:
    status, message = _ERRORS.get(failure.kind, _ERRORS["server"])
    return {"error": {"code": failure.status, "message": message, "status": status}}


def _failure(call: Call, failure: Failure) -> Answer:
    wait = (("retry-after", "1"),) if failure.kind == "rate_limit" else ()
    body = interactions.error(failure) if call.path.endswith(_INTERACTION_PATHS) else _error(failure)
    return json_answer(body, failure.status).under(*wait)


def _error_event(call: Call) -> bytes:
    failure = Failure(503, "overloaded")
    if call.path.endswith(_INTERACTION_PATHS):
        return sse({"event_type": "error", **interactions.error(failure)}, "error")
    return sse(_error(failure))


_MALFORMED = b'data: {"candidates":[{"content":{"par\n\n'


def _environment(url: str) -> dict[str, str]:
    return {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "embedded"}


GEMINI = WireFormat("gemini", _answer, _failure, _error_event, _MALFORMED, _owns, _model_of, _environment)
