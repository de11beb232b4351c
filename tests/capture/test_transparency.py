"""One model call, one span: inferences that wrap others, in every way in which they and the inner ones run and end."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import importlib
import inspect
import pickle
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any

import pytest

import autotrace
from autotrace._capture import context, open_calls, recording
from autotrace._record import response_ids
from autotrace._record.origin import Origin
from autotrace.errors import DeclarationError
from autotrace.plugin import Call, Operation
from autotrace.testing import Capture

FRAMEWORK = '''
from .client import Stream

class Model:
    """A framework's model class: `do` is what it does to get its answer."""
    def ask(self, model, do):
        return do()

    async def aask(self, model, do):
        return await do()

    def later(self, model, do):
        return do()

    def stream(self, model, do):
        yield from do()

    async def astream(self, model, do):
        async for chunk in do():
            yield chunk

    def held(self, model, do):
        stream = Stream(())
        stream._iterator = (chunk for chunk in do())
        return stream


class Router:
    def ask(self, model, do):
        return do()


def embed(model, do=lambda: None):
    return do()


def run_agent(do):
    return do()


def run_tool(do):
    return do()


def answer(model):
    return {"id": model, "text": "hi"}


async def aanswer(model):
    return answer.__wrapped__(model)


def texts(model):
    yield {"id": model, "text": "h"}
    yield {"id": model, "text": "i"}


async def atexts(model):
    yield {"id": model, "text": "h"}
    yield {"id": model, "text": "i"}


def complete(model):
    return {"id": model, "text": "hi"}


def fail(model):
    raise ConnectionError(model)
'''

PLUGIN = """
from autotrace.plugin import Instrumentor, Operation, StreamSeam

def operation(name, transparent=False):
    return Operation(
        name,
        request={{"model": "model"}},
        response={{"id": "id", "output_messages": "text"}},
        reduce=lambda chunks: {{"id": chunks[-1]["id"], "text": "".join(chunk["text"] for chunk in chunks)}},
        stream=StreamSeam("_iterator", close=("close",)),
        transparent=transparent,
    )


CHAT, OUTER = operation("chat"), operation("chat", transparent=True)


def layer(name):
    def route(call):
        call.attributes = {{"acme.layer": name, "acme." + name: [1]}}
        return OUTER
    return route


instrumentor = Instrumentor(
    provider="acme",
    requires="{name}>=1",
    targets={{
        **{{"{name}.framework:Model." + one: layer("model") for one in ("ask", "aask", "later", "stream", "astream", "held")}},
        "{name}.framework:Router.ask": layer("router"),
        **{{"{name}.framework:" + one: CHAT for one in ("answer", "aanswer", "texts", "atexts", "fail")}},
        "{name}.framework:complete": operation("text_completion"),
        "{name}.framework:embed": operation("embeddings"),
        "{name}.framework:run_agent": Operation("invoke_agent"),
        "{name}.framework:run_tool": Operation("execute_tool"),
    }},
)
"""


@pytest.fixture
def acme(library: Any) -> Any:
    library.write(f"{library.name}/framework.py", FRAMEWORK)
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    return importlib.import_module(f"{library.name}.framework")


def in_thread(do: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do).result()


def in_copied_context(do: Callable[[], Any]) -> Any:
    here = contextvars.copy_context()
    return in_thread(lambda: here.run(do))


async def in_executor(do: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, do)


def suppressed(do: Callable[[], Any]) -> Any:
    with autotrace.suppress():
        return do()


def stepped(do: Callable[[], Any]) -> Any:
    with autotrace.span("step"):
        return do()


def raised(do: Callable[[], Any], kind: type[BaseException] = ConnectionError) -> None:
    with pytest.raises(kind):
        do()


def attempted(*tries: Callable[[], Any]) -> Any:
    for one in tries[:-1]:
        raised(one)
    return tries[-1]()


def interrupt() -> Any:
    raise KeyboardInterrupt


def after(do: Callable[[], Any], then: Callable[[], Any]) -> Any:
    do()
    return then()


def started(stream: Any) -> Any:
    """The first chunk taken, and no more; the stream is closed."""
    chunk = next(iter(stream))
    stream.close()
    return chunk


def dropped(stream: Any) -> None:
    next(iter(stream))
    del stream
    gc.collect()


async def astarted(stream: Any) -> None:
    async with aclosing(stream):
        await anext(stream)


async def collected(stream: Any) -> list[Any]:
    return [chunk async for chunk in stream]


async def cancelled(acme: Any, inner: bool) -> None:
    async def do() -> None:
        if inner:
            await acme.aanswer("in")
        await asyncio.sleep(10)

    task = asyncio.create_task(acme.Model().aask("out", do))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def racing(acme: Any) -> None:
    """Two inner calls at once, as tasks: a hedged request."""

    async def do() -> Any:
        return await asyncio.gather(acme.aanswer("in"), acme.aanswer("in"))

    await acme.Model().aask("out", do)


async def in_task_threads(acme: Any) -> None:
    await acme.Model().aask("out", lambda: asyncio.to_thread(acme.answer, "in"))


IN, OUT, TOP = ("chat in", "top", "completed"), ("chat out", "top", "completed"), ("top", None, "completed")
Rows = dict[str, tuple[Callable[[Any], Any], list[tuple[str, "str | None", str]]]]

ROWS: Rows = {
    "value": (lambda a: a.Model().ask("out", lambda: a.answer("in")), [IN]),
    "nothing inside": (lambda a: a.Model().ask("out", dict), [OUT]),
    "nothing inside fails": (
        lambda a: raised(lambda: a.Model().ask("out", lambda: {}["x"]), KeyError),
        [("chat out", "top", "error")],
    ),
    "suppressed inside": (lambda a: a.Model().ask("out", lambda: suppressed(lambda: a.answer("in"))), [OUT]),
    "suppressed whole": (lambda a: suppressed(lambda: a.Model().ask("out", lambda: a.answer("in"))), []),
    "fails over": (
        lambda a: a.Model().ask("out", lambda: attempted(lambda: a.fail("one"), lambda: a.answer("in"))),
        [("chat one", "top", "error"), IN],
    ),
    "fails for good": (lambda a: raised(lambda: a.Model().ask("out", lambda: a.fail("in"))), [("chat in", "top", "error")]),
    "answered, then fails": (
        lambda a: raised(lambda: a.Model().ask("out", lambda: after(lambda: a.answer("in"), lambda: {}["x"])), KeyError),
        [IN],
    ),
    "interrupted": (
        lambda a: raised(lambda: a.Model().ask("out", interrupt), KeyboardInterrupt),
        [("chat out", "top", "cancelled")],
    ),
    "layers": (
        lambda a: a.Router().ask("route", lambda: a.Model().ask("out", lambda: a.answer("in"))),
        [IN],
    ),
    "layers, nothing inside": (lambda a: a.Router().ask("route", lambda: a.Model().ask("out", dict)), [OUT]),
    "layers, over two models": (
        lambda a: a.Router().ask(
            "route",
            lambda: attempted(
                lambda: a.Model().ask("first", lambda: a.fail("one")), lambda: a.Model().ask("out", lambda: a.answer("in"))
            ),
        ),
        [("chat one", "top", "error"), IN],
    ),
    "a completion inside": (
        lambda a: a.Model().ask("out", lambda: a.complete("in")),
        [("text_completion in", "top", "completed")],
    ),
    "no inference of its kind inside": (
        lambda a: a.Model().ask("out", lambda: a.embed("vectors")),
        [("embeddings vectors", "top", "completed"), OUT],
    ),
    "a step between": (
        lambda a: a.Model().ask("out", lambda: stepped(lambda: a.answer("in"))),
        [("chat in", "step", "completed"), ("step", "top", "completed")],
    ),
    "a tool between": (  # what a tool asks of a model is its own affair …
        lambda a: a.Model().ask("out", lambda: after(lambda: a.run_tool(lambda: a.answer("in")), lambda: {"id": "x"})),
        [("chat in", "execute_tool", "completed"), ("execute_tool", "top", "completed"), OUT],
    ),
    "a tool's answer": (  # … unless it is the answer
        lambda a: a.Model().ask("out", lambda: a.run_tool(lambda: a.answer("in"))),
        [("chat in", "execute_tool", "completed"), ("execute_tool", "top", "completed")],
    ),
    "an agent around": (
        lambda a: a.run_agent(lambda: a.Model().ask("out", lambda: a.answer("in"))),
        [("chat in", "invoke_agent", "completed"), ("invoke_agent", "top", "completed")],
    ),
    "agents and tools nest": (
        lambda a: a.run_agent(lambda: a.run_tool(lambda: a.run_agent(lambda: a.answer("in")))),
        [
            ("chat in", "invoke_agent", "completed"),
            ("invoke_agent", "execute_tool", "completed"),
            ("execute_tool", "invoke_agent", "completed"),
            ("invoke_agent", "top", "completed"),
        ],
    ),
    "outer streams": (lambda a: list(a.Model().stream("out", lambda: a.texts("in"))), [IN]),
    "outer streams a value": (lambda a: list(a.Model().stream("out", lambda: [a.answer("in")])), [IN]),
    "outer streams nothing inside": (lambda a: list(a.Model().stream("out", lambda: [{"id": "x", "text": ""}])), [OUT]),
    "inner streams": (lambda a: a.Model().ask("out", lambda: list(a.texts("in")) and None), [IN]),
    "streams handed through": (lambda a: list(a.Model().ask("out", lambda: a.texts("in"))), [IN]),
    "stream object": (lambda a: list(a.Model().held("out", lambda: a.texts("in"))), [IN]),
    "stream object closed": (
        lambda a: started(a.Model().held("out", lambda: a.texts("in"))),
        [("chat in", "top", "abandoned")],
    ),
    "stream object unread": (lambda a: a.Model().held("out", lambda: a.texts("in")).close(), [("chat out", "top", "unread")]),
    "stream closed": (lambda a: started(a.Model().stream("out", lambda: a.texts("in"))), [("chat in", "top", "abandoned")]),
    "stream dropped": (lambda a: dropped(a.Model().stream("out", lambda: a.texts("in"))), [("chat in", "top", "abandoned")]),
    "stream unread": (lambda a: a.Model().stream("out", lambda: a.texts("in")).close(), []),
    "inner generator made and not read": (
        lambda a: a.Model().ask("out", lambda: after(lambda: a.texts("in"), lambda: {"id": "x"})),
        [OUT],
    ),
    "copied context": (lambda a: a.Model().ask("out", lambda: in_copied_context(lambda: a.answer("in"))), [IN]),
    # Without the context the parent is unknown, and the response id decides.
    "thread": (lambda a: a.Model().ask("out", lambda: in_thread(lambda: a.answer("in"))), [("chat in", None, "completed")]),
    "thread, streamed": (
        lambda a: list(a.Model().stream("out", lambda: in_thread(lambda: list(a.texts("in"))))),
        [("chat in", None, "completed")],
    ),
    "thread, layers": (
        lambda a: a.Router().ask("route", lambda: in_thread(lambda: a.Model().ask("out", lambda: a.answer("in")))),
        [("chat in", None, "completed")],
    ),
    "thread, another answer": (
        lambda a: a.Model().ask("out", lambda: after(lambda: in_thread(lambda: a.answer("in")), lambda: {"id": "other"})),
        [("chat in", None, "completed"), OUT],
    ),
    "thread, earlier answer": (
        lambda a: (a.answer("in"), a.Model().ask("out", lambda: {"id": "in", "text": "from a cache"})),
        [IN, OUT],
    ),
    "thread, fails over": (
        lambda a: a.Model().ask(
            "out", lambda: attempted(lambda: in_thread(lambda: a.fail("one")), lambda: in_thread(lambda: a.answer("in")))
        ),
        [("chat one", None, "error"), ("chat in", None, "completed")],
    ),
    "coroutine": (lambda a: a.Model().aask("out", lambda: a.aanswer("in")), [IN]),
    "coroutine from a function": (lambda a: a.Model().later("out", lambda: a.aanswer("in")), [IN]),
    "async stream": (lambda a: collected(a.Model().astream("out", lambda: a.atexts("in"))), [IN]),
    "async stream closed": (  # the outer one leaves its inner generator to the event loop
        lambda a: astarted(a.Model().astream("out", lambda: a.atexts("in"))),
        [("chat in", "top", "abandoned")],
    ),
    "tasks": (racing, [IN, IN]),
    "to_thread": (in_task_threads, [IN]),
    "executor": (
        lambda a: a.Model().aask("out", lambda: in_executor(lambda: a.answer("in"))),
        [("chat in", None, "completed")],
    ),
    "cancelled": (lambda a: cancelled(a, True), [IN]),
    "cancelled before any": (lambda a: cancelled(a, False), [("chat out", "top", "cancelled")]),
}


def shape(spans: list[dict[str, Any]]) -> list[tuple[str, str | None, str]]:
    """Name, parent's name and ending of each span, in the order of their ends."""
    names = {span["span_id"]: span["name"] for span in spans}
    assert len(names) == len(spans)
    return [(span["name"], span["parent_id"] and names[span["parent_id"]], span["end_reason"]) for span in spans]


@pytest.mark.parametrize("row", ROWS)
def test_one_model_call_is_one_span(row: str, acme: Any, captured: Capture) -> None:
    program, expected = ROWS[row]

    async def top() -> None:
        with autotrace.span("top"):
            await result if inspect.isawaitable(result := program(acme)) else None

    asyncio.run(top())
    gc.collect()
    assert shape(captured.spans) == (expected if TOP in expected else [*expected, TOP])
    inside = [span for span in captured.spans if span["parent_id"] or span["name"] == "top"]
    assert len({span["trace_id"] for span in inside}) == 1
    assert response_ids._waiting == {}


CHAT = Operation("chat", request={"model": "model"}, response={"id": "id"})
OUTER = Operation("chat", request={"model": "model"}, response={"id": "id"}, transparent=True)
ORIGIN = Origin("autotrace-acme", "1", "acme")


def begin(operation: Operation = OUTER, **more: Any) -> Call:
    return recording.begin(operation, ORIGIN, {"model": "m"}, **more)


def test_what_is_inside_has_the_attributes_of_all_outers(acme: Any, captured: Capture) -> None:
    with autotrace.attributes(session="s1"):
        acme.Router().ask("route", lambda: acme.Model().ask("out", lambda: acme.run_tool(dict)))
    tool, chat = captured.spans
    for span in (tool, chat):
        assert {key: value for key, value in span["attributes"].items() if key.startswith(("acme", "session"))} == {
            "session.id": "s1",
            "acme.layer": "model",
            "acme.router": [1],
            "acme.model": [1],
        }
    assert (tool["name"], chat["name"]) == ("execute_tool", "chat out")


def test_attributes_of_the_outer_give_way_to_what_the_inner_itself_says(captured: Capture) -> None:
    given = {"gen_ai.request.model": "outer", "acme.a": 1, "acme.b": 1, "acme.c": [1]}
    outer = begin(attributes=given)
    outer.set_attribute("acme.late", 1)  # what the outer one finds out is of itself
    with autotrace.attributes(**{"acme.b": 2}):
        inner = begin(CHAT, parent=outer, attributes={"acme.a": 3})
    inner.set_attribute("acme.d", 4)
    inner.finish({"id": "r"})
    outer.finish({"id": "r"})
    (span,) = captured.spans
    assert span["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.id": "r",
        "acme.a": 3,
        "acme.b": 2,
        "acme.c": [1],
        "acme.d": 4,
    } | {key: value for key, value in span["attributes"].items() if key.startswith("autotrace.cost.")}


def test_attempts_of_an_outer_without_parent_are_one_trace(captured: Capture) -> None:
    outer = begin()
    for number in range(2):
        begin(CHAT, parent=outer).finish({"id": str(number)})
    outer.finish()
    first, second = captured.spans
    assert first["parent_id"] is second["parent_id"] is None
    assert first["trace_id"] == second["trace_id"]


def test_an_outer_that_ends_while_the_inner_is_open_writes_nothing(captured: Capture) -> None:
    outer = begin()
    inner = begin(CHAT, parent=outer)
    outer.cancel()
    assert captured.spans == []
    inner.finish({"id": "r"})
    assert shape(captured.spans) == [("chat m", None, "completed")]


def test_what_begins_after_the_outer_has_ended_is_a_call_of_its_own(captured: Capture) -> None:
    outer = begin()
    here = outer.context
    outer.finish({"id": "first"})
    begin(CHAT, parent=here).finish({"id": "second"})
    assert [span["attributes"]["gen_ai.response.id"] for span in captured.spans] == ["first", "second"]


def test_the_context_keeps_no_call_alive_and_can_be_copied_and_pickled(captured: Capture) -> None:
    outer = begin(attributes={"acme.a": [1]})
    step = begin(Operation("span", kind="INTERNAL"), parent=outer)
    for call, parent_id in ((outer, 0), (step, step._draft.span_id)):
        here = call.context
        assert isinstance(here, context.SpanContext)
        assert copy.copy(here) is copy.deepcopy(here) is here
        restored = pickle.loads(pickle.dumps(here))
        assert type(restored) is context.SpanContext
        assert restored == (outer._draft.trace_id, parent_id) == here
    layer, gone = outer.context, weakref.ref(outer)
    del outer, call
    assert gone() is None
    assert layer.trace_id
    assert [span["end_reason"] for span in captured.spans] == ["abandoned"]
    step.finish()


def test_a_request_can_be_found_inside_itself(captured: Capture) -> None:
    outer = begin()
    step = begin(Operation("span", kind="INTERNAL"), parent=outer)
    inner = begin(CHAT, parent=step)
    for call, found in ((outer, outer), (step, None), (inner, inner)):
        token = context.current.set(call.context)
        assert open_calls.current(ORIGIN) is found
        assert open_calls.current(Origin("another")) is None
        context.current.reset(token)
    for call in (inner, step, outer):
        call.finish()
    assert len(captured.spans) == 2


def test_response_ids_are_kept_while_an_outer_call_is_open_and_not_too_many(captured: Capture) -> None:
    begin(CHAT).finish({"id": "before"})
    outer = begin()
    for number in range(response_ids._MOST + 10):
        begin(CHAT).finish({"id": str(number)})
    assert len(captured.spans) == response_ids._MOST + 11
    assert len(response_ids._seen) == response_ids._MOST
    outer.finish({"id": str(response_ids._MOST)})
    assert len(captured.spans) == response_ids._MOST + 11
    begin(CHAT).finish({"id": "after"})
    assert len(captured.spans) == response_ids._MOST + 12
    assert response_ids._seen == {}


def test_only_inferences_can_be_transparent() -> None:
    for name in ("invoke_agent", "execute_tool", "invoke_workflow"):
        with pytest.raises(DeclarationError, match="only an inference"):
            Operation(name, transparent=True)


def test_layers_of_different_kinds_each_see_their_own(captured: Capture) -> None:
    outer = begin()
    middle = begin(Operation("embeddings", transparent=True), parent=outer)
    begin(CHAT, parent=middle).finish({"id": "r"})
    middle.finish()
    outer.finish()
    assert [span["name"] for span in captured.spans] == ["chat m", "embeddings"]
