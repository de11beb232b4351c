"""Calls of the real SDKs: the program cannot tell, and the record is right where several things happen at once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import _settings as settings

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
    if how != "malformed":  # half of that answer came, and is recorded
        assert "gen_ai.response.finish_reasons" not in attributes
    assert attributes["gen_ai.request.model"].startswith(("fault-", sdk.MODEL))


async def test_wrong_arguments_fail_as_they_did_and_are_not_recorded(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    before = await failed(world, sdk, wire, "wrong-arguments")
    autotrace.enable()
    assert shown(await failed(world, sdk, wire, "wrong-arguments")) == shown(before)
    assert captured.spans == []


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
