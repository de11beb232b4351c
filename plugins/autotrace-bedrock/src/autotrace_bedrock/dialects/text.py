"""Dialect of the text models in Bedrock's InvokeModel: a prompt in, completions out, with field names that differ by maker.

Amazon Titan Text, Meta Llama, Mistral, Cohere Command, AI21 Jurassic, DeepSeek, imported models. Their field names do not
collide, so one dialect reads all of them, and also models behind a resource name that does not show the maker. A body without
any known field is kept unchanged. Source: *Inference request parameters and response fields for foundation models* in the
Bedrock user guide. An operation with this dialect is a ``text_completion``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Failure, Outcome
from autotrace.dialects.parts import Message
from autotrace.plugin import Dialect, first

__all__ = ["bedrock_text", "text_response"]

_PROMPTS = ("prompt", "inputText", "message", "inputs")
_LISTS = {"results": "outputText", "outputs": "text", "generations": "text", "completions": "data", "choices": "text"}
"""The field with an answer's completions, and the field with the text of each. AI21's ``data`` is an object with ``text``."""
_TEXTS = ("generation", "outputText", "text", "generated_text", "completion")
"""The field with the text, if an answer or a chunk is itself one completion."""
_REASONS = ("stop_reason", "completionReason", "finish_reason", "finishReason")
_NUMBERS = frozenset({"index", "tokenCount", "likelihood", "is_finished"})
_NOT_CONTENT = frozenset({"token_likelihoods", "tokens", *_REASONS})
_NEVER_CONTENT = ("embedding", "amazon-bedrock-", "usage", "id")
"""Prefixes of the names of fields that never are content."""


class _Completion(NamedTuple):
    position: int
    is_numbered: bool
    """Whether the position is the index in the body, not only the place in a list."""
    text: object
    reason: str | None
    others: dict[str, Any]


def _completions(body: dict[str, Any]) -> Iterator[_Completion]:
    """The completions in an answer, or in a chunk of a streamed one."""
    for list_name, name in _LISTS.items():
        for position, entry in enumerate(plain.listed(body.get(list_name))):
            wire = plain.mapping(entry)
            text = wire.get(name)
            inner = plain.mapping(text)
            numbers = (key for key in _NUMBERS if isinstance(wire.get(key), (int, float)))
            others = parts.rest(wire, name, *_NOT_CONTENT, *numbers)
            if isinstance(inner.get("text"), str):
                text, others = inner["text"], {**others, **parts.rest(inner, "text", *_NOT_CONTENT)}
            if name not in wire:
                text, others = entry, {}
            yield _Completion(*_position(wire, position), text, _reason(wire), others)
    for name in _TEXTS:
        if isinstance(body.get(name), str):
            yield _Completion(*_position(body), body[name], _reason(body), {})
            return
    if body.get("is_finished") is True:
        yield _Completion(*_position(body), "", _reason(body), {})


def _position(wire: dict[str, Any], default: int = 0) -> tuple[int, bool]:
    index = wire.get("index")
    return plain.number(index, default), isinstance(index, int)


def _reason(wire: dict[str, Any]) -> str | None:
    for name in _REASONS:
        value = wire.get(name)
        reason = plain.string(plain.mapping(value).get("reason") if isinstance(value, dict) else value)
        if reason:
            return reason
    return None


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    """One message for each completion."""
    messages = []
    for completion in sorted(_completions(body), key=lambda one: one.position):
        text = completion.text
        content = parts.texts(text) if isinstance(text, str) else [parts.kept(one) for one in plain.listed(text)]
        message = parts.message("assistant", content, finish_reason=parts.finish(completion.reason))
        messages.append(parts.extended_message(message, completion.others))
    if not messages:
        fields = {key: value for key, value in body.items() if not key.startswith(_NEVER_CONTENT) and plain.says(value)}
        return [parts.message("assistant", [parts.kept({"type": "body", "content": fields})])] if fields else None
    return messages


def _finish_reasons(body: dict[str, Any]) -> list[str] | None:
    reasons = [completion.reason for completion in sorted(_completions(body), key=lambda one: one.position)]
    return [reason or "error" for reason in reasons] if any(reasons) else None


def text_response(chunks: list[Any]) -> dict[str, Any]:
    """Combine a stream's chunks into one answer, in the shape of Mistral's. Other fields keep the last value."""
    whole: dict[str, Any] = {}
    texts: plain.Pieces = {}
    ends: dict[int, dict[str, Any]] = {}
    named = frozenset({*_TEXTS, *_LISTS, *_REASONS, "index", "is_finished"})
    newest = 0
    for chunk in plain.mappings(chunks):
        sent = list(_completions(chunk))
        for completion in sent:
            # alone and without an index, as the closing chunk of Cohere, it continues the completion before
            newest = newest if len(sent) == 1 and not completion.is_numbered else completion.position
            end = ends.setdefault(newest, {})
            plain.grow(texts, newest, completion.text)
            end.update(completion.others)
            if completion.reason:
                end["stop_reason"] = completion.reason
        plain.update(whole, {key: value for key, value in chunk.items() if key not in named})
    if ends:
        grown = plain.grown(texts)
        whole["outputs"] = [{**ends[at], "index": at, "text": grown.get(at, "")} for at in sorted(ends)]
    return whole


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    for name in _PROMPTS:
        if request.get(name) is not None:
            messages = parts.user_messages(request[name]) or [parts.message("user", [])]
            messages[-1]["parts"].extend(parts.binary(image, "image") for image in plain.strings(request.get("images")) or ())
            return messages
    fields = {key: value for key, value in request.items() if key not in ("model", "invocation") and plain.says(value)}
    return [parts.message("user", [parts.kept({"type": "body", "content": fields})])] if fields else None


def _output_tokens(body: dict[str, Any]) -> int | None:
    """The sum of the counts that Titan has in each of its results."""
    counts = [plain.count(result.get("tokenCount")) for result in plain.mappings(body.get("results"))]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _failure(body: dict[str, Any]) -> Failure | None:
    """The error in the body, or a finish reason that means one (Cohere's ``ERROR``)."""
    reasons = (completion.reason for completion in _completions(body))
    return endings.failure_in(body, "code", "type") or endings.failure_of_reasons(reasons)


def _outcome(body: dict[str, Any]) -> Outcome | None:
    return endings.outcome(completion.reason for completion in _completions(body))


_CONFIG = "textGenerationConfig"  # Titan's

bedrock_text = Dialect(
    "bedrock_text",
    request={
        "model": "model",
        "max_tokens": first("max_gen_len", "max_tokens", "maxTokens", f"{_CONFIG}.maxTokenCount", "parameters.max_new_tokens"),
        "temperature": first("temperature", f"{_CONFIG}.temperature"),
        "top_p": first("top_p", "topP", "p", f"{_CONFIG}.topP"),
        "top_k": first("top_k", "topK", "k"),
        "stop_sequences": plain.of(first("stop_sequences", "stopSequences", "stop", f"{_CONFIG}.stopSequences"), plain.strings),
        "choice_count": plain.of(
            first("num_generations", "numResults"), lambda count: None if count == 1 else plain.count(count)
        ),
        "input_messages": lambda request: _input_messages(plain.mapping(request)),
        "parameters": plain.fields(
            "return_likelihoods", "logit_bias", "truncate", "countPenalty", "presencePenalty", "frequencyPenalty"
        ),
    },
    response={
        "id": plain.of("id", plain.string),
        "model": "model",
        "finish_reasons": lambda body: _finish_reasons(plain.mapping(body)),
        "output_messages": lambda body: _output_messages(plain.mapping(body)),
    },
    usage=ledger.usage(
        {
            "input_tokens": first("prompt_token_count", "inputTextTokenCount", "usage.prompt_tokens"),
            "output_tokens": first(
                *("generation_token_count", "totalOutputTextTokenCount", "usage.completion_tokens"),
                lambda body: _output_tokens(plain.mapping(body)),
            ),
        },
        raw=first(
            "usage",
            plain.fields("prompt_token_count", "generation_token_count", "inputTextTokenCount", "totalOutputTextTokenCount"),
        ),
    ),
    reduce=text_response,
    failure=lambda body: _failure(plain.mapping(body)),
    not_content={"return_likelihoods": ("GENERATION", "ALL", "NONE")},
    outcome=lambda body: _outcome(plain.mapping(body)),
)
