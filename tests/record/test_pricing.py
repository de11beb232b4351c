"""Cost: by hand from the published prices in the data, from given prices, and what happens when there are none."""

from __future__ import annotations

import decimal
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._cli.activation import variables_of_file
from autotrace._declaration import conventions
from autotrace._record.pricing import cost, offline, sources
from autotrace.errors import SettingsError
from autotrace.testing import Capture

NOVEMBER = int(datetime(2026, 11, 15, tzinfo=timezone.utc).timestamp()) * 1_000_000_000
INSTALLED = importlib.util.find_spec("genai_prices") is not None
maintained = pytest.mark.skipif(not INSTALLED, reason="genai-prices is not installed: llm-autotrace[cost]")

FOO = {"acme/foo-1": {"input": 1.5, "output": 6, "cache_read": 0.15, "cache_write": 1.9}}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No prices are given, and what is installed is looked for anew."""
    monkeypatch.setattr(settings, "current", settings.Settings())
    sources.installed.forget()
    yield
    sources.installed.forget()


@pytest.fixture
def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    for name in [name for name in sys.modules if name.startswith(("autotrace._record.pricing.maintained", offline.NAME))]:
        monkeypatch.delitem(sys.modules, name)


def attributes(provider: str | None, model: str, raw: Any = None, more: Any = (), **counts: int) -> dict[str, Any]:
    """A record's attributes; `counts` by the names of `conventions.USAGE`."""
    found: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.response.model": model, **dict(more)}
    if provider is not None:
        found["gen_ai.provider.name"] = provider
    if raw is not None:
        found["autotrace.usage.raw"] = raw
    return found | {conventions.USAGE[name].attribute: count for name, count in counts.items()}


def priced(given: dict[str, Any], start_ns: int = NOVEMBER) -> dict[str, Any]:
    """What `cost.add` adds, by the end of its name; everything else has to stay as it is."""
    before = dict(given)
    cost.add(given, start_ns)
    assert {name: given[name] for name in before} == before
    return {name.removeprefix("autotrace.cost."): given[name] for name in given.keys() - before.keys()}


def dollars(given: dict[str, Any], start_ns: int = NOVEMBER) -> tuple[float, float, float]:
    """Input, output and total."""
    found = priced(given, start_ns)
    assert found.keys() == {"usd", "input.usd", "output.usd", "source"}, found
    assert all(type(found[name]) is float for name in found if name.endswith("usd"))
    return found["input.usd"], found["output.usd"], found["usd"]


# ------------------------------------------------------------------------------- by hand, from the prices in the data


CLAUDE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 1000,
    "output_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
    "server_tool_use": None,
    "service_tier": "standard",
}
CLAUDE_COUNTS = {"input_tokens": 1310, "cache_read_input_tokens": 1000, "cache_write_input_tokens": 300, "output_tokens": 50}
GEMINI_AUDIO = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 50,
    "candidatesTokenCount": 10,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40}, {"modality": "AUDIO", "tokenCount": 60}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 30}],
}
BY_HAND: dict[str, tuple[dict[str, Any], float, float, float]] = {
    # 600 at 2.50, 400 from the cache at 1.25; 200 at 10
    "cached": (
        attributes("openai", "gpt-4o-2024-08-06", input_tokens=1000, cache_read_input_tokens=400, output_tokens=200),
        0.002,
        0.002,
        0.004,
    ),
    # 100 at 2; 1000 at 8, of which 800 are reasoning and not charged again
    "reasoning": (
        attributes("openai", "o3", input_tokens=100, output_tokens=1000, reasoning_output_tokens=800),
        0.0002,
        0.008,
        0.0082,
    ),
    # 10 at 15, 1000 read at 1.50, 200 written for 5 minutes at 18.75, 100 for an hour at 30; 50 at 75
    "both cache writes": (
        attributes("anthropic", "claude-opus-4-1-20250805", CLAUDE, **CLAUDE_COUNTS),
        0.0084,
        0.00375,
        0.01215,
    ),
    # and 3 searches at 10 per 1000, which are neither input nor output
    "searches": (
        attributes("anthropic", "claude-opus-4-1", {**CLAUDE, "server_tool_use": {"web_search_requests": 3}}, **CLAUDE_COUNTS),
        0.0084,
        0.00375,
        0.04215,
    ),
    # the same by the ledger alone, and with none of its details
    "both cache writes counted": (
        attributes(
            "anthropic",
            "claude-opus-4-1",
            **CLAUDE_COUNTS,
            cache_write_5m_input_tokens=200,
            cache_write_1h_input_tokens=100,
            web_search_requests=3,
        ),
        0.0084,
        0.00375,
        0.04215,
    ),
    # 300 at 18.75, as it is not said how long they were written for
    "one cache write": (attributes("anthropic", "claude-opus-4-1", **CLAUDE_COUNTS), 0.007275, 0.00375, 0.011025),
    # up to 200,000 at 1.25 and 10, above that all at 2.50 and 15
    "below the tier": (attributes("gcp.gemini", "gemini-2.5-pro", input_tokens=200_000, output_tokens=1000), 0.25, 0.01, 0.26),
    "above the tier": (
        attributes("gcp.gemini", "gemini-2.5-pro", input_tokens=200_001, output_tokens=1000),
        0.5000025,
        0.015,
        0.5150025,
    ),
    # 5000 at 0.02
    "embeddings": (attributes("openai", "text-embedding-3-small", input_tokens=5000), 0.0001, 0.0, 0.0001),
    # 1000 at 30, cached or not: there is no other price
    "no cache price": (
        attributes("openai", "gpt-4", input_tokens=1000, cache_read_input_tokens=500, output_tokens=0),
        0.03,
        0.0,
        0.03,
    ),
    # 40 at 2.50, 60 of audio at 32; 10 at 10, 40 of audio at 64
    "audio": (
        attributes("openai", "gpt-audio", input_tokens=100, audio_input_tokens=60, output_tokens=50, audio_output_tokens=40),
        0.00202,
        0.00266,
        0.00468,
    ),
    # 20 at 0.30, 20 cached at 0.03, 30 of audio at 1, 30 of cached audio at 0.10; 10 at 2.50
    "cached audio": (
        attributes(
            "gcp.gemini",
            "gemini-2.5-flash",
            GEMINI_AUDIO,
            input_tokens=100,
            audio_input_tokens=60,
            cache_read_input_tokens=50,
            output_tokens=10,
        ),
        0.0000396,
        0.000025,
        0.0000646,
    ),
}


@maintained
@pytest.mark.parametrize("name", BY_HAND)
def test_the_cost_is_what_the_published_prices_make_it(name: str) -> None:
    given, *expected = BY_HAND[name]
    assert list(dollars(dict(given))) == expected


@maintained
def test_the_source_is_named_with_its_version() -> None:
    import genai_prices

    assert priced(attributes("openai", "gpt-4o", input_tokens=1, output_tokens=1))["source"] == (
        f"genai-prices {genai_prices.__version__}"
    )


@maintained
def test_the_price_is_that_of_the_day() -> None:
    june = int(datetime(2025, 6, 9, 23, 59, 59, tzinfo=timezone.utc).timestamp()) * 1_000_000_000
    usage = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    assert dollars(attributes("openai", "o3", **usage), june) == (10.0, 40.0, 50.0)
    assert dollars(attributes("openai", "o3", **usage), june + 1_000_000_000) == (2.0, 8.0, 10.0)


@maintained
@pytest.mark.parametrize(
    ("provider", "model", "raw", "more", "expected"),
    [
        ("openai", "o3", None, {"openai.response.service_tier": "default"}, (2.0, 8.0, 10.0)),
        ("openai", "o3", None, {"openai.response.service_tier": "flex"}, (1.0, 4.0, 5.0)),
        ("openai", "o3", None, {"openai.response.service_tier": "priority"}, (3.5, 14.0, 17.5)),
        ("anthropic", "claude-opus-5", {"service_tier": "standard"}, {}, (5.0, 25.0, 30.0)),
        ("anthropic", "claude-opus-5", {"service_tier": "batch"}, {}, (2.5, 12.5, 15.0)),
        ("anthropic", "claude-opus-5", {"service_tier": "standard", "speed": "fast"}, {}, (10.0, 50.0, 60.0)),
    ],
)
def test_the_tier_that_the_response_names_is_charged(
    provider: str, model: str, raw: Any, more: Any, expected: tuple[float, float, float]
) -> None:
    if model == "claude-opus-5" and sys.version_info < (3, 11):
        pytest.skip("newer than the last genai-prices for this Python")
    assert dollars(attributes(provider, model, raw, more, input_tokens=10**6, output_tokens=10**6)) == expected


@maintained
@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("openai", None, "openai"),
        ("openai", "127.0.0.1", "openai"),
        ("openai", "api.groq.com", "groq"),
        ("openai", "somebody.openai.azure.com", "azure"),
        ("azure.ai.openai", None, "azure"),
        ("azure.ai.inference", None, "azure"),
        ("anthropic", "us-east5-aiplatform.googleapis.com", "google"),
        ("anthropic", "bedrock-runtime.us-east-1.amazonaws.com", "aws"),
        ("aws.bedrock", None, "aws"),
        ("gcp.vertex_ai", None, "google"),
        ("gcp.gemini", None, "google"),
        ("gcp.gen_ai", None, "google"),
        ("mistral_ai", None, "mistral"),
        ("x_ai", None, "x-ai"),
        ("cohere", None, "cohere"),
        ("deepseek", None, "deepseek"),
        ("perplexity", None, "perplexity"),
        ("moonshot_ai", None, "moonshotai"),
        ("together_ai", None, "together"),
        ("fireworks_ai", None, "fireworks"),
        ("ollama", "localhost", None),
        ("ibm.watsonx.ai", None, None),
        (None, None, None),
    ],
)
def test_the_provider_is_who_sends_the_bill(name: str | None, address: str | None, expected: str | None) -> None:
    from autotrace._record.pricing.maintained import provider_of

    found = provider_of(name, address)
    assert (found and found.id) == expected


@maintained
def test_a_host_that_nobody_knows_gets_no_price_of_the_models_maker() -> None:
    unknown = attributes(None, "gpt-4o", more={"server.address": "localhost"}, input_tokens=9, output_tokens=1)
    assert priced(unknown) == {"unknown": "no price for gpt-4o"}
    assert "usd" in priced(attributes(None, "gpt-4o", input_tokens=9, output_tokens=1))


@maintained
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("aws.bedrock", "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro"),
        ("gcp.gemini", "models/gemini-2.5-pro"),
        ("azure.ai.openai", "gpt-4o-2024-08-06"),
        (None, "claude-opus-4-1-20250805"),
    ],
)
def test_a_model_is_found_under_the_names_that_clouds_give_it(provider: str | None, model: str) -> None:
    assert dollars(attributes(provider, model, input_tokens=1000, output_tokens=10))[2] > 0


@maintained
def test_a_deployment_that_answers_by_another_name_is_priced_by_either() -> None:
    usage = {"input_tokens": 10**6, "output_tokens": 0}
    answered = attributes("azure.ai.openai", "gpt-4o-2024-08-06", None, {"gen_ai.request.model": "my-deployment"}, **usage)
    asked = attributes("azure.ai.openai", "my-deployment", None, {"gen_ai.request.model": "gpt-4o"}, **usage)
    assert dollars(answered) == dollars(asked) == (2.5, 0.0, 2.5)


# ---------------------------------------------------------------------------------------------------- nothing is guessed


@maintained
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (attributes("acme", "foo-1", input_tokens=1, output_tokens=1), "no price for acme/foo-1"),
        (attributes("openai", "foo-1", input_tokens=1, output_tokens=1), "no price for openai/foo-1"),
        (attributes("ollama", "gpt-4o", input_tokens=1, output_tokens=1), "no price for ollama/gpt-4o"),
        (attributes(None, "foo-1", input_tokens=1, output_tokens=1), "no price for foo-1"),
        (attributes("openai", "gpt-4o", input_tokens=1), "no output token count"),
        (attributes("openai", "gpt-4o", output_tokens=1), "no input token count"),
        # free, or not known: the data have neither input nor output price
        (attributes("openai", "omni-moderation-latest", input_tokens=1), "no price for openai/omni-moderation-latest"),
        (
            attributes("openai", "gpt-4o", {"service_tier": "flex"}, input_tokens=1, output_tokens=1),
            "no price for service_tier flex of openai/gpt-4o",
        ),
        (
            attributes("azure.ai.openai", "o3", {"service_tier": "priority"}, input_tokens=1, output_tokens=1),
            "no price for service_tier priority of azure.ai.openai/o3",
        ),
        (
            attributes("openai", "gpt-4o", input_tokens=3, cache_read_input_tokens=5, output_tokens=1),
            "cache_read_tokens (5) cannot exceed input_tokens (3)",
        ),
        (
            attributes(
                "gcp.gemini",
                "gemini-2.5-flash",
                input_tokens=9,
                audio_input_tokens=5,
                cache_read_input_tokens=5,
                output_tokens=1,
            ),
            "Missing usage for cache_audio_read_tokens",
        ),
        (attributes("openai", "gpt-4o", input_tokens=10**400, output_tokens=1), "the token counts are out of range"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_priced_says_why_and_has_no_cost(given: dict[str, Any], reason: str) -> None:
    assert priced(dict(given)) == {"unknown": reason}


@maintained
@pytest.mark.parametrize(
    "given",
    [
        attributes("openai", "gpt-4o"),
        attributes("openai", "gpt-4o", None, {"gen_ai.operation.name": "invoke_agent"}, input_tokens=1, output_tokens=1),
        attributes("openai", "gpt-4o", None, {"autotrace.cost.usd": 7.0}, input_tokens=1, output_tokens=1),
    ],
    ids=["no usage", "what an agent adds up", "a cost that is known"],
)
def test_other_spans_stay_as_they_are(given: dict[str, Any]) -> None:
    assert priced(dict(given)) == {}


@pytest.mark.usefixtures("without_data")
def test_without_data_and_prices_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert priced(attributes("openai", "gpt-4o", input_tokens=1, output_tokens=1)) == {}
    assert capfd.readouterr().err == ""


# ---------------------------------------------------------------------------------------------------------- given prices


@pytest.mark.usefixtures("without_data")
@pytest.mark.parametrize(
    ("prices", "given", "expected"),
    [
        # 1000 = 300 at 1.50, 200 read at 0.15, 400 written at 1.90, 100 for an hour at the same; 10 at 6
        (
            FOO,
            attributes(
                "acme",
                "foo-1",
                input_tokens=1000,
                cache_read_input_tokens=200,
                cache_write_input_tokens=500,
                cache_write_1h_input_tokens=100,
                output_tokens=10,
            ),
            (0.00143, 0.00006, 0.00149),
        ),
        (
            {"foo-1": {"input": 1, "cache_write": 2, "cache_write_1h": 4, "output": 0}},
            attributes(
                "acme",
                "foo-1",
                input_tokens=1000,
                cache_write_input_tokens=500,
                cache_write_1h_input_tokens=100,
                output_tokens=10,
            ),
            (0.0017, 0.0, 0.0017),
        ),
        (
            {
                "acme/*": {
                    "input": 1,
                    "output": 2,
                    "audio_input": 10,
                    "audio_output": 20,
                    "image_input": 100,
                    "image_output": 200,
                }
            },
            attributes(
                "acme",
                "any",
                input_tokens=6,
                audio_input_tokens=2,
                image_input_tokens=3,
                output_tokens=6,
                audio_output_tokens=2,
                image_output_tokens=3,
            ),
            (0.000321, 0.000642, 0.000963),
        ),
        ({"foo-1": {"input": 0.02}}, attributes("acme", "foo-1", input_tokens=50), (0.000001, 0.0, 0.000001)),
    ],
    ids=["one cache write", "two cache writes", "a provider's, by modality", "embeddings"],
)
def test_given_prices_are_per_million_tokens(prices: Any, given: dict[str, Any], expected: tuple[float, float, float]) -> None:
    settings.current.update({"prices": prices})
    assert dollars(given) == expected
    assert given["autotrace.cost.source"] == "setting"


@pytest.mark.usefixtures("without_data")
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (attributes("acme", "foo-2", input_tokens=1), "no price for acme/foo-2"),
        (attributes("acme", "foo-1", input_tokens=1), "no output token count"),
        (attributes("acme", "in", input_tokens=1, output_tokens=1), "no output price"),
        (
            attributes("acme", "foo-1", input_tokens=1, cache_read_input_tokens=2, output_tokens=1),
            "the input token counts contradict each other",
        ),
    ],
)
def test_given_prices_that_do_not_do_say_why(given: dict[str, Any], reason: str) -> None:
    settings.current.update({"prices": {**FOO, "in": {"input": 1}}})
    assert priced(given) == {"unknown": reason}


COUNT = st.integers(0, 10**9)


@maintained
@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_two_ways_to_compute_agree(fresh: int, read: int, shorter: int, longer: int, output: int) -> None:
    prices = {"input": 15, "cache_read": 1.5, "cache_write": 18.75, "cache_write_1h": 30, "output": 75}
    usage = {
        "input_tokens": fresh + read + shorter + longer,
        "cache_read_input_tokens": read,
        "cache_write_input_tokens": shorter + longer,
        "cache_write_1h_input_tokens": longer,
        "output_tokens": output,
    }
    settings.current.clear()
    theirs = dollars(attributes("anthropic", "claude-opus-4-1", None, **usage))
    settings.current.update({"prices": {"claude-opus-4-1": prices}})
    assert dollars(attributes("anthropic", "claude-opus-4-1", None, **usage)) == theirs
    exact = fresh * 15 + read * 1.5 + shorter * 18.75 + longer * 30 + output * 75
    assert theirs[2] == pytest.approx(exact / 1e6, rel=1e-12, abs=1e-12)


COUNTED = st.sampled_from([7, -1, 0, None, "7"])
# In one order, as a provider's are: one form is then drawn several times.
FORMS = {
    ("openai", "gpt-4o-audio-preview"): st.builds(
        lambda cached, audio: {
            "prompt_tokens": 9,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio},
        },
        *(COUNTED, COUNTED),
    ),
    ("gcp.gemini", "gemini-2.5-flash"): st.builds(
        lambda modality, count: {
            "promptTokenCount": 9,
            "candidatesTokenCount": 9,
            "promptTokensDetails": [{"modality": modality, "tokenCount": count}],
        },
        *(st.sampled_from(["OTHER", "AUDIO"]), COUNTED),
    ),
}


@maintained
@pytest.mark.parametrize("model", FORMS)
@given(st.data())
def test_what_is_known_of_a_form_of_usage_changes_no_cost(model: tuple[str, str], data: st.DataObject) -> None:
    raws = data.draw(st.lists(FORMS[model], min_size=4, max_size=8))
    given = [attributes(*model, raw, input_tokens=9, output_tokens=9) for raw in raws]
    sources.installed.forget()
    one_after_another = [priced(dict(one)) for one in given]
    for one, before in zip(given, one_after_another, strict=True):
        sources.installed.forget()
        assert priced(dict(one)) == before


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ([1], "expected a table of prices"),
        ({"foo": 3}, "foo: expected a table of prices, got 3"),
        ({"foo": {}}, "foo: no price is given"),
        ({"": {"input": 1}}, "expected a name, got ''"),
        ({"foo": {"inptu": 1}}, "'inptu' is not a known price; did you mean 'input'"),
        ({"foo": {"input": "1"}}, "input: expected a price, got '1'"),
        ({"foo": {"input": -1}}, "input: expected a price, got -1"),
        ({"foo": {"input": True}}, "input: expected a price, got True"),
        ({"foo": {"input": float("nan")}}, "input: expected a price, got nan"),
        ({"foo": {"input": float("inf")}}, "input: expected a price, got inf"),
        ("nowhere.json", "setting prices, nowhere.json: cannot be read: No such file"),
        ("{", "setting prices: cannot be read: Expecting"),
    ],
)
def test_malformed_prices_are_one_clear_error(prices: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.current.update({"prices": prices})
    assert message in str(caught.value)
    assert str(caught.value).startswith("setting prices")


@pytest.mark.usefixtures("without_data")
@pytest.mark.parametrize("way", ["argument", "variable", "file variable", "pyproject"])
def test_prices_can_be_given_in_every_way(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = json.dumps(FOO)
    if way == "argument":
        settings.current.update({"prices": FOO})
    elif way == "variable":
        monkeypatch.setenv("AUTOTRACE_PRICES", text)
    elif way == "file variable":
        (tmp_path / "prices.json").write_text(text)
        monkeypatch.setenv("AUTOTRACE_PRICES", str(tmp_path / "prices.json"))
    else:
        table = "input = 1.5\noutput = 6\ncache_read = 0.15\ncache_write = 1.9\n"
        (tmp_path / "pyproject.toml").write_text(f'[tool.autotrace.prices."acme/foo-1"]\n{table}')
        settings.current.read_file()
        assert variables_of_file(str(tmp_path)) == {"AUTOTRACE_PRICES": text}
    assert dollars(attributes("acme", "foo-1", input_tokens=10**6, output_tokens=0)) == (1.5, 0.0, 1.5)


# ---------------------------------------------------------------------------------------------------------- entry points


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a distribution `acme-prices` 2.1, whose entry point is `prices` in the given source."""

    def install(source: str) -> None:
        (tmp_path / "acme_prices.py").write_text(textwrap.dedent(source))
        info = tmp_path / "acme_prices-2.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-prices\nVersion: 2.1\n")
        (info / "entry_points.txt").write_text("[autotrace.prices]\nacme = acme_prices:prices\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "acme_prices", raising=False)

    return install


@pytest.mark.usefixtures("without_data")
@pytest.mark.parametrize(
    "source",
    [
        "prices = {'acme/foo-1': {'input': 3, 'output': 4}}",
        """
        def prices(provider, model, usage, when):
            assert usage == {"input_tokens": 1000000, "output_tokens": 0} and when.year == 2026
            return {"input": 3, "output": 4} if (provider, model) == ("acme", "foo-1") else None
        """,
    ],
    ids=["a table", "a function"],
)
def test_a_distribution_can_bring_prices(source: str, distribution: Callable[[str], None]) -> None:
    distribution(source)
    usage = {"input_tokens": 10**6, "output_tokens": 0}
    assert priced(attributes("acme", "foo-1", **usage)) == {
        "usd": 3.0,
        "input.usd": 3.0,
        "output.usd": 0.0,
        "source": "acme-prices 2.1",
    }
    assert priced(attributes("acme", "foo-2", **usage)) == {"unknown": "no price for acme/foo-2"}


@maintained
def test_a_setting_goes_before_a_distribution_which_goes_before_the_data(distribution: Callable[[str], None]) -> None:
    distribution("prices = {'gpt-4o': {'input': 3, 'output': 4}, 'gpt-4': {'input': 5, 'output': 6}}")
    settings.current.update({"prices": {"gpt-4": {"input": 1, "output": 1}}})
    usage = {"input_tokens": 10**6, "output_tokens": 0}
    assert [dollars(attributes("openai", model, **usage))[0] for model in ("gpt-4", "gpt-4o", "o3")] == [1.0, 3.0, 2.0]


@pytest.mark.parametrize(
    ("source", "reason", "where"),
    [
        ("raise RuntimeError('broken')", "the prices of acme-prices 2.1 could not be loaded", "load the prices of acme-prices"),
        ("prices = {'foo': 1}", "the prices of acme-prices 2.1 could not be loaded", "load the prices of acme-prices"),
        ("def prices(*usage): raise KeyError(3)", "the prices of acme-prices 2.1 failed", "cost by acme-prices"),
        ("def prices(*usage): return {'input': -1}", "the prices of acme-prices 2.1 failed", "cost by acme-prices"),
    ],
)
def test_prices_that_fail_cost_the_cost_and_not_the_record(
    source: str, reason: str, where: str, distribution: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    distribution(source)
    diagnostics.forget()
    for _ in range(2):
        assert priced(attributes("openai", "gpt-4o", input_tokens=1, output_tokens=1)) == {"unknown": reason}
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert line["event"] == "autotrace.failure"
    assert line["message"].startswith(where)
    diagnostics.forget()


def test_prices_are_asked_for_on_the_writers_thread(distribution: Callable[[str], None], captured: Capture) -> None:
    distribution(
        """
        import threading
        asked, asking = threading.Event(), set()
        def prices(provider, model, usage, when):
            asking.add(threading.get_ident())
            asked.set()
            return {"input": 3, "output": 4}
        """
    )
    import acme_prices

    autotrace.enable()
    with autotrace.span("by hand", attributes("acme", "foo-1", input_tokens=10**6, output_tokens=0)):
        pass
    assert acme_prices.asked.wait(600)  # and not by a flush, which writes what is left on the thread that asks for it
    (span,) = captured.spans
    autotrace.disable()
    assert span["attributes"]["autotrace.cost.usd"] == 3.0
    assert len(acme_prices.asking) == 1
    assert threading.get_ident() not in acme_prices.asking


# ------------------------------------------------------------------------------------------------------ in real programs


@maintained
def test_the_programs_decimal_context_is_its_own(captured: Capture) -> None:
    autotrace.enable()
    with decimal.localcontext(decimal.Context(prec=1, traps=[decimal.Inexact])):
        with autotrace.span("by hand", attributes(None, "gpt-4o", input_tokens=12345, output_tokens=6789)):
            pass
        (span,) = captured.spans
        assert decimal.getcontext().prec == 1
    autotrace.disable()
    assert span["attributes"]["autotrace.cost.usd"] == 0.0987525
    assert threading.current_thread() is threading.main_thread()


@maintained
def test_what_the_program_downloads_does_not_change_the_source() -> None:
    from genai_prices import data_snapshot

    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert dollars(attributes("openai", "o3", input_tokens=10**6, output_tokens=0)) == (2.0, 0.0, 2.0)
    finally:
        data_snapshot.set_custom_snapshot(None)


PROGRAM = """
import os, sys, threading, time
main, importing = threading.get_ident(), set()
def watch(event, args):
    if event == "import" and args[0] == "autotrace._record.pricing.maintained":
        importing.add(threading.get_ident())
    if event in ("socket.connect", "socket.getaddrinfo"):
        os.write(2, f"network: {args}".encode())
sys.addaudithook(watch)
import autotrace
autotrace.enable()
def call():
    with autotrace.span("chat", {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
                                 "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}):
        pass
"""
PROGRAMS = {
    "one call, and out": ("call()", 1),
    "one call, and a while": (
        "call()\nend = time.monotonic() + 600\nwhile not importing and time.monotonic() < end: time.sleep(0.05)\n"
        "assert importing and main not in importing",
        1,
    ),
    # It may be half imported when the program looks for it, as openai 2 does at every call.
    "no HTTP client": (
        "call(); assert autotrace.flush(600); assert importing and 'httpx2' not in sys.modules\n"
        "assert 'genai_prices' not in sys.modules and 'genai_prices.update_prices' not in sys.modules\n"
        "import genai_prices, genai_prices.update_prices as updates; from genai_prices import UpdatePrices, types\n"
        "assert genai_prices.update_prices is updates and updates.UpdatePrices is UpdatePrices\n"
        "assert sys.modules['_autotrace_genai_prices.types'].Usage is not types.Usage",
        1,
    ),
    "a call, and an exit handler's": ("call(); import atexit; atexit.register(call)", 2),
    "a fork at once": ("import logging; call()\nchild = os.fork()\ncall()\nif child: assert os.waitpid(child, 0)[1] == 0", 3),
    "a fork amid the import": (
        "import logging; call(); time.sleep(0.03)\nchild = os.fork()\ncall()\nif child: assert os.waitpid(child, 0)[1] == 0",
        3,
    ),
    "sys.exit in a thread's lifetime": ("threading.Thread(target=call).start(); sys.exit()", 1),
}


@maintained
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gets_its_records_with_their_cost(name: str, tmp_path: Path) -> None:
    body, records = PROGRAMS[name]
    if "fork" in body and (not hasattr(os, "fork") or sys.version_info >= (3, 15)):
        pytest.skip("no fork")
    script = tmp_path / "program.py"
    script.write_text(PROGRAM + body)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUTOTRACE")}
    environment["AUTOTRACE_EXIT_TIMEOUT"] = "600"
    run = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["attributes"].get("autotrace.cost.usd") for line in lines] == [0.0035] * records
