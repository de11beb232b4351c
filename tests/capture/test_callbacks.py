"""Libraries that call back: what runs while a call is carried out is inside of the call, and nothing else is."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib
import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace import status
from autotrace._capture import context
from autotrace.errors import DeclarationError
from autotrace.plugin import Instrumentor, Operation, RunsInside, options, safe_callback, start
from autotrace.testing import Capture

BUS = '''
import contextvars
import itertools

listeners = []
running = contextvars.ContextVar("running", default=None)
numbers = itertools.count(1)


def emit(event, run, *more):
    for listener in listeners:
        listener(event, run, *more)


class Model:
    """Says that it begins and ends; carries the call out in another function, or in between."""

    def ask(self, name, do):
        run = next(numbers)
        emit("start", run, name, running.get())
        try:
            answer = self.carry_out(do, run)
        except BaseException as exc:
            emit("error", run, exc)
            raise
        emit("end", run, answer)
        return answer

    def carry_out(self, do, run):
        return do()

    async def aask(self, name, do):
        run = next(numbers)
        emit("start", run, name, running.get())
        try:
            answer = await self.acarry_out(do, run)
        except BaseException as exc:
            emit("error", run, exc)
            raise
        emit("end", run, answer)
        return answer

    async def acarry_out(self, do, run):
        return await do()

    def stream(self, name, do):
        run = next(numbers)
        emit("start", run, name, running.get())
        try:
            for _ in range(3):
                yield do()
        except BaseException as exc:
            emit("error", run, exc)
            raise
        emit("end", run, {})

    def forgiving(self, name, do):
        """A stream that takes its consumer's leaving for its end."""
        run = next(numbers)
        emit("start", run, name, running.get())
        try:
            for _ in range(3):
                yield do()
        except GeneratorExit:
            pass
        emit("end", run, {"id": "so far"})

    async def astream(self, name, do):
        run = next(numbers)
        emit("start", run, name, running.get())
        try:
            for _ in range(3):
                yield await do()
        except BaseException as exc:
            emit("error", run, exc)
            raise
        emit("end", run, {})

    def within(self, name, do):
        run = next(numbers)
        emit("start", run, name, running.get())
        answer = do()
        emit("end", run, answer)
        return answer


def step(name, do):
    """A step of the library's: it keeps in a variable of its own which one runs."""
    run = next(numbers)
    emit("start", run, name, running.get())
    before = running.set(run)
    try:
        return do()
    finally:
        running.reset(before)
        emit("end", run, None)
'''

PLUGIN = """
import sys
from autotrace.plugin import RunsInside, Instrumentor, Operation, safe_callback, open_call, options, start

CHAT = Operation("chat", request={{"model": "model"}}, response={{"id": "id"}}, transparent=True)
STEP = Operation("step", kind="INTERNAL")


def install(bus):
    @safe_callback
    def listener(event, run, *more):
        if event == "start":
            name, parent = more
            if name.startswith("step"):
                start(STEP, key=run, parent=parent, name=name)
            else:
                start(CHAT, {{"model": name}}, key=run, parent=parent, provider=options()["provider"],
                      attributes={{"acme.in": name}})
            return
        call = open_call(run)
        if call is not None:
            call.finish(more[0]) if event == "end" else call.fail(more[0])

    bus.listeners.append(listener)
    return lambda: bus.listeners.remove(listener)


instrumentor = Instrumentor(
    requires="{name}>=1",
    on_ready={{"{name}.bus": install}},
    enclosing=lambda: sys.modules["{name}.bus"].running.get() if "{name}.bus" in sys.modules else None,
    options={{"provider": Option("acme", "is the provider")}},
    targets={{
        "{name}.bus:Model.carry_out": RunsInside(lambda call: call.argument("run")),
        "{name}.bus:Model.acarry_out": RunsInside(lambda call: call.options["provider"] and call.argument("run")),
        "{name}.bus:Model.stream": RunsInside(),
        "{name}.bus:Model.astream": RunsInside(),
        "{name}.bus:Model.forgiving": RunsInside(),
        "{name}.bus:Model.within": RunsInside(),
    }},
)
""".replace("Operation, safe_callback", "Operation, Option, safe_callback")


@pytest.fixture
def bus(library: Any) -> Any:
    library.write(f"{library.name}/bus.py", BUS)
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    return importlib.import_module(f"{library.name}.bus")


def work() -> dict[str, str]:
    """What the program does in there."""
    with autotrace.span("work"):
        return {"id": "x"}


async def awork() -> dict[str, str]:
    await asyncio.sleep(0)
    return work()


def read(stream: Any) -> None:
    """Each item taken, and something of the consumer's own done in between."""
    for _ in stream:
        with autotrace.span("consumer"):
            pass


async def aread(stream: Any) -> None:
    async for _ in stream:
        with autotrace.span("consumer"):
            pass


async def together(bus: Any) -> None:
    await asyncio.gather(*(bus.Model().aask(name, awork) for name in "ab"))


def left(stream: Any) -> None:
    with closing(stream):
        next(stream)


async def aleft(stream: Any) -> None:
    async with aclosing(stream):
        await anext(stream)


def in_thread(do: Callable[[], Any], copied: bool) -> Any:
    here = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(here.run, do).result() if copied else pool.submit(do).result()


def stepping(do: Callable[[], Any]) -> Any:
    with autotrace.span("mine"):
        return do()


TOP = ("top", None)
# A transparent call shows its parent's place: what is inside of it has the same parent, and its attributes.
ROWS: dict[str, tuple[Callable[[Any], Any], list[tuple[str, str | None]]]] = {
    "function": (lambda bus: bus.Model().ask("a", work), [("work a", "top"), ("chat a", "top")]),
    "coroutine": (lambda bus: bus.Model().aask("a", awork), [("work a", "top"), ("chat a", "top")]),
    "without a key": (lambda bus: bus.Model().within("a", work), [("work a", "top"), ("chat a", "top")]),
    "step": (lambda bus: bus.step("step", work), [("work", "step"), ("step", "top")]),
    "steps": (
        lambda bus: bus.step("step 1", lambda: bus.step("step 2", work)),
        [("work", "step 2"), ("step 2", "step 1"), ("step 1", "top")],
    ),
    "a model in a step": (
        lambda bus: bus.step("step", lambda: bus.Model().ask("a", work)),
        [("work a", "step"), ("chat a", "step"), ("step", "top")],
    ),
    "a span of the program's between": (
        lambda bus: bus.step("step", lambda: stepping(lambda: bus.Model().ask("a", dict))),
        [("chat a", "mine"), ("mine", "step"), ("step", "top")],
    ),
    "a step around a span around a step": (
        lambda bus: bus.step("step 1", lambda: stepping(lambda: bus.step("step 2", work))),
        [("work", "step 2"), ("step 2", "mine"), ("mine", "step 1"), ("step 1", "top")],
    ),
    "thread with the context": (
        lambda bus: bus.step("step", lambda: in_thread(work, copied=True)),
        [("work", "step"), ("step", "top")],
    ),
    "thread without": (
        lambda bus: bus.step("step", lambda: in_thread(work, copied=False)),
        [("work", None), ("step", "top")],
    ),
    "stream": (
        lambda bus: read(bus.Model().stream("a", work)),
        [("work a", "top"), ("consumer", "top")] * 3 + [("chat a", "top")],
    ),
    "async stream": (
        lambda bus: aread(bus.Model().astream("a", awork)),
        [("work a", "top"), ("consumer", "top")] * 3 + [("chat a", "top")],
    ),
    "models at the same time": (together, [("work a", "top"), ("chat a", "top"), ("work b", "top"), ("chat b", "top")]),
}


def tree(spans: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Name and parent of each span; of one that has it from the model call that it is in, with the name of that."""
    names = {span["span_id"]: span["name"] for span in spans}
    models = [span["attributes"].get("acme.in", "") if span["kind"] == "INTERNAL" else "" for span in spans]
    return [
        (f"{span['name']} {model}".strip(), span["parent_id"] and names[span["parent_id"]])
        for span, model in zip(spans, models, strict=True)
    ]


@pytest.mark.parametrize("row", ROWS)
def test_what_runs_inside_a_call_is_inside(row: str, bus: Any, captured: Capture) -> None:
    program, expected = ROWS[row]

    async def top() -> None:
        with autotrace.span("top"):
            await result if inspect.isawaitable(result := program(bus)) else None

    asyncio.run(top())
    assert tree(captured.spans) == [*expected, TOP]


def test_each_step_of_a_stream_is_inside_of_its_own_call_and_nothing_is_left_behind(bus: Any, captured: Capture) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(context.current.get())

    streams = [bus.Model().stream(name, look) for name in "ab"]
    for _ in zip(*streams, strict=True):
        assert context.current.get() is None
    layers = [one.own for one in seen]
    assert layers[::2] == [layers[0]] * 3
    assert layers[1::2] == [layers[1]] * 3
    assert layers[0] != layers[1]


@pytest.mark.parametrize("kind", ["stream", "forgiving", "astream"])
@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_a_stream_that_is_left_early_is_abandoned_whatever_the_library_calls_it(
    kind: str, how: str, bus: Any, captured: Capture
) -> None:
    stream = getattr(bus.Model(), kind)("a", awork if kind == "astream" else work)
    assert type(stream) is (AsyncGeneratorType if kind == "astream" else GeneratorType)
    if kind == "astream":
        asyncio.run(aleft(stream))
    elif how == "closed":
        left(stream)
    else:
        next(stream)
        del stream
        gc.collect()
    _, chat = captured.spans
    assert (chat["name"], chat["end_reason"]) == ("chat a", "abandoned")
    assert chat["attributes"].get("gen_ai.response.id") == ("so far" if kind == "forgiving" else None)


def test_options_and_provider_are_those_of_the_plugin(bus: Any, library: Any, captured: Capture) -> None:
    bus.Model().ask("a", dict)
    autotrace.enable(library.name, provider="other")
    bus.Model().ask("a", dict)
    assert [span["attributes"]["gen_ai.provider.name"] for span in captured.spans] == ["acme", "other"]


def test_the_hook_is_taken_off_and_the_functions_are_back(bus: Any, library: Any, captured: Capture) -> None:
    assert bus.listeners
    autotrace.disable(library.name)
    assert bus.listeners == []
    assert not hasattr(bus.Model.stream, "__wrapped__")
    assert context.enclosing == {}
    bus.step("step", lambda: bus.Model().ask("a", dict))
    assert captured.spans == []
    autotrace.enable(library.name)
    assert len(bus.listeners) == 1
    bus.step("step", dict)
    assert [span["name"] for span in captured.spans] == ["step"]
    assert status()[library.name]["state"] == "patched"


def test_a_hook_waits_for_its_module(library: Any, captured: Capture) -> None:
    library.write(f"{library.name}/bus.py", BUS)
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    importlib.import_module(library.name)
    assert tree(captured.spans) == []
    bus = importlib.import_module(f"{library.name}.bus")
    assert len(bus.listeners) == 1


def test_suppressed_calls_are_no_place_to_be_in(bus: Any, library: Any, captured: Capture) -> None:
    with autotrace.span("top"), autotrace.suppress(library.name):
        bus.step("step", lambda: bus.Model().ask("a", work))
        read(bus.Model().stream("a", work))
    assert tree(captured.spans) == [("work", "top")] + [("work", "top"), ("consumer", "top")] * 3 + [TOP]


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(diagnostics, "strict", False)
    yield
    diagnostics.forget()


@pytest.mark.usefixtures("lenient")
def test_failures_of_a_plugins_functions_are_counted_and_go_no_further(
    bus: Any, library: Any, captured: Capture, capfd: pytest.CaptureFixture[str]
) -> None:
    @safe_callback
    def broken(*_: object) -> None:
        raise ValueError("mine")

    def enclosing() -> None:
        raise ValueError("yours")

    assert broken() is None
    context.enclosing[library.name] = enclosing
    bus.listeners.append(broken)
    bus.step("step", work)
    assert [span["name"] for span in captured.spans] == ["work", "step"]
    assert sum(diagnostics.failures.values()) >= 4
    assert "ValueError: mine" in capfd.readouterr().err


def test_what_cannot_be_right_is_refused_where_it_is_declared() -> None:
    for declare in (
        lambda: RunsInside("run"),  # type: ignore[arg-type]
        lambda: RunsInside(lambda: 1),  # type: ignore[misc, arg-type]
        lambda: Instrumentor(on_ready={"acme.bus": 1}),  # type: ignore[dict-item]
        lambda: Instrumentor(on_ready=dict, enclosing=1),  # type: ignore[arg-type]
        lambda: Instrumentor(enclosing=lambda: None),
    ):
        with pytest.raises(DeclarationError):
            declare()


def test_nobody_has_options_who_is_no_plugin() -> None:
    assert options() == {}
    start(Operation("execute_tool")).finish()
