"""What the dialects for Gemini read: contents, embeddings, interactions, and how their streams add up."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._record import allowed
from autotrace.plugin import Operation
from autotrace_google_genai.dialects.embeddings import gemini_embeddings
from autotrace_google_genai.dialects.generate_content import FINISH_REASONS, gemini
from autotrace_google_genai.dialects.interactions import gemini_interactions
from autotrace_google_genai.dialects.interactions_stream import interaction


def answer(*parts: Any, reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, **({"finishReason": reason} if reason else {})}
    return {"candidates": [{**candidate, **more}]}


def parts_of(found: dict[str, Any], name: str = "gen_ai.output.messages") -> list[Any]:
    return [part for message in found[name] for part in message["parts"]]


# ------------------------------------------------------------------------------------------------------ requests


def test_names_are_read_in_camel_case_and_in_snake_case(read: Any) -> None:
    camel = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}}]}],
        "generationConfig": {
            "maxOutputTokens": 5,
            "topK": 40.0,
            "stopSequences": ["END"],
            "candidateCount": 2,
            "thinkingConfig": {"thinkingLevel": "LOW"},
            "responseMimeType": "application/json",
        },
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    snake = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"file_data": {"file_uri": "gs://b/a.pdf", "mime_type": "application/pdf"}}]}],
        "generation_config": {
            "max_output_tokens": 5,
            "top_k": 40,
            "stop_sequences": ["END"],
            "candidate_count": 2,
            "thinking_config": {"thinking_level": "low"},
            "response_mime_type": "application/json",
        },
        "tool_config": {"functionCallingConfig": {"mode": "ANY"}},
    }
    found = read(gemini, camel)
    assert found["gen_ai.request.max_tokens"] == 5
    assert found["gen_ai.request.top_k"] == 40
    assert found["gen_ai.request.stop_sequences"] == ["END"]
    assert found["gen_ai.request.choice.count"] == 2
    assert found["gen_ai.request.reasoning.level"] == "low"
    assert found["gen_ai.output.type"] == "json"
    assert found["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]
    assert parts_of(found, "gen_ai.input.messages") == [
        {"type": "uri", "modality": "document", "mime_type": "application/pdf", "uri": "gs://b/a.pdf"}
    ]
    other = read(gemini, snake)
    for one in (found, other):
        one["autotrace.request.parameters"].pop("thinkingConfig")
    assert other == found


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({}, None),
        ({"responseMimeType": "text/plain"}, "text"),
        ({"responseJsonSchema": {"type": "object"}}, "json"),
        ({"responseSchema": {"type": "OBJECT"}}, "json"),
        ({"responseModalities": ["TEXT", "IMAGE"]}, "image"),
        ({"responseModalities": ["AUDIO"]}, "speech"),
    ],
)
def test_the_form_of_the_answer(read: Any, config: dict[str, Any], kind: str | None) -> None:
    assert read(gemini, {"generationConfig": config}).get("gen_ai.output.type") == kind


def test_tools_are_flat_and_have_no_secrets(read: Any) -> None:
    declared = {"name": "weather", "description": "The weather", "parametersJsonSchema": {"type": "object"}}
    server = {"name": "dice", "streamableHttpTransport": {"url": "https://dice", "headers": {"Authorization": "Bearer s3cret"}}}
    tools = [
        {"functionDeclarations": [declared, {"name": "other"}]},
        {"googleSearch": {}},
        {"mcp_servers": [server]},
        {"googleMaps": {"authConfig": {"apiKeyConfig": {"apiKeyString": "s3cret"}}, "enableWidget": True}},
    ]
    assert read(gemini, {"tools": tools})["gen_ai.tool.definitions"] == [
        {"name": "weather", "description": "The weather", "parameters": {"type": "object"}, "type": "function"},
        {"name": "other", "type": "function"},
        {"type": "googleSearch", "name": "googleSearch"},
        {
            "type": "mcpServers",
            "name": "mcpServers",
            "content": [{"name": "dice", "streamableHttpTransport": {"url": "https://dice"}}],
        },
        {"type": "googleMaps", "name": "googleMaps", "enableWidget": True},
    ]
    found = read(gemini_interactions, {"tools": [{"type": "mcp_server", "url": "https://d", "headers": {"a": "s3cret"}}]})
    assert found["gen_ai.tool.definitions"] == [{"type": "mcp_server", "name": "mcp_server", "url": "https://d"}]


@pytest.mark.parametrize("contents", ["Hi", ["Hi"], [{"text": "Hi"}], {"parts": {"text": "Hi"}}, [{"parts": ["Hi"]}]])
def test_contents_may_be_short(read: Any, contents: Any) -> None:
    assert read(gemini, {"contents": contents})["gen_ai.input.messages"] == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}
    ]


# ------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("reason", "normal", "outcome"),
    [
        ("STOP", "stop", None),
        ("MAX_TOKENS", "length", "truncated"),
        ("SAFETY", "content_filter", "content_filtered"),
        ("PROHIBITED_CONTENT", "content_filter", "content_filtered"),
        ("MALFORMED_FUNCTION_CALL", "error", None),
        ("OTHER", "OTHER", None),
        ("A_NEW_ONE", "A_NEW_ONE", None),
    ],
)
def test_reasons_in_the_conventions_words_and_in_googles(read: Any, reason: str, normal: str, outcome: str | None) -> None:
    body = answer({"text": "Hi"}, reason=reason)
    found = read(gemini, None, body)
    assert found["gen_ai.response.finish_reasons"] == [normal]
    assert found["autotrace.response.finish_reasons"] == [reason]
    assert found["gen_ai.output.messages"][0]["finish_reason"] == normal
    assert gemini.outcome is not None
    assert gemini.outcome(body) == outcome


def test_a_blocked_prompt_was_filtered(read: Any) -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    found = read(gemini, None, body)
    assert gemini.outcome is not None
    assert gemini.outcome(body) == "content_filtered"
    assert found["autotrace.response.details"] == {"promptFeedback": {"blockReason": "SAFETY"}}
    assert "gen_ai.output.messages" not in found
    assert "gen_ai.response.finish_reasons" not in found


def test_an_error_in_place_of_an_answer_is_a_failure() -> None:
    body = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "Overloaded."}}
    assert gemini.failure is not None
    assert gemini.failure(body) == {"code": "UNAVAILABLE", "message": "Overloaded.", "status": 503}
    assert gemini_interactions.failure is not None
    assert gemini_interactions.failure({"status": "failed", "errors": [{"code": "quota", "message": "Empty."}]}) == {
        "code": "quota",
        "message": "Empty.",
    }
    assert gemini_interactions.failure({"status": "failed"}) == {"code": "failed", "message": None}


def test_grounding_citations_and_ratings_stand_beside_the_parts(read: Any) -> None:
    body = answer(
        {"text": "A cat."},
        groundingMetadata={"webSearchQueries": ["cats"]},
        citationMetadata={"citationSources": [{"uri": "https://cats"}]},
        safetyRatings=[{"category": "HARM", "probability": "LOW"}],
        avgLogprobs=-0.5,
    )
    (message,) = read(gemini, None, body)["gen_ai.output.messages"]
    assert message == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "A cat."}],
        "finish_reason": "stop",
        "groundingMetadata": {"webSearchQueries": ["cats"]},
        "citationMetadata": {"citationSources": [{"uri": "https://cats"}]},
        "safetyRatings": [{"category": "HARM", "probability": "LOW"}],
    }


def test_tokens(read: Any) -> None:
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 40,
        "toolUsePromptTokenCount": 30,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 155,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 90}, {"modality": "AUDIO", "tokenCount": 10}],
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 30}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 20}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 40}],
    }
    found = read(gemini, None, {"usageMetadata": usage})
    assert {name.removeprefix("gen_ai.usage."): count for name, count in found.items() if name.startswith("gen_ai.")} == {
        "input_tokens": 130,
        "output_tokens": 25,
        "cache_read.input_tokens": 40,
        "reasoning.output_tokens": 5,
        "text.input_tokens": 120,
        "audio.input_tokens": 10,
        "image.output_tokens": 20,
        "text.cache_read.input_tokens": 40,
    }
    assert found["autotrace.usage.raw"] == usage


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"serviceTier": "flex"}, "flex"),
        ({"trafficType": "ON_DEMAND"}, "on_demand"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"promptTokenCount": 1}, None),
    ],
)
def test_the_tier_that_an_answer_is_billed_by(read: Any, usage: dict[str, Any], tier: str | None) -> None:
    assert read(gemini, None, {"usageMetadata": usage}).get("autotrace.response.service_tier") == tier


def test_thoughts_without_an_answer_are_output(read: Any) -> None:
    """The limit was reached while the model thought; a count of 0 does not come."""
    found = read(gemini, None, {"usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 7}})
    assert (found["gen_ai.usage.output_tokens"], found["gen_ai.usage.reasoning.output_tokens"]) == (7, 7)


# ------------------------------------------------------------------------------------------------------- streams


def chunk(*parts: Any, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"index": index, "content": {"role": "model", "parts": list(parts)}, **more}]}


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=4)), max_size=12))
def test_texts_that_follow_one_another_are_one(pieces: list[tuple[bool, str]]) -> None:
    assert gemini.reduce is not None
    parts = [{"text": text, **({"thought": True} if thought else {})} for thought, text in pieces]
    whole = gemini.reduce([chunk(part) for part in parts])
    found = whole["candidates"][0]["content"]["parts"] if parts else []
    assert all(one.get("thought") != other.get("thought") for one, other in itertools.pairwise(found))
    for thought in (None, True):
        said = "".join(part["text"] for part in found if part.get("thought") is thought)
        assert said == "".join(text for thinks, text in pieces if thinks == bool(thought))


def test_candidates_grow_apart_and_what_came_last_counts() -> None:
    assert gemini.reduce is not None
    whole = gemini.reduce(
        [
            {**chunk({"text": "A"}), "usageMetadata": {"promptTokenCount": 3}, "responseId": "r"},
            chunk({"text": "B"}, index=1),
            chunk({"text": "a"}, citationMetadata={"citations": [{"uri": "x"}]}),
            chunk({"text": "", "thoughtSignature": "sig"}, finishReason="STOP", citationMetadata={"citations": [{"uri": "y"}]}),
            {**chunk(index=1, finishReason="SAFETY"), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}},
        ]
    )
    one, other = whole["candidates"]
    assert one["content"] == {"role": "model", "parts": [{"text": "Aa", "thoughtSignature": "sig"}]}
    assert one["citationMetadata"] == {"citations": [{"uri": "x"}, {"uri": "y"}]}
    assert (other["content"]["parts"], other["finishReason"]) == ([{"text": "B"}], "SAFETY")
    assert whole["usageMetadata"] == {"promptTokenCount": 3, "candidatesTokenCount": 2}
    assert whole["responseId"] == "r"


def call(**fields: Any) -> dict[str, Any]:
    return {"functionCall": fields}


def test_arguments_that_come_in_pieces_are_put_together() -> None:
    assert gemini.reduce is not None
    pieces = [
        call(name="book", id="c1", willContinue=True),
        call(partialArgs=[{"jsonPath": "$.city", "stringValue": "Zü", "willContinue": True}], willContinue=True),
        call(partialArgs=[{"jsonPath": "$.city", "stringValue": "rich"}], willContinue=True),
        call(partialArgs=[{"jsonPath": "$.guests[0].name", "stringValue": "Ada"}], willContinue=True),
        call(partialArgs=[{"jsonPath": "$.guests[0].age", "numberValue": 36}, {"jsonPath": "$.late", "boolValue": True}]),
        call(name="pay", args={"how": "cash"}),
    ]
    whole = gemini.reduce([chunk(piece) for piece in pieces])
    arguments = {"city": "Zürich", "guests": [{"name": "Ada", "age": 36}], "late": True}
    assert whole["candidates"][0]["content"]["parts"] == [
        {"functionCall": {"name": "book", "id": "c1", "args": arguments}},
        {"functionCall": {"name": "pay", "args": {"how": "cash"}}},
    ]


@pytest.mark.parametrize("path", ["city", "$", "$[7]", "$.city[3].x", None, 4])
def test_a_piece_that_goes_nowhere_is_kept_as_it_came(path: Any) -> None:
    assert gemini.reduce is not None
    piece = {"jsonPath": path, "stringValue": "x"}
    whole = gemini.reduce([chunk(call(name="book", willContinue=True)), chunk(call(partialArgs=[piece]))])
    (part,) = whole["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["partialArgs"] == [piece]


# ---------------------------------------------------------------------------------------------------- embeddings


@pytest.mark.parametrize(
    "body",
    [
        {"requests": [{"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 8, "taskType": "QUERY"}]},
        {"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 8, "taskType": "QUERY"},
        {"instances": [{"content": "one", "task_type": "QUERY"}], "parameters": {"outputDimensionality": 8}},
    ],
    ids=["batch", "single", "predict"],
)
def test_embeddings_of_every_form(read: Any, body: dict[str, Any]) -> None:
    found = read(gemini_embeddings, {"model": "m", **body})
    assert parts_of(found, "gen_ai.input.messages") == [{"type": "text", "content": "one"}]
    assert found["gen_ai.embeddings.dimension.count"] == 8
    assert found["autotrace.request.parameters"] == {"taskType": "QUERY"}


def test_tokens_of_embeddings(read: Any) -> None:
    counted = [{"embeddings": {"values": [0.1], "statistics": {"token_count": count}}} for count in (3, 4)]
    assert read(gemini_embeddings, None, {"predictions": counted})["gen_ai.usage.input_tokens"] == 7
    assert read(gemini_embeddings, None, {"usageMetadata": {"promptTokenCount": 5}})["gen_ai.usage.input_tokens"] == 5


# -------------------------------------------------------------------------------------------------- interactions


HIDDEN = {
    "type": "reasoning",
    "content": "",
    "encrypted": {"uri": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5},
}
"""Hidden reasoning whose encrypted form is the bytes `hello`."""
CALL = {"functionCall": {"name": "f", "args": {}}}


@pytest.mark.parametrize(
    ("parts", "want"),
    [
        ([{**CALL, "thoughtSignature": "aGVsbG8="}], [HIDDEN, {"type": "tool_call", "name": "f", "arguments": {}}]),
        ([{"text": "Yes"}, {"text": "", "thoughtSignature": "aGVsbG8="}], [{"type": "text", "content": "Yes"}, HIDDEN]),
        ([{"thought": True, "thought_signature": "aGVsbG8="}], [HIDDEN]),
        ([{"text": "Hm.", "thought": True, "thoughtSignature": "aGVsbG8="}], [{"type": "reasoning", "content": "Hm."}]),
    ],
)
def test_a_signature_is_hidden_reasoning(read: Any, parts: Any, want: Any) -> None:
    assert parts_of(read(gemini, None, answer(*parts))) == want
    assert parts_of(read(gemini, {"contents": [{"parts": parts}]}), "gen_ai.input.messages") == want


def test_a_thought_of_an_interaction_may_be_hidden(read: Any) -> None:
    thought = {"type": "thought", "signature": "aGVsbG8="}
    assert parts_of(read(gemini_interactions, None, {"steps": [thought]})) == [HIDDEN]
    events = [
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_signature", "signature": "aGVsbG8="}},
    ]
    assert gemini_interactions.reduce
    assert parts_of(read(gemini_interactions, None, gemini_interactions.reduce(events))) == [HIDDEN]
    shown = {**thought, "summary": [{"type": "text", "text": "Hm."}]}
    assert parts_of(read(gemini_interactions, None, {"steps": [shown]})) == [{"type": "reasoning", "content": "Hm."}]


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        ("completed", "stop", None),
        ("requires_action", "tool_call", None),
        ("incomplete", "length", "truncated"),
        ("budget_exceeded", "length", "truncated"),
        ("requires_continuation", "length", "truncated"),
        ("in_progress", None, None),
    ],
)
def test_the_status_of_an_interaction(read: Any, status: str, reason: str | None, outcome: str | None) -> None:
    body = {"status": status, "steps": [{"type": "model_output", "content": [{"type": "text", "text": "Hi"}]}]}
    found = read(gemini_interactions, None, body)
    assert found["gen_ai.response.status"] == status
    assert found.get("gen_ai.response.finish_reasons") == ([reason] if reason else None)
    assert gemini_interactions.outcome is not None
    assert gemini_interactions.outcome(body) == outcome


def test_the_events_of_an_interaction_add_up(read: Any) -> None:
    def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
        return {"event_type": "step.delta", "index": index, "delta": {"type": kind, **fields}}

    events = [
        {"event_type": "interaction.created", "interaction": {"id": "i1", "status": "in_progress", "model": "m"}},
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        delta(0, "thought_summary", content={"type": "text", "text": "Let me "}),
        delta(0, "thought_signature", signature="sig"),
        delta(0, "thought_summary", content={"type": "text", "text": "look."}),
        {"event_type": "step.start", "index": 1, "step": {"type": "google_search_call", "id": "s1"}},
        delta(1, "google_search_call", arguments={"queries": ["cats"]}),
        {"event_type": "step.start", "index": 2, "step": {"type": "model_output"}},
        delta(2, "text", text="A "),
        delta(2, "text", text="cat."),
        delta(2, "text_annotation", annotations=[{"type": "url_citation", "url": "https://cats"}]),
        delta(2, "image", data="aGVsbG8=", mime_type="image/png"),
        {"event_type": "step.start", "index": 3, "step": {"type": "function_call", "id": "c1", "name": "pet", "arguments": {}}},
        delta(3, "arguments_delta", arguments='{"how": '),
        delta(3, "arguments_delta", arguments='"softly"}'),
        {
            "event_type": "interaction.completed",
            "interaction": {"id": "i1", "status": "requires_action", "usage": {"total_input_tokens": 4}},
        },
    ]
    assert gemini_interactions.reduce is not None
    found = read(gemini_interactions, None, gemini_interactions.reduce(events))
    thought, search, text, image, function = parts_of(found)
    assert thought == {"type": "reasoning", "content": "Let me look."}
    assert search["server_tool_call"] == {"type": "google_search", "arguments": {"queries": ["cats"]}}
    assert text == {"type": "text", "content": "A cat.", "annotations": [{"type": "url_citation", "url": "https://cats"}]}
    assert (image["type"], image["modality"], image["size"]) == ("uri", "image", 5)
    assert function == {"type": "tool_call", "id": "c1", "name": "pet", "arguments": {"how": "softly"}}
    assert found["gen_ai.usage.input_tokens"] == 4
    assert found["gen_ai.response.finish_reasons"] == ["tool_call"]


def test_an_interaction_that_breaks_off_keeps_its_error(read: Any) -> None:
    assert gemini_interactions.reduce is not None
    whole = gemini_interactions.reduce(
        [
            {"event_type": "interaction.created", "interaction": {"id": "i1", "status": "in_progress"}},
            {"event_type": "error", "error": {"code": "overloaded", "message": "Later."}},
        ]
    )
    assert gemini_interactions.failure is not None
    assert gemini_interactions.failure(whole) == {"code": "overloaded", "message": "Later."}
    assert read(gemini_interactions, None, whole)["gen_ai.response.id"] == "i1"


def test_every_reason_is_one_of_googles() -> None:
    assert all(reason.isupper() for reason in FINISH_REASONS)
    assert set(FINISH_REASONS.values()) == {"stop", "length", "content_filter", "error"}


def test_steps_that_share_an_index_stay_apart() -> None:
    def step(kind: str, **more: object) -> object:
        return {"event_type": f"step.{kind}", "index": 0, **more}

    events = [
        step("start", step={"type": "function_call", "id": "t", "name": "f"}),
        step("delta", delta={"type": "arguments_delta", "arguments": '{"a":1}'}),
        step("start", step={"type": "function_call", "id": "t", "name": "g"}),
        step("delta", delta={"type": "arguments_delta", "arguments": "{}"}),
    ]
    assert [(one["name"], one["arguments"]) for one in interaction(events)["steps"]] == [("f", {"a": 1}), ("g", {})]


def test_without_content_the_words_of_googles_lists_stay() -> None:
    rating = {"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "severityScore": 0.7, "blocked": True}
    given = {
        "autotrace.request.parameters": {
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "thinkingConfig": {"thinkingBudget": 99, "includeThoughts": True},
            "labels": {"team": "what the program says"},
        },
        "autotrace.response.details": {
            "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "It says: hurt", "safetyRatings": [rating]}
        },
        "autotrace.response.finish_reasons": ["MALFORMED_FUNCTION_CALL"],
        "autotrace.usage.raw": {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}], "trafficType": "ON_DEMAND"},
    }
    kept = allowed.attributes(given, Operation("generate_content", dialect=gemini))
    del given["autotrace.request.parameters"]["labels"]
    del given["autotrace.response.details"]["promptFeedback"]["blockReasonMessage"]
    assert kept == given
    assert allowed.attributes({"autotrace.response.finish_reasons": ["the prompt"]}, Operation("chat", dialect=gemini)) == {}
