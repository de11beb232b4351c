"""What goes on inside a call, and what its end means: retries, headers, categories, outcomes, failures in good answers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import autotrace

STAINLESS = ("openai", "anthropic")
CATEGORIES = {
    "429": "rate_limited",
    "500": "server_error",
    "400": "invalid_request",
    "400-context": "context_length",
    "401": "authentication",
    "403": "permission",
    "404": "not_found",
    "503": "overloaded",
    "529": "overloaded",
    "malformed": "response_invalid",
    "cut": "connection",
}


_numbers = itertools.count()


async def asked(world: Any, sdk: Any, wire: Any, model: str, stream: bool = False, **options: Any) -> BaseException | None:
    """Make a call that nobody has made before, read all of it; what was raised."""
    client = world.closing(sdk.client(world.asynchronous, wire.url, **options))
    try:
        result = await world.value((sdk.stream if stream else sdk.value)(client, f"x {next(_numbers)}", model=model))
        if stream:
            await world.items(result)
    except Exception as exc:  # noqa: BLE001 - each SDK has its own
        return exc
    return None


@pytest.mark.parametrize("fault", CATEGORIES)
async def test_a_failure_has_the_same_category_for_every_provider(
    world: Any, fault: str, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    exc = await asked(world, sdk, wire, f"fault-{fault}")
    (span,) = captured.spans
    attributes = span["attributes"]
    assert exc is not None
    assert attributes["autotrace.error.category"] == CATEGORIES[fault], (attributes, repr(exc), repr(exc.__cause__))
    assert "autotrace.outcome" not in attributes
    assert "autotrace.attempts" not in attributes


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
@pytest.mark.parametrize("fault", ["429", "500"])
async def test_a_retry_that_succeeds_is_an_attempt_inside_the_call(
    world: Any, sdk: Any, wire: Any, captured: Any, fault: str, stream: bool
) -> None:
    if sdk.PACKAGE not in STAINLESS:
        pytest.skip("it does not retry")
    autotrace.enable()
    assert await asked(world, sdk, wire, f"fault-{fault}-once", stream, max_retries=3) is None
    (span,) = captured.spans
    attributes = span["attributes"]
    first, second = attributes["autotrace.attempts"]
    assert (first["status"], second["status"]) == (int(fault), 200)
    assert "wait" not in second
    assert 0 <= first["wait"] < 2
    assert first["duration"] > 0
    assert second["duration"] > 0
    total = first["duration"] + first["wait"] + second["duration"]
    assert total <= span["duration_ns"] / 1e9 + 0.001
    assert (attributes["http.response.status_code"], span["end_reason"]) == (200, "completed")
    assert span["status"] == {"code": "UNSET"}
    assert "error.type" not in attributes


async def test_retries_that_all_fail_are_all_there(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    if sdk.PACKAGE not in STAINLESS:
        pytest.skip("it does not retry")
    autotrace.enable()
    exc = await asked(world, sdk, wire, "fault-429", max_retries=2)
    (span,) = captured.spans
    attributes = span["attributes"]
    assert [one.get("status") for one in attributes["autotrace.attempts"]] == [429, 429, 429]
    assert ["wait" in one for one in attributes["autotrace.attempts"]] == [True, True, False]
    assert attributes["autotrace.error.category"] == "rate_limited"
    assert attributes["autotrace.request.id"] == exc.request_id  # type: ignore[union-attr]
    assert attributes["http.response.header.retry-after"] == ["1"]


async def test_attempts_without_an_answer_name_the_error(world: Any, sdk: Any, captured: Any) -> None:
    if sdk.PACKAGE not in STAINLESS:
        pytest.skip("it does not retry")
    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, "http://127.0.0.1:9", max_retries=1))
    with pytest.raises(Exception, match="Connection error"):
        await world.value(sdk.value(client, "x"))
    (span,) = captured.spans
    first, last = span["attributes"]["autotrace.attempts"]
    assert ("status" in first, "status" in last) == (False, False)
    assert first["error"].endswith("Error")
    assert last["error"].endswith("APIConnectionError")
    assert span["attributes"]["autotrace.error.category"] == "connection"


OUTCOMES = {"fault-filter": "content_filtered", "fault-refusal": "refused"}


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
@pytest.mark.parametrize("model", OUTCOMES)
async def test_a_good_answer_that_is_not_whole_has_an_outcome(
    world: Any, sdk: Any, wire: Any, captured: Any, model: str, stream: bool
) -> None:
    if sdk.PACKAGE == "ollama" or (sdk.PACKAGE, model) == ("anthropic", "fault-filter"):
        pytest.skip("it has no such answer")
    autotrace.enable()
    assert await asked(world, sdk, wire, model, stream) is None
    (span,) = captured.spans
    assert (span["status"], span["level"], span["end_reason"]) == ({"code": "UNSET"}, "info", "completed")
    assert span["attributes"]["autotrace.outcome"] == OUTCOMES[model]
    assert "autotrace.error.category" not in span["attributes"]
