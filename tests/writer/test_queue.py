"""What waits is bounded by bytes; what is given up is counted, and told to the sinks."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace._capture import recording
from autotrace._record import response_ids
from autotrace._record.lines import Span
from autotrace._record.origin import Origin
from autotrace._writer.queue import Queue
from autotrace._writer.writer import writer
from autotrace.errors import SettingsError
from autotrace.plugin import Operation
from autotrace.sinks._entry import Entry
from autotrace.testing import Capture

NOTE = "autotrace.content.dropped"
BIG = "x" * 10_000


class Thing:
    """An item with content that can be given up."""

    counts = True

    def __init__(self, number: int, content: int) -> None:
        self.number = number
        self.content = content

    def record(self) -> None:
        return None

    def weight(self) -> int:
        return 10 + self.content

    def drop(self) -> None:
        return

    def shed(self) -> bool:
        had, self.content = self.content > 0, 0
        return had


@given(st.lists(st.one_of(st.integers(0, 500), st.none())), st.integers(50, 1000))
def test_a_queue_keeps_order_and_bound_and_gives_up_content_before_items(steps: list[int | None], limit: int) -> None:
    queue, taken, put = Queue(limit), [], 0
    for step in steps:
        if step is None:
            item = queue.pop()
            if item is not None:
                taken.append(item)
            continue
        newest = Thing(put, step)
        put += 1
        if queue.put(newest):
            queue.relieve(newest)
        waiting = [*queue._without_content, *queue._whole]
        assert queue.bytes == sum(thing.weight() for thing in waiting)
        assert queue.bytes <= limit + newest.weight()
        assert waiting[-1] is newest
        assert newest.content == step
    while (item := queue.pop()) is not None:
        taken.append(item)
    numbers = [thing.number for thing in taken]  # type: ignore[attr-defined]
    assert numbers == sorted(numbers)
    assert len(numbers) + queue.lost.value == put
    assert (queue.bytes, len(queue)) == (0, 0)


def test_many_threads_leave_a_queue_exact() -> None:
    queue = Queue(20_000)
    gone: list[Any] = []

    def fill() -> None:
        for number in range(2000):
            thing = Thing(number, 100)
            if queue.put(thing):
                queue.relieve(thing)

    def empty() -> None:
        while not done.is_set():
            if (item := queue.pop()) is not None:
                gone.append(item)

    done = threading.Event()
    threads = [threading.Thread(target=fill) for _ in range(4)]
    emptying = threading.Thread(target=empty)
    emptying.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    emptying.join()
    while (item := queue.pop()) is not None:
        gone.append(item)
    assert len(gone) + queue.lost.value == 8000
    assert queue.bytes == 0


@pytest.fixture
def small(captured: Capture, request: pytest.FixtureRequest) -> Iterator[None]:
    """A small bound, half of which is for what is not translated yet."""
    autotrace.enable(queue_bytes=getattr(request, "param", 65_536))
    yield
    autotrace.disable()
    assert writer.queue.limit == 1 << 25


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("streamed", "small"), [(False, 65_536), (True, 600_000)], indirect=["small"])
def test_calls_that_come_faster_than_they_are_translated_lose_content_first(
    library: Any, captured: Capture, streamed: bool
) -> None:
    autotrace.enable(library.name)
    client, module = library.client.Client(), library.client
    before = autotrace.health()
    with writer._draining:  # nobody translates meanwhile
        for number in range(20):
            answer: Any = {"id": f"r{number}", "text": BIG, "usage": {"input": 7}}
            if streamed:
                client.chat("m", [{"content": BIG}], answer=(stream := module.Stream([answer] * 40)))
                list(stream)
            else:
                client.chat("m", [{"content": BIG}], answer=answer)
            assert writer.queue.bytes <= writer.queue.limit + 100_000  # which is more than the newest takes
    spans = captured.spans
    assert len(spans) == 20
    kept = [span for span in spans if NOTE not in span["attributes"]]
    assert kept == spans[-len(kept) :]
    assert 1 <= len(kept) < 5
    for span in spans[: -len(kept)]:
        attributes = span["attributes"]
        assert attributes[NOTE] == "queue_full"
        assert not {"gen_ai.input.messages", "gen_ai.output.messages"} & attributes.keys()
        assert attributes["gen_ai.request.model"] == "m"
        assert attributes["gen_ai.response.id"] == ("reduced" if streamed else f"r{spans.index(span)}")
        assert streamed or attributes["gen_ai.usage.input_tokens"] == 7
    assert "gen_ai.input.messages" in kept[0]["attributes"]
    (dropped,) = [record for record in captured._sink.records if record["event"] == "autotrace.dropped"]
    assert (dropped["reason"], dropped["records"], dropped["contents"]) == ("queue_full", 0, 20 - len(kept))
    health = autotrace.health()
    assert health["queue"]["contents_dropped"] - before["queue"]["contents_dropped"] == 20 - len(kept)
    assert health["queue"]["limit"] == (600_000 if streamed else 65_536)


@pytest.mark.usefixtures("small")
def test_then_whole_spans_go_and_every_one_is_counted(captured: Capture) -> None:
    before = autotrace.health()["spans"]
    with writer._draining:
        for number in range(100):
            with autotrace.span(str(number)):
                pass
    kept = [int(span["name"]) for span in captured.spans]
    assert kept == list(range(100 - len(kept), 100))
    assert 20 < len(kept) < 40
    (dropped,) = [record for record in captured._sink.records if record["event"] == "autotrace.dropped"]
    assert (dropped["records"], dropped["level"]) == (100 - len(kept), "warning")
    after = autotrace.health()["spans"]
    assert after["dropped"] - before["dropped"] == 100 - len(kept)
    assert after["recorded"] - before["recorded"] == 100
    assert after["queued"] == before["queued"]


@pytest.mark.usefixtures("small")
def test_what_a_transparent_call_leaves_behind_goes_with_its_span(captured: Capture) -> None:
    operation, origin = Operation("chat", transparent=True), Origin("acme")
    with writer._draining:
        for _ in range(100):
            recording.begin(operation, origin).finish()
    assert len(captured.spans) < 40
    assert response_ids._waiting == {}


STALLED = """
for number in range(COUNT):
    span(str(number), text="x" * 10_000, short="kept")
    if number % 10 == 0:
        time.sleep(0.03)
    queue = autotrace.health()["queue"]
    assert queue["bytes"] <= queue["limit"] + 60_000, queue
assert not autotrace.flush(0.1)
print("stalled", file=sys.stderr, flush=True)
assert autotrace.flush(600)
print(autotrace.health()["spans"]["dropped"], file=sys.stderr)
"""


def read_on(process: Any) -> list[dict[str, Any]]:
    """Read what comes out, from when the program has said that its reader does not."""
    said = b""
    while b"stalled" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    process.said = err
    return [json.loads(line) for line in out.splitlines()]


def test_a_reader_that_does_not_read_costs_the_oldest_content(start: Any) -> None:
    process = start("COUNT = 120\n" + STALLED, variables={"AUTOTRACE_QUEUE_BYTES": "700000"})
    lines = read_on(process)
    spans = [line for line in lines if line["event"] == "span"]
    dropped = [line for line in lines if line["event"] == "autotrace.dropped"]
    assert [int(span["name"]) for span in spans] == list(range(120))
    shed = [span for span in spans if NOTE in span["attributes"]]
    assert 60 < len(shed) < 120
    assert {len(span["attributes"].get("text", "")) for span in shed} == {0}
    assert {span["attributes"]["short"] for span in spans} == {"kept"}
    assert NOTE not in spans[-1]["attributes"]
    assert sum(line["contents"] for line in dropped) == len(shed)
    assert sum(line["records"] for line in dropped) == 0 == int(process.said)


def test_a_reader_that_does_not_read_for_long_costs_the_oldest_records(start: Any) -> None:
    process = start("COUNT = 600\n" + STALLED, variables={"AUTOTRACE_QUEUE_BYTES": "70000"})
    lines = read_on(process)
    spans = [line for line in lines if line["event"] == "span"]
    dropped = [line for line in lines if line["event"] == "autotrace.dropped"]
    numbers = [int(span["name"]) for span in spans]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 599
    assert sum(line["records"] for line in dropped) == 600 - len(spans) == int(process.said)
    assert 20 < len(spans) < 590


def test_who_blocks_loses_nothing_and_waits(start: Any) -> None:
    process = start(
        """
        begun = time.monotonic()
        for number in range(60):
            span(str(number), text="x" * 10_000)
        assert time.monotonic() - begun > 0.5
        """,
        variables={"AUTOTRACE_QUEUE_BYTES": "100000", "AUTOTRACE_OVERFLOW": "block"},
    )
    found = os.read(process.stdout.fileno(), 1000)
    time.sleep(1)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, b"")
    spans = [json.loads(line) for line in (found + out).splitlines()]
    assert [span["name"] for span in spans] == [str(number) for number in range(60)]
    assert {len(span["attributes"]["text"]) for span in spans} == {10_000}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AUTOTRACE_QUEUE_BYTES", "100", "whole number of at least 65536"),
        ("AUTOTRACE_OVERFLOW", "wait", "one of drop, block"),
        ("AUTOTRACE_EXIT_TIMEOUT", "-1", "seconds from 0 to 3600"),
        ("AUTOTRACE_FD", "stdout", "file descriptor number"),
        ("AUTOTRACE_SYNC", "maybe", "expected on or off, got 'maybe'"),
        ("AUTOTRACE_STARTS", "2", "expected on or off, got '2'"),
    ],
)
def test_a_malformed_setting_is_one_error(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=said):
        autotrace.enable()


class Records:
    """A sink that reads structs; it works unless it is `down`."""

    def __init__(self, down: bool) -> None:
        self.down = down
        self.records: list[Any] = []

    def write(self, batch: list[Entry]) -> None:
        if self.down:
            raise OSError(111, "Connection refused")
        self.records += [msgspec.to_builtins(entry.record) for entry in batch]

    def close(self, deadline: float) -> None: ...


@pytest.mark.parametrize("limit", [0, 1000], ids=["whole", "cut"])
def test_what_waits_is_held_as_lines_and_comes_as_it_was(limit: int) -> None:
    up, down = Records(down=False), Records(down=True)
    settings = {"max_text_chars": limit} if limit else {}
    autotrace.enable(sinks=[up, down], **settings)
    deep = {"list": [1, 2.5, None, True, {"é\t": "x" * 2000}], "empty": {}}
    for number in range(300):
        with autotrace.span(str(number), attributes={"deep": deep, "text": "y" * 3000}):
            pass
    assert not autotrace.flush(0.5)
    assert len(up.records) == 300
    structs = sum(type(thing) is Span for thing in gc.get_objects())
    assert structs >= 300 if limit else structs < 50
    down.down = False
    assert autotrace.flush(600)
    assert down.records == up.records
    autotrace.disable()
