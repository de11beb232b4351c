"""The allow-list for records without content: what stays, and that nothing else does, whatever it is and wherever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._declaration import conventions, vocabulary
from autotrace._record import allowed, failures
from autotrace.plugin import DeclarationError, Dialect, Operation, constant

CHAT = Operation(
    "chat", not_content={"acme.region": True, "acme.tier": ("free", "Paid"), "acmeMode": ("quick",), "ticket": True}
)
FIELDS = {
    field.attribute: field
    for table in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)
    for field in table.values()
}
OWN = ("acme.note", "acme.order.id", "session.id", "openai.response.service_tier", "http.response.header.x-ratelimit-note")
MARK = "Marked\ntext"
"""No id and no name has a line break."""


def kept(**attributes: Any) -> dict[str, Any]:
    return allowed.attributes({name.replace("__", "."): value for name, value in attributes.items()}, CHAT)


def parameters(value: Any) -> Any:
    return allowed.attributes({"autotrace.request.parameters": value}, CHAT).get("autotrace.request.parameters")


names = st.one_of(
    st.sampled_from(sorted(vocabulary.WORDS)), st.sampled_from(("user", "metadata", "budgetTokens", MARK, "A Name", ""))
)
texts = st.builds(lambda before, after: before + MARK + after, st.text(max_size=3), st.text(max_size=3))
numbers = st.one_of(st.booleans(), st.integers(-9, 9**20), st.floats(allow_nan=False, allow_infinity=False))


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)))


@given(st.dictionaries(st.sampled_from((*FIELDS, *OWN, MARK)), trees(st.one_of(texts, numbers, st.none())), max_size=8))
def test_no_text_that_is_not_known_stays(attributes: dict[str, Any]) -> None:
    assert "Marked" not in json.dumps(allowed.attributes(attributes, CHAT))


@given(st.lists(numbers, max_size=16), st.sampled_from(("acme.note", "autotrace.request.parameters", "autotrace.usage.raw")))
def test_every_number_and_boolean_stays(values: list[Any], attribute: str) -> None:
    value = {"count": values, "inside": {"it": [{"more": one} for one in values]}, "text": MARK}
    expected = {"count": values, "inside": {"it": [{"more": one} for one in values]}} if values else None
    assert allowed.attributes({attribute: value}, CHAT) == ({attribute: expected} if expected else {})


def test_each_attribute_of_the_conventions_stays_with_what_it_should_hold() -> None:
    values: dict[str, Any] = {"integer": 3, "number": 0.5, "boolean": True, "any": {"count": 1}}
    for attribute, field in FIELDS.items():
        short = next(short for table in _TABLES for short, one in table.items() if one is field)
        text = {"id": "gpt-4o", "name": "Trip planner", "word": min(vocabulary.WORDS.get(short, ("?",)))}.get(field.text, MARK)
        value = values.get(field.type, [text] if field.type == "strings" else text)
        stays = not field.content and (field.type in values or bool(field.text))
        assert allowed.attributes({attribute: value}, CHAT) == ({attribute: value} if stays else {}), attribute


_TABLES = (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)

IDS = [
    "gpt-4o-2024-08-06",
    "ft:gpt-4o:acme::abc",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
    "meta-llama/Llama-3.1-8B-Instruct",
    "models/gemini-2.5-flash@001",
    "chatcmpl-53ce822ac9a9ebefa47b1870",
]


@pytest.mark.parametrize("text", IDS)
def test_models_are_ids(text: str) -> None:
    assert kept(gen_ai__request__model=text) == {"gen_ai.request.model": text}


@pytest.mark.parametrize(
    "text", ["Trip planner", "look_up", "RunnableParallel<context,question>", "Ünsere Größe", "f.<locals>.g"]
)
def test_a_few_words_are_a_name(text: str) -> None:
    assert kept(gen_ai__agent__name=text) == {"gen_ai.agent.name": text}
    assert allowed.name(text) == text


@pytest.mark.parametrize("text", ["What is it that hurts me so much?", "two\nlines", " ", "", "x" * 129, "a  b", "a\u2028b"])
def test_a_sentence_is_no_name(text: str) -> None:
    assert kept(gen_ai__agent__name=text) == {}
    assert allowed.name(text) is None


@pytest.mark.parametrize("text", ["What is this?", "两句话没有空格", '{"a":1}', "", "x" * 300, "a\nb"])
def test_what_cannot_be_an_id_is_not_one(text: str) -> None:
    assert kept(gen_ai__request__model=text, gen_ai__response__id=text, session__id=text) == {}


@pytest.mark.parametrize(
    ("given", "stays"),
    [
        ({"tool_choice": "auto"}, {"tool_choice": "auto"}),
        ({"toolChoice": {"type": "function", "function": {"name": "look_up"}}}, {"toolChoice": {"type": "function"}}),
        ({"thinking": {"type": "enabled", "budget_tokens": 99}}, {"thinking": {"type": "enabled", "budget_tokens": 99}}),
        ({"metadata": {"customer": "auto", "visits": 3}}, {"metadata": {"visits": 3}}),
        ({"metadata": {"Jane Doe": 3, "PATIENT-7": True}}, None),
        ({"chat_template_kwargs": {"persona": "high", "thinking": False}}, {"chat_template_kwargs": {"thinking": False}}),
        ({"logit_bias": {"50256": -100, "Paris": 5}}, {"logit_bias": {"50256": -100}}),
        ({"stop": ["stop"], "user": "none", "prompt": "text"}, None),
        ({"keep_alive": "5m", "prompt_cache_retention": "24h"}, {"keep_alive": "5m", "prompt_cache_retention": "24h"}),
        ({"embedding": [0.5] * 17, "context": list(range(99)), "sizes": [1, 2]}, {"sizes": [1, 2]}),
        ({"responseModalities": ["TEXT", "The answer"]}, {"responseModalities": ["TEXT"]}),
        ({"acmeMode": "Quick", "acme_mode": "slow"}, {"acmeMode": "Quick"}),
        ({"nested": {"ticket": "T-17"}, "ticket": "a text"}, {"nested": {"ticket": "T-17"}}),
        ({"tools": [{"input_schema": {"properties": {"patient": {"name": {"minLength": 3}}}}}]}, None),
    ],
)  # fmt: skip
def test_objects_keep_numbers_booleans_and_the_words_of_their_fields(given: Any, stays: Any) -> None:
    assert parameters(given) == stays


def test_attributes_of_an_author_keep_what_is_declared() -> None:
    assert kept(acme__region="Frankfurt am Main", acme__tier="paid", acme__note="n") == {
        "acme.region": "Frankfurt am Main",
        "acme.tier": "paid",
    }
    assert kept(acme__tier="The answer", acme__region="two\nlines", acme__count=3) == {"acme.count": 3}


def test_what_a_dialect_declares_holds_for_its_operations() -> None:
    dialect = Dialect(
        "acme",
        request={"acme.form": constant("Chat v2"), "acme.kind": "kind"},
        not_content={"acme.tier": ("free",), "autotrace.response.finish_reasons": ("done_well",)},
    )
    operation = Operation("chat", dialect=dialect, not_content={"acme.tier": ("paid",)})
    given = {
        "acme.form": "Chat v2",
        "acme.kind": "a kind",
        "acme.tier": "free",
        "autotrace.response.finish_reasons": ["done_well", "stop"],
        "gen_ai.response.finish_reasons": ["done_well"],
    }
    expected = {name: given[name] for name in ("acme.form", "acme.tier", "autotrace.response.finish_reasons")}
    assert allowed.attributes(given, operation) == expected
    assert allowed.attributes({"acme.tier": "paid"}, operation) == {"acme.tier": "paid"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"acme.tier": "free"}, "expected a sequence of words"),
        ({"acme.tier": False}, "expected a sequence of words"),
        ({"acme.tier": [1]}, "expected a sequence of words"),
        ({"": True}, "expected the name"),
        (["acme.tier"], "expected a mapping"),
        ({"gen_ai.input.messages": True}, "under a name of your own"),
    ],
)
def test_a_declaration_that_cannot_be_right_says_why(wrong: Any, says: str) -> None:
    for declare in (lambda: Operation("chat", not_content=wrong), lambda: Dialect("acme", not_content=wrong)):
        with pytest.raises(DeclarationError, match=f"not_content.*{says}"):
            declare()


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        (
            {
                "error.type": "openai.BadRequestError",
                "autotrace.error.code": "invalid_prompt",
                "http.response.status_code": 400,
            },
            "openai.BadRequestError, invalid_prompt, HTTP 400",
        ),
        ({"error.type": "tool_error", "autotrace.error.code": "tool_error"}, "tool_error"),
        ({"error.type": "no class at all", "autotrace.error.code": "the prompt"}, "_OTHER"),
        ({"error.type": "m.f.<locals>.Wrong"}, "m.f.<locals>.Wrong"),
    ],
)
def test_a_failure_is_described_by_class_code_and_status(attributes: dict[str, Any], says: str) -> None:
    assert allowed.description(allowed.attributes(attributes, CHAT)) == says


def test_the_headers_of_rate_limits_keep_their_values_and_no_texts() -> None:
    values = ["10000", "6m0s", "1.5", "100, 100;w=60", "2026-12-01T00:00:00Z", "Tue, 01 Dec 2026 00:00:00 GMT"]
    name = "http.response.header.x-ratelimit-reset"
    assert all(allowed.attributes({name: [value]}, CHAT) == {name: [value]} for value in values)
    assert allowed.attributes({name: ["the prompt"], "http.response.header.retry-after": "soon"}, CHAT) == {}


def test_attempts_keep_the_classes_of_their_exceptions() -> None:
    attempts = [{"error": "httpx.ConnectError", "duration": 0.5, "wait": 1.0}, {"status": 200, "duration": 0.1}]
    assert kept(autotrace__attempts=attempts) == {"autotrace.attempts": attempts}


def test_every_word_that_the_core_sets_is_known() -> None:
    assert vocabulary.WORDS["error_category"] == set(failures.CATEGORIES)
    assert vocabulary.WORDS["outcome"] == set(conventions.OUTCOMES.values())
    words = {*conventions.FINISH_REASONS, *conventions.FINISH_REASONS.values(), *conventions.OUTCOMES}
    assert [word for word in words if not vocabulary.is_word(word, "finish_reasons")] == []
    assert all(word == word.lower() for words in vocabulary.WORDS.values() for word in words)
