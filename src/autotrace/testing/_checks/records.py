"""What the record of a call that has ended must contain."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from autotrace._declaration import conventions
from autotrace._record import lines
from autotrace.testing._cell import Cell, NotConform, require
from autotrace.testing._checks.registering import check
from autotrace.testing._library import Ask

_FIELDS = {
    field.attribute: field.type
    for table in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)
    for field in table.values()
}
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}
_OF_EACH_FORM = (
    "gen_ai.response.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
)
"""Attributes that are equal for all forms of an answer."""


@check("call", needs="call")
async def call(cell: Cell) -> None:
    """A call has exactly one record, which matches the schema and has every attribute that its operation needs."""
    cell.enable()
    ask = cell.ask()
    await cell.call(await cell.client(), ask)
    complete(cell, cell.record("a call", "completed"), ask)


@check("stream", needs="stream")
async def stream(cell: Cell) -> None:
    """A stream that is read to its end has one record, with the same answer as the record of a plain call."""
    cell.enable()
    client = await cell.client()
    ask = cell.ask()
    items = await cell.read(client, ask)
    require(items, f"{cell.name}: the stream has no items; describe one that has several")
    span = cell.record("a stream that was read", "completed")
    complete(cell, span, ask)
    chunks = span["attributes"].get("autotrace.stream.chunks", 0)
    generates = cell.case.operation in conventions.GENERATIONS
    require(chunks or not generates, f"{cell.name}: no chunk was recorded; declare stream= on the Operation")
    if cell.has("call"):
        cell.clear()
        await cell.call(client, ask)
        _same_answer(cell, cell.record("a call", "completed"), span)


@check("raw", needs="raw")
async def raw(cell: Cell) -> None:
    """The raw variant of a call has one record, with the same answer as the record of a plain call."""
    cell.enable()
    client = await cell.client()
    ask = cell.ask()
    made = await cell.side.value(cell.start("raw", client, ask))
    if cell.side.enters(made) and not cell.side.iterates(made):
        async with cell.side.entered(made) as response:
            for name in ("aread", "read") if cell.side.asynchronous else ("read",):
                if hasattr(response, name):
                    await cell.side.value(getattr(response, name)())
                    break
    del made
    span = cell.record("a raw call", "completed")
    complete(cell, span, ask)
    if cell.has("call"):
        cell.clear()
        await cell.call(client, ask)
        _same_answer(cell, cell.record("a call", "completed"), span)


@check("error", needs="fails")
async def error(cell: Cell) -> None:
    """A call that fails has one record, with the exception's type and text and its HTTP status, and without an answer."""
    cell.enable()
    exc = await cell.fail(await cell.client())
    span = cell.record("a call that failed", "error")
    attributes = span["attributes"]
    kind = type(exc)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    recorded_type = attributes.get("error.type")
    if recorded_type != attributes.get(
        "autotrace.error.code"
    ):  # if they are equal, the plugin has declared that the code says more than the class
        _equal(cell, "error.type", recorded_type, name)
    _equal(cell, "status", span["status"], {"code": "ERROR", "description": str(exc)})
    _equal(cell, "level", span["level"], "error")
    require("gen_ai.response.finish_reasons" not in attributes, f"{cell.name}: a call that failed has finish reasons")
    status = next((value for key in _STATUS if _is_status(value := getattr(exc, key, None))), None)
    recorded = attributes.get("http.response.status_code")
    require(
        status is None or recorded == status,
        f"{cell.name}: the exception has status {status}, the record has {recorded}; "
        "declare where it is: Instrumentor(errors={'http_status': …})",
    )


_STATUS = ("status_code", "http_status", "status", "code")


def _is_status(value: object) -> bool:
    return isinstance(value, int) and 400 <= value < 600


def complete(cell: Cell, span: dict[str, Any], ask: Ask) -> None:
    """Require that `span` is valid, has the attributes that the case needs, and contains what `ask` asked."""
    valid(cell, span)
    attributes = span["attributes"]
    missing = [name for name in cell.case.needed if attributes.get(name) in (None, [], "")]
    if not cell.case.model and "gen_ai.request.model" in missing:
        missing.remove("gen_ai.request.model")
    require(
        not missing,
        f"{cell.name}: the record has no {', '.join(missing)}; declare where the answer has it, or list it in lacks=",
    )
    unexpected = sorted(name for name in cell.case.lacks if name in attributes)
    require(not unexpected, f"{cell.name}: the record has {', '.join(unexpected)}, which lacks= lists")
    if ask.model and "gen_ai.request.model" in cell.case.needed:
        _equal(cell, "gen_ai.request.model", attributes["gen_ai.request.model"], ask.model)
    if "gen_ai.input.messages" in cell.case.needed:
        given = json.dumps(attributes["gen_ai.input.messages"], ensure_ascii=False)
        require(ask.text in given, f"{cell.name}: the prompt {ask.text!r} is not in the record: {given:.300}")
    for name, value in cell.case.expects.items():
        _equal(cell, name, attributes.get(name), value)
    _equal(cell, "status", span["status"], {"code": "UNSET"})
    require(span["duration_ns"] > 0, f"{cell.name}: duration_ns is {span['duration_ns']}, expected more than 0")


def valid(cell: Cell, span: dict[str, Any]) -> None:
    """Require that `span` matches the published schema: fields, types of attributes, shape of messages."""
    try:
        msgspec.convert(span, lines.Span)
    except msgspec.ValidationError as exc:
        raise NotConform(f"{cell.name}: the record does not match the schema autotrace.span/1: {exc}") from None
    for name, value in span["attributes"].items():
        kinds = _TYPES.get(_FIELDS.get(name, "any"), ())
        require(not kinds or type(value) in kinds, f"{cell.name}: {name} is {value!r:.100}, expected {_FIELDS.get(name)}")
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        for message in span["attributes"].get(name, ()):
            require(
                _is_message(message),
                f"{cell.name}: in {name}, {message!r:.200} is not a message {{role, parts: [{{type, …}}]}}",
            )


def _is_message(message: object) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str) or not isinstance(message.get("parts"), list):
        return False
    return all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in message["parts"])


def said(span: dict[str, Any]) -> list[Any]:
    """The output messages, without the ids that a provider generates for each answer."""
    return [
        (message["role"], [{key: value for key, value in part.items() if key != "id"} for part in message["parts"]])
        for message in span["attributes"].get("gen_ai.output.messages", ())
    ]


def text_of(span: dict[str, Any]) -> str:
    """All text of the output messages."""
    return "".join(str(part.get("content") or "") for _, parts in said(span) for part in parts if part["type"] == "text")


def _same_answer(cell: Cell, plain: dict[str, Any], other: dict[str, Any]) -> None:
    for name in _OF_EACH_FORM:
        _equal(cell, f"{name}, compared with a plain call,", other["attributes"].get(name), plain["attributes"].get(name))
    _equal(cell, "gen_ai.output.messages, compared with a plain call,", said(other), said(plain))


def _equal(cell: Cell, what: str, actual: object, expected: object) -> None:
    require(actual == expected, f"{cell.name}: {what} is {actual!r:.400}, expected {expected!r:.400}")
