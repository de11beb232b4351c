"""Texts that are not content: which are ids and names, and the words of enumerations, by the name of their field.

With content off, a text stays in the record only if it is known not to be content. A word counts in the field that it belongs
to and nowhere else, as any word may be somebody's answer. A dialect or an operation adds its own (``not_content=``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, Union

from autotrace._declaration import checking, conventions
from autotrace._declaration.paths import Getter, constant_of
from autotrace.errors import DeclarationError

Words = Union[Literal[True], Collection[str]]
"""What a declaration says of a field's texts: its words, or True for ids and names."""

Known = Mapping[str, Union[Literal[True], frozenset[str]]]
"""The same, checked: by an attribute's full name or a field's name in snake case, with words in lower case."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEVELS = _words("none minimal low medium high xhigh max auto default dynamic")
_TIERS = _words(
    "auto default standard standard_only flex priority scale batch reserved on_demand provisioned performance optimized fast"
)
_CHOICES = _words("auto none any required validated")
_MODALITIES = _words("text image audio video document speech")
_FORMATS = _words(
    "text json json_object json_schema srt vtt verbose_json wav mp3 flac opus aac pcm pcm16 png jpeg webp url b64_json"
)
_ENDINGS = frozenset(
    word.lower() for table in (conventions.FINISH_REASONS, conventions.OUTCOMES) for item in table.items() for word in item
) | _words(
    "error stop length tool_call content_filter compaction pause_turn incomplete cancelled eos eos_token endoftext stop_token "
    "load unload safety recitation language other blocklist prohibited_content spii image_safety malformed_function_call "
    "unexpected_tool_call error_toxic error_limit user_cancel requires_action"
)

WORDS: Mapping[str, frozenset[str]] = {
    "content_dropped": _words("queue_full"),
    "detail": _LEVELS | _words("original"),
    "effort": _LEVELS,
    "encoding_format": _words("float base64 int8 uint8 binary ubinary"),
    "encoding_formats": _words("float base64 int8 uint8 binary ubinary"),
    "error_category": _words(
        "rate_limited overloaded timeout connection authentication permission not_found invalid_request context_length "
        "server_error response_invalid unknown"
    ),
    "finish_reason": _ENDINGS,
    "finish_reasons": _ENDINGS,
    "finish_reasons_raw": _ENDINGS,
    "format": _FORMATS,
    "function_call": _CHOICES,
    "generate_summary": _words("auto concise detailed none"),
    "inference_geo": _words("us eu global not_available"),
    "input_type": _words("search_document search_query classification clustering image query passage"),
    "level": _LEVELS,
    "modalities": _MODALITIES,
    "modality": _MODALITIES,
    "mode": _CHOICES,
    "outcome": _words("truncated content_filtered refused"),
    "output_modalities": _MODALITIES,
    "output_type": _words("text json image speech"),
    "prompt_cache_retention": _words("in_memory in-memory"),
    "reason": _ENDINGS,
    "reasoning_effort": _LEVELS,
    "reasoning_level": _LEVELS,
    "response_format": _FORMATS,
    "response_mime_type": _words("text/plain application/json text/x.enum"),
    "response_modalities": _MODALITIES,
    "search_context_size": _LEVELS,
    "service_tier": _TIERS,
    "speed": _words("standard fast"),
    "status": _words(
        "queued in_progress completed incomplete failed cancelled canceled requires_action expired active success error"
    ),
    "stop_reason": _ENDINGS,
    "summary": _words("auto concise detailed none"),
    "thinking_level": _LEVELS,
    "tier": _TIERS,
    "tool_choice": _CHOICES,
    "tool_type": _words("function extension datastore"),
    "truncate": _words("none start end left right"),
    "truncation": _words("auto disabled"),
    "type": _FORMATS
    | _CHOICES
    | _words("enabled disabled adaptive tool function custom server ephemeral approximate compaction input_tokens tool_uses"),
    "verbosity": _LEVELS,
}
"""The words that several APIs share, in lower case, by the name of their field in snake case."""

_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=1024)
def _snake(name: str) -> str:
    return _UPPER.sub("_", name).lower()


def is_word(text: str, field: str, own: Known = MappingProxyType({})) -> bool:
    """Whether `text` is a known word of the field called `field`, in camel or snake case, or one of the declaration's `own`."""
    name, word = _snake(field), text.lower()
    declared = own.get(name, True)
    return word in WORDS.get(name, ()) or (declared is not True and word in declared)


def is_id(field: str, own: Known) -> bool:
    """Whether a declaration says that the texts of the field called `field` are ids or names."""
    return own.get(_snake(field)) is True


def known(where: str, given: object, base: Known = MappingProxyType({})) -> Known:
    """What a declaration says is not content, checked, with that of its dialect (`base`). Raises `DeclarationError`."""
    made: dict[str, Union[Literal[True], frozenset[str]]] = dict(base)
    checking.mapping(f"{where}: not_content", given)
    for name, words in (given or {}).items():  # type: ignore[attr-defined]  # checked
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"{where}: not_content: {name!r}: expected the name of an attribute or of a field")
        if words is not True and not _are_words(words):
            raise DeclarationError(
                f"{where}: not_content {name!r}: expected a sequence of words, or True if the text is an id or a name, "
                f"got {words!r}"
            )
        if words is True and name in _DEFINED:
            raise DeclarationError(
                f"{where}: not_content {name!r}: the conventions say what this attribute holds; "
                "record the text under a name of your own"
            )
        key = name if "." in name else _snake(name)
        before = made.get(key, frozenset())
        made[key] = True if words is True or before is True else before | {word.lower() for word in words}
    return made


def _are_words(words: object) -> bool:
    return (
        isinstance(words, Collection)
        and not isinstance(words, (str, bytes, Mapping))
        and all(isinstance(word, str) for word in words)
    )


def of_constants(readings: Iterable[tuple[conventions.Field, Getter]]) -> Known:
    """Each attribute that a declaration sets to a fixed text, with that text: it is the author's, and not content."""
    texts = ((field.attribute, constant_of(getter)) for field, getter in readings)
    return {name: frozenset((text.lower(),)) for name, text in texts if isinstance(text, str)}


_DEFINED = frozenset(
    field.attribute
    for table in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)
    for field in table.values()
)
