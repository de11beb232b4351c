"""One replaced call: the program cannot tell, and exactly one record says what happened."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import pickle
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace.testing import Capture

OURS = os.path.dirname(autotrace.__file__) + os.sep  # in a source tree, or where it was installed
Ask = Callable[..., Any]
ANSWER = {"id": "r1", "text": "hello", "usage": {"input": 7}}
KINDS = ["Client.chat", "Client.achat", "Client.later", "Client.made", "Client.alone", "ask"]


def _step(result: Any) -> None:
    """Run a coroutine's first step, which is all that those here have, outside of any event loop."""
    result.send(None)


def run(result: Any) -> Any:
    """The value of a call, of whichever kind the function was."""
    return asyncio.run(result) if inspect.iscoroutine(result) else result


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ask(library: Any, kind: str) -> Ask:
    """Call the target of this kind, synchronously whatever it is."""
    autotrace.enable(library.name)

    def call(*args: Any, **kwargs: Any) -> Any:
        module = library.client
        owner, _, name = kind.rpartition(".")
        function = getattr(module.Client() if owner else module, name)
        return run(function(*args, **kwargs))

    return call


def test_a_call_is_one_record_and_gives_the_very_object(ask: Ask, captured: Capture) -> None:
    assert ask("m1", answer=ANSWER) is ANSWER
    (span,) = captured.spans
    assert span["name"] == "chat m1"
    assert span["kind"] == "CLIENT"
    assert span["end_reason"] == "completed"
    assert span["status"] == {"code": "UNSET"}
    span["attributes"].pop("autotrace.cost.unknown", None)  # where prices are installed
    assert span["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "acme",
        "gen_ai.request.model": "m1",
        "gen_ai.response.id": "r1",
        "gen_ai.output.messages": "hello",
        "gen_ai.usage.input_tokens": 7,
    }
    assert span["end_ns"] == span["start_ns"] + span["duration_ns"]


@pytest.mark.parametrize("method", ["chat", "achat", "later"])
def test_an_exception_comes_through_unchanged_with_one_frame_of_ours(library: Any, captured: Capture, method: str) -> None:
    autotrace.enable(library.name)
    failure = ValueError("no", 3)
    with pytest.raises(ValueError, match="no") as caught:
        run(getattr(library.client.Client(), method)("m", answer=failure))
    assert caught.value is failure
    assert failure.__context__ is None
    assert failure.__cause__ is None
    ours = [frame for frame in traceback.extract_tb(failure.__traceback__) if frame.filename.startswith(OURS)]
    assert len(ours) == 1
    assert len(captured.spans) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the frame stays there")
@pytest.mark.parametrize("method", ["chat", "achat", "later"])
def test_a_call_that_is_none_of_ours_leaves_no_frame(library: Any, captured: Capture, method: str) -> None:
    autotrace.enable(library.name)
    failure = ValueError("no", 3)
    with autotrace.suppress(), pytest.raises(ValueError, match="no") as caught:
        run(getattr(library.client.Client(), method)("m", answer=failure))
    assert caught.value is failure
    assert (failure.__context__, failure.__cause__) == (None, None)
    files = [frame.filename for frame in traceback.extract_tb(failure.__traceback__)]
    assert not [name for name in files if name.startswith(OURS)]
    assert [name for name in files if name.endswith("client.py")]
    assert captured.spans == []


@pytest.mark.parametrize(
    ("failure", "end_reason", "code", "level"),
    [
        (ValueError("no"), "error", "ERROR", "error"),
        (KeyboardInterrupt(), "cancelled", "UNSET", "info"),
        (asyncio.CancelledError(), "cancelled", "UNSET", "info"),
    ],
)
@pytest.mark.parametrize("method", ["chat", "achat", "later"])
def test_how_a_call_failed_is_recorded(
    library: Any, captured: Capture, method: str, failure: BaseException, end_reason: str, code: str, level: str
) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()
    with pytest.raises(type(failure)) as caught:
        _step(getattr(client, method)("m", answer=failure))
    assert caught.value is failure
    (span,) = captured.spans
    assert (span["end_reason"], span["status"]["code"], span["level"]) == (end_reason, code, level)
    assert span["attributes"].get("error.type") == ("ValueError" if code == "ERROR" else None)
    assert span["status"].get("description") == ("no" if code == "ERROR" else None)


def test_the_function_looks_as_it_did(library: Any, kind: str) -> None:
    before = library.function(kind)
    plain = before.__func__ if isinstance(before, (classmethod, staticmethod)) else before
    autotrace.enable(library.name)
    after = library.function(kind)
    replaced = after.__func__ if isinstance(after, (classmethod, staticmethod)) else after
    assert replaced is not plain
    assert type(after) is type(before)
    assert inspect.signature(replaced) == inspect.signature(plain)
    assert inspect.iscoroutinefunction(replaced) == inspect.iscoroutinefunction(plain)
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(replaced, name) == getattr(plain, name)
    public = library.client.ask if kind == "ask" else getattr(library.client.Client, replaced.__name__)
    assert pickle.loads(pickle.dumps(public)) == public
    autotrace.disable(library.name)
    assert library.function(kind) is before


def test_a_function_that_was_kept_passes_calls_on_after_disable(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    kept = library.client.Client().chat
    autotrace.disable(library.name)
    assert kept("m", answer=ANSWER) is ANSWER
    assert captured.spans == []


def test_suppressed_calls_are_not_recorded(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    client = library.client.Client()
    with autotrace.suppress():
        client.chat("m")
    with autotrace.suppress(library.name):
        client.chat("m")
    with autotrace.suppress("other"):
        client.chat("m")
    assert len(captured.spans) == 1


def test_attributes_are_put_on_every_span_started_inside(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    with autotrace.attributes(session="s1", tags=["a"]), autotrace.attributes(user="u1"), autotrace.span("step"):
        library.client.Client().chat("m")
    for span in captured.spans:
        assert (span["attributes"]["session.id"], span["attributes"]["user.id"], span["attributes"]["tags"]) == (
            "s1",
            "u1",
            ["a"],
        )


def test_a_route_that_raises_costs_the_record_and_nothing_else(
    library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    monkeypatch.setattr(diagnostics, "strict", False)
    library.write(
        f"{library.plugin}.py",
        f"""
        from autotrace.plugin import Instrumentor
        def route(call):
            raise RuntimeError("broken")
        instrumentor = Instrumentor(targets={{"{library.name}.client:Client.chat": route}})
        """,
    )
    autotrace.enable(library.name)
    for _ in range(12):
        assert library.client.Client().chat("m", answer=ANSWER) is ANSWER
    assert captured.spans == []
    said = diagnosed()
    assert [line["event"] for line in said] == ["autotrace.failure", "autotrace.circuit"]
    assert "broken" in said[0]["message"]
    (counted,) = diagnostics.failures.values()
    assert counted == 10
    diagnostics.failures.clear()


def test_a_getter_that_raises_costs_its_own_field(
    library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    library.write(
        f"{library.plugin}.py",
        f"""
        from autotrace.plugin import Instrumentor, Operation
        CHAT = Operation("chat", request={{"model": "model"}}, response={{"id": lambda r: 1 / 0, "model": "id"}})
        instrumentor = Instrumentor(targets={{"{library.name}.client:Client.chat": CHAT}})
        """,
    )
    autotrace.enable(library.name)
    library.client.Client().chat("m", answer=ANSWER)
    (span,) = captured.spans
    assert span["attributes"]["gen_ai.request.model"] == "m"
    assert span["attributes"]["gen_ai.response.model"] == "r1"
    assert "gen_ai.response.id" not in span["attributes"]
    assert "gen_ai.response.id" in diagnosed()[0]["message"]
    diagnostics.failures.clear()


def test_a_c_function_and_a_callable_object_are_recorded_too(library: Any, captured: Capture) -> None:
    library.write(
        f"{library.name}/client.py",
        "class Asker:\n    def __call__(self, model):\n        return model * 2\nask = Asker()\ncount = (1, 1, 2).count\n",
    )
    library.write(
        f"{library.plugin}.py",
        f"""
        from autotrace.plugin import Instrumentor, Operation
        ASK = Operation("ask", request={{"model": "model"}})
        COUNT = Operation("count", request={{"acme.counted": "value"}})
        instrumentor = Instrumentor(targets={{"{library.name}.client:ask": ASK, "{library.name}.client:count": COUNT}})
        """,
    )
    autotrace.enable(library.name)
    client = library.client
    assert (client.ask("m"), client.count(1)) == ("mm", 2)
    assert [span["name"] for span in captured.spans] == ["ask m", "count"]
    assert captured.spans[1]["attributes"]["acme.counted"] == 1
    autotrace.disable(library.name)
    assert type(client.count).__name__ == "builtin_function_or_method"
    assert type(client.ask).__name__ == "Asker"


def test_a_call_holds_nothing_of_the_program(library: Any, captured: Capture) -> None:
    import weakref

    class Answer(dict[str, Any]):
        pass

    autotrace.enable(library.name)
    answer = Answer(ANSWER)
    alive = weakref.ref(answer)
    library.client.Client().chat("m", [answer], answer=answer)
    autotrace.flush()
    del answer
    gc.collect()
    assert alive() is None
    assert len(captured.spans) == 1


@pytest.mark.parametrize("method", ["achat", "later"])
@pytest.mark.parametrize("end", ["drop", "close"])
def test_a_coroutine_that_nobody_awaits_warns_as_it_did_and_is_no_call(
    library: Any, captured: Capture, method: str, end: str
) -> None:
    client = library.client.Client()

    def said() -> list[tuple[str, ...]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            coroutine = getattr(client, method)("m", answer=ANSWER)
            if end == "close":
                coroutine.close()
            del coroutine
            gc.collect()
        return [(one.category.__name__, str(one.message)) for one in caught]

    alone = said()
    assert len(alone) == (end == "drop")
    autotrace.enable(library.name)
    assert said() == alone
    assert captured.spans == []
