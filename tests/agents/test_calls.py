"""OpenAI's SDK traced by us and by another agent at once: our records are those that we write alone, and theirs are theirs."""

from __future__ import annotations

from typing import Any

import pytest

NEEDS = {
    "ddtrace": ("ddtrace",),
    "newrelic": ("newrelic",),
    "sentry": ("sentry-sdk",),
    "otel-openai-v2": ("opentelemetry-sdk", "opentelemetry-instrumentation-openai-v2"),
    "otel-openai": ("opentelemetry-sdk", "opentelemetry-instrumentation-openai"),
    "own-instrumentor": ("opentelemetry-instrumentation",),
}
ORDERS = {
    "ours-first": ("ours", "{agent}", "import"),
    "ours-last": ("{agent}", "ours", "import"),
    "ours-first-late": ("import", "ours", "{agent}"),
}
CALLS = 9
REPLACED = ("SyncAPIClient.request", "AsyncAPIClient.request")
VOLATILE = ("gen_ai.response.id", "gen_ai.response.time_to_first_chunk", "autotrace.request.id")


def _said(records: list[dict[str, Any]]) -> list[Any]:
    """Records without what differs from call to call."""
    return [
        {
            **{key: record[key] for key in ("name", "kind", "status", "end_reason", "parent_id", "scope", "events")},
            "attributes": {key: value for key, value in record["attributes"].items() if key not in VOLATILE},
        }
        for record in records
    ]


def _ended(outcomes: list[dict[str, Any]]) -> list[Any]:
    return [{key: value for key, value in outcome.items() if key != "id"} for outcome in outcomes]


def _check(both: Any, ours: Any, theirs: Any, agent: str) -> None:
    during, after = both["enabled"], both["disabled"]
    records = during["records"]
    assert len(records) == CALLS
    assert _said(records) == _said(ours["enabled"]["records"])
    for record, outcome in zip(records, during["outcomes"], strict=True):
        assert record["attributes"].get("gen_ai.response.id") == outcome.get("id")
        if outcome.get("output_tokens") is not None:
            assert record["attributes"]["gen_ai.usage.output_tokens"] == outcome["output_tokens"]
    for when in ("enabled", "disabled"):
        assert _ended(both[when]["outcomes"]) == _ended(theirs[when]["outcomes"])
        assert both[when]["seen"] == theirs[when]["seen"]
        assert both[when]["seen"][agent]
    assert after["records"] == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("agent", [agent for agent in NEEDS if agent != "own-instrumentor"])
def test_each_records_what_it_records_alone(run: Any, provider: Any, agent: str, order: str) -> None:
    steps = [step.format(agent=agent) for step in ORDERS[order]]
    url = provider.url + "/v1"
    both = run("calls", url, *steps, needs=("openai", "autotrace-openai", *NEEDS[agent]))
    ours, theirs = run("calls", url, "ours", "import"), run("calls", url, agent, "import")
    _check(both, ours, theirs, agent)
    assert both["said"] == []
    # Their wrappers stay where they were, and ours are gone.
    assert both["disabled"]["layers"] == theirs["disabled"]["layers"]
    assert any(both["disabled"]["layers"][name] != ours["disabled"]["layers"][name] for name in ours["disabled"]["layers"])


@pytest.mark.parametrize("order", ORDERS)
def test_another_wrapper_on_the_function_that_we_replace(run: Any, provider: Any, order: str) -> None:
    agent = "own-instrumentor"
    steps = [step.format(agent=agent) for step in ORDERS[order]]
    url = provider.url + "/v1"
    both = run("calls", url, *steps, needs=("openai", "autotrace-openai", *NEEDS[agent]))
    ours, theirs = run("calls", url, "ours", "import"), run("calls", url, agent, "import")
    _check(both, ours, theirs, agent)
    on_top = order != "ours-last"
    for name in REPLACED:
        assert any("FunctionWrapper" in layer for layer in both["disabled"]["layers"][name])
    # What stands below ours is put back; where theirs stands on ours, ours stays below it, does nothing, and we say so.
    assert (both["disabled"]["layers"] == theirs["disabled"]["layers"]) is not on_top
    assert len(both["said"]) == (len(REPLACED) if on_top else 0)


def test_ddtrace_run(run: Any, provider: Any) -> None:
    url = provider.url + "/v1"
    launcher = ("ddtrace-run",)
    needs = ("openai", "autotrace-openai", "ddtrace")
    both = run("calls", url, "ddtrace", "ours", "import", needs=needs, launcher=launcher)
    _check(both, run("calls", url, "ours", "import"), run("calls", url, "ddtrace", "import", launcher=launcher), "ddtrace")
