"""Translates what the caller's thread kept of a call to the attributes of its record, on the writer's thread.

The getters of an operation's request and response say where the fields are; those of its usage, the tokens, are among the
response's. Pure, except that it reports failures: a getter that raises loses its own field and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from autotrace import _diagnostics as diagnostics
from autotrace._declaration import conventions
from autotrace._declaration.conventions import ALWAYS, Field
from autotrace._declaration.operation import Operation, Reading
from autotrace._record import allowed, exchange, files, freezing
from autotrace._record.pricing import cost

_FINISH = conventions.RESPONSE["finish_reasons"].attribute
_MODEL = conventions.REQUEST["model"].attribute
_PROVIDER = ALWAYS["provider"].attribute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._record.draft import Draft


def name_of(operation: Operation, attributes: Mapping[str, Any]) -> str:
    """The default name of a span: the operation and its target, such as the model."""
    target = attributes.get(conventions.TARGET_OF_NAME.get(operation.name, _MODEL))
    return f"{operation.name} {target}" if target else operation.name


def of_request(draft: Draft) -> dict[str, Any]:
    """The attributes that are known when the call begins."""
    attributes: dict[str, Any] = {}
    if draft.origin.library is not None and draft.operation.label is not None:
        attributes[draft.operation.label] = draft.operation.name
    address, port = _server(draft.server)
    provider = draft.provider or draft.origin.provider_at(address)
    if provider:
        attributes[ALWAYS["provider"].attribute] = provider
    if draft.request is not None:
        _read(draft.operation.request, _request(draft), draft, attributes)
    if address:
        attributes[ALWAYS["server_address"].attribute] = address
        attributes[ALWAYS["server_port"].attribute] = port
    _rename_foreign(draft.operation, attributes)
    return attributes


def _rename_foreign(operation: Operation, attributes: dict[str, Any]) -> None:
    """Rename the attributes that belong to the namespace of another provider than the span's."""
    namespace = operation.namespace
    if namespace is None or attributes.get(_PROVIDER) == namespace:
        return
    prefix = namespace + "."
    for name in [name for name in attributes if name.startswith(prefix)]:
        attributes["autotrace." + name[len(prefix) :]] = attributes.pop(name)


def at_start(draft: Draft) -> dict[str, Any]:
    """The attributes of a call that has begun."""
    attributes = {**of_request(draft), **_thawed(draft.attributes)}
    return attributes if draft.content else allowed.attributes(attributes, draft.operation)


def _thawed(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes of which some are frozen."""
    return {
        name: files.without_bytes(freezing.thaw(value)) if isinstance(value, bytes) else value
        for name, value in (attributes or {}).items()
    }


def attributes_of(draft: Draft) -> dict[str, Any]:
    """All attributes of a call that has ended."""
    attributes = of_request(draft)
    response = _response(draft, attributes)
    if response is not None:
        _read(draft.operation.response, response, draft, attributes)
        _rename_foreign(draft.operation, attributes)
        _normalise_finish_reasons(attributes)
    _end(draft, response, attributes)
    attributes.update(_thawed(draft.attributes))
    inherited = {name: value for name, value in (draft.inherited or {}).items() if name not in attributes}
    if inherited:
        thawed = _thawed(inherited)
        attributes.update(thawed if draft.inherited_content else allowed.attributes(thawed, draft.operation))
    if not draft.content:
        attributes = allowed.attributes(attributes, draft.operation)
    cost.add(attributes, draft.start_ns)
    return attributes


def _end(draft: Draft, response: Any, attributes: dict[str, Any]) -> None:
    """Add how the call ended: with an exception, with a response that reports a failure, or with an incomplete one."""
    operation = draft.operation
    if draft.exchange is not None:
        draft.exchange.describe(attributes, draft.description, draft.duration_ns)
    if response is None:
        return
    failure = _read_outcome(operation.failure, response, draft)
    if draft.end_reason == "error":
        if failure is not None:
            _explain(failure, attributes)
        return
    if failure is not None:
        draft.end_reason, draft.description = "error", failure.get("message") or failure.get("code")
        _fail(failure, None if draft.exchange is None else draft.exchange.cause, attributes)
        return
    outcome = exchange.outcome(attributes) if operation.outcome is None else _read_outcome(operation.outcome, response, draft)
    if outcome is not None:
        attributes[ALWAYS["outcome"].attribute] = outcome


def _fail(failure: Mapping[str, Any], cause: type[BaseException] | None, attributes: dict[str, Any]) -> None:
    """Add the `failure` that a response reports. `cause` is the class of the exception that the library has made it of."""
    code = failure.get("code")
    name = code or "error" if cause is None else exchange.full_name(cause)
    exchange.fail(attributes, name, code, failure.get("status"), cause, failure.get("message"), failure.get("kinds", ()))


def _explain(failure: Mapping[str, Any], attributes: dict[str, Any]) -> None:
    """Add the code and the category of the `failure` that a response reports, if the library has raised an exception without a
    code: its helper may only miss the end of an answer that has failed."""
    status = attributes.get(ALWAYS["http_status"].attribute)
    if ALWAYS["error_code"].attribute not in attributes and (status is None or status < 400):
        name = attributes[ALWAYS["error_type"].attribute]
        _fail(failure, None, attributes)
        attributes[ALWAYS["error_type"].attribute] = name


def _read_outcome(reader: Any, response: Any, draft: Draft) -> Any:
    try:
        return None if reader is None else _checked(reader(response))
    except Exception as exc:  # a plugin's function, given a response that it was not written for
        diagnostics.failed(f"read the outcome of {draft.origin.name} {draft.operation.name}", exc, aside=True)
        return None


def _checked(found: Any) -> Any:
    """What a plugin's function says, as far as it has the types that were agreed. Some return the provider's error as it is."""
    if not isinstance(found, Mapping):
        return found
    texts = {
        name: str(value)
        for name in ("code", "message")
        if isinstance(value := found.get(name), (str, int)) and not isinstance(value, bool)
    }
    status, kinds = found.get("status"), found.get("kinds")
    return {
        **texts,
        "status": status if type(status) is int else None,
        "kinds": tuple(kind for kind in kinds if isinstance(kind, str)) if isinstance(kinds, (tuple, list)) else (),
    }


def _request(draft: Draft) -> Any:
    request = freezing.thaw(draft.request or b"")
    decode = draft.operation.decode
    try:
        return request if decode is None else decode(request)
    except Exception as exc:  # a plugin's decode: if it raises, the request's fields are lost, not the record
        diagnostics.failed(f"decode the request of {draft.origin.name} {draft.operation.name}", exc, aside=True)
        return None


def _response(draft: Draft, attributes: dict[str, Any]) -> Any:
    """The response, or the chunks of a stream reduced to one."""
    if draft.response is not None or draft.chunks is None:
        # Binary content, whose chunks are not kept, or a stream whose library reduces it itself.
        if draft.chunks:
            attributes[ALWAYS["chunks"].attribute] = len(draft.chunks)
        _note_first_chunk(draft, attributes)
        return None if draft.response is None else freezing.thaw(draft.response)
    try:
        kept, draft.chunks = draft.chunks, None  # a stream that waits for the garbage collector may keep the call alive
        chunks = draft.decode(kept) if draft.decode else [freezing.plain(chunk) for chunk in kept]
        if not isinstance(chunks, list):
            return chunks  # one body that was read in pieces, not a stream
        attributes[ALWAYS["chunks"].attribute] = len(chunks)
        _note_first_chunk(draft, attributes)
        return draft.operation.reduce(chunks) if draft.operation.reduce and chunks else None
    except Exception as exc:  # a plugin's reduce: if it raises, the response is lost, not the record
        diagnostics.failed(f"reduce {draft.origin.name} {draft.operation.name}", exc, aside=True)
        return None


def _note_first_chunk(draft: Draft, attributes: dict[str, Any]) -> None:
    if draft.first_chunk_ns >= 0:
        attributes[ALWAYS["time_to_first_chunk"].attribute] = draft.first_chunk_ns / 1e9


def _read(readings: tuple[Reading, ...], source: Any, draft: Draft, attributes: dict[str, Any]) -> None:
    """Read fields of a request or a response from `source` into `attributes`. An operation's `response` includes the usage."""
    keys = source.keys() if type(source) is dict else None
    for field, getter in readings:
        # A call has few of the fields that an API can have: calling every getter took most of a record's time.
        needs = None if keys is None else getattr(getter, "needs", None)
        if needs is not None and needs.isdisjoint(keys):
            continue
        if field.content and not (draft.content and draft.whole):
            continue
        try:
            value = getter(source)
        except Exception as exc:  # a plugin's getter: if it raises, only this field is lost
            diagnostics.failed(f"read {field.attribute} for {draft.origin.name} {draft.operation.name}", exc, aside=True)
            continue
        if value is not None and _fits(field, value):
            attributes[field.attribute] = value
            if field.also:
                attributes[field.also] = value


def _fits(field: Field, value: Any) -> bool:
    """Whether `value` has the type that the schema promises: servers that imitate an API may send anything."""
    kind = field.type
    if kind == "string":
        return isinstance(value, str)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "strings":
        return isinstance(value, list) and bool(value) and all(isinstance(element, str) for element in value)
    return True


def _normalise_finish_reasons(attributes: dict[str, Any]) -> None:
    raw = attributes.get(_FINISH)
    if raw:
        normal = [conventions.FINISH_REASONS.get(reason, reason) for reason in raw]
        if normal != raw:
            attributes[ALWAYS["finish_reasons_raw"].attribute] = raw
            attributes[_FINISH] = normal


def _server(server: Any) -> tuple[str | None, int | None]:
    """Host and port of an object whose ``str()`` is a URL."""
    if server is None:
        return None, None
    try:
        url = urlsplit(str(server))
        return url.hostname, url.port or {"http": 80}.get(url.scheme, 443)
    except ValueError:
        return None, None
