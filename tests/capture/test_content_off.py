"""With content off, no text of a program's own spans, of a plugin's own attributes, or of an exception leaves the process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace._capture import context, recording
from autotrace._record.origin import Origin
from autotrace.plugin import Operation
from autotrace.testing import Capture

MARK = "Marked"
PLUGIN = """
from autotrace.plugin import Instrumentor, Observer, Operation

def said(request):
    if request["messages"] == "break":
        raise ValueError("cannot read " + request["model"])
    return request["messages"]

CHAT = Operation(
    "chat",
    request={{"model": "model", "input_messages": said, "acme.note": "messages"}},
    response={{"id": "id", "acme.region": "region", "acme.tier": "tier", "acme.words": "text"}},
    failure=lambda answer: {{"code": answer["code"], "message": answer["text"]}} if "code" in answer else None,
    not_content={{"acme.region": True, "acme.tier": ("free", "paid"), "acme.host": True, "acme.node": True}},
)

def route(call):
    call.request = {{"model": call.argument("model"), "messages": call.argument("messages")}}
    call.attributes = {{"acme.host": "host 7", "acme.prompt": call.argument("messages"), "acme.size": 3}}
    return CHAT

instrumentor = Instrumentor(
    errors={{"error_code": "code", "acme.detail": "detail", "acme.node": "node"}},
    targets={{"{name}.client:Client.chat": route, "{name}.client:Client.achat": route}},
)
"""


class WrongError(Exception):
    code, detail, node = "wrong_input", f"{MARK} detail", "node 8"


def chained() -> BaseException:
    """An exception with a cause, a context, notes and an argument that quote the prompt."""
    try:
        try:
            raise KeyError(MARK)
        except KeyError as first:
            raise WrongError(MARK, {"prompt": MARK}) from first
    except WrongError as second:
        second.__notes__ = [MARK]
        return second


@pytest.fixture
def acme(library: Any, captured: Capture) -> Any:
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name, content=False)
    return library


@pytest.fixture
def off() -> Any:
    autotrace.enable(content=False)
    yield
    autotrace.enable(content=True)
    autotrace.disable()


def test_attributes_of_a_plugin_keep_what_it_declares(acme: Any, captured: Capture) -> None:
    answer = {"id": "r1", "region": "north east", "tier": "free", "text": f"{MARK} text"}
    acme.client.Client().chat("m-1", f"{MARK} question", answer=answer)
    (span,) = captured.spans
    assert MARK not in json.dumps(span)
    own = {name: value for name, value in span["attributes"].items() if name.startswith("acme.")}
    assert own == {"acme.region": "north east", "acme.tier": "free", "acme.host": "host 7", "acme.size": 3}
    assert span["name"] == "chat m-1"


def test_an_exception_leaves_its_class_its_code_and_what_is_declared(acme: Any, captured: Capture) -> None:
    with pytest.raises(WrongError):
        acme.client.Client().chat("m-1", f"{MARK} question", answer=chained())
    (span,) = captured.spans
    assert MARK not in json.dumps(span)
    assert span["status"] == {"code": "ERROR", "description": f"{__name__}.WrongError, wrong_input"}
    assert span["attributes"]["acme.node"] == "node 8"


def test_a_failure_inside_an_answer_leaves_its_code(acme: Any, captured: Capture) -> None:
    acme.client.Client().chat("m-1", "q", answer={"code": "overloaded", "text": MARK})
    acme.client.Client().chat("m-1", "q", answer={"code": f"{MARK} and more", "text": MARK})
    known, unknown = captured.spans
    assert MARK not in json.dumps([known, unknown])
    assert known["status"] == {"code": "ERROR", "description": "overloaded"}
    assert unknown["status"] == {"code": "ERROR", "description": "_OTHER"}


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_a_diagnostic_quotes_no_exception(
    acme: Any, captured: Capture, diagnosed: Callable[[], list[dict[str, Any]]], on: bool
) -> None:
    autotrace.enable(acme.name, content=on)
    acme.client.Client().chat(f"{MARK}-model", "break", answer={"id": "r1"})
    if not on:  # a getter of content is not called at all
        acme.client.Client().chat("m-1", "q", answer={"id": "r2", "code": 7})
    assert len(captured.spans) == 1 + (not on)
    diagnostics.forget()  # the failures are meant
    said = json.dumps(diagnosed())
    assert (MARK in said) == on
    assert ("its text is not shown while content is off or redacted" in said) == (not on)


@pytest.mark.parametrize("starts", [True, False])
def test_a_manual_span_keeps_numbers_and_ids(off: None, captured: Capture, starts: bool) -> None:
    autotrace.enable(content=False, starts=starts)
    try:
        given = {"city": MARK, "order.id": "o-1", "n": 3, "ok": True, MARK: 1, "deep": {"n": 1, "text": MARK}, "words": [MARK]}
        with autotrace.attributes(session="s1", user="u7", tags=[MARK], tenant=f"{MARK} Ltd", level=2):  # noqa: SIM117
            with autotrace.span("plan the trip", attributes=given) as span:
                span.set_attribute("answer", MARK)
                span.set_attribute("score", 0.5)
    finally:
        autotrace.enable(starts=False)
    captured.spans  # noqa: B018 -- waits for the writer
    lines = captured._sink.records
    assert MARK not in json.dumps(lines)
    expected = {"order.id": "o-1", "n": 3, "ok": True, "deep": {"n": 1}, "session.id": "s1", "user.id": "u7", "level": 2}
    assert [line["event"] for line in lines] == ["span.start"] * starts + ["span"]
    assert lines[-1]["attributes"] == {**expected, "score": 0.5}
    assert {line["name"] for line in lines} == {"plan the trip"}


@pytest.mark.parametrize("exc", [ValueError(MARK), chained()], ids=["plain", "chained"])
def test_a_manual_span_that_fails_leaves_the_class(off: None, captured: Capture, exc: Exception) -> None:
    with pytest.raises(type(exc)), autotrace.span("step"):
        raise exc
    (span,) = captured.spans
    assert MARK not in json.dumps(span)
    assert span["status"]["description"].endswith(type(exc).__name__)


def test_a_name_that_is_a_text_becomes_the_default(off: None, captured: Capture) -> None:
    with autotrace.span(f"{MARK}\nand a question"), autotrace.span(MARK * 99):
        pass
    assert [span["name"] for span in captured.spans] == ["span", "span"]


@pytest.mark.parametrize("inner_content", [True, False])
def test_what_a_span_inherits_follows_the_rule_of_the_call_around_it(captured: Capture, inner_content: bool) -> None:
    framework, sdk = (
        Origin("framework", library="framework", content=False),
        Origin("sdk", library="sdk", content=inner_content),
    )
    around = recording.begin(
        Operation("chat", transparent=True), framework, attributes={"acme.tags": [MARK], "acme.step": 3, "acme.ticket.id": "t1"}
    )
    token = context.current.set(around.context)
    recording.begin(Operation("chat"), sdk, attributes={"acme.note": "own"}).finish()
    context.reset(context.current, token)
    around.finish()
    (span,) = captured.spans
    assert MARK not in json.dumps(span)
    own = {"acme.note": "own"} if inner_content else {}
    assert span["attributes"] == {"gen_ai.operation.name": "chat", "acme.step": 3, "acme.ticket.id": "t1", **own}


def test_each_span_has_the_rule_that_was_in_force_when_it_began(acme: Any, captured: Capture) -> None:
    call = acme.client.Client().chat
    call("m-1", MARK, answer=None)
    autotrace.enable(acme.name, content=True)
    call("m-1", MARK, answer=None)
    first, second = captured.spans
    assert (MARK in json.dumps(first), MARK in json.dumps(second)) == (False, True)
