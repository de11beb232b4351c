"""Redacts records: on the writer's thread, after translation, before any sink."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from autotrace import _diagnostics as diagnostics
from autotrace._credentials import survey
from autotrace._credentials.forms import MARK
from autotrace._credentials.scrubbing import Scrubber, longest_first
from autotrace._declaration import conventions
from autotrace._declaration.conventions import ALWAYS
from autotrace._record import freezing
from autotrace._record.lines import Dropped, Record, Span, Status
from autotrace._redaction.policy import Policy

NOTE = ALWAYS["redacted"].attribute
_MOST_NOTES = 20
_DESCRIPTION = "status.description"
_encode = msgspec.json.encode
_NUMBERS = (int, float)

_IDENTITY = frozenset(
    field.attribute
    for table, keys in (
        (conventions.REQUEST, "model output_type previous_response_id conversation_id tool_call_id encoding_formats"),
        (conventions.RESPONSE, "id model finish_reasons status"),
        (
            conventions.ALWAYS,
            "operation provider server_address request_id error_type error_category outcome cut_characters cut_elements "
            "cut_attributes content_dropped finish_reasons_raw cost_source cost_unknown redacted",
        ),
    )
    for field in (table[key] for key in keys.split())
)
"""Attributes that say what a record is about. No redactor of a user gets them, and they stay if one fails."""


def redact(record: Record, values: tuple[str, ...], policy: Policy) -> None:
    """Remove from `record` the credentials `values`, everything else that is a credential, and what `policy` names.

    If that fails, the record loses its content.
    """
    if type(record) is Dropped:
        return
    try:
        if policy.is_for_some and not _may_have_any(record, values, policy):
            return
        _redact(record, Scrubber(values, policy.fields, policy.patterns), policy)
    except Exception as exc:  # a failure of ours: nothing that was not scrubbed may leave
        diagnostics.failed("redact a record", exc, aside=True, quote=False)
        _empty(record)


def _may_have_any(record: Any, values: tuple[str, ...], policy: Policy) -> bool:
    texts = survey.texts_of(record.attributes)
    if texts is None:
        return True
    texts.append(record.name)
    if type(record) is Span:
        if record.status.description is not None:
            texts.append(record.status.description)
        if record.events or record.links:
            return True
    return not survey.is_clean(texts, values, policy.near)


def _redact(record: Any, scrubber: Scrubber, policy: Policy) -> None:
    try:
        attributes = scrubber.data(record.attributes)
    except Exception:  # an object that the encoder cannot make plain either
        attributes = scrubber.data(freezing.harmless(record.attributes))
    learned = longest_first(scrubber.learned)
    if learned and _quotes(record, attributes, learned):  # a server may quote in its answer what the request holds
        scrubber.values = longest_first((*scrubber.values, *learned))
        attributes = scrubber.data(attributes)
    record.name = scrubber.text(record.name, (None, "name"))
    description: str | None = None
    if type(record) is Span:
        record.events = scrubber.data(record.events, (None, "events"))
        record.links = scrubber.data(record.links, (None, "links"))
        description = record.status.description
        if description is not None:
            description = scrubber.text(description, (None, _DESCRIPTION))
    if policy.redactors:
        attributes, description = _passed_through(policy, attributes, description, scrubber)
    if type(record) is Span and description is not record.status.description:
        record.status = Status(record.status.code, description)
    if scrubber.found:
        attributes = {**attributes, NOTE: _notes(scrubber.found)}
    record.attributes = attributes


def _quotes(record: Any, attributes: dict[str, Any], values: tuple[str, ...]) -> bool:
    """Whether a text of the record has one of `values`."""
    description = record.status.description if type(record) is Span else None
    try:
        encoded = _encode((attributes, description, record.name))
    except Exception:  # a value that JSON cannot hold
        return True
    return any(_encode(value)[1:-1] in encoded for value in values)


def _passed_through(
    policy: Policy, attributes: dict[str, Any], description: str | None, scrubber: Scrubber
) -> tuple[dict[str, Any], str | None]:
    """`attributes` and `description` as the user's redactors leave them."""
    made = _plain(attributes)  # values may be shared with other records
    for redactor in policy.redactors:
        shown = MappingProxyType(_plain(made))
        fields = {name: value for name, value in made.items() if name not in _IDENTITY and type(value) not in (*_NUMBERS, bool)}
        if description is not None:
            fields[_DESCRIPTION] = description
        for field, value in fields.items():
            before = _encode(value)
            new, worked = redactor(field, value, shown)
            if worked and new is not None and _encode(new) == before:
                continue
            scrubber.note((None, field), f"redactor.{redactor.name}" + ("" if worked else " failed"))
            if field == _DESCRIPTION:
                description = new if isinstance(new, str) else None
            elif new is None:
                made.pop(field, None)
            else:
                made[field] = new
    return made, description


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    try:
        encoded = msgspec.msgpack.encode(attributes)
    except Exception:  # a value that msgpack cannot hold
        encoded = msgspec.msgpack.encode(freezing.harmless(attributes))
    return msgspec.msgpack.decode(encoded)  # type: ignore[no-any-return]


def _notes(found: dict[str, list[str]]) -> dict[str, str]:
    """By the place: the rules that removed something there. The first places are listed, all others counted as ``…``."""
    listed = list(found.items())
    notes = {place: ", ".join(rules) for place, rules in listed[:_MOST_NOTES]}
    if len(listed) > _MOST_NOTES:
        notes["…"] = f"{len(listed) - _MOST_NOTES} more"
    return notes


def _empty(record: Any) -> None:
    """Take from `record` everything that may be text of somebody else's."""
    kept = {name: value for name, value in record.attributes.items() if type(value) in (*_NUMBERS, bool)}
    operation, provider = ALWAYS["operation"].attribute, ALWAYS["provider"].attribute
    kept |= {name: record.attributes[name] for name in (operation, provider) if name in record.attributes}
    record.attributes = {**kept, NOTE: {"…": "failed"}}
    record.name = MARK
    if type(record) is Span:
        record.status, record.events, record.links = Status(record.status.code), [], []
