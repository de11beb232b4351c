"""An answer that a library has received and does not use: what its plugin says of it is recorded if the call fails."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics

LIBRARY = """
class Response:
    def __init__(self, status=200, body=b"", read=True):
        self.status, self.body, self.read = status, body, read


class Client:
    def ask(self, responses, fault=None):
        for response in responses:
            self.receive(response)
        if fault is not None:
            raise fault
        return {"id": "parsed"}

    async def aask(self, responses, fault=None):
        for response in responses:
            self.receive(response)
        if fault is not None:
            raise fault
        return {"id": "parsed"}

    def receive(self, response):
        return response
"""
PLUGIN = """
import json
from autotrace.plugin import Instrumentor, Observer, Operation

CHAT = Operation("chat", response={{"id": "id", "output_messages": "messages"}}, usage={{"input_tokens": "tokens"}})
asked = []


def decode(pieces):
    return json.loads(b"".join(pieces))


def received(call, invocation, response):
    def body():
        asked.append(response.body)
        return response.body if response.read else None

    call.answered(response.status, {{}}, body, decode)
    if response.status == 503:
        call.retry(0.0)
    if response.body == b"part":
        call.partial({{"id": "own"}})


instrumentor = Instrumentor(
    provider="acme",
    targets={{
        "{name}.model:Client.ask": CHAT,
        "{name}.model:Client.aask": CHAT,
        "{name}.model:Client.receive": Observer(received),
    }},
)
"""
BODY = json.dumps({"id": "r1", "tokens": 7, "messages": [{"role": "assistant", "parts": []}]}).encode()


class Acme:
    """The library, and the plugin with a list of the bodies that it was asked for."""

    def __init__(self, library: Any) -> None:
        self.library = importlib.import_module(f"{library.name}.model")
        self.asked: list[bytes] = importlib.import_module(library.plugin).asked

    def response(self, body: bytes = BODY, **more: Any) -> Any:
        return self.library.Response(body=body, **more)


@pytest.fixture
def acme(library: Any) -> Acme:
    library.write(f"{library.name}/model.py", LIBRARY)
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    return Acme(library)


@pytest.fixture(params=["ask", "aask"], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest, acme: Acme) -> Callable[..., Any]:
    function = getattr(acme.library.Client(), request.param)

    def call(*responses: Any, fault: Any = None) -> Any:
        made = function(responses, fault)
        if request.param == "ask":
            return made
        with pytest.raises(StopIteration) as stop:
            made.send(None)
        return stop.value.value

    return call


class ServerTimeoutError(Exception):
    """Of the program, whose parser has run into it."""


@pytest.mark.parametrize(("fault", "ended"), [(ServerTimeoutError("no"), "error"), (KeyboardInterrupt(), "cancelled")])
def test_the_body_that_was_received_is_the_answer_of_a_failed_call(
    fault: BaseException, ended: str, ask: Callable[..., Any], acme: Acme, captured: Any
) -> None:
    with pytest.raises(type(fault)):
        ask(acme.response(), fault=fault)
    (span,) = captured.spans
    found = span["attributes"]
    assert (span["end_reason"], found["gen_ai.response.id"], found["gen_ai.usage.input_tokens"]) == (ended, "r1", 7)
    assert found["gen_ai.output.messages"] == [{"role": "assistant", "parts": []}]
    # The server has answered: it was not the one that ran out of time.
    assert found.get("autotrace.error.category") == ("response_invalid" if ended == "error" else None)


def test_the_last_answer_counts(ask: Callable[..., Any], acme: Acme, captured: Any) -> None:
    with pytest.raises(ValueError, match="no"):
        ask(acme.response(b"{}", status=503), acme.response(b'{"id": "r0"}'), acme.response(), fault=ValueError("no"))
    (span,) = captured.spans
    assert span["attributes"]["gen_ai.response.id"] == "r1"
    assert acme.asked == [BODY]


NOT_ASKED = {
    "good": ([{}], None),
    "status of a failure": ([{"status": 500}], ValueError("no")),
    "attempt that failed": ([{}, {"status": 503}], ValueError("no")),
    "part is known": ([{"body": b"part"}], ValueError("no")),
}


@pytest.mark.parametrize("name", NOT_ASKED)
def test_no_body_is_asked_for_otherwise(name: str, ask: Callable[..., Any], acme: Acme, captured: Any) -> None:
    responses, fault = NOT_ASKED[name]
    made = [acme.response(**one) for one in responses]
    if fault is None:
        assert ask(*made) == {"id": "parsed"}
    else:
        with pytest.raises(ValueError, match="no"):
            ask(*made, fault=fault)
    assert acme.asked == []
    (span,) = captured.spans
    expected = {"good": "parsed", "part is known": "own"}.get(name)
    assert span["attributes"].get("gen_ai.response.id") == expected


def test_a_body_that_was_not_read_is_none(ask: Callable[..., Any], acme: Acme, captured: Any) -> None:
    with pytest.raises(ConnectionError):
        ask(acme.response(read=False), fault=ConnectionResetError("gone"))
    (span,) = captured.spans
    assert "gen_ai.response.id" not in span["attributes"]
    assert span["attributes"]["autotrace.error.category"] == "connection"


@pytest.mark.parametrize("body", [b"no JSON", b"\xff"])
def test_a_body_that_is_not_decoded_costs_only_the_answer(
    body: bytes, ask: Callable[..., Any], acme: Acme, captured: Any
) -> None:
    with pytest.raises(ValueError, match="mine"):
        ask(acme.response(body), fault=ValueError("mine"))
    (span,) = captured.spans
    diagnostics.forget()
    assert (span["end_reason"], span["attributes"]["http.response.status_code"]) == ("error", 200)
    assert "gen_ai.response.id" not in span["attributes"]


def test_the_function_that_returns_the_body_may_fail(
    ask: Callable[..., Any], acme: Acme, captured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "strict", False)
    response = acme.response()
    del response.read
    with pytest.raises(ValueError, match="mine"):
        ask(response, fault=ValueError("mine"))
    (span,) = captured.spans
    assert list(diagnostics.failures.values()) == [1]
    diagnostics.forget()
    assert (span["end_reason"], span["status"]["description"]) == ("error", "mine")
    assert span["attributes"]["error.type"] == "ValueError"
