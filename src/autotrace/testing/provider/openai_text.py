"""OpenAI's smaller endpoints that take text: embeddings, legacy completions, moderations, models."""

from __future__ import annotations

import array
import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from autotrace.testing.provider.openai_chat import FINISH, SNAPSHOTS, served
from autotrace.testing.provider.script import Ask, deltas, say, tokens
from autotrace.testing.provider.wire import CREATED, Answer, Call, Json, json_answer, sse, sse_answer

__all__ = ["CATEGORIES", "DIMENSIONS", "completions", "embeddings", "inputs", "models", "moderations", "one_model", "vector"]

DIMENSIONS = {"text-embedding-3-large": 3072}
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def vector(text: str, dimensions: int) -> list[float]:
    """A text's place in space: made from its hash."""
    digest = hashlib.sha256(text.encode()).digest()
    return [(digest[i % 32] - 127.5) / 2040 for i in range(dimensions)]


def inputs(given: Any) -> list[str]:
    """One text, several, or tokens in place of texts."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given and isinstance(given[0], int):
        return [str(given)]
    return [one if isinstance(one, str) else str(one) for one in given or ()]


def embeddings(call: Call) -> Answer:
    texts = inputs(call.json.get("input"))
    size = call.json.get("dimensions") or DIMENSIONS.get(call.model, 1536)
    packed = call.json.get("encoding_format") == "base64"
    data = [{"object": "embedding", "index": i, "embedding": _encoded(vector(t, size), packed)} for i, t in enumerate(texts)]
    used = sum(map(tokens, texts))
    return json_answer(
        {"object": "list", "data": data, "model": call.model, "usage": {"prompt_tokens": used, "total_tokens": used}}
    )


def _encoded(values: list[float], packed: bool) -> str | list[float]:
    return base64.b64encode(array.array("f", values).tobytes()).decode() if packed else values


def completions(call: Call) -> Answer:
    prompts, limit = inputs(call.json.get("prompt")), call.json.get("max_tokens") or 16
    asks = [Ask(call.model, prompt, tokens(prompt), limit=limit) for prompt in prompts]
    said = [say(ask, i) for ask in asks for i in range(call.json.get("n") or 1)]
    texts = [(one.text, FINISH[one.finish]) for one in said]
    read, written = sum(ask.input_tokens for ask in asks), sum(one.output_tokens for one in said)
    used = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    envelope = {"id": call.id("cmpl-"), "object": "text_completion", "created": CREATED, "model": served(call.model)}
    if call.json.get("stream"):
        return sse_answer(_completion_events(call, envelope, texts, used))
    choices = [{"text": text, "index": i, "logprobs": None, "finish_reason": end} for i, (text, end) in enumerate(texts)]
    return json_answer({**envelope, "choices": choices, "usage": used})


def _completion_events(call: Call, envelope: Json, texts: list[tuple[str, str]], used: Json) -> Iterator[bytes]:
    for index, (text, finish) in enumerate(texts):
        pieces = list(deltas(text))
        for number, piece in enumerate(pieces, 1):
            last = finish if number == len(pieces) else None
            yield sse({**envelope, "choices": [{"text": piece, "index": index, "logprobs": None, "finish_reason": last}]})
    if (call.json.get("stream_options") or {}).get("include_usage"):
        yield sse({**envelope, "choices": [], "usage": used})
    yield b"data: [DONE]\n\n"


def moderations(call: Call) -> Answer:
    results = [_moderation("attack" in text) for text in inputs(call.json.get("input"))]
    model = str(call.json.get("model") or "omni-moderation-latest").replace("latest", "2024-09-26")
    return json_answer({"id": call.id("modr-"), "model": model, "results": results})


def _moderation(flagged: bool) -> Json:
    return {
        "flagged": flagged,
        "categories": {name: flagged and name == "violence" for name in CATEGORIES},
        "category_scores": {name: 0.98 if flagged and name == "violence" else 0.0001 for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}


def models(_: Call) -> Answer:
    return json_answer({"object": "list", "data": [_model(name) for name in (*SNAPSHOTS, "text-embedding-3-small")]})


def one_model(call: Call) -> Answer:
    return json_answer(_model(call.path.rsplit("/", 1)[1]))
