"""What goes on inside a call, and what its end means: retries, headers, categories, outcomes, failures in good answers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import autotrace
from autotrace._record import failures

STAINLESS = ("openai", "anthropic")
CATEGORIES = {
    "429": "rate_limited",
    "500": "server_error",
    "400": "invalid_request",
    "400-context": "context_length",
    "401": "authentication",
    "403": "permission",
    "404": "not_found",
    "408": "timeout",
    "413": "invalid_request",
    "503": "overloaded",
    "504": "timeout",
    "529": "overloaded",
    "malformed": "response_invalid",
    "cut": "connection",
    "hang": "timeout",
    "error-event": "server_error",
}
IN_STREAMS = {("anthropic", "error-event"): "overloaded"}
"""What an error event says of itself, where that is not what the status of a whole answer says."""
STATUSES = {fault: int(fault[:3]) for fault in CATEGORIES if fault[:3].isdigit()}


_numbers = itertools.count()


async def asked(
    world: Any, sdk: Any, wire: Any, model: str, stream: bool = False, of_client: Any = None, **more: Any
) -> BaseException | None:
    """Make a call that nobody has made before, by a client with these options, and read all of it; what was raised."""
    client = world.closing(sdk.client(world.asynchronous, wire.url, **(of_client or {})))
    try:
        result = await world.value((sdk.stream if stream else sdk.value)(client, f"x {next(_numbers)}", model=model, **more))
        if stream:
            await world.items(result)
    except Exception as exc:  # noqa: BLE001 - each SDK has its own
        return exc
    return None


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
@pytest.mark.parametrize("fault", CATEGORIES)
async def test_a_failure_has_the_same_category_for_every_provider(
    world: Any, fault: str, stream: bool, sdk: Any, wire: Any, captured: Any
) -> None:
    autotrace.enable()
    options = {"timeout": 0.2} if fault == "hang" else {}
    exc = await asked(world, sdk, wire, f"fault-{fault}", stream, options)
    (span,) = captured.spans
    attributes = span["attributes"]
    assert exc is not None
    expected = IN_STREAMS.get((sdk.PACKAGE, fault)) if stream else None
    assert attributes["autotrace.error.category"] == (expected or CATEGORIES[fault]), (attributes, repr(exc))
    assert attributes.get("http.response.status_code") in ((STATUSES[fault],) if fault in STATUSES else (None, 200, 500))
    code = getattr(exc, "code", None) or getattr(exc, "type", None)
    assert attributes.get("autotrace.error.code") == code
    assert "autotrace.outcome" not in attributes
    assert "autotrace.attempts" not in attributes


class Broke(Exception):
    """What the program's own code raises inside a call."""


async def test_what_a_hook_of_the_programs_raises_is_of_no_known_category(
    world: Any, sdk: Any, wire: Any, captured: Any
) -> None:
    def hook(_request: Any) -> None:
        raise Broke("not the provider's")

    async def later(request: Any) -> None:
        hook(request)

    autotrace.enable()
    client = world.closing(sdk.client(world.asynchronous, wire.url))
    given = later if world.asynchronous else hook
    if hasattr(client, "_prepare_request"):
        client._prepare_request = given
    else:
        client._client.event_hooks = {"request": [given]}
    with pytest.raises(Broke):
        await world.value(sdk.value(client, "x"))
    (span,) = captured.spans
    assert span["attributes"]["autotrace.error.category"] == "unknown"
    assert span["attributes"]["error.type"].endswith("Broke")


def test_every_category_is_reached() -> None:
    assert {*CATEGORIES.values(), "unknown"} == set(failures.CATEGORIES)


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
@pytest.mark.parametrize("fault", ["429", "500"])
async def test_a_retry_that_succeeds_is_an_attempt_inside_the_call(
    world: Any, sdk: Any, wire: Any, captured: Any, fault: str, stream: bool
) -> None:
    if sdk.PACKAGE not in STAINLESS:
        pytest.skip("it does not retry")
    autotrace.enable()
    assert await asked(world, sdk, wire, f"fault-{fault}-once", stream, {"max_retries": 3}) is None
    (span,) = captured.spans
    attributes = span["attributes"]
    first, second = attributes["autotrace.attempts"]
    assert (first["status"], second["status"]) == (int(fault), 200)
    assert "wait" not in second
    # The provider's `retry-after-ms` is 20; where it says nothing, the SDKs wait for half a second, less up to a quarter.
    assert first["wait"] == 0.02 if fault == "429" else 0.375 <= first["wait"] <= 0.5
    assert first["duration"] > 0
    assert second["duration"] > 0
    total = first["duration"] + first["wait"] + second["duration"]
    assert total <= span["duration_ns"] / 1e9 + 0.001
    assert (attributes["http.response.status_code"], span["end_reason"]) == (200, "completed")
    assert span["status"] == {"code": "UNSET"}
    assert "error.type" not in attributes
    # Of the last answer alone, which says how much is left and not to wait.
    assert limits_of(attributes) == {name: [value] for name, value in LIMITS.get(sdk.PACKAGE, {}).items()}


LIMITS = {
    "openai": {"x-ratelimit-limit-requests": "10000", "x-ratelimit-remaining-requests": "9999"},
    "anthropic": {"anthropic-ratelimit-requests-limit": "4000", "anthropic-ratelimit-requests-remaining": "3999"},
}


def limits_of(attributes: dict[str, Any]) -> dict[str, Any]:
    prefix = "http.response.header."
    return {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}


async def test_retries_that_all_fail_are_all_there(world: Any, sdk: Any, wire: Any, captured: Any) -> None:
    if sdk.PACKAGE not in STAINLESS:
        pytest.skip("it does not retry")
    autotrace.enable()
    exc = await asked(world, sdk, wire, "fault-429", of_client={"max_retries": 2})
    (span,) = captured.spans
    attributes = span["attributes"]
    assert [one.get("status") for one in attributes["autotrace.attempts"]] == [429, 429, 429]
    assert ["wait" in one for one in attributes["autotrace.attempts"]] == [True, True, False]
    assert attributes["autotrace.error.category"] == "rate_limited"
    assert attributes["autotrace.request.id"] == exc.request_id  # type: ignore[union-attr]
    assert limits_of(attributes).keys() == {"retry-after", *LIMITS.get(sdk.PACKAGE, {})}
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


OUTCOMES = {"fault-filter": "content_filtered", "fault-refusal": "refused", "limit": "truncated"}
NO_SUCH_ANSWER = {"anthropic": ("fault-filter",), "ollama": ("fault-filter", "fault-refusal")}
LIMITED: dict[str, dict[str, Any]] = {"ollama": {"options": {"num_predict": 2}}}
"""How two tokens are asked for, where it is not `max_tokens`."""


@pytest.mark.parametrize("stream", [False, True], ids=["value", "stream"])
@pytest.mark.parametrize("model", OUTCOMES)
async def test_a_good_answer_that_is_not_whole_has_an_outcome(
    world: Any, sdk: Any, wire: Any, captured: Any, model: str, stream: bool
) -> None:
    if model in NO_SUCH_ANSWER.get(sdk.PACKAGE, ()):
        pytest.skip("it has no such answer")
    autotrace.enable()
    more = {**LIMITED.get(sdk.PACKAGE, {"max_tokens": 2}), "model": sdk.MODEL} if model == "limit" else {"model": model}
    assert await asked(world, sdk, wire, stream=stream, **more) is None
    (span,) = captured.spans
    assert (span["status"], span["level"], span["end_reason"]) == ({"code": "UNSET"}, "info", "completed")
    assert span["attributes"]["autotrace.outcome"] == OUTCOMES[model]
    assert "autotrace.error.category" not in span["attributes"]
