"""The option `stream_usage`: the usage of a streamed chat completion is asked for, and the program sees what it would see."""

from __future__ import annotations

from typing import Any

import openai
import pytest

import autotrace

USAGE = "gen_ai.usage.output_tokens"


async def chunks_of(world: Any, wire: Any, **arguments: Any) -> list[Any]:
    kind = openai.AsyncOpenAI if world.asynchronous else openai.OpenAI
    client = world.closing(kind(base_url=wire.url + "/v1", api_key="k"))
    create = client.chat.completions.create
    stream = await world.value(create(model="gpt-4o", messages=[{"role": "user", "content": "x"}], stream=True, **arguments))
    found: list[Any] = await world.items(stream)
    return found


@pytest.mark.parametrize("asked", [None, {"include_usage": True}, {"include_usage": False}], ids=str)
async def test_the_record_knows_the_usage_and_the_program_sees_no_more_than_it_asked_for(
    world: Any, wire: Any, captured: Any, asked: dict[str, Any] | None
) -> None:
    arguments = {} if asked is None else {"stream_options": asked}
    before = await chunks_of(world, wire, **arguments)
    autotrace.enable("openai", stream_usage=True)
    after = await chunks_of(world, wire, **arguments)
    assert [chunk.model_dump(exclude={"id", "created"}) for chunk in after] == [
        chunk.model_dump(exclude={"id", "created"}) for chunk in before
    ]
    (span,) = captured.spans
    assert (USAGE in span["attributes"]) == (asked != {"include_usage": False})
    assert span["end_reason"] == "completed"


async def test_without_the_option_nothing_is_asked_for_and_the_record_says_so(world: Any, wire: Any, captured: Any) -> None:
    autotrace.enable("openai")
    await chunks_of(world, wire)
    (span,) = captured.spans
    assert USAGE not in span["attributes"]
    assert span["attributes"]["autotrace.usage.missing"] is True
