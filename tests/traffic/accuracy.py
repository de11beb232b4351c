"""What a record must say of one recorded exchange, field by field, read from the request and the answer's own bytes.

Written apart from the dialects: two readings of the same bytes have to agree. What was said in messages is taken from
`truth.py` in the folder of the recordings, which reads the bytes as well.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any, NamedTuple

Attributes = dict[str, Any]
ABSENT: Any = None


class Verdict(NamedTuple):
    """One field of one call: what is true, what the record says."""

    field: str
    want: Any
    got: Any

    def kind(self) -> str:
        if self.want is ABSENT:
            return "none" if self.got is ABSENT else "spurious"
        return "missing" if self.got is ABSENT else "right" if self.got == self.want else "wrong"


class Table:
    """Counts of verdicts by field and kind of call."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.by_call: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.differences: list[str] = []

    def add(self, call: str, id: str, verdict: Verdict) -> None:
        kind = verdict.kind()
        self.counts[verdict.field][kind] += 1
        self.by_call[verdict.field, call][kind] += 1
        if kind not in ("right", "none"):
            self.differences.append(f"{kind} {verdict.field} of {id} ({call}): {verdict.want!r:.300} / {verdict.got!r:.300}")

    def lines(self) -> list[str]:
        """The table: precision and recall of each field, and how often it was there and right in each kind of call."""
        calls = sorted({call for _, call in self.by_call})
        found = [f"{'field':28} {'true':>5} {'precision':>10} {'recall':>7}   " + " ".join(f"{call:>13}" for call in calls)]
        for field, counts in self.counts.items():
            right, said = counts["right"], counts["right"] + counts["wrong"] + counts["spurious"]
            true = right + counts["wrong"] + counts["missing"]
            parts = []
            for call in calls:
                held = self.by_call[field, call]
                there = held["right"] + held["wrong"] + held["missing"] + held["spurious"]
                parts.append(f"{held['right']}/{there}" if there else ".")
            figures = f"{_share(right, said):>10} {_share(right, true):>7}"
            found.append(f"{field:28} {true:>5} {figures}   " + " ".join(f"{part:>13}" for part in parts))
        return found


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def verdicts(record: dict[str, Any], body: Any, truth: dict[str, Any], found: Attributes) -> list[Verdict]:
    """Every field of a call that came back. `body` is the answer: an object, or the list of a stream's events."""
    request = record["request_body"]
    api = record["endpoint"]
    usage = _usage(body)
    return [
        *(Verdict(field, want, found.get(attribute)) for field, (attribute, want) in _asked(request, api).items()),
        *(Verdict(field, want, found.get(attribute)) for field, (attribute, want) in _counts(usage, api).items()),
        *(() if api in OLLAMA else [Verdict("usage raw", _known(usage), _known(found.get("autotrace.usage.raw")))]),
        Verdict("usage missing", None if usage else True, found.get("autotrace.usage.missing")),
        Verdict("response status", _last(body, "status"), found.get("gen_ai.response.status")),
        Verdict("service tier", _last(body, "service_tier"), found.get("openai.response.service_tier")),
        Verdict("system fingerprint", _last(body, "system_fingerprint"), found.get("openai.response.system_fingerprint")),
        *_messages(record, truth, found),
    ]


def _known(usage: Any) -> Any:
    """Without nulls: an SDK's object may hold one for a field that did not come."""
    return {key: value for key, value in usage.items() if value is not None} or None if usage else None


OLLAMA = ("chat", "generate")


def _asked(request: dict[str, Any], api: str) -> dict[str, tuple[str, Any]]:
    held = request.get("options") or {} if api in OLLAMA else request
    limit = next((held[key] for key in LIMITS if held.get(key) is not None), None)
    stop = held.get("stop", held.get("stop_sequences"))
    effort = (request.get("reasoning") or {}).get("effort") or request.get("reasoning_effort")
    effort = effort or (request.get("output_config") or {}).get("effort")
    embeds = api == "embeddings"
    form = request.get("response_format") or (request.get("text") or {}).get("format") or request.get("format") or {}
    form = form or request.get("output_format") or (request.get("output_config") or {}).get("format") or {}
    kind = {"json_object": "json", "json_schema": "json", "text": "text"}.get(form.get("type", "json_schema")) if form else None
    return {
        "temperature": ("gen_ai.request.temperature", None if embeds else held.get("temperature")),
        "top_p": ("gen_ai.request.top_p", held.get("top_p")),
        "max_tokens": ("gen_ai.request.max_tokens", limit),
        "frequency_penalty": ("gen_ai.request.frequency_penalty", held.get("frequency_penalty")),
        "presence_penalty": ("gen_ai.request.presence_penalty", held.get("presence_penalty")),
        "seed": ("gen_ai.request.seed", held.get("seed")),
        "stop_sequences": ("gen_ai.request.stop_sequences", [stop] if isinstance(stop, str) else stop),
        "choice.count": ("gen_ai.request.choice.count", None if request.get("n") == 1 else request.get("n")),
        "reasoning.level": ("gen_ai.request.reasoning.level", effort),
        "previous_response.id": ("gen_ai.request.previous_response.id", request.get("previous_response_id")),
        "output.type": ("gen_ai.output.type", kind),
    }


LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "max_tokens_to_sample", "num_predict")


def _events(body: Any) -> list[dict[str, Any]]:
    return [event for event in body if isinstance(event, dict)] if isinstance(body, list) else [body]


def _holders(body: Any) -> list[dict[str, Any]]:
    """What may hold a response's own fields, in order: events, and the messages and responses inside them."""
    held = []
    for event in _events(body):
        held += [inner for key in ("message", "response", "x_groq") if isinstance(inner := event.get(key), dict)]
        held.append(event)
    return held


def _last(body: Any, field: str) -> Any:
    if field == "status" and not any("object" in held and held["object"] == "response" for held in _holders(body)):
        return None
    found = [held[field] for held in _holders(body) if isinstance(held.get(field), str)]
    return found[-1] if found else None


def _usage(body: Any) -> dict[str, Any]:
    """The usage that counts: what later events say wins, field by field where a message began with some (Anthropic)."""
    merged: dict[str, Any] = {}
    for held in _holders(body):
        usage = held.get("usage")
        if isinstance(usage, dict):
            began = held.get("type") == "message_delta"
            merged = {**merged, **{key: value for key, value in usage.items() if value is not None}} if began else usage
        elif held.get("eval_count") is not None or held.get("prompt_eval_count") is not None:
            merged = held
    return merged


def _counts(usage: dict[str, Any], api: str) -> dict[str, tuple[str, Any]]:
    def at(*path: str) -> Any:
        held: Any = usage
        for step in path:
            held = held.get(step) if isinstance(held, dict) else None
        return held

    given = "prompt_tokens_details" if at("prompt_tokens_details") else "input_tokens_details"
    made = "completion_tokens_details" if at("completion_tokens_details") else "output_tokens_details"
    first = [at(key) for key in ("prompt_tokens", "input_tokens", "prompt_eval_count") if at(key) is not None]
    second = [at(key) for key in ("completion_tokens", "output_tokens", "eval_count") if at(key) is not None]
    read = [
        value
        for value in (
            at(given, "cached_tokens"),
            at("prompt_cache_hit_tokens"),
            at("cached_tokens"),
            at("cache_read_input_tokens"),
        )
        if value is not None
    ]
    written = at("cache_creation_input_tokens") if api == "messages" else at(given, "cache_write_tokens")
    total = first[0] if first else None
    if api == "messages" and total is not None:
        total += (at("cache_read_input_tokens") or 0) + (written or 0)
    embeds = api == "embeddings"
    return {
        "input_tokens": ("gen_ai.usage.input_tokens", total),
        "output_tokens": ("gen_ai.usage.output_tokens", None if embeds else second[0] if second else None),
        "cache_read": ("gen_ai.usage.cache_read.input_tokens", read[0] if read else None),
        "cache_write": ("gen_ai.usage.cache_write.input_tokens", written),
        "cache_write, old name": ("gen_ai.usage.cache_creation.input_tokens", written),
        "cache_write_5m": ("autotrace.usage.cache_write_5m.input_tokens", at("cache_creation", "ephemeral_5m_input_tokens")),
        "cache_write_1h": ("autotrace.usage.cache_write_1h.input_tokens", at("cache_creation", "ephemeral_1h_input_tokens")),
        "reasoning tokens": (
            "gen_ai.usage.reasoning.output_tokens",
            at(made, "reasoning_tokens") if at(made, "thinking_tokens") is None else at(made, "thinking_tokens"),
        ),
        "audio input": ("gen_ai.usage.audio.input_tokens", at(given, "audio_tokens")),
        "audio output": ("gen_ai.usage.audio.output_tokens", at(made, "audio_tokens")),
        "accepted prediction": ("autotrace.usage.accepted_prediction.output_tokens", at(made, "accepted_prediction_tokens")),
        "rejected prediction": ("autotrace.usage.rejected_prediction.output_tokens", at(made, "rejected_prediction_tokens")),
    }


def _messages(record: dict[str, Any], truth: dict[str, Any], found: Attributes) -> list[Verdict]:
    asked, answered = found.get("gen_ai.input.messages") or [], found.get("gen_ai.output.messages") or []
    parts = [part for message in answered for part in message["parts"]]
    calls = [part for part in parts if part["type"] == "tool_call"]
    thought = "".join(part["content"] for part in parts if part["type"] == "reasoning") or None
    texts = [
        "".join(part["content"] for part in message["parts"] if part["type"] in ("text", "refusal")) for message in answered
    ]
    tools = [tool["name"] for tool in found.get("gen_ai.tool.definitions") or [] if "name" in tool]
    want = [(call["id"], call["name"], call["arguments"]) for call in truth["tool_calls"]]
    asked_texts = {
        text for message in [*asked, {"parts": found.get("gen_ai.system_instructions") or []}] for text in _texts(message)
    }
    prompts = truth["input_texts"] + truth["system_texts"]
    chat = record["endpoint"] in ("chat.completions", "responses", "messages", "chat")
    return [
        Verdict("input messages", truth["n_messages"] if chat else None, len(asked) if chat else None),
        Verdict("prompt texts", prompts or None, [text for text in prompts if text in asked_texts] or None),
        Verdict("tools offered", truth["tools"] or None, tools or None),
        Verdict("output texts", truth["output_texts"] or None, texts or None),
        Verdict("reasoning text", truth["reasoning_text"], thought),
        Verdict("tool calls", want or None, [(c.get("id"), c["name"], c.get("arguments")) for c in calls] or None),
        Verdict("server tools", _server_tools(truth), _names(parts) or None),
        Verdict("binary content", None, _binary(found) or None),
    ]


def _server_tools(truth: dict[str, Any]) -> Any:
    return [name.removesuffix("_call") for name in truth.get("builtin_calls", ())] or None


def _names(parts: list[dict[str, Any]]) -> list[str]:
    return [part["name"] for part in parts if part["type"] == "server_tool_call"]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for inner in held for text in _texts(inner)]


def _binary(found: Attributes) -> list[str]:
    """Content that should have become a hash: data URLs."""
    return [text[:40] for text in _texts(found) if text.startswith("data:") and ";base64," in text]


def body_of(text: str) -> Any:
    """An answer's JSON, or the list of its events."""
    if text.lstrip().startswith(("data:", "event:", ":", "id:")):
        events = text.replace("\r\n", "\n").split("\n\n")
        data = ["\n".join(line[5:].strip() for line in event.split("\n") if line.startswith("data:")) for event in events]
        return [json.loads(one) for one in data if one and one != "[DONE]"]
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
