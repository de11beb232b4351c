"""With content off, no text of a request, an answer or a failure leaves the process.

The matrix of every plugin runs with every text on the wire marked.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrace.sinks import _excerpts, _tree
from autotrace.testing import Library
from autotrace.testing._cell import Cell, Check
from autotrace.testing._checks import content
from autotrace.testing._matrix import cells
from autotrace.testing.provider import Answer, Provider, WireFormat, installed, serve

PLUGINS = sorted(Path(__file__).parents[1].glob("autotrace-*/tests/test_conformance.py"))
MARK = "Marked7"
KINDS = ("call", "stream", "raw", "typed", "fails", *content.FAULTS)
FIXED = frozenset(
    "id object type role model modelVersion responseId finish_reason finishReason stop_reason stopReason done_reason name "
    "status embedding arguments partial_json input event_type created_at service_tier system_fingerprint call_id item_id "
    "action modality code".split()
)
"""Fields whose texts are no content, and those that an SDK parses and so must stay as they are."""


def marked(value: Any, key: str = "") -> Any:
    """`value` with a mark on each text."""
    if isinstance(value, str):
        return value if key in FIXED or not value else f"{MARK} {value}"
    if isinstance(value, list):
        return [marked(element, key) for element in value]
    return {name: marked(element, name) for name, element in value.items()} if isinstance(value, dict) else value


def marked_lines(piece: bytes) -> bytes:
    """`piece` of a body, with the JSON in it marked: a whole body, a line, or the data of server-sent events."""
    return re.sub(
        rb"^(data: )?(\{.*\})$", lambda line: (line[1] or b"") + _dumps(marked(json.loads(line[2]))), piece, flags=re.MULTILINE
    )


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def marked_answer(answer: Answer | None) -> Answer | None:
    if answer is None or not re.search("json|event-stream", answer.content_type):
        return answer
    if answer.pieces is None:
        return answer._replace(body=marked_lines(answer.body))
    return answer._replace(pieces=map(marked_lines, answer.pieces))


def marking(form: WireFormat) -> WireFormat:
    """`form` with answers, failures and events that are marked."""
    return form._replace(
        answer=lambda call: marked_answer(form.answer(call)),
        failure=lambda call, failure: marked_answer(form.failure(call, failure)),
        error_event=lambda call: marked_lines(form.error_event(call)),
    )


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with serve(formats=[marking(form) for form in installed()], hang_seconds=600.0) as running:
        yield running


@pytest.fixture
def library(request: pytest.FixtureRequest, provider: Provider) -> Iterator[Library]:
    path: Path = request.param
    spec = importlib.util.spec_from_file_location(f"matrix_of_{path.parts[-3].replace('-', '_')}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as exc:
        pytest.skip(f"{exc.name} is not installed")
    described: Library = module.library
    if described._provider is serve:
        described._provider = lambda: provider.url
    yield described
    described.close()


def spans_of(library: Library, on: bool) -> dict[str, list[dict[str, Any]]]:
    """The records of all uses of each case, by the name of the cell; with content `on`, only those of calls and streams."""
    found: dict[str, list[dict[str, Any]]] = {}

    async def use(cell: Cell) -> None:
        cell.enable(content=on)
        await content.use(cell, *(("call", "stream") if on else KINDS), text=f"What is {MARK}?")
        if cell.has("stream") and not on:
            async with cell.stream(await cell.client(), cell.ask(text=f"And {MARK}?")) as (stream, _):
                await cell.side.take(stream, 1)
                if any(hasattr(stream, name) for name in ("close", "aclose")):
                    await cell.side.close(stream)
        found[cell.name] = cell.all_spans

    check = Check("marked", use, "any", (), (False, True), False)
    for cell in cells(library, ["content off"]):
        Cell(library, cell.case, cell.side.asynchronous, check).run()
    return found


@pytest.mark.parametrize("library", PLUGINS, ids=lambda path: path.parts[-3].removeprefix("autotrace-"), indirect=True)
def test_no_text_of_the_matrix_leaves_the_process(library: Library, capfd: pytest.CaptureFixture[str]) -> None:
    recorded = spans_of(library, on=True)
    assert recorded
    assert [name for name, spans in recorded.items() if MARK not in json.dumps(spans)] == []
    capfd.readouterr()
    for name, spans in spans_of(library, on=False).items():
        assert spans, name
        for span in spans:
            assert MARK not in json.dumps(span), (name, span)
        tree = _tree.render([_excerpts.brief(span) for span in spans], color=False, width=200, excerpt=True)
        assert MARK not in tree, name
    ours = [line for line in capfd.readouterr().err.splitlines() if '"autotrace.' in line]
    assert [line for line in ours if MARK in line] == []
