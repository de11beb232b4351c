"""The stream helpers of SDKs: what they raise is a failure of their call, what the program raises between two events is not."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
import pytest

import autotrace

OURS = str(Path(autotrace.__file__).parent / "_capture")
ASKED = [{"role": "user", "content": "Which city?"}]


class City(pydantic.BaseModel):
    city: str


class Refused(pydantic.BaseModel):
    city: str

    @pydantic.field_validator("city")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise ValueError("not this one")


class Helper(NamedTuple):
    """A helper of an SDK: how it is made, and the method that returns its answer."""

    package: str
    client: str
    make: Callable[[Any, Any], Any]
    """Gets the client and the type of the answer."""
    answer: str
    base: str = ""


HELPERS = {
    "chat": Helper(
        "openai",
        "OpenAI",
        lambda client, kind: client.chat.completions.stream(model="gpt-4o", messages=ASKED, response_format=kind),
        "get_final_completion",
        "/v1",
    ),
    "responses": Helper(
        "openai",
        "OpenAI",
        lambda client, kind: client.responses.stream(model="gpt-5", input="Which city?", text_format=kind),
        "get_final_response",
        "/v1",
    ),
    "messages": Helper(
        "anthropic",
        "Anthropic",
        lambda client, kind: client.messages.stream(model="claude", max_tokens=99, messages=ASKED, output_format=kind),
        "get_final_message",
    ),
    "beta-messages": Helper(
        "anthropic",
        "Anthropic",
        lambda client, kind: client.beta.messages.stream(model="claude", max_tokens=99, messages=ASKED, output_format=kind),
        "get_final_message",
    ),
}


def client_of(helper: Helper, world: Any, wire: Any) -> Any:
    sdk = pytest.importorskip(helper.package)
    name = "Async" * world.asynchronous + helper.client
    return world.closing(getattr(sdk, name)(api_key="none", base_url=wire.url + helper.base, max_retries=0))


def frames_of(raised: Any) -> list[str]:
    return [frame.filename for frame in traceback.extract_tb(raised.tb) if frame.filename.startswith(OURS)]


async def read(world: Any, helper: Helper, manager: Any, loop: bool = True) -> Any:
    """Read a helper to its end, with a loop or without, and return its answer."""
    async with world.entered(manager) as stream:
        if loop:
            await world.items(stream)
        return await world.value(getattr(stream, helper.answer)())


async def leave(world: Any, manager: Any) -> None:
    """Raise an exception of the program's own after the second event."""
    async with world.entered(manager) as stream:
        await world.take(stream, 2)
        raise KeyError("mine")


async def answered(world: Any, result: Any, streamed: bool) -> None:
    result = await world.value(result)
    if streamed:
        await world.items(result)


@pytest.mark.parametrize("loop", [True, False], ids=["loop", "answer"])
@pytest.mark.parametrize("name", HELPERS)
async def test_what_the_sdk_raises_is_a_failure(name: str, loop: bool, world: Any, wire: Any, captured: Any) -> None:
    helper = HELPERS[name]
    autotrace.enable()
    client = client_of(helper, world, wire)
    with pytest.raises(ValueError, match="not this one") as raised:
        await read(world, helper, helper.make(client, Refused), loop)
    (span,) = captured.spans
    assert (span["status"]["code"], span["end_reason"]) == ("ERROR", "error")
    assert span["attributes"]["error.type"].endswith("ValidationError")
    assert span["attributes"]["autotrace.error.category"] == "response_invalid"
    assert span["attributes"]["gen_ai.output.messages"]
    assert len(frames_of(raised)) <= 1


@pytest.mark.parametrize("name", HELPERS)
async def test_what_the_program_raises_is_not(name: str, world: Any, wire: Any, captured: Any) -> None:
    helper = HELPERS[name]
    autotrace.enable()
    client = client_of(helper, world, wire)
    with pytest.raises(KeyError, match="mine"):
        await leave(world, helper.make(client, City))
    (span,) = captured.spans
    assert (span["status"]["code"], span["end_reason"]) == ("UNSET", "abandoned")


@pytest.mark.parametrize("name", HELPERS)
async def test_a_good_answer_is_complete(name: str, world: Any, wire: Any, captured: Any) -> None:
    helper = HELPERS[name]
    autotrace.enable()
    client = client_of(helper, world, wire)
    assert await read(world, helper, helper.make(client, City))
    (span,) = captured.spans
    assert (span["status"]["code"], span["end_reason"]) == ("UNSET", "completed")


async def test_an_answer_that_is_cut_is_a_failure_of_the_parsed_one(world: Any, wire: Any, captured: Any) -> None:
    openai = pytest.importorskip("openai")
    autotrace.enable()
    client = client_of(HELPERS["chat"], world, wire)
    manager = client.chat.completions.stream(model="gpt-4o", messages=ASKED, response_format=City, max_tokens=1)
    with pytest.raises((openai.LengthFinishReasonError, ValueError)) as raised:
        await read(world, HELPERS["chat"], manager, loop=False)
    (span,) = captured.spans
    assert span["end_reason"] == "error"
    assert span["attributes"]["error.type"].endswith(type(raised.value).__name__)


async def test_a_response_that_has_failed_keeps_its_code_when_the_helper_raises(world: Any, wire: Any, captured: Any) -> None:
    pytest.importorskip("openai")
    autotrace.enable()
    client = client_of(HELPERS["responses"], world, wire)
    with pytest.raises(RuntimeError):
        await read(world, HELPERS["responses"], client.responses.stream(model="fault-failed", input="hi"))
    (span,) = captured.spans
    assert (span["end_reason"], span["attributes"]["error.type"]) == ("error", "RuntimeError")
    assert (span["attributes"]["autotrace.error.code"], span["attributes"]["autotrace.error.category"]) == (
        "server_error",
        "server_error",
    )


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_what_gemini_raises_while_it_makes_its_objects_is_a_failure(
    streamed: bool, world: Any, wire: Any, captured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("google.genai")
    genai: Any = importlib.import_module("google.genai")

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("not this one")

    monkeypatch.setattr(genai.types.GenerateContentResponse, "_from_response", refuse)
    autotrace.enable()
    client = world.closing(genai.Client(api_key="none", http_options={"base_url": wire.url}))
    models = (client.aio if world.asynchronous else client).models
    make = models.generate_content_stream if streamed else models.generate_content
    with pytest.raises(ValueError, match="not this one") as raised:
        await answered(world, make(model="gemini", contents="hi"), streamed)
    (span,) = captured.spans
    assert (span["status"]["code"], span["end_reason"], span["attributes"]["error.type"]) == ("ERROR", "error", "ValueError")
    assert len(frames_of(raised)) <= 1
