"""What an Instrumentor says of its library's exceptions, and an Operation of those that it expects."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import autotrace
from autotrace.testing import capture

PLUGIN = """
from autotrace.plugin import Instrumentor, Observer, Operation, Option

CHAT = Operation("chat", expected=lambda exc: exc.args[0] == 404)
STEP = Operation("steps/run", label="acme.step", kind="SERVER")


def note(call, invocation, result):
    call.set_attribute(invocation.options["under"], result)


instrumentor = Instrumentor(
    requires="{name}>=1",
    options={{"under": Option("acme.observed", "names the attribute")}},
    errors={{"error_type": "args.1", "error_code": "args.0", "acme.code": "args.0"}},
    targets={{
        "{name}.client:Client.chat": CHAT,
        "{name}.client:Client.later": STEP,
        "{name}.client:Client.achat_plain": Observer(note),
        "{name}.client:Client.alone": Operation("outer", label=None),
    }},
)
"""


@pytest.fixture
def client(library: Any) -> Any:
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    autotrace.enable(library.name)
    return library.client.Client()


@pytest.mark.parametrize(("code", "ended"), [(500, "error"), (404, "completed")])
def test_an_exception_says_what_it_is_and_whether_it_is_a_failure(client: Any, code: int, ended: str) -> None:
    with capture() as captured, pytest.raises(ValueError, match=str(code)):
        client.chat("m", answer=ValueError(code, "acme_failed"))
    (span,) = captured.spans
    assert (span["end_reason"], span["level"]) == (ended, "error" if ended == "error" else "info")
    assert span["status"]["code"] == ("ERROR" if ended == "error" else "UNSET")
    assert span["attributes"]["acme.code"] == code
    failure = {name: span["attributes"].get(name) for name in ("error.type", "autotrace.error.code")}
    assert failure == dict(zip(failure, ("acme_failed", "500") if ended == "error" else (None, None), strict=True))


async def _value(client: Any) -> Any:
    return await client.later("m", answer={"id": "7"})


def test_an_observer_of_an_asynchronous_function_sees_what_it_has_returned(client: Any) -> None:
    coroutine = _value(client)
    assert inspect.iscoroutinefunction(type(client).achat_plain)
    with capture() as captured, pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    assert stop.value.value == {"id": "7"}
    (span,) = captured.spans
    assert span["attributes"]["acme.observed"] == {"id": "7"}
    assert (span["name"], span["kind"]) == ("steps/run", "SERVER")


def test_an_operation_of_another_field_has_its_name_where_that_has_it(client: Any) -> None:
    with capture() as captured:
        client.alone("m")
        with pytest.raises(StopIteration):
            _value(client).send(None)
    outer, step = (span["attributes"] for span in captured.spans)
    assert ("gen_ai.operation.name" in outer, "gen_ai.operation.name" in step, step["acme.step"]) == (False, False, "steps/run")


REPORTING = """
from autotrace.plugin import Instrumentor, Operation

CHAT = Operation("chat", response={{"id": "id"}}, failure=lambda answer: answer.get("error"))
instrumentor = Instrumentor(targets={{"{name}.client:Client.chat": CHAT}})
"""


@pytest.mark.parametrize(
    ("error", "kind", "category", "description"),
    [
        ({"code": "rate_limit", "message": "no"}, "rate_limit", "rate_limited", "no"),
        ({"code": 503, "message": {"text": "no"}}, "503", "overloaded", "503"),
        ({"code": None, "message": "no"}, "error", "unknown", "no"),
        ({"code": ["odd"], "status": "failed", "kinds": "odd"}, "error", "unknown", None),
        ({"code": "odd", "status": 401, "kinds": ["x", 1]}, "odd", "authentication", "odd"),
    ],
)
def test_an_answers_failure_is_recorded_as_far_as_it_has_the_right_types(
    error: Any, kind: str, category: str, description: str | None, library: Any, captured: Any
) -> None:
    library.write(f"{library.plugin}.py", REPORTING.format(name=library.name))
    autotrace.enable(library.name)
    assert library.client.Client().chat("m", answer={"id": "r1", "error": error})
    (span,) = captured.spans
    assert (span["end_reason"], span["status"]["code"], span["status"].get("description")) == ("error", "ERROR", description)
    assert (span["attributes"]["error.type"], span["attributes"]["autotrace.error.category"]) == (kind, category)
