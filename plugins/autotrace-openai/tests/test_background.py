"""Responses that run in the background: their answer, tokens and cost are in one record, however they are collected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

import autotrace
from autotrace.testing.provider import serve
from autotrace.testing.provider.openai import OPENAI
from autotrace.testing.provider.wire import Answer, Call, json_answer, sse, sse_answer

USAGE = {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}
SAID = {
    "type": "message",
    "id": "m1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Done.", "annotations": []}],
}
JOB = {"model": "gpt-5", "input": "A long job", "background": True}


class Backend:
    """Answers one response: unfinished for the first `polls` reads, then with the status `status`."""

    def __init__(self) -> None:
        self.polls, self.status, self.background = 2, "completed", True

    def response(self, id: str, status: str) -> dict[str, Any]:
        done = status not in ("queued", "in_progress")
        fields: dict[str, Any] = {"id": id, "object": "response", "created_at": 1, "status": status, "model": "gpt-5"}
        fields |= {"background": self.background, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        fields |= {"error": {"code": "server_error", "message": "Broken"} if status == "failed" else None}
        return {**fields, "output": [SAID] if done else [], "usage": USAGE if done else None}

    def answer(self, call: Call) -> Answer | None:
        streamed = call.json.get("stream") is True or "stream=true" in call.query
        if call.method == "POST" and call.path == "/v1/responses":
            id = call.id("resp_")
            begun = self.response(id, "queued")
            if not streamed:
                return json_answer(begun if self.background else self.response(id, "completed"))
            return sse_answer(self._events(id))
        id = call.path.rpartition("/")[2]
        if id == "missing":
            return json_answer({"error": {"code": "not_found", "message": "No such response"}}, 404)
        if call.method != "GET" or not id.startswith("resp_"):
            return None
        if streamed:
            return sse_answer(self._events(id))
        self.polls -= 1
        return json_answer(self.response(id, "in_progress" if self.polls >= 0 else self.status))

    def _events(self, id: str) -> Iterator[bytes]:
        where = {"item_id": "m1", "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        for number, event in enumerate(
            [
                {"type": "response.created", "response": self.response(id, "in_progress")},
                {"type": "response.output_item.added", "output_index": 0, "item": {**SAID, "content": []}},
                {"type": "response.content_part.added", **where, "part": part},
                {"type": "response.output_text.delta", **where, "delta": "Done.", "logprobs": []},
                {"type": f"response.{self.status}", "response": self.response(id, self.status)},
            ]
        ):
            yield sse({**event, "sequence_number": number})


class Job:
    """A client of the SDK for a `Backend`, and the ways to collect a response."""

    def __init__(self, world: Any, url: str) -> None:
        self.world = world
        make = openai.AsyncOpenAI if world.asynchronous else openai.OpenAI
        self.responses = world.closing(make(base_url=url + "/v1", api_key="k", max_retries=0)).responses

    async def create(self) -> Any:
        return await self.world.value(self.responses.create(**JOB))

    async def collect(self, id: str, how: str) -> None:
        if how == "stream":
            await self.world.items(await self.world.value(self.responses.retrieve(id, stream=True, starting_after=1)))
        elif how == "helper":
            async with self.world.entered(self.responses.stream(response_id=id)) as stream:
                await self.world.items(stream)
        elif how == "raw":
            await self.world.value((await self.world.value(self.responses.with_raw_response.retrieve(id))).parse())
        elif how == "streaming":
            async with self.world.entered(self.responses.with_streaming_response.retrieve(id)) as response:
                await self.world.value(response.parse())
        else:
            await self.world.value(self.responses.retrieve(id))


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def job(world: Any, backend: Backend) -> Iterator[Job]:
    with serve(formats=[OPENAI._replace(answer=backend.answer)]) as provider:
        autotrace.enable("openai")
        yield Job(world, provider.url)


HOWS = ("plain", "raw", "streaming", "stream", "helper")


@pytest.mark.parametrize("how", HOWS)
async def test_the_answer_is_recorded_once_with_a_link(how: str, world: Any, job: Job, backend: Backend, captured: Any) -> None:
    begun = await job.create()
    if how not in ("stream", "helper"):
        for _ in range(2):
            await job.collect(begun.id, how)  # unfinished
    for again in (how, "plain", "stream"):
        await job.collect(begun.id, again)
    first, fetched = captured.spans
    assert (first["name"], first["attributes"]["gen_ai.response.status"]) == ("chat gpt-5", "queued")
    assert "gen_ai.usage.output_tokens" not in first["attributes"]
    assert (fetched["name"], fetched["end_reason"], fetched["level"]) == ("fetch_response", "completed", "info")
    assert fetched["links"] == [{"trace_id": first["trace_id"], "span_id": first["span_id"]}]
    found = fetched["attributes"]
    assert found["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Done."}]
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (5, 6)
    assert (found["gen_ai.response.id"], found["gen_ai.response.status"]) == (begun.id, "completed")
    assert found.get("gen_ai.request.stream") == (True if how in ("stream", "helper") else None)
    assert found.get("gen_ai.request.stream_cursor") == ("1" if how == "stream" else None)


async def test_the_answer_of_another_process_has_no_link(world: Any, job: Job, backend: Backend, captured: Any) -> None:
    backend.polls = 0
    for _ in range(2):
        await job.collect(f"resp_of_another_process_{world.name}", "plain")
    (fetched,) = captured.spans
    assert fetched["links"] == []
    assert fetched["attributes"]["gen_ai.usage.output_tokens"] == 6


async def test_an_answer_that_its_own_call_has_recorded_is_not_recorded_again(
    world: Any, job: Job, backend: Backend, captured: Any
) -> None:
    backend.polls = 0
    await world.items(await world.value(job.responses.create(**JOB, stream=True)))
    (streamed,) = captured.spans
    await job.collect(streamed["attributes"]["gen_ai.response.id"], "plain")
    backend.background = False
    stored = await world.value(job.responses.create(model="gpt-5", input="Hi"))
    await job.collect(stored.id, "plain")
    assert [span["name"] for span in captured.spans] == ["chat gpt-5"] * 2


async def test_a_stream_that_was_left_is_collected_later(world: Any, job: Job, backend: Backend, captured: Any) -> None:
    stream = await world.value(job.responses.create(**JOB, stream=True))
    await world.take(stream, 1)
    await world.close(stream)
    backend.polls = 0
    left = captured.spans[0]
    await job.collect(left["attributes"]["gen_ai.response.id"], "plain")
    fetched = captured.spans[1]
    assert (left["end_reason"], left["attributes"]["gen_ai.response.status"]) == ("abandoned", "in_progress")
    assert fetched["links"][0]["span_id"] == left["span_id"]
    assert fetched["attributes"]["gen_ai.usage.output_tokens"] == 6


async def test_a_failed_answer_and_a_failed_read_are_failures(world: Any, job: Job, backend: Backend, captured: Any) -> None:
    backend.polls, backend.status = 0, "failed"
    begun = await job.create()
    for _ in range(2):
        await job.collect(begun.id, "plain")
    with pytest.raises(openai.NotFoundError):
        await job.collect("missing", "plain")
    first, failed, missing = captured.spans
    assert (failed["status"]["code"], failed["attributes"]["autotrace.error.code"]) == ("ERROR", "server_error")
    assert failed["links"][0]["span_id"] == first["span_id"]
    assert (missing["name"], missing["attributes"]["gen_ai.response.id"]) == ("fetch_response", "missing")
    assert missing["attributes"]["http.response.status_code"] == 404
