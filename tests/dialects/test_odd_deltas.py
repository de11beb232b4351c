"""A value of a wrong type in a stream costs what it stands for, and nothing else: it is as good as a missing one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from autotrace._declaration.operation import Dialect, Operation
from autotrace.dialects.anthropic_complete import anthropic_complete
from autotrace.dialects.anthropic_messages import anthropic_messages
from autotrace.dialects.openai_chat import openai_chat
from autotrace.dialects.openai_completions import openai_completions
from autotrace.dialects.openai_responses import openai_responses
from autotrace.families import sse

from . import samples

MARK = "☃"
ODD = (7, True, MARK, [MARK], {MARK: {}}, [], {})
FACTS = {
    "gen_ai.response.id",
    "gen_ai.response.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
}


def _chat() -> list[Any]:
    def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
        return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}

    def call(index: int, **fields: Any) -> dict[str, Any]:
        return {"index": index, **fields}

    return [
        delta(role="assistant", content=""),
        delta(content="Hello "),
        delta(reasoning_content="Hm."),
        delta(
            content="you",
            tool_calls=[
                call(0, id="t1", type="function", function={"name": "f", "arguments": ""}),
                call(1, id="t2", type="function", function={"name": "g", "arguments": ""}),
            ],
        ),
        delta(tool_calls=[call(0, function={"arguments": '{"a":'}), call(1, function={"arguments": "{}"})]),
        delta(content="!", tool_calls=[call(0, function={"arguments": "1}"})]),
        delta("tool_calls"),
        {"id": "c1", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
    ]


def _completions() -> list[Any]:
    head = {"id": "c1", "model": "m", "object": "text_completion"}
    return [
        {**head, "choices": [{"index": 0, "text": "Hello "}]},
        {**head, "choices": [{"index": 0, "text": "you"}]},
        {**head, "choices": [{"index": 0, "text": "!", "finish_reason": "stop"}]},
        {**head, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
    ]


def _responses(ended: bool) -> list[Any]:
    at = {"output_index": 0, "content_index": 0}
    message = {"type": "message", "id": "i1", "role": "assistant", "status": "completed"}
    text = {"type": "output_text", "text": "Hello you!", "annotations": []}
    tool = {"type": "function_call", "id": "i2", "call_id": "t1", "name": "f"}
    start = {"id": "r1", "model": "m", "status": "in_progress", "output": []}
    usage = {"input_tokens": 7, "output_tokens": 3}
    end = {
        "type": "response.completed",
        "response": {
            **start,
            "status": "completed",
            "usage": usage,
            "output": [{**message, "content": [text]}, {**tool, "arguments": '{"a":1}'}],
        },
    }
    events: list[Any] = [
        {"type": "response.created", "response": start},
        {"type": "response.output_item.added", "output_index": 0, "item": {**message, "content": []}},
        {"type": "response.content_part.added", **at, "part": {**text, "text": ""}},
        {"type": "response.output_text.delta", **at, "delta": "Hello "},
        {"type": "response.output_text.delta", **at, "delta": "you!"},
        {"type": "response.output_item.added", "output_index": 1, "item": {**tool, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a":'},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "1}"},
    ]
    return [*events, end] if ended else events


def _messages() -> list[Any]:
    usage = {"input_tokens": 7, "output_tokens": 1}
    return [
        {"type": "message_start", "message": {"id": "m1", "model": "m", "role": "assistant", "content": [], "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "you!"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
        },
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]


def _complete() -> list[Any]:
    return [
        {"type": "completion", "id": "c1", "model": "m", "completion": "Hello ", "stop_reason": None},
        {"type": "completion", "id": "c1", "model": "m", "completion": "you!", "stop_reason": "stop_sequence"},
    ]


STREAMS: list[tuple[str, Dialect, list[Any]]] = [
    ("chat", openai_chat, _chat()),
    ("completions", openai_completions, _completions()),
    ("responses", openai_responses, _responses(True)),
    ("responses-cut", openai_responses, _responses(False)),
    ("messages", anthropic_messages, _messages()),
    ("complete", anthropic_complete, _complete()),
    *samples.listed("WHOLE_STREAMS"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside of `value`."""
    for key, held in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(held, (*path, key))


_NOTHING = object()


def changed(value: Any, path: tuple[Any, ...], replacement: Any = _NOTHING) -> Any:
    """`value` with `replacement` at `path`, or without the value there."""
    step, *rest = path
    if rest:
        replacement = changed(value[step], tuple(rest), replacement)
    made = value.copy()
    if replacement is _NOTHING:
        del made[step]
    else:
        made[step] = replacement
    return made


def without_marks(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(MARK, "")
    if isinstance(value, list):
        return [without_marks(one) for one in value if one != MARK]
    return value


class Said(NamedTuple):
    """What a record says of a stream."""

    values: dict[str, Any]
    text: str
    calls: list[Any]
    whole: str


def said(dialect: Dialect, chunks: list[Any]) -> Said:
    assert dialect.reduce
    response = dialect.reduce(chunks)
    found = {field.attribute: getter(response) for field, getter in Operation("chat", dialect=dialect).response}
    parts = [part for message in found.get("gen_ai.output.messages") or () for part in message["parts"]]
    text = "".join(part["content"] for part in parts if part["type"] == "text")
    calls = [[part.get(key) for key in ("id", "name", "arguments")] for part in parts if part["type"] == "tool_call"]
    values = {name: found[name] for name in FACTS & found.keys() if found[name] is not None}
    return Said(values, without_marks(text), calls, repr(parts))


def lost(whole: Said, missing: Said, found: Said, odd: Any) -> Iterator[str]:
    """What is not `found` in the stream with an `odd` value, although the one with the value `missing` says it."""
    for name, value in missing.values.items():
        if found.values.get(name) != value and not (name == "gen_ai.response.id" and type(odd) is int):
            yield f"{name}: {value!r} became {found.values.get(name)!r}"
    if found.text != missing.text:
        yield f"text: {missing.text!r} became {found.text!r}"
    for call in missing.calls:
        if call in whole.calls and call not in found.calls:
            yield f"the call {call} is not in {found.calls}"
        elif isinstance(call[0], str) and call[0] not in found.whole and type(odd) is not int:
            yield f"the call {call} is not in {found.whole}"


@pytest.mark.parametrize(("dialect", "chunks"), [one[1:] for one in STREAMS], ids=[one[0] for one in STREAMS])
def test_an_odd_value_is_as_good_as_a_missing_one(dialect: Dialect, chunks: list[Any]) -> None:
    whole, problems = said(dialect, chunks), []
    for path in places(chunks):
        before: Any = chunks
        for step in path:
            before = before[step]
        missing = said(dialect, changed(chunks, path))
        for odd in ODD:
            if type(odd) is not type(before):
                found = said(dialect, changed(chunks, path, odd))
                problems += [(path, odd, one) for one in lost(whole, missing, found, odd)]
    assert not problems


def _calls_of(dialect: Dialect, chunks: list[Any]) -> list[Any]:
    return [call[1:] for call in said(dialect, chunks).calls]


def test_parallel_calls_that_share_id_and_index_stay_apart() -> None:
    def chunk(name: str, arguments: str) -> dict[str, Any]:
        call = {"index": 0, "id": "t1", "type": "function", "function": {"name": name, "arguments": arguments}}
        return {"id": "c1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    chunks = [chunk("f", '{"a":1}'), chunk("f", '{"a":2}'), chunk("g", "{}")]
    assert _calls_of(openai_chat, chunks) == [["f", {"a": 1}], ["f", {"a": 2}], ["g", {}]]
    repeated = [chunk("f", '{"a"'), chunk("f", ":1"), chunk("f", "}"), chunk("f", "")]
    assert _calls_of(openai_chat, repeated) == [["f", {"a": 1}]]


def test_items_and_blocks_that_share_an_index_stay_apart() -> None:
    def item(kind: str, **more: Any) -> dict[str, Any]:
        return {"type": f"response.{kind}", "output_index": 0, **more}

    def added(name: str) -> dict[str, Any]:
        return item(
            "output_item.added", item={"type": "function_call", "id": "i", "call_id": "t", "name": name, "arguments": ""}
        )

    events = [
        added("f"),
        item("function_call_arguments.delta", delta='{"a":1}'),
        added("g"),
        item("function_call_arguments.delta", delta='{"a":2}'),
    ]
    assert _calls_of(openai_responses, events) == [["f", {"a": 1}], ["g", {"a": 2}]]


@pytest.mark.parametrize("odd", [b'{"a":"\xff"}', b"[" * 5000 + b"]" * 5000, b'{"a":"\\ud800"}', b"1e999", b"{", b"7"])
def test_an_event_that_cannot_be_decoded_costs_itself(odd: bytes) -> None:
    pieces = [b'data: {"b":1}\n\n', b"data: " + odd + b"\n\n", b'data: {"c":2}\n\n']
    found = sse.decode(pieces)
    assert (found[0], found[-1]) == ({"b": 1}, {"c": 2})


def test_halves_of_a_surrogate_pair_do_not_cost_a_body() -> None:
    assert sse.decode([b'{"a":"x\\ud83d","b":1}']) == {"a": "x\ud83d", "b": 1}
