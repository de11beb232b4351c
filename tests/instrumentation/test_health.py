"""The circuit breaker, and what autotrace says of itself: exact under threads, and zero in a new process."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace._writer.writer import writer
from autotrace.sinks._entry import Entry
from autotrace.testing import Capture

ANSWER = {"id": "r1", "text": "hello", "usage": {"input": 7}}


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What has changed."""
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def spans() -> dict[str, int]:
    """The counts of spans, of which the sums hold."""
    found: dict[str, int] = autotrace.health()["spans"]
    assert found["begun"] == found["open"] + found["unrecorded"] + found["recorded"]
    assert found["recorded"] == found["written"] + found["dropped"] + found["queued"]
    return found


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As in a program: failures of ours are reported, not raised."""
    monkeypatch.setattr(diagnostics, "strict", False)
    yield
    diagnostics.forget()


def test_it_can_be_asked_before_anything_is_enabled_and_loads_nothing() -> None:
    import subprocess

    code = (
        "import autotrace, json, sys; before = set(sys.modules); found = autotrace.health();"
        "print(json.dumps([found, sorted(set(sys.modules) - before)]))"
    )
    found, loaded = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert set(found["spans"].values()) == {0}
    assert (found["failures"], found["circuit"]) == ({}, {})
    assert found["time"] == {"calls": 0, "sampled": 0, "ns_per_call": None}
    assert loaded == ["autotrace._instrumentation.health"]


def test_every_span_is_counted_where_it_is(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    client, module = library.client.Client(), library.client
    autotrace.flush()
    before = spans()
    client.chat("m", answer=ANSWER)
    with pytest.raises(ValueError, match="no"):
        client.chat("m", answer=ValueError("no"))
    stream = client.chat("m", answer=module.Stream([{"text": "a"}]))
    with autotrace.span("outer"):
        assert difference(before, spans())["open"] == 2
    client.chat("m", answer=iter_nothing())
    gc.collect()
    assert autotrace.flush()
    assert difference(before, spans()) == {"begun": 5, "open": 1, "unrecorded": 1, "recorded": 3, "written": 3}
    del stream
    gc.collect()
    assert autotrace.flush()
    assert difference(before, spans()) == {"begun": 5, "unrecorded": 1, "recorded": 4, "written": 4}
    assert len(captured.spans) == 4


def iter_nothing() -> Any:
    yield {"text": "never read"}


def test_counts_are_exact_under_threads(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()
    autotrace.flush()
    before, calls = spans(), autotrace.health()["time"]["calls"]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [client.chat("m", answer=ANSWER) for _ in range(500)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert autotrace.flush()
    assert difference(before, spans()) == {"begun": 4000, "recorded": 4000, "written": 4000}
    time = autotrace.health()["time"]
    assert time["calls"] - calls == 4000
    assert time["sampled"] >= 62
    assert 0 < time["ns_per_call"]["median"] < 50_000_000


def test_what_a_sink_loses_is_dropped(library: Any, captured: Capture, lenient: None) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()

    class Broken:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def write(self, batch: list[Entry]) -> Any:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        def close(self, deadline: float) -> None:
            return

    sinks = writer.sinks
    assert sinks is not None
    autotrace.flush()
    for answer, taken in ((None, 3), (3, 3), (TypeError("never"), 0)):
        before = spans()
        writer.sinks = [*sinks, Broken(answer)]
        with writer._draining:  # the three are one batch
            for _ in range(3):
                client.chat("m", answer=ANSWER)
        assert autotrace.flush()
        counted = {"begun": 3, "recorded": 3, "written": taken, "dropped": 3 - taken}
        assert difference(before, spans()) == {key: number for key, number in counted.items() if number}
    writer.sinks = sinks
    assert autotrace.health()["failures"]["core"] == {"sink Broken": 4}  # the batch, and each by itself


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_at_zero(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()
    client.chat("m", answer=ANSWER)
    diagnostics.failures.add("a place")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            first = autotrace.health()
            client.chat("m", answer=ANSWER)
            autotrace.flush()
            os.write(write, json.dumps([first, autotrace.health()]).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as file:
        first, then = json.loads(file.read())
    assert os.waitpid(child, 0)[1] == 0
    diagnostics.failures.clear()
    assert first["pid"] == child
    assert set(first["spans"].values()) == {0}
    assert first["failures"] == {}
    assert first["time"]["calls"] == 0
    assert {name: number for name, number in then["spans"].items() if number} == {"begun": 1, "recorded": 1, "written": 1}


BROKEN = """
from autotrace.plugin import Instrumentor, Operation, StreamSeam
def broken(*args):
    raise RuntimeError("broken")
CHAT = Operation("chat", request={{"model": "model"}}, response={{"id": "id"}}{operation})
targets = {{"{name}.client:" + path: {target} for path in ("Client.chat", "Client.achat", "Client.later")}}
instrumentor = Instrumentor(provider="acme", targets=targets)
"""


def break_plugin(library: Any, target: str = "CHAT", operation: str = "") -> None:
    library.write(f"{library.plugin}.py", BROKEN.format(name=library.name, target=target, operation=operation))


@pytest.mark.parametrize(
    "broken",
    [
        {"target": "broken"},
        {"target": "lambda call: 7"},
        {"operation": ", stream=broken"},
    ],
)
@pytest.mark.parametrize("method", ["chat", "achat", "later"])
def test_a_target_whose_capture_keeps_failing_is_switched_off_and_said_once(
    library: Any, captured: Capture, lenient: None, diagnosed: Any, method: str, broken: dict[str, str]
) -> None:
    break_plugin(library, **broken)
    autotrace.enable(library.name)
    target = f"{library.name}.client:Client.{method}"
    client = library.client.Client()

    def ask() -> None:
        result = getattr(client, method)("m", answer=ANSWER)
        assert (asyncio.run(result) if method != "chat" else result) is ANSWER

    for _ in range(9):
        ask()
    assert autotrace.health()["circuit"] == {}
    for _ in range(20):
        ask()
    said = [line for line in diagnosed() if line["event"] == "autotrace.circuit"]
    assert [target in line["message"] for line in said] == [True]
    health = autotrace.health()
    assert list(health["circuit"]) == [target]
    assert "failed 10 times" in health["circuit"][target]
    assert health["failures"] == {library.distribution: {f"{library.distribution} {target}": 10}}
    others = "achat" if method != "achat" else "chat"
    result = getattr(client, others)("m", answer=ANSWER)
    assert (asyncio.run(result) if others != "chat" else result) is ANSWER
    assert sum(autotrace.health()["failures"][library.distribution].values()) == 11
    autotrace.disable(library.name)
    break_plugin(library)
    sys.modules.pop(library.plugin)
    autotrace.enable(library.name)
    captured.clear()
    ask()
    assert len(captured.spans) == 1
    assert autotrace.health()["circuit"] == {}


def test_ten_failures_in_many_threads_are_one_report(
    library: Any, captured: Capture, lenient: None, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    break_plugin(library, target="broken")
    autotrace.enable(library.name)
    client = library.client.Client()
    start = threading.Barrier(16)

    def run() -> None:
        start.wait()
        for _ in range(50):
            assert client.chat("m", answer=ANSWER) is ANSWER

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line["event"] for line in diagnosed()].count("autotrace.circuit") == 1
    (counted,) = diagnostics.failures.values()
    assert 10 <= counted <= 10 + len(threads)


@pytest.mark.parametrize("operation", [", reduce=broken", ", reduce=lambda chunks: chunks[0]", ""])
def test_what_fails_on_the_writers_side_costs_fields_and_no_target(
    library: Any, captured: Capture, lenient: None, operation: str
) -> None:
    library.write(
        f"{library.plugin}.py",
        BROKEN.format(name=library.name, target="CHAT", operation=', stream=StreamSeam("_iterator")' + operation).replace(
            '{"id": "id"}', '{"id": lambda answer: 1 / 0, "model": "text"}'
        ),
    )
    autotrace.enable(library.name)
    client = library.client.Client()
    for _ in range(15):
        list(client.chat("m", answer=library.client.Stream([{"text": "t"}])))
        client.chat("m", answer=ANSWER)
    assert len(captured.spans) == 30
    assert all(span["attributes"]["gen_ai.request.model"] == "m" for span in captured.spans)
    health = autotrace.health()
    assert health["circuit"] == {}
    assert sum(health["failures"][library.distribution].values()) >= 15
    assert "core" not in health["failures"]


def test_failures_are_counted_exactly_under_threads() -> None:
    failures = diagnostics.Failures()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [failures.add("here") for _ in range(20_000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == {"here": 80_000}


def test_status_says_which_target_is_switched_off_and_enable_switches_it_on(
    library: Any, captured: Capture, lenient: None
) -> None:
    break_plugin(library, target="broken")
    autotrace.enable(library.name)
    target = f"{library.name}.client:Client.chat"
    for _ in range(12):
        library.client.Client().chat("m", answer=ANSWER)
    status = library.status["targets"][target]
    assert status["state"] == "failed"
    assert status["reason"] == "failed 10 times, most recently with RuntimeError"
    autotrace.enable(library.name)
    assert library.status["targets"][target]["state"] == "patched"
    assert autotrace.health()["circuit"] == {}
    library.client.Client().chat("m", answer=ANSWER)
    assert sum(autotrace.health()["failures"][library.distribution].values()) == 11
