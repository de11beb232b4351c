"""What stays out of the records when content is off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import autotrace
from autotrace import _settings as settings
from autotrace._declaration import conventions
from autotrace.testing._cell import Cell, require
from autotrace.testing._checks.registering import check
from autotrace.testing._library import Ask

_SECRET = "SECRET-THAT-NOBODY-MAY-READ"
_TEXT = f"The {_SECRET} again"
"""Short enough for the name of something, as what is wrongly declared to be one may be."""

FAULTS = ("400", "400-echo", "cut", "error-event", "malformed")
"""Those that end at once. An SDK quotes in its exceptions what a server answered, and some servers quote the request."""
_IN_CALLS = ("400", "400-echo", "malformed")
"""Those that a call ends with at once; after the others, SDKs try again, which takes seconds."""

_FIELDS = [
    field
    for table in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)
    for field in table.values()
]
_KEPT = {
    field.attribute for field in _FIELDS if not field.content and (field.type in ("integer", "number", "boolean") or field.text)
}
_CONTENT = {field.attribute for field in _FIELDS if field.content}


@check("content off", faults=())
async def content_off(cell: Cell) -> None:
    """With content off, no record of a call, a stream or a failure has a text of its own, and everything else is recorded."""
    cell.enable(content=True)
    await use(cell, "call", "stream", "fails")
    recorded = cell.all_spans
    require(cell.spans, f"{cell.name}: nothing was recorded")
    if "gen_ai.input.messages" in cell.case.needed:
        require(_SECRET in _lines(recorded), f"{cell.name}: with content on, the record has no prompt")
    cell.clear()
    settings.current.clear()
    autotrace.disable()
    cell.enable(content=False)
    await use(cell, "call", "stream", "fails")
    lost = sorted(_names(recorded) & _KEPT - _names(cell.all_spans))
    require(not lost, f"{cell.name}: with content off, the record lacks {', '.join(lost)}, which is not content")
    await use(cell, "raw", "typed", *FAULTS)
    lines = _lines(cell.all_spans)
    for text in (_SECRET, *_texts(recorded)):
        at = lines.find(json.dumps(text, ensure_ascii=False)[1:-1])
        require(at < 0, f"{cell.name}: with content off, a record contains {text!r:.100}: …{lines[max(0, at - 120) :][:240]}…")


async def use(cell: Cell, *kinds: str, text: str = _TEXT) -> None:
    """Ask `text` in all uses of these kinds that the case describes. A kind may be a fault, if the library supports it."""
    client = await cell.client()
    for kind in kinds:
        if kind in FAULTS and kind in cell.library.faults(cell.case):
            for form in ("call", "stream") if kind in _IN_CALLS else ("stream",):
                if cell.has(form):
                    await _attempt(cell, form, client, cell.ask(fault=kind, text=text))
        elif kind == "fails" and cell.has("fails"):
            await cell.fail(client, text)
        elif kind in ("call", "stream", "raw", "typed") and cell.has(kind):
            await _attempt(cell, kind, client, cell.ask(text=text))


async def _attempt(cell: Cell, kind: str, client: Any, ask: Ask) -> None:
    """Make a use, which may raise: what is recorded of it counts."""
    try:
        if kind == "stream":
            await cell.read(client, ask)
        else:
            made = await cell.side.value(cell.start(kind, client, ask))
            if cell.side.enters(made) and not cell.side.iterates(made):
                async with cell.side.entered(made):
                    pass
    except Exception:  # each library has exceptions of its own
        return


def _names(spans: list[dict[str, Any]]) -> set[str]:
    return {name for span in spans for name in span["attributes"]}


def _lines(spans: list[dict[str, Any]]) -> str:
    return json.dumps(spans, ensure_ascii=False)


def _texts(spans: list[dict[str, Any]]) -> Iterator[str]:
    """The sentences in the content of `spans`, and the texts of failures. A single word may be the name of something else."""
    for span in spans:
        content = [value for name, value in span["attributes"].items() if name in _CONTENT]
        for text in _leaves([*content, span["status"].get("description")]):
            if len(text) > 15 and " " in text:
                yield text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for element in value.values() if isinstance(value, dict) else value:
            yield from _leaves(element)
