"""The way out for plugins' own code, and the rules of recording that no library is needed for."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import autotrace
from autotrace._capture import recording
from autotrace._record.origin import Origin
from autotrace.errors import DeclarationError
from autotrace.plugin import Operation, open_call, start
from autotrace.testing import Capture

TOOL = Operation(
    "execute_tool",
    request={"tool_name": "name", "tool_arguments": "arguments"},
    response={"tool_result": "result"},
    reduce=lambda chunks: {"result": "".join(chunks)},
)


@pytest.fixture
def plugin() -> Iterator[None]:
    """This test module is a plugin."""
    name = __name__.partition(".")[0]
    recording.origins[name] = (Origin("autotrace-acme", "1", "acme", provider="acme"), {})
    yield
    del recording.origins[name]


@pytest.mark.usefixtures("plugin")
def test_a_started_call_is_recorded_when_it_is_finished(captured: Capture) -> None:
    call = start(TOOL, {"name": "search", "arguments": {"q": "x"}})
    assert captured.spans == []
    call.set_attribute("acme.try", 2)
    call.finish({"result": [1]})
    call.finish({"result": "again"})
    call.fail(ValueError())
    (span,) = captured.spans
    assert span["name"] == "execute_tool search"
    assert span["kind"] == "INTERNAL"
    assert span["scope"] == {"name": "autotrace-acme", "version": "1", "library": "acme", "library_version": None}
    assert span["attributes"] == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.provider.name": "acme",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.arguments": {"q": "x"},
        "gen_ai.tool.call.result": [1],
        "acme.try": 2,
    }


@pytest.mark.usefixtures("plugin")
def test_calls_are_found_by_key_and_nest_by_key(captured: Capture) -> None:
    start(TOOL, {"name": "outer"}, key="run-1")
    start(TOOL, {"name": "inner"}, parent="run-1", key="run-2")

    def elsewhere() -> None:
        for key in ("run-2", "run-1"):
            call = open_call(key)
            assert call is not None
            call.chunk("a")
            call.chunk("b")
            call.finish()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert open_call("run-1") is None
    inner, outer = captured.spans
    assert (inner["parent_id"], inner["trace_id"]) == (outer["span_id"], outer["trace_id"])
    assert inner["attributes"]["gen_ai.tool.call.result"] == "ab"


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda call: call.cancel(), "cancelled"),
        (lambda call: call.fail(asyncio.CancelledError()), "cancelled"),
        (lambda call: call.fail(OSError("x")), "error"),
        (lambda call: call.abandon(), "abandoned"),
        (lambda call: (call.chunk("a"), call.abandon()), "abandoned"),
        (lambda call: (call.begin_stream(), call.abandon()), "unread"),
        (lambda call: None, "abandoned"),
    ],
)
def test_each_way_to_end_has_its_reason(captured: Capture, end: Any, reason: str) -> None:
    call = start(TOOL, {"name": "x"})
    end(call)
    del call
    assert [span["end_reason"] for span in captured.spans] == [reason]


def test_a_plugin_that_is_not_enabled_records_nothing_and_may_go_on(captured: Capture) -> None:
    call = start(TOOL, {"name": "x"}, key="nothing")
    call.chunk(1)
    call.set_attribute("a", 1)
    call.finish({"result": 1})
    assert captured.spans == []
    assert open_call("nothing") is None


def test_what_is_no_operation_is_refused() -> None:
    with pytest.raises(DeclarationError, match="not an Operation"):
        start("chat")  # type: ignore[arg-type]


def test_an_exception_whose_text_raises_is_named_by_its_type(captured: Capture) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    call = recording.begin(TOOL, Origin("x", library="x"))
    call.fail(Mute())
    (span,) = captured.spans
    assert span["status"]["description"].endswith("Mute")
    assert span["attributes"]["error.type"].endswith("Mute")


def test_spans_of_threads_are_traces_of_their_own_and_none_is_lost(captured: Capture) -> None:
    def one(number: int) -> None:
        call = recording.begin(TOOL, Origin("x", library="x"), {"name": f"t{number}"})
        call.finish()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(2000)))
    spans = captured.spans
    assert len(spans) == 2000
    assert len({span["trace_id"] for span in spans}) == 2000
    assert len({span["span_id"] for span in spans}) == 2000


def test_two_threads_that_end_one_call_make_one_record(captured: Capture) -> None:
    barrier = threading.Barrier(2)
    calls = [recording.begin(TOOL, Origin("x", library="x")) for _ in range(200)]

    def end(finish: bool) -> None:
        barrier.wait()
        for call in calls:
            call.finish() if finish else call.cancel()

    threads = [threading.Thread(target=end, args=(finish,)) for finish in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(captured.spans) == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_the_parent_began_the_child_does_not_record(captured: Capture) -> None:
    call = recording.begin(TOOL, Origin("x", library="x"))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        call.finish()
        os.write(write, b"%d" % len(captured.spans))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"0"
    os.close(read)
    os.close(write)
    call.finish()
    assert len(captured.spans) == 1


def test_manual_spans_nest_and_record_what_leaves_them(captured: Capture, library: Any) -> None:
    with autotrace.span("before enable"):
        pass
    autotrace.enable(library.name)
    values = [1]

    def program() -> None:
        with autotrace.span("outer", attributes={"a": values}) as outer:
            values.append(2)
            outer.set_attribute("b", values)
            values.append(3)
            with autotrace.span("inner"):
                raise KeyError("k")

    with pytest.raises(KeyError):
        program()
    inner, out = captured.spans
    assert (inner["name"], inner["parent_id"]) == ("inner", out["span_id"])
    assert out["attributes"] == {"a": [1], "b": [1, 2], "error.type": "KeyError", "autotrace.error.category": "unknown"}
    assert (out["kind"], out["level"], out["end_reason"]) == ("INTERNAL", "error", "error")
    assert "gen_ai.operation.name" not in out["attributes"]


def test_a_manual_span_in_an_async_generator_that_another_task_closes_does_no_harm(captured: Capture, library: Any) -> None:
    autotrace.enable(library.name)

    async def numbers() -> Any:
        with autotrace.span("generating"):
            yield 1
            yield 2

    async def program() -> None:
        generator = numbers()
        await asyncio.create_task(anext(generator) if sys.version_info >= (3, 10) else generator.__anext__())
        await asyncio.create_task(generator.aclose())

    asyncio.run(program())
    (span,) = captured.spans
    assert span["end_reason"] == "cancelled"


@pytest.mark.usefixtures("plugin")
def test_a_call_that_is_not_recorded_keeps_nothing(captured: Capture) -> None:
    class Chunk: ...

    with autotrace.suppress():
        call = start(Operation("chat", reduce=lambda chunks: chunks[-1]))
    chunk = weakref.ref(call.chunk(Chunk()))
    call.begin_stream().append(Chunk())
    gc.collect()
    assert chunk() is None
    call.finish()
    assert captured.spans == []


@pytest.mark.usefixtures("plugin")
def test_a_key_that_is_given_twice_is_the_latest_calls(captured: Capture) -> None:
    first, second = start(TOOL, {"name": "a"}, key=7), start(TOOL, {"name": "b"}, key=7)
    first.finish()
    assert open_call(7) is second
    del second
    gc.collect()
    assert len(captured.spans) == 1
    call = open_call(7)
    assert call is not None
    call.finish()
    assert open_call(7) is None
    assert [span["end_reason"] for span in captured.spans] == ["completed", "completed"]


class Unreadable(Mapping[str, Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("no")

    __getitem__ = __len__ = __iter__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("arguments", "name", "attributes", "says"),
    [
        (
            (5,),
            "span",
            {},
            "autotrace.span(): name: expected a str, got int. The span is recorded as 'span'; correct the call at ",
        ),
        (("x", [1]), "x", {}, "autotrace.span(): attributes: expected a dict with str keys, got list. They are ignored; "),
        (("x", {1: 2, "a": 3}), "x", {"a": 3}, "dict with str keys, got a key of type int. The attributes with other keys are"),
        (("x", Unreadable()), "x", {}, "dict with str keys, got Unreadable, which raised RuntimeError. They are ignored; "),
    ],
)
def test_a_span_with_a_wrong_argument_is_recorded_with_the_others_and_said(
    captured: Capture, diagnosed: Any, arguments: Any, name: str, attributes: Any, says: str
) -> None:
    with autotrace.span(*arguments):
        pass
    assert (captured.spans, diagnosed()) == ([], [])
    autotrace.enable()
    for _ in range(2):
        with autotrace.span(*arguments) as span:
            span.set_attribute("b", 4)
    for one in captured.spans:
        assert one["name"] == name
        assert {key: value for key, value in one["attributes"].items() if key in ("a", "b", 1)} == {**attributes, "b": 4}
    assert len(captured.spans) == 2
    (line,) = diagnosed()
    assert says in line["message"]
    assert line["at"].startswith(f"{__file__}:")


def test_an_attribute_without_a_name_is_ignored_and_said(captured: Capture, diagnosed: Any) -> None:
    autotrace.enable()
    with autotrace.span("x") as span:
        span.set_attribute(5, 1)  # type: ignore[arg-type]
    assert captured.spans[0]["name"] == "x"
    (line,) = diagnosed()
    assert line["message"].startswith("Span.set_attribute(): key: expected a str, got int. The attribute is ignored; ")


def test_a_span_as_a_decorator_says_what_to_use() -> None:
    with pytest.raises(TypeError, match=r"use `with autotrace.span\('f'\):` inside the function"):

        @autotrace.span("f")
        def function() -> None: ...


def results_of(captured: Capture) -> dict[str, Any]:
    found = [span["attributes"] for span in captured.spans]
    return {attributes["gen_ai.tool.name"]: attributes.get("gen_ai.tool.call.result") for attributes in found}


@pytest.mark.usefixtures("plugin")
def test_open_calls_with_one_key_stay_apart_by_thread(captured: Capture) -> None:
    begun = threading.Barrier(2)

    def run(name: str) -> None:
        start(TOOL, {"name": name}, key="same")
        begun.wait()
        call = open_call("same")
        assert call is not None
        call.finish({"result": name})
        begun.wait()
        assert open_call("same") is None

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, "ab"))
    assert results_of(captured) == {"a": "a", "b": "b"}
    assert [span["end_reason"] for span in captured.spans] == ["completed"] * 2


@pytest.mark.usefixtures("plugin")
def test_open_calls_with_one_key_stay_apart_by_task(captured: Capture) -> None:
    async def run(name: str, begun: asyncio.Event, other: asyncio.Event) -> None:
        start(TOOL, {"name": name}, key="same")
        begun.set()
        await other.wait()
        call = open_call("same")
        assert call is not None
        call.finish({"result": name})

    async def main() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(run("a", first, second), run("b", second, first))

    asyncio.run(main())
    assert results_of(captured) == {"a": "a", "b": "b"}


@pytest.mark.usefixtures("plugin")
def test_of_open_calls_with_one_key_on_one_thread_the_newest_ends_first(captured: Capture) -> None:
    outer = start(TOOL, {"name": "outer"}, key="same")
    inner = start(TOOL, {"name": "inner"}, key="same", parent=outer)
    assert open_call("same") is inner
    inner.finish()
    assert open_call("same") is outer
    third = start(TOOL, {"name": "third"}, key="same")
    outer.finish()
    assert open_call("same") is third
    third.finish()
    assert open_call("same") is None
    assert len(captured.spans) == 3
