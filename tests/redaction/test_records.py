"""Every record passes one place on its way to the sinks: what is removed there, what the record says of it, what it costs."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._credentials import scrubbing
from autotrace._record import lines
from autotrace._writer.writer import writer
from autotrace.sinks import Entry, MemorySink

KEY = "SECRET-key-of-the-client"
PLUGIN = """
from autotrace.plugin import Instrumentor, Operation, Observer

CHAT = Operation("chat", request={{"model": "model", "input_messages": "messages"}}, response={{"output_messages": "text"}},
                 reduce=lambda chunks: {{"text": chunks}})
instrumentor = Instrumentor(
    requires="{name}>=1",
    credentials={credentials},
    errors={{"credentials": "request.headers"}},
    targets={{"{name}.sdk:Client." + name: CHAT for name in ("ask", "aask", "stream", "astream", "later")}},
)
"""
SDK = """
class Refused(Exception):
    pass

class Client:
    def __init__(self, key=None, headers=None):
        self.key, self.headers, self.base = key, headers or {}, None

    def _answer(self, model, messages):
        if model == "late":
            self.key = self.base
        if model.startswith("ok"):
            return {"text": f"you sent {self.key}"}
        exc = Refused(f"{model} refused: {self.key} {dict(self.headers)}")
        if model == "sent":
            exc = Refused(f"refused: {self.base}")
            exc.request = type("Request", (), {"headers": {"authorization": self.base}})
        raise exc

    def ask(self, model, messages=()):
        return self._answer(model, messages)

    async def aask(self, model, messages=()):
        return self._answer(model, messages)

    def stream(self, model, messages=()):
        yield "first"
        yield self._answer(model, messages)

    async def astream(self, model, messages=()):
        yield "first"
        yield self._answer(model, messages)

    def later(self, model, messages=()):
        return self._answer_later(model, messages)

    async def _answer_later(self, model, messages):
        return self._answer(model, messages)
"""


@pytest.fixture
def memory() -> Iterator[MemorySink]:
    memory = MemorySink()
    yield memory
    autotrace.flush()
    validator = jsonschema.Draft202012Validator(lines.json_schema())
    for span in memory.spans:
        validator.validate(span)
    autotrace.disable()


@pytest.fixture
def sdk(library: Any, memory: MemorySink) -> Callable[..., Any]:
    def make(credentials: str = '("instance.key", "instance.headers")') -> Any:
        library.write(f"{library.name}/sdk.py", SDK)
        library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name, credentials=credentials))
        autotrace.enable(sinks=[memory])
        return __import__(f"{library.name}.sdk").sdk

    return make


async def _drain(stream: Any) -> None:
    async for _ in stream:
        pass


WAYS: dict[str, Callable[..., Any]] = {
    "ask": lambda client, *a: client.ask(*a),
    "aask": lambda client, *a: asyncio.run(client.aask(*a)),
    "later": lambda client, *a: asyncio.run(client.later(*a)),
    "stream": lambda client, *a: list(client.stream(*a)),
    "astream": lambda client, *a: asyncio.run(_drain(client.astream(*a))),
}
FUNCTION = "lambda call: [call.instance.key, tuple(call.instance.headers.items())]"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("credentials", ['("instance.key", "instance.headers")', FUNCTION])
def test_what_the_client_sends_is_in_no_record(sdk: Any, memory: MemorySink, way: str, credentials: str) -> None:
    module = sdk(credentials)
    client = module.Client(KEY, {"x-gateway-token": "SECRET-of-a-header"})
    with pytest.raises(module.Refused, match=KEY):
        WAYS[way](client, "m", [{"role": "user", "content": f"is {KEY} right?"}])
    WAYS[way](client, "ok")
    autotrace.flush()
    refused, answered = memory.spans
    assert "SECRET-" not in json.dumps(memory.spans)
    assert refused["status"]["description"].startswith("m refused: [redacted]")
    assert refused["attributes"]["autotrace.redacted"]["status.description"].startswith("value")
    assert "you sent [redacted]" in json.dumps(answered)


@pytest.mark.parametrize(("credentials", "model"), [('"instance.key"', "late"), ("None", "sent")])
@pytest.mark.parametrize("way", ["ask", "aask", "later"])
def test_what_a_client_gets_only_during_the_call_is_known_when_it_fails(
    sdk: Any, memory: MemorySink, way: str, credentials: str, model: str
) -> None:
    module = sdk(credentials)
    client = module.Client()
    client.base = KEY
    with pytest.raises(module.Refused, match=KEY):
        WAYS[way](client, model)
    autotrace.flush()
    assert "SECRET-" not in json.dumps(memory.spans)


def test_the_spans_around_a_call_know_what_it_has_sent_and_forget_it(sdk: Any, memory: MemorySink) -> None:
    module = sdk()
    client = module.Client(KEY)
    with pytest.raises(module.Refused), autotrace.span("outer"), autotrace.span("inner"):
        client.ask("m")
    with autotrace.span("unrelated", attributes={"text": f"about {KEY}"}):
        pass
    autotrace.flush()
    *inside, unrelated = memory.spans
    assert KEY not in json.dumps(inside)
    assert unrelated["attributes"]["text"] == f"about {KEY}"


def test_a_function_that_raises_costs_nothing_but_what_it_knows(sdk: Any, memory: MemorySink, monkeypatch: Any) -> None:
    monkeypatch.setattr(diagnostics, "strict", False)
    module = sdk("lambda call: [call.instance.nothing]")
    assert module.Client(KEY).ask("ok")["text"] == f"you sent {KEY}"
    autotrace.flush()
    assert [span["name"] for span in memory.spans] == ["chat ok"]
    diagnostics.failures.clear()


def test_a_diagnostic_names_no_credential_of_an_open_call(sdk: Any, diagnosed: Any) -> None:
    module = sdk()
    stream = module.Client(KEY).stream("ok")
    next(stream)
    diagnostics.say(
        "test", f"the header was {KEY}, Bearer SECRET-token, sk-SECRET12345678", at=f"https://u:{KEY}@h/", api_key="x1234567"
    )
    list(stream)
    (line,) = [line for line in diagnosed() if line["event"] == "autotrace.test"]
    assert "SECRET" not in json.dumps(line)
    assert line["api_key"] == "[redacted]"
    assert line["message"] == "the header was [redacted], Bearer [redacted], [redacted]"


def test_a_diagnostic_on_the_translation_names_no_credential_of_its_call(
    sdk: Any, diagnosed: Any, memory: MemorySink, library: Any
) -> None:
    library.write(f"{library.name}/sdk.py", SDK)
    text = PLUGIN.format(name=library.name, credentials='"instance.key"').replace('{"text": chunks}', "1 / 0")
    text = text.replace('"output_messages": "text"', '"output_messages": lambda got: {}[got["text"]]')
    library.write(f"{library.plugin}.py", text)
    autotrace.enable(sinks=[memory])
    __import__(f"{library.name}.sdk").sdk.Client(KEY).ask("ok")
    autotrace.flush()
    (line,) = diagnosed()
    assert (KEY in line["message"], "KeyError" in line["message"]) == (False, True)
    diagnostics.failures.clear()


def span(memory: MemorySink, **attributes: Any) -> dict[str, Any]:
    memory.clear()
    with autotrace.span("s", attributes=attributes):
        pass
    autotrace.flush()
    (found,) = memory.spans
    return found


def test_the_record_says_what_was_removed_and_by_which_rule(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory])
    url = "https://u:p@h/x?sig=abcdefghijk"
    attributes = span(memory, login={"password": "p", "to": [url]}, note="Bearer SECRET-1")["attributes"]
    assert attributes["login"] == {"password": "[redacted]", "to": ["https://[redacted]@h/x?sig=[redacted]"]}
    assert attributes["autotrace.redacted"] == {
        "login.password": "name",
        "login.to[0]": "url.userinfo, url.query",
        "note": "form.bearer",
    }
    many = span(memory, **{f"a{number}": {"password": "p"} for number in range(50)})["attributes"]["autotrace.redacted"]
    assert (len(many), many["…"]) == (21, "30 more")


def test_what_a_field_holds_is_removed_where_others_quote_it(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory])
    found = span(
        memory, before=["no SECRET-of-a-field"], login={"password": "SECRET-of-a-field"}, after="not SECRET-of-a-field"
    )
    assert "SECRET" not in json.dumps(found)
    assert found["attributes"]["after"] == "not [redacted]"


def test_the_name_of_a_span_is_scrubbed(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory])
    with pytest.raises(ValueError, match="sk-"), autotrace.span("call sk-SECRET12345678"):
        raise ValueError("sk-SECRET12345678")
    autotrace.flush()
    (found,) = memory.spans
    assert (found["name"], found["status"]["description"]) == ("call [redacted]", "[redacted]")
    assert found["attributes"]["autotrace.redacted"] == {"name": "form.sk-", "status.description": "form.sk-"}


def test_an_ordinary_record_is_the_same_object_with_the_same_values(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory])
    given = {
        "text": "The token count is 5: max_tokens=3",
        "input_tokens": 9,
        "nested": [{"role": "user", "parts": [None, 0.5]}],
    }
    assert span(memory, **given)["attributes"] == given


class Lines:
    """A sink that keeps lines."""

    def __init__(self) -> None:
        self.text = io.BytesIO()

    def write(self, batch: list[Entry]) -> None:
        for entry in batch:
            self.text.write(entry.line)

    def close(self, deadline: float) -> None:
        pass


def test_start_lines_long_texts_and_processors_see_no_credential() -> None:
    sink, seen = Lines(), []

    def look(_logger: Any, _method: str, event: Any) -> Any:
        seen.append(json.dumps(event))
        return event

    secret = "sk-SECRET" + "1a2B" * 20
    autotrace.enable(sinks=[sink], starts=True, max_text_chars=100, processors=[look])
    try:
        with autotrace.span("s", attributes={"text": "x" * 80 + " " + secret, "password": "SECRET"}):
            pass
        autotrace.flush()
    finally:
        autotrace.disable()
    shown = sink.text.getvalue().decode()
    assert shown.count('"event":"span') == 2
    assert "SECRET" not in shown + "".join(seen)


def test_a_failure_of_ours_costs_the_content_and_not_the_record(
    memory: MemorySink, monkeypatch: pytest.MonkeyPatch, diagnosed: Any
) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("no")

    autotrace.enable(sinks=[memory])
    monkeypatch.setattr(scrubbing.Scrubber, "text", broken)
    found = span(memory, password="SECRET", count=3)
    monkeypatch.undo()
    assert found["attributes"] == {"count": 3, "autotrace.redacted": {"…": "failed"}}
    (line,) = diagnosed()
    assert (line["event"], line["message"][:10]) == ("autotrace.failure", "(withheld:")
    diagnostics.failures.clear()


@pytest.mark.parametrize("hostile", [{1: "a"}, object(), b"sk-SECRET12345678", {"a": float("nan")}, 2**70])
def test_values_of_any_kind_are_written(memory: MemorySink, hostile: Any) -> None:
    autotrace.enable(sinks=[memory])
    assert "password" in span(memory, password="SECRET-1", hostile=hostile)["attributes"]


def test_the_name_of_the_service_is_scrubbed(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory], service_name="https://ann:SECRET@host/billing")
    with autotrace.span("s"):
        pass
    autotrace.flush()
    assert memory.spans[0]["resource"]["service.name"] == "https://[redacted]@host/billing"


def test_the_policy_of_spans_of_no_library_is_that_of_the_settings(memory: MemorySink) -> None:
    autotrace.enable(sinks=[memory], redact="email")
    assert writer.dispatch.policy.patterns
    autotrace.disable()
    autotrace.enable(sinks=[memory])
    assert not writer.dispatch.policy.patterns
    assert settings.current.given("redact") == []
    assert os.environ.get("AUTOTRACE_REDACT") is None


def test_the_command_shows_no_credential(capfd: pytest.CaptureFixture[str]) -> None:
    from autotrace._cli import complain, doctor

    complain("run: https://u:SECRET-4@h/?sig=SECRET-5 cannot be read")
    doctor.main(["--", "/no/such/program?api_key=SECRET-6"])
    shown = capfd.readouterr().err
    assert "SECRET" not in shown
    assert shown.splitlines()[0] == "autotrace: run: https://[redacted]@h/?sig=[redacted] cannot be read"
    assert "/no/such/program?api_key=[redacted]" in shown
