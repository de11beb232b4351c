"""aiobotocore, whose clients are made and called by coroutines: the same operations, once more."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import autotrace

session = pytest.importorskip("aiobotocore.session")
aioconfig = pytest.importorskip("aiobotocore.config")
exceptions = pytest.importorskip("botocore.exceptions")
eventstream = pytest.importorskip("aiobotocore.eventstream")
response = pytest.importorskip("aiobotocore.response")

HI: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Grüezi"}]}]}
LLAMA: dict[str, Any] = {"modelId": "meta.llama3", "body": json.dumps({"prompt": "Grüezi"})}
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
Use = Callable[[Any], Awaitable[Any]]


def run(provider: Any, use: Use, **options: Any) -> Any:
    async def main() -> Any:
        config = aioconfig.AioConfig(**{"retries": {"total_max_attempts": 1}, **options})
        made = session.get_session().create_client("bedrock-runtime", endpoint_url=provider.url, config=config, **KEYS)
        async with made as client:
            return await use(client)

    autotrace.enable("bedrock")
    return asyncio.run(main())


async def converse(client: Any) -> Any:
    return await client.converse(modelId="m", **HI)


async def converse_stream(client: Any) -> Any:
    stream = (await client.converse_stream(modelId="m", **HI))["stream"]
    assert type(stream) is eventstream.AioEventStream
    return [event async for event in stream]


async def invoke(client: Any) -> Any:
    body = (await client.invoke_model(**LLAMA))["body"]
    assert type(body) is response.AioStreamingBody
    return json.loads(await body.read())


async def invoke_in_chunks(client: Any) -> Any:
    async with (await client.invoke_model(**LLAMA))["body"] as body:
        return [chunk async for chunk in body.iter_chunks(7)]


async def invoke_into(client: Any) -> Any:
    body, buffer = (await client.invoke_model(**LLAMA))["body"], bytearray(11)
    while await body.readinto(buffer):
        continue


async def invoke_stream(client: Any) -> Any:
    return [event async for event in (await client.invoke_model_with_response_stream(**LLAMA))["body"]]


USES: tuple[Use, ...] = (converse, converse_stream, invoke, invoke_in_chunks, invoke_into, invoke_stream)


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_every_call_is_one_span(use: Use, provider: Any, captured: Any) -> None:
    run(provider, use)
    (span,) = captured.spans
    found = span["attributes"]
    assert span["end_reason"] == "completed"
    assert found["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "You said: “Grüezi”"}]
    assert found["gen_ai.usage.output_tokens"] == 5
    assert (found["gen_ai.provider.name"], found["cloud.region"]) == ("aws.bedrock", "us-east-1")
    assert found["http.response.status_code"] == 200
    assert span["scope"]["library"] == "aiobotocore"


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_attempts_are_listed(mode: str, provider: Any, captured: Any) -> None:
    messages = [{"role": "user", "content": [{"text": f"aio, {mode}, once"}]}]

    async def once(client: Any) -> Any:
        return await client.converse(modelId="fault-429-once", messages=messages)

    run(provider, once, retries={"mode": mode, "total_max_attempts": 3})
    (span,) = captured.spans
    assert [one["status"] for one in span["attributes"]["autotrace.attempts"]] == [429, 200]
    assert span["attributes"]["autotrace.attempts"][0]["wait"] > 0


@pytest.mark.parametrize(
    ("fault", "kind", "category"),
    [("429", "ThrottlingException", "rate_limited"), ("error-event", "EventStreamError", "overloaded")],
)
def test_failures(fault: str, kind: str, category: str, provider: Any, captured: Any) -> None:
    async def fail(client: Any) -> Any:
        return [event async for event in (await client.converse_stream(modelId=f"fault-{fault}", **HI))["stream"]]

    with pytest.raises(exceptions.ClientError) as raised:
        run(provider, fail)
    (span,) = captured.spans
    assert type(raised.value).__name__ == kind
    assert span["status"]["description"] == str(raised.value)
    assert span["attributes"]["autotrace.error.category"] == category


async def closed(client: Any) -> Any:
    stream = (await client.converse_stream(modelId="m", **HI))["stream"]
    events = aiter(stream)
    await anext(events)
    stream.close()
    await events.aclose()


async def body_closed(client: Any) -> Any:
    (await client.invoke_model(**LLAMA))["body"].close()


async def cancelled(client: Any) -> Any:
    task = asyncio.create_task(client.converse(modelId="fault-hang", **HI))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("use", "reason"), [(closed, "abandoned"), (body_closed, "unread"), (cancelled, "cancelled")], ids=lambda value: str(value)
)
def test_other_endings(use: Use, reason: str, provider: Any, captured: Any) -> None:
    run(provider, use)
    gc.collect()
    (span,) = captured.spans
    assert span["end_reason"] == reason
    assert span["status"] == {"code": "UNSET"}


def test_what_is_set_for_its_own_name_holds_for_both_packages(
    provider: Any, captured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACE_BEDROCK_CONTENT", "off")
    run(provider, converse)
    (span,) = captured.spans
    assert "gen_ai.input.messages" not in span["attributes"]
