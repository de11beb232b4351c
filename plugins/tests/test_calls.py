"""Calls of the real SDKs: the program cannot tell, and the record is right where several things happen at once."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import os
import pickle
import re
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import settings

OURS = os.path.dirname(autotrace.__file__)
FAULTS = ["429", "500", "400", "401", "404", "529", "malformed", "cut"]


def sent_messages(records: Any, span: dict[str, Any]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = records.messages(span["attributes"]["gen_ai.input.messages"])
    return found


def shown(exc: BaseException | None) -> tuple[Any, ...] | None:
    """All of an exception that a program can look at, without what differs from call to call."""
    if exc is None:
        return None
    said = re.sub(r"req_\w+|0x\w+", "…", repr((exc.args, str(exc), sorted(vars(exc)))))
    return type(exc), said, shown(exc.__cause__), shown(exc.__context__), exc.__suppress_context__


def our_frames(exc: BaseException) -> list[str]:
    frames = [frame.filename for frame in traceback.extract_tb(exc.__traceback__)]
    return [name for name in frames if name.startswith(OURS) and f"{OURS}{os.sep}testing" not in name]


async def failed(world: Any, sdk: Any, wire: Any, how: str) -> BaseException:
    if how == "refused":
        client = world.closing(sdk.client(world.asynchronous, "http://127.0.0.1:9"))
    else:
        client = world.closing(sdk.client(world.asynchronous, wire.url))
    stream = how.startswith("stream-")
    model = "fault-" + how.removeprefix("stream-")
    arguments = {"nonsense": 1} if how == "wrong-arguments" else {"model": model}
    try:
        result = await world.value((sdk.stream if stream else sdk.value)(client, "x", **arguments))
        await world.items(result)
    except Exception as exc:  # noqa: BLE001 - each SDK has its own
        return exc
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("how", [*FAULTS, *(f"stream-{fault}" for fault in (*FAULTS, "error-event")), "refused"])
async def test_a_failure_is_the_sdks_own_and_in_one_record(world: Any, how: str, sdk: Any, wire: Any, captured: Any) -> None:
    before = await failed(world, sdk, wire, how)
    autotrace.enable()
    exc = await failed(world, sdk, wire, how)
    assert shown(exc) == shown(before)
    assert len(our_frames(exc)) <= 1, our_frames(exc)
    (span,) = captured.spans
    attributes = span["attributes"]
    kind = type(exc)
    assert attributes["error.type"] == (
        kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    )
    assert (span["status"], span["level"]) == ({"code": "ERROR", "description": str(exc)}, "error")
    assert span["end_reason"] == "error"
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and status > 0:
        assert attributes["http.response.status_code"] == status
    else:  # the answer was good, as far as it came
        assert attributes.get("http.response.status_code") in (None, 200)
    if getattr(exc, "request_id", None):
        assert attributes["autotrace.request.id"] == exc.request_id
    assert "gen_ai.response.finish_reasons" not in attributes
    assert attributes["gen_ai.request.model"].startswith(("fault-", sdk.MODEL))


async def test_wrong_arguments_fail_as_they_did_and_are_not_recorded(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    before = await failed(world, sdk, wire, "wrong-arguments")
    autotrace.enable()
    assert shown(await failed(world, sdk, wire, "wrong-arguments")) == shown(before)
    assert captured.spans == []


def targets_of(sdk: Any) -> dict[str, tuple[type, str]]:
    found = {}
    for target in sdk.TARGETS:
        module, _, name = target.partition(":")
        owner, _, method = name.partition(".")
        found[target] = getattr(importlib.import_module(module), owner), method
    return found


def originals(sdk: Any) -> dict[str, Any]:
    return {target: vars(owner)[name] for target, (owner, name) in targets_of(sdk).items()}


def test_a_replaced_function_looks_like_the_original(sdk: Any) -> None:
    before = originals(sdk)
    autotrace.enable()
    for target, (owner, name) in targets_of(sdk).items():
        original, replaced = before[target], vars(owner)[name]
        assert replaced is not original
        assert replaced.__wrapped__ is original
        assert type(replaced) is type(original)
        assert inspect.signature(replaced) == inspect.signature(original)
        assert inspect.iscoroutinefunction(replaced) == inspect.iscoroutinefunction(original)
        for attribute in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__dict__"):
            if attribute != "__dict__":
                assert getattr(replaced, attribute) == getattr(original, attribute)
        assert pickle.loads(pickle.dumps(replaced)) is replaced


def test_disable_puts_the_very_originals_back_however_often(sdk: Any) -> None:
    before = originals(sdk)
    for _ in range(3):
        autotrace.enable()
        autotrace.enable(sdk.PACKAGE)
        assert all(now is not before[target] for target, now in originals(sdk).items())
        states = {target: one["state"] for target, one in autotrace.status()[sdk.PACKAGE]["targets"].items()}
        assert {states[target] for target in sdk.TARGETS} == {"patched"}
        assert set(states.values()) <= {"patched", "waiting"}  # for modules that are imported when they are used
        autotrace.disable()
        assert all(now is before[target] for target, now in originals(sdk).items())


async def test_enabling_twice_gives_one_record_and_disabling_none(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    for expected in (1, 2):
        autotrace.enable()
        autotrace.enable()
        await world.value(sdk.value(client, "x"))
        assert len(captured.spans) == expected
        autotrace.disable(sdk.PACKAGE)
        await world.value(sdk.value(client, "x"))
        assert len(captured.spans) == expected


async def test_a_stream_that_is_open_at_disable_is_still_recorded(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    stream = await world.value(sdk.stream(client, "x"))
    await world.take(stream, 1)
    autotrace.disable()
    await world.items(stream)
    assert [span["end_reason"] for span in captured.spans] == ["completed"]


async def test_nothing_is_recorded_inside_suppress(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    with autotrace.suppress():
        await world.value(sdk.value(client, "x"))
        await world.items(await world.value(sdk.stream(client, "x")))
    with autotrace.suppress(sdk.PACKAGE):
        await world.value(sdk.value(client, "x"))
    with autotrace.suppress("another"):
        await world.value(sdk.value(client, "x"))
    assert len(captured.spans) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
async def test_the_record_shows_what_was_sent_whatever_becomes_of_it(
    world: Any, stream: bool, sdk: Any, wire: Any, captured: Any, records: Any
) -> None:
    """The messages are changed while the provider is at work, from its thread, and again before the stream is read."""
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    messages = [{"role": "user", "content": "as sent"}]

    def spoil() -> None:
        messages[0]["content"] = "changed"
        messages.append({"role": "user", "content": "added"})

    wire.on_request = spoil
    result = await world.value((sdk.stream if stream else sdk.value)(client, "", messages=messages, model="fault-slow"))
    if stream:
        spoil()
        await world.items(result)
    (span,) = captured.spans
    assert messages[0]["content"] == "changed"
    assert [one["content"] for one in wire.exchanges[0].request["messages"]] == ["as sent"]
    assert sent_messages(records, span) == [("user", "text", "as sent")]


async def test_a_call_is_the_child_of_the_span_that_it_is_made_in(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    await world.value(sdk.value(client, "alone"))
    with autotrace.span("outer"):
        with autotrace.span("inner"):
            await world.value(sdk.value(client, "x"))
        for item in await world.items(await world.value(sdk.stream(client, "x"))):
            with autotrace.span("consumer"):
                del item
            break
        with pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
            await world.value(sdk.value(client, "x", model="fault-400"))
    spans = {}
    alone, value, inner, streamed, consumer, failing, outer = captured.spans
    spans = {"value": value, "inner": inner, "streamed": streamed, "consumer": consumer, "failing": failing}
    assert (alone["parent_id"], outer["parent_id"]) == (None, None)
    assert alone["trace_id"] != outer["trace_id"]
    assert {span["trace_id"] for span in spans.values()} == {outer["trace_id"]}
    parents = {name: span["parent_id"] for name, span in spans.items()}
    below = dict.fromkeys(("inner", "streamed", "consumer", "failing"), outer["span_id"])
    assert parents == {"value": inner["span_id"], **below}


def test_calls_in_threads_are_traces_of_their_own(sdk: Any, wire: Any, captured: Any, worlds: Callable[[bool], Any]) -> None:
    autotrace.enable()
    with autotrace.span("outer"), contextlib.closing(sdk.client(False, wire.url)) as client:
        threads = [threading.Thread(target=sdk.value, args=(client, str(number))) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    *calls, _ = captured.spans
    assert len(calls) == 8
    assert len({span["trace_id"] for span in captured.spans}) == 9
    assert {span["parent_id"] for span in calls} == {None}


def test_of_fifty_calls_at_once_each_has_its_record(
    sdk: Any, wire: Any, captured: Any, records: Any, worlds: Callable[[bool], Any]
) -> None:
    world = worlds(True)
    kinds = ["ok", "stream", "fault-429", "cancelled", "left"]

    async def one(client: Any, number: int) -> None:
        kind = kinds[number % len(kinds)]
        text = f"{kind} {number}"
        with autotrace.span(text):
            if kind == "ok":
                await sdk.value(client, text)
            elif kind == "fault-429":
                with pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
                    await sdk.value(client, text, model=kind)
            elif kind == "cancelled":
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(_read(world, sdk, client, text), 1.0)
            else:
                stream = await sdk.stream(client, text)
                await (world.items(stream) if kind == "stream" else world.take(stream, 2))
                await world.close(stream)

    async def main() -> None:
        client = world.closing(sdk.client(True, wire.url))
        await asyncio.gather(*(one(client, number) for number in range(50)))

    autotrace.enable()
    world.run(main())
    outer = {span["name"]: span for span in captured.spans if span["scope"]["name"] == "autotrace"}
    calls = [span for span in captured.spans if span["scope"]["name"] != "autotrace"]
    assert (len(outer), len(calls)) == (50, 50)
    for span in calls:
        ((_, _, text),) = sent_messages(records, span)
        assert span["parent_id"] == outer[text]["span_id"]
    reasons = Counter((sent_messages(records, span)[0][2].split()[0], span["end_reason"]) for span in calls)
    ends = {"ok": "completed", "stream": "completed", "fault-429": "error", "cancelled": "cancelled", "left": "abandoned"}
    assert reasons == dict.fromkeys(ends.items(), 10)


async def _read(world: Any, sdk: Any, client: Any, text: str) -> None:
    await sdk.value(client, text, model="fault-hang")


SECRETS = {"prompt": "SECRETPROMPT", "tool": "SECRETTOOL", "argument": "SECRETARGUMENT", "answer": "You said"}


@pytest.mark.parametrize("how", ["option", "options-of-all", "environment", "on"])
async def test_content_is_in_the_record_or_nowhere_in_it(
    world: Any, how: str, sdk: Any, wire: Any, captured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "environment":
        monkeypatch.setenv("AUTOTRACE_CONTENT", "off")
        settings.current.clear()
        autotrace.enable(sdk.PACKAGE, content=True)
    else:
        autotrace.enable(*([sdk.PACKAGE] if how == "option" else []), content=how == "on")
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    text = f"Say {SECRETS['prompt']}"
    tools = [sdk.tool("weather", SECRETS["tool"], SECRETS["argument"])]
    await world.value(sdk.value(client, text))
    await world.value(sdk.value(client, text, tools=tools))
    await world.items(await world.value(sdk.stream(client, text)))
    await world.items(await world.value(sdk.stream(client, text, tools=tools)))
    with pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
        await world.value(sdk.value(client, text, model="fault-400-context"))
    assert len(captured.spans) == 5
    line = json.dumps(captured.spans, ensure_ascii=False)
    found = {name for name, secret in SECRETS.items() if secret in line}
    assert found == (set(SECRETS) if how == "on" else set())
    assert all(span["attributes"]["gen_ai.request.model"] for span in captured.spans)
    assert all(span["attributes"]["gen_ai.usage.input_tokens"] for span in captured.spans[:2])
