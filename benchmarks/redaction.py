"""The cost of keeping credentials out of records, on the writer's thread: `python -m benchmarks.redaction`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from autotrace._credentials import values
from autotrace._record import lines
from autotrace._redaction import policy, records
from autotrace._settings.redaction import Rules
from benchmarks import paired
from benchmarks.paired import Arm

KEYS = values.of(["proj-7f3a9c1e5b2d48609f1c7a3e5d9b2c4f"])
"""What the client of these records sends."""

SENTENCE = "What does it say on page 27? Nothing: the dog sleeps, and 3 tokens are left for the key question. "


def _messages(role: str, text: str, count: int = 1) -> list[dict[str, Any]]:
    return [{"role": role, "parts": [{"type": "text", "content": text}]}] * count


def _record(question: str, count: int = 1, **more: Any) -> lines.Span:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": _messages("user", question, count),
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.response.id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.output.messages": _messages("assistant", "Hello! How can I help you?"),
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 10,
        **more,
    }
    return lines.Span(
        timestamp="2026-11-22T16:44:57.123456Z",
        level="info",
        event="span",
        schema=lines.SCHEMA,
        name="chat gpt-4o",
        kind="CLIENT",
        trace_id="0" * 32,
        span_id="0" * 16,
        parent_id=None,
        start_ns=0,
        end_ns=1,
        duration_ns=1,
        status=lines.Status("UNSET"),
        end_reason="completed",
        attributes=attributes,
        events=[],
        links=[],
        scope=lines.Scope("autotrace-openai", "0.1.0", "openai", "3.54.0"),
        resource={"service.name": "shop", "process.pid": 4711},
    )


def _repeated(piece: str, size: int = 1 << 20) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def _redacting(record: lines.Span, chosen: policy.Policy = policy.ONLY_CREDENTIALS) -> Callable[[], object]:
    attributes, name, status = record.attributes, record.name, record.status

    def redact() -> None:
        record.attributes, record.name, record.status = attributes, name, status
        records.redact(record, KEYS, chosen)

    return redact


def _nothing(record: lines.Span) -> Callable[[], object]:
    attributes, name, status = record.attributes, record.name, record.status

    def assign() -> None:
        record.attributes, record.name, record.status = attributes, name, status

    return assign


def main(pairs: int = 60) -> None:
    """Print the figures."""
    paired.begin("Redaction: µs of the writer's CPU per record, against a record that is passed on as it is")
    small = _record("Hi")
    encoded = Arm(lambda: msgspec.json.encode(small))
    own = Arm(_nothing(small))
    paired.show("null control", paired.compare(own, own, pairs, 1000), digits=3)
    paired.show("to compare: the JSON of a small record", paired.compare(own, encoded, pairs, 500))
    with_key = _record("Is Bearer 7f3a9c1e5b2d4860 right?", parameters={"api_key": "SECRET-1"})
    with_raw = _record(
        "Hi", **{"autotrace.usage.raw": {"prompt_tokens": 9, "details": {"cached_tokens": 0, "audio_tokens": 0}}}
    )
    everything = policy.Policy([Rules(use=("email", "phone", "card"))])
    for name, record, chosen, count in (
        ("small record", small, policy.ONLY_CREDENTIALS, 500),
        ("small record, with raw usage", with_raw, policy.ONLY_CREDENTIALS, 500),
        ("small record, two credentials", with_key, policy.ONLY_CREDENTIALS, 100),
        ("small record, email, phone and card", small, everything, 100),
        ("8 KB in 32 messages", _record(_repeated(SENTENCE, 256), 32), policy.ONLY_CREDENTIALS, 100),
        ("1 MB of text", _record(_repeated(SENTENCE)), policy.ONLY_CREDENTIALS, 1),
        ("1 MB of text, email, phone and card", _record(_repeated(SENTENCE)), everything, 1),
        (
            "1 MB of JSON in a text",
            _record(_repeated('{"id": 17, "name": "Ann", "key": "value"}, ')),
            policy.ONLY_CREDENTIALS,
            1,
        ),
        ("1 MB of keys", _record(_repeated("sk-7f3a9c1e5b2d4860 ")), policy.ONLY_CREDENTIALS, 1),
        ("1 MB of hostile text", _record(_repeated('eyJ-sk-://"key":\'')), policy.ONLY_CREDENTIALS, 1),
    ):
        comparison = paired.compare(Arm(_nothing(record)), Arm(_redacting(record, chosen)), pairs if count > 1 else 10, count)
        paired.show(name, comparison)


if __name__ == "__main__":
    main()
