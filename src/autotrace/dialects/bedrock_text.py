"""The text models of Bedrock's InvokeModel: a prompt in, completions out, each maker with names of its own.

Amazon Titan Text, Meta Llama, Mistral, Cohere Command, AI21 Jurassic, DeepSeek, imported models. Their names do not collide, so
one dialect reads all of them, and whoever is behind a resource name that tells no model. A body in which nothing is known is
kept as it came. Source: *Inference request parameters and response fields for foundation models* in the Bedrock user guide. An
operation with this dialect is a ``text_completion``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from autotrace._declaration.operation import Dialect
from autotrace._declaration.paths import constant, first
from autotrace.dialects import endings, ledger, parts, plain
from autotrace.dialects.endings import Outcome
from autotrace.dialects.parts import Message

__all__ = ["bedrock_text", "text_response"]

_PROMPTS = ("prompt", "inputText", "message", "inputs")
_LISTS = {"results": "outputText", "outputs": "text", "generations": "text", "completions": "data", "choices": "text"}
"""Where an answer holds its completions, and under which name each its text. AI21's ``data`` is an object with a ``text``."""
_TEXTS = ("generation", "outputText", "text", "generated_text", "completion")
"""Where an answer, or a chunk of one, is one completion itself."""
_REASONS = ("stop_reason", "completionReason", "finish_reason", "finishReason")
_NUMBERS = frozenset({"index", "tokenCount", "likelihood", "is_finished"})
_SILENT = frozenset({"token_likelihoods", "tokens", *_REASONS})
_NEVER = ("embedding", "amazon-bedrock-", "usage", "id")
"""How the names of fields begin that are no content, whatever the answer is."""


class _Completion(NamedTuple):
    position: int
    text: object
    reason: str | None
    others: dict[str, Any]


def _completions(body: dict[str, Any]) -> Iterator[_Completion]:
    """The completions in an answer or in a chunk of one."""
    for list_name, name in _LISTS.items():
        for at, entry in enumerate(plain.listed(body.get(list_name))):
            held = plain.mapping(entry)
            text = held.get(name)
            inner = plain.mapping(text)
            numbers = (key for key in _NUMBERS if isinstance(held.get(key), (int, float)))
            others = parts.rest(held, name, *_SILENT, *numbers)
            if isinstance(inner.get("text"), str):
                text, others = inner["text"], {**others, **parts.rest(inner, "text", *_SILENT)}
            if name not in held:
                text, others = entry, {}
            yield _Completion(plain.number(held.get("index"), at), text, _reason(held), others)
    for name in _TEXTS:
        if isinstance(body.get(name), str):
            yield _Completion(plain.number(body.get("index"), 0), body[name], _reason(body), {})
            return
    if body.get("is_finished") is True:
        yield _Completion(plain.number(body.get("index"), 0), "", _reason(body), {})


def _reason(held: dict[str, Any]) -> str | None:
    for name in _REASONS:
        value = held.get(name)
        reason = plain.string(plain.mapping(value).get("reason") if isinstance(value, dict) else value)
        if reason:
            return reason
    return None


def _output_messages(body: dict[str, Any]) -> list[Message] | None:
    """One message a completion."""
    found = []
    for completion in sorted(_completions(body), key=lambda one: one.position):
        text = completion.text
        said = parts.texts(text) if isinstance(text, str) else [parts.kept(one) for one in plain.listed(text)]
        said_by_model = parts.message("assistant", said, finish_reason=parts.finish(completion.reason))
        found.append(parts.extended_message(said_by_model, completion.others))
    if not found:
        held = {key: value for key, value in body.items() if not key.startswith(_NEVER) and plain.says(value)}
        return [parts.message("assistant", [parts.kept({"type": "body", "content": held})])] if held else None
    return found


def _finish_reasons(body: dict[str, Any]) -> list[str] | None:
    reasons = [completion.reason for completion in sorted(_completions(body), key=lambda one: one.position)]
    return [reason or "error" for reason in reasons] if any(reasons) else None


def text_response(chunks: list[Any]) -> dict[str, Any]:
    """The answer that a stream's chunks add up to, in the shape of Mistral's. Of other fields the last value counts."""
    whole: dict[str, Any] = {}
    texts: plain.Pieces = {}
    ends: dict[int, dict[str, Any]] = {}
    named = frozenset({*_TEXTS, *_LISTS, *_REASONS, "index", "is_finished"})
    for chunk in plain.mappings(chunks):
        for completion in _completions(chunk):
            end = ends.setdefault(completion.position, {})
            plain.grow(texts, completion.position, completion.text)
            end.update(completion.others)
            if completion.reason:
                end["stop_reason"] = completion.reason
        whole.update({key: value for key, value in plain.known(chunk).items() if key not in named})
    if ends:
        grown = plain.grown(texts)
        whole["outputs"] = [{**ends[at], "index": at, "text": grown.get(at, "")} for at in sorted(ends)]
    return whole


def _input_messages(request: dict[str, Any]) -> list[Message] | None:
    for name in _PROMPTS:
        if request.get(name) is not None:
            found = parts.user_messages(request[name]) or [parts.message("user", [])]
            found[-1]["parts"].extend(parts.binary(image, "image") for image in plain.strings(request.get("images")) or ())
            return found
    held = {key: value for key, value in request.items() if key not in ("model", "invocation") and plain.says(value)}
    return [parts.message("user", [parts.kept({"type": "body", "content": held})])] if held else None


def _output_tokens(body: dict[str, Any]) -> int | None:
    """Titan counts each of its results."""
    counts = [plain.count(result.get("tokenCount")) for result in plain.mappings(body.get("results"))]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


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
    failure=constant(None),
    outcome=lambda body: _outcome(plain.mapping(body)),
)
