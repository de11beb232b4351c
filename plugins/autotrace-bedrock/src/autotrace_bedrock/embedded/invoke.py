"""Answers of Bedrock's InvokeModel, each in the format of the model's maker.

Claude, models of OpenAI and others with its format, Nova, Titan, Llama, Mistral, Command, Jurassic, and embeddings of Titan and
Cohere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from autotrace.testing.provider import anthropic, openai
from autotrace.testing.provider.script import Ask, Said, deltas, say, tokens, vector
from autotrace.testing.provider.wire import Call, Json
from autotrace_bedrock.embedded.converse import model_of, nova, nova_chunks

__all__ = ["Made", "body", "chunks"]

_METRICS = "amazon-bedrock-invocationMetrics"


class Made(NamedTuple):
    """An answer, and the token counts for its headers."""

    body: Json
    counts: dict[str, int]


def body(call: Call) -> Made:
    """The answer to a body in any of the formats."""
    if "embed" in call.model:
        return _embeddings(call)
    if _is_nova(call):
        whole = nova(call)
        return Made(whole, _counts(whole["usage"]["inputTokens"], whole["usage"]["outputTokens"]))
    if "messages" in call.json:
        whole = _as_mistral(call, json.loads(_delegated(call, stream=False).body))
        usage = whole["usage"]
        given, made = usage.get("input_tokens", usage.get("prompt_tokens")), usage.get("output_tokens")
        return Made(whole, _counts(given, usage.get("completion_tokens") if made is None else made))
    ask = _ask(call)
    said = say(ask)
    return Made(_maker(call)(ask, said), _counts(ask.input_tokens, said.output_tokens))


def chunks(call: Call) -> Iterator[Json]:
    """The same answer as a stream of chunks. The last chunk has Bedrock's own token counts."""
    if _is_nova(call):
        yield from _measured(nova_chunks(call))
    elif "messages" in call.json:
        yield from _measured(_as_mistral(call, chunk) for chunk in _events(_delegated(call, stream=True).pieces))
    else:
        ask = _ask(call)
        yield from _measured(_text_chunks(call, ask, say(ask)))


def _is_nova(call: Call) -> bool:
    return "inferenceConfig" in call.json or call.model.rpartition("amazon.")[2].startswith("nova")


def _counts(given: Any, made: Any) -> dict[str, int]:
    return {"input": int(given or 0), "output": int(made or 0)}


def _delegated(call: Call, stream: bool) -> Any:
    """The answer of the provider whose format the body has."""
    claude = "anthropic_version" in call.json
    fields = {**call.json, "model": model_of(call), "stream": stream}
    path, provider = ("/v1/messages", anthropic) if claude else ("/v1/chat/completions", openai)
    return provider.answer(call._replace(path=path, json=fields))


def _as_mistral(call: Call, body: Json) -> Json:
    """`body` with Mistral's name for the finish reason; otherwise Mistral's models speak OpenAI's format here."""
    for choice in body.get("choices", ()) if "mistral." in call.model else ():
        choice["stop_reason"] = choice.pop("finish_reason", None)
    return body


def _events(pieces: Any) -> Iterator[Json]:
    """The JSON in server-sent events."""
    for piece in pieces:
        for line in piece.decode().splitlines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])


def _measured(made: Iterator[Json]) -> Iterator[Json]:
    """The chunks, the last one with Bedrock's own token counts."""
    last: Json | None = None
    for chunk in made:
        if last is not None:
            yield last
        last = chunk
    if last is not None:
        yield {**last, _METRICS: {"inputTokenCount": 7, "outputTokenCount": 5, "invocationLatency": 52, "firstByteLatency": 9}}


def _ask(call: Call) -> Ask:
    asked = call.json
    config = asked.get("textGenerationConfig") or {}
    limits = (asked.get("max_gen_len"), asked.get("max_tokens"), asked.get("maxTokens"), config.get("maxTokenCount"))
    text = str(asked.get("prompt") or asked.get("inputText") or asked.get("message") or "")
    return Ask(model_of(call), text, tokens(text), limit=next((limit for limit in limits if limit), None))


def _titan(ask: Ask, said: Said) -> Json:
    reason = {"length": "LENGTH", "filter": "CONTENT_FILTERED"}.get(said.finish, "FINISH")
    result = {"tokenCount": said.output_tokens, "outputText": said.text, "completionReason": reason}
    return {"inputTextTokenCount": ask.input_tokens, "results": [result]}


def _llama(ask: Ask, said: Said) -> Json:
    counts = {"prompt_token_count": ask.input_tokens, "generation_token_count": said.output_tokens}
    return {"generation": said.text, **counts, "stop_reason": _short(said)}


def _mistral(_: Ask, said: Said) -> Json:
    return {"outputs": [{"text": said.text, "stop_reason": _short(said)}]}


def _command(ask: Ask, said: Said) -> Json:
    reason = {"length": "MAX_TOKENS"}.get(said.finish, "COMPLETE")
    return {"id": "c0", "generations": [{"id": "g0", "text": said.text, "finish_reason": reason}], "prompt": ask.text}


def _command_r(_: Ask, said: Said) -> Json:
    return {"response_id": "r0", "generation_id": "g0", "text": said.text, "finish_reason": "COMPLETE", "tool_calls": []}


def _jurassic(ask: Ask, said: Said) -> Json:
    completion = {"data": {"text": said.text, "tokens": []}, "finishReason": {"reason": "endoftext"}}
    return {"id": 1234, "prompt": {"text": ask.text, "tokens": []}, "completions": [completion]}


def _short(said: Said) -> str:
    return "length" if said.finish == "length" else "stop"


_MAKERS: dict[str, Callable[[Ask, Said], Json]] = {
    "meta.": _llama,
    "mistral.": _mistral,
    "cohere.command-r": _command_r,
    "cohere.": _command,
    "ai21.": _jurassic,
}


def _maker(call: Call) -> Callable[[Ask, Said], Json]:
    if "inputText" in call.json:
        return _titan
    return next((made for start, made in _MAKERS.items() if start in call.model), _llama)


def _text_chunks(call: Call, ask: Ask, said: Said) -> Iterator[Json]:
    """The text in several chunks, and a last chunk with the other fields."""
    whole = _maker(call)(ask, said)
    if "results" in whole:
        counted = {"inputTextTokenCount": ask.input_tokens, "totalOutputTextTokenCount": said.output_tokens}
        yield from ({"outputText": text, "index": 0} for text in deltas(said.text))
        yield {"outputText": "", "index": 0, **counted, "completionReason": whole["results"][0]["completionReason"]}
    elif "outputs" in whole:
        yield from ({"outputs": [{"text": text, "stop_reason": None}]} for text in deltas(said.text))
        yield {"outputs": [{"text": "", "stop_reason": _short(said)}]}
    elif "generations" in whole:
        yield from ({"text": text, "is_finished": False, "index": 0} for text in deltas(said.text))
        yield {"is_finished": True, "finish_reason": whole["generations"][0]["finish_reason"], "index": 0}
    elif "response_id" in whole:
        yield from ({"event_type": "text-generation", "text": text, "is_finished": False} for text in deltas(said.text))
        yield {"event_type": "stream-end", "is_finished": True, "finish_reason": "COMPLETE", "response": whole}
    else:
        for at, text in enumerate(deltas(said.text)):
            counts = {"prompt_token_count": None if at else ask.input_tokens, "generation_token_count": at}
            yield {"generation": text, **counts, "stop_reason": None}
        yield {**_llama(ask, said), "generation": "", "prompt_token_count": None}


def _embeddings(call: Call) -> Made:
    texts = call.json.get("texts")
    size = int(call.json.get("dimensions") or 8)
    if texts:
        vectors = [vector(text, size) for text in texts]
        return Made({"id": "e0", "texts": texts, "embeddings": vectors}, _counts(sum(map(tokens, texts)), 0))
    text = str(call.json.get("inputText") or "")
    return Made({"embedding": vector(text, size), "inputTextTokenCount": tokens(text)}, _counts(tokens(text), 0))
