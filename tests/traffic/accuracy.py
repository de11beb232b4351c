"""What a record must say of one recorded exchange, field by field, read from the request and the answer's own bytes.

Written apart from the dialects: two readings of the same bytes have to agree. A `Reading` is what differs from one SDK to the
next; each module `…_wire.py` has one, and a new SDK is one more of them. What was said in messages, the model, the id and
the reasons are taken from `truth.py` in the folder of the recordings, which reads the bytes of every provider.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Attributes = dict[str, Any]
Fields = Mapping[str, tuple[str, Any]]
"""By the field's name in the table: the attribute of the record that holds it, and the value that is true (`None`: none)."""
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


def body_of(record: dict[str, Any]) -> Any:
    """An answer's JSON, or the list of a stream's events (server-sent events, or an object a line)."""
    text: str = record["response_body"]
    if text.lstrip().startswith(("data:", "event:", ":", "id:")):
        pieces = text.replace("\r\n", "\n").split("\n\n")
        data = ["\n".join(line[5:].strip() for line in piece.split("\n") if line.startswith("data:")) for piece in pieces]
        return [json.loads(one) for one in data if one and one != "[DONE]"]
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


class Reading(NamedTuple):
    """One SDK of the recordings, and what its requests and answers say."""

    module: str
    """Without it (`importlib.util.find_spec`) this SDK is skipped."""
    clients: tuple[str, ...]
    """What the recordings call it: their field ``sdk``."""
    modes: tuple[str, ...]
    """Those of ``drive.py`` (sync, async, raw, helper) that there are for it."""
    asked: Callable[[dict[str, Any]], Fields]
    """Exchange -> the request's parameters."""
    usage: Callable[[Any], dict[str, Any]]
    """Body -> usage as the provider counts it; empty where the answer has none."""
    counted: Callable[[dict[str, Any], dict[str, Any]], Fields]
    """Usage and exchange -> tokens as the record counts them."""
    said: Callable[[Any, dict[str, Any]], Fields]
    """Body and exchange -> what else only this format says."""
    unreachable: Mapping[str, str] = {}
    """Endpoints that today's SDK cannot call, and why."""
    read: Callable[[Any, dict[str, Any]], dict[str, Any]] = lambda body, record: {}
    """Body and exchange -> what ``truth.py`` says nothing of for this format, by its names there (``reasoning_text``)."""
    counts_otherwise: frozenset[str] = frozenset()
    """Fields of which ``compare.py`` has another meaning than the conventions; the others of a `Reading` say what they have to
    be. It expects the provider of the recording, but what is replayed on loopback is from a host that nobody knows."""
    body: Callable[[dict[str, Any]], Any] = body_of
    """Exchange -> the answer: an object, or the list of a stream's events."""


def answered(reading: Reading, record: dict[str, Any], truth: dict[str, Any], found: Attributes) -> list[Verdict]:
    """Every field of a call that came back."""
    body = reading.body(record)
    truth = {**truth, **reading.read(body, record)}
    usage = reading.usage(body)
    fields = {**reading.asked(record), **_named(truth), **reading.counted(usage, record), **reading.said(body, record)}
    return [
        *(Verdict(field, want, found.get(attribute)) for field, (attribute, want) in fields.items()),
        Verdict("usage raw", known(usage), known(found.get("autotrace.usage.raw"))),
        Verdict("usage missing", None if known(usage) else True, found.get("autotrace.usage.missing")),
        *_messages(record, truth, found),
    ]


def failed(record: dict[str, Any], call: dict[str, Any], truth: dict[str, Any], found: Attributes) -> list[Verdict]:
    """Every field of a call that the provider refused; `call` is what the program saw of it."""
    error = truth["error"]
    kind = f"{call['exc_module']}.{call['exc']}"
    code = error["code"] or error["type"]
    fields: Fields = {
        "http status": ("http.response.status_code", record["status"]),
        "error type": ("error.type", kind),
        "error code": ("autotrace.error.code", None if code is None else str(code)),
        "error category": ("autotrace.error.category", CATEGORIES[record["status"]]),
        "output texts": ("gen_ai.output.messages", None),
        "finish reasons": ("gen_ai.response.finish_reasons", None),
        "usage missing": ("autotrace.usage.missing", None),
    }
    return [Verdict(field, want, found.get(attribute)) for field, (attribute, want) in fields.items()]


CATEGORIES = {400: "invalid_request", 401: "authentication", 403: "permission", 404: "not_found"}
"""What the recorded failures are."""

REASONS = {
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), "tool_call"),
    **dict.fromkeys(("end_turn", "stop_sequence", "FINISH", "COMPLETE", "endoftext", "eos"), "stop"),
    "guardrail_intervened": "content_filter",
    "max_tokens": "length",
}
"""Providers' words that the record says in those of the conventions: its `autotrace.response.finish_reasons` has their own."""


def _named(truth: dict[str, Any]) -> Fields:
    reasons = truth["finish_reasons"]
    return {
        "response model": ("gen_ai.response.model", truth["response_model"]),
        "response id": ("gen_ai.response.id", truth["response_id"]),
    } | ({"finish reasons": ("gen_ai.response.finish_reasons", [REASONS.get(one, one) for one in reasons])} if reasons else {})


def known(usage: Any) -> Any:
    """Without nulls: an SDK's object may hold one for a field that did not come."""
    return {key: value for key, value in usage.items() if value is not None} or None if usage else None


def _messages(record: dict[str, Any], truth: dict[str, Any], found: Attributes) -> list[Verdict]:
    asked, answered = found.get("gen_ai.input.messages") or [], found.get("gen_ai.output.messages") or []
    parts = [part for message in answered for part in message["parts"]]
    calls = [part for part in parts if part["type"] == "tool_call"]
    thought = "".join(part["content"] for part in parts if part["type"] == "reasoning") or None
    texts = [
        "".join(part["content"] for part in message["parts"] if part["type"] in ("text", "refusal")) for message in answered
    ]
    # A provider's own tool, which has no name in the request, is named after its type.
    tools = [tool["name"] for tool in found.get("gen_ai.tool.definitions") or [] if tool["name"] != tool["type"]]
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


# -- what a `Reading` may need


def at(value: Any, *path: str) -> Any:
    """What lies at `path` of nested objects; `None` where a step is missing."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def events(body: Any) -> list[dict[str, Any]]:
    """A stream's events; an answer that came whole is one."""
    return [event for event in body if isinstance(event, dict)] if isinstance(body, list) else [body]


def holders(body: Any) -> list[dict[str, Any]]:
    """What may hold an answer's own fields, in order: events, and the messages and responses inside them."""
    held = []
    for event in events(body):
        held += [inner for key in ("message", "response", "x_groq") if isinstance(inner := event.get(key), dict)]
        held.append(event)
    return held


def last(body: Any, field: str) -> Any:
    """The last text that an answer has for `field`."""
    return next((held[field] for held in reversed(holders(body)) if isinstance(held.get(field), str)), None)


def text_format(form: Any) -> str | None:
    """How the conventions call the form of output that was asked for."""
    return {"json_object": "json", "json_schema": "json", "text": "text"}.get(form.get("type", "json_schema")) if form else None
