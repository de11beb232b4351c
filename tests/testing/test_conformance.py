"""The kit catches what it is for: each check fails for a fault that is planted in a plugin, a library or the core."""

from __future__ import annotations

import gc
import importlib
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import autotrace
from autotrace import _instrumentation as instrumentation
from autotrace._instrumentation import installed_plugin
from autotrace.plugin import DeclarationError
from autotrace.testing import Library, Scorecard, run
from autotrace.testing._checks import all_checks
from autotrace.testing._matrix import cells, covering

HERE = Path(__file__).parent / "acme"
MODULES = ("acme", "autotrace_acme", "description")

Replacements = tuple[tuple[str, str, str], ...]


def plugin(old: str, new: str) -> tuple[str, str, str]:
    return "autotrace_acme", old, new


def library(old: str, new: str) -> tuple[str, str, str]:
    return "acme", old, new


CHAT = 'CHAT = Operation("chat", stream=StreamSeam("_events", close=("close", "aclose")), **FIELDS)'


def in_route(code: str) -> tuple[str, str, str]:
    """More to do in the plugin's route."""
    first = "    call.request = call.argument"
    return plugin(first, textwrap.indent(code, "    ") + f"\n{first}")


def on_top(code: str) -> tuple[str, str, str]:
    """More imports of the plugin, or what else it does when it is loaded."""
    return plugin("from autotrace.plugin", f"{code}\nfrom autotrace.plugin")


def seam(code: str) -> tuple[str, str, str]:
    """A seam of the plugin's own before the declared one: ``def seam(result, call)``."""
    more = 'CHAT = Operation("chat", stream=[seam, StreamSeam("_events", close=("close", "aclose"))], **FIELDS)'
    return plugin(CHAT, f"{code}\n\n\n{more}")


def own_seam(ending: str) -> tuple[str, str, str]:
    """The plugin observes streams itself, and ends the call as `ending` says: the lines behind the reading of the stream."""
    body = f"""
def observed(events, call):
    try:
        for event in events:
            yield call.chunk(event)
{ending}


async def aobserved(events, call):
    try:
        async for event in events:
            yield call.chunk(event)
{ending}


def seam(result, call):
    if not hasattr(result, "_events"):
        return False
    call.begin_stream()
    observe = aobserved if hasattr(result, "__anext__") else observed
    result._events = observe(result._events, call)
    return True


CHAT = Operation("chat", stream=seam, **FIELDS)"""
    return plugin(CHAT, body)


def hook(code: str, undo: str = "return undo") -> tuple[str, str, str]:
    """`on_ready` puts ``wrapper(original)`` on ``Client.post``, below or above what autotrace has put there."""
    body = f"""

def on_ready(acme):
    original = acme.Client.post
{code}
    acme.Client.post = wrapper

    def undo():
        acme.Client.post = original
    {undo}


instrumentor = Instrumentor(
    on_ready=on_ready,"""
    return plugin("\n\ninstrumentor = Instrumentor(", body)


ABANDON = "    except GeneratorExit:\n        call.abandon()\n        raise\n"
FAIL = "    except Exception as exc:\n        call.fail(exc)\n        raise\n"
CANCEL = "    except BaseException as exc:\n        call.fail(exc)\n        raise\n"
FINISH = "    call.finish()"
CALLS = ("call", "stream", "raw")
"""What a fault in the reading of answers, or in the counting of calls, spoils."""

FAULTS: dict[str, tuple[Replacements, set[str]]] = {
    "call: the id is looked for where it is not": ((plugin('"data.id"', '"data.identity"'),), set(CALLS)),
    "stream: reduce loses the usage": ((plugin('"stop", "usage")', '"stop")'),), {"stream"}),
    "raw: it goes another way": (
        (
            library("[self.post(", "[self.direct("),
            library("[await self.post(", "[self.direct("),
            library(
                "    def complete(",
                "    def direct(self, path, body):\n        return Answer(SERVER.answer(path, body))\n\n    def complete(",
            ),
        ),
        {"raw"},
    ),
    "error: where exceptions have their status is not declared": ((plugin('"http_status": "status_code", ', ""),), {"error"}),
    "broken stream: it is completed": (
        (own_seam(ABANDON + "    except Exception:\n        call.finish()\n        raise\n" + CANCEL + FINISH),),
        {"broken stream"},
    ),
    "early close: nobody watches the close": (
        (
            plugin(', close=("close", "aclose")', ""),
            library("self._events.close()", "return"),
            library("await self._events.aclose()", "return"),
        ),
        {"early close"},
    ),
    "never read: it is not known to be a stream": (
        (own_seam(ABANDON + CANCEL + FINISH), plugin("    call.begin_stream()\n", "")),
        {"never read"},
    ),
    "garbage collection: the plugin keeps the streams": (
        (seam("KEPT = []\n\n\ndef seam(result, call):\n    KEPT.append(result)\n    return False"),),
        {"garbage collection"},
    ),
    "cancel: CancelledError is no Exception": ((own_seam(ABANDON + FAIL + FINISH),), {"cancel"}),
    "concurrency: one key for all calls": (
        (in_route("call.key = call.parent = 'the call'"),),
        {"concurrency", "nesting", "transparency"},
    ),
    "same result: the plugin leaves its mark": (
        (seam("def seam(result, call):\n    getattr(result, 'data', {}).update(seen=True)\n    return False"),),
        {"same result"},
    ),
    "same stream: the plugin leaves its mark": (
        (seam("def seam(result, call):\n    if hasattr(result, '_events'):\n        result.seen = True\n    return False"),),
        {"same stream"},
    ),
    "same exception: another one from it": (
        (
            hook(
                """
    def wrapper(*args):
        try:
            return original(*args)
        except acme.AcmeError as exc:
            raise type(exc)(exc.status_code, exc.code) from exc
"""
            ),
        ),
        {"same exception", "signature", "pickling", "originals"},
    ),
    "same traffic: the plugin asks for more": (
        (in_route("call.argument('body')['user'] = 'traced'"),),
        {"same traffic"},
    ),
    "same laziness: the plugin looks ahead": (
        (
            hook(
                """
    def wrapper(*args):
        result = original(*args)
        if hasattr(result, "_events"):
            acme.SERVER.requests.append(acme.Request("/peek", {}))
        return result
"""
            ),
        ),
        {"same laziness", "same traffic", "signature", "pickling", "originals"},
    ),
    "same warnings: the plugin warns": (
        (
            in_route("warnings.warn('traced', stacklevel=1)"),
            on_top("import warnings"),
        ),
        {"same warnings"},
    ),
    "nesting: the call stays current": (
        (
            seam("def seam(result, call):\n    context.current.set(call.context)\n    return False"),
            on_top("from autotrace._capture import context"),
        ),
        {"nesting"},
    ),
    "transparency: the parent is taken without what is around it": (
        (
            in_route("above = context.current.get()\ncall.parent = above and context.SpanContext(*above)"),
            on_top("from autotrace._capture import context"),
        ),
        {"transparency"},
    ),
    "suppression: a hook that does not ask": (
        (
            hook(
                """
    @functools.wraps(original)
    def wrapper(*args):
        if context.is_suppressed("acme"):
            with context._Block(context._suppressed, frozenset()):
                return original(*args)
        return original(*args)
"""
            ),
            on_top("import functools\nfrom autotrace._capture import context"),
        ),
        {"suppression", "originals"},
    ),
    "content off: the prompt is in an attribute that is declared not to be content": (
        (
            in_route("call.attributes = {'acme.prompt': call.argument('body')['text']}"),
            plugin(CHAT, CHAT.replace("**FIELDS", "not_content={'acme.prompt': True}, **FIELDS")),
        ),
        {"content off"},
    ),
    "content off: the model is not recorded any more": (
        (plugin('"model": "model"', '"model": lambda body: f"the model {body[\'model\']}"'),),
        {"call", "stream", "raw", "content off"},
    ),
    "late activation: clients keep the function that they were made with": (
        (
            library("        self.closed = False", "        self.closed = False\n        self.kept = self.post"),
            library('return self.post("/chat"', 'return self.kept("/chat"'),
        ),
        {"late activation", "revert"},
    ),
    "revert: the hook is not taken off": (
        (
            hook(
                """
    @functools.wraps(original)
    def wrapper(*args):
        if "autotrace_acme" not in recording.origins:
            recording.begin(CHAT, Origin("autotrace-acme", library="acme")).finish()
        return original(*args)
""",
                undo="",
            ),
            on_top("import functools\nfrom autotrace._capture import recording\nfrom autotrace._record.origin import Origin"),
        ),
        {"revert", "originals"},
    ),
    "signature: the hook wraps without functools.wraps": (
        (hook("\n    def wrapper(*args, **kwargs):\n        return original(*args, **kwargs)\n"),),
        {"signature", "pickling", "originals"},
    ),
    "pickling: a target is no function": (
        (
            library("SERVER = Server()", "SERVER = Server()\nimport functools\ncount = functools.partial(max, 0)"),
            plugin("    targets={", "    targets={'acme:count': CHAT} | {"),
        ),
        {"pickling", "signature"},
    ),
    "originals: the hook puts back something else": (
        (
            hook(
                "\n    @functools.wraps(original)\n    def wrapper(*args):\n        return original(*args)\n",
                undo="return lambda: None",
            ),
            on_top("import functools"),
        ),
        {"originals"},
    ),
    "early activation: the plugin prints": (
        (on_top("print('loaded')"),),
        {"early activation"},
    ),
    "memory: the plugin keeps the results": (
        (seam("KEPT = []\n\n\ndef seam(result, call):\n    KEPT.append(result)\n    return False"),),
        {"memory", "garbage collection"},
    ),
}
SLOW = {"memory", "overhead", "early activation"}
"""Checks that are left out where the fault is none of theirs."""


ONE_SIDE = ("description", "    async_client=lambda url: acme.AsyncClient(),\n", "")


class Acme:
    """The library, its plugin and its description, with faults planted in them."""

    def __init__(self, site: Path) -> None:
        self.site = site

    def plant(self, replacements: Replacements) -> Library:
        texts = {name: (HERE / f"{name}.py").read_text() for name in MODULES}
        for name, old, new in replacements:
            assert old in texts[name], old
            texts[name] = texts[name].replace(old, new)
        for name, text in texts.items():
            (self.site / f"{name}.py").write_text(text)
        for name, version in (("acme", "2.1"), ("autotrace_acme", "0.1")):
            info = self.site / f"{name}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[autotrace.instrumentors]\nacme = autotrace_acme:instrumentor\n")
        importlib.invalidate_caches()
        found: Library = importlib.import_module("description").library
        return found


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> Iterator[None]:
    """Objects of pytest's, at which the collections of checks need not look."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr("autotrace._diagnostics.strict", False)
    yield Acme(tmp_path)
    autotrace.disable()
    instrumentation.installed.pop("acme", None)
    for name in MODULES:
        sys.modules.pop(name, None)


def failed(scorecard: Scorecard) -> dict[str, str]:
    return {result.check: result.reason for result in scorecard.failed}


def test_a_good_plugin_passes_all_checks(acme: Acme) -> None:
    scorecard = run(acme.plant(()))
    assert failed(scorecard) == {}
    assert {result.check for result in scorecard.results} == {check.name for check in all_checks()}
    assert scorecard


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, acme: Acme) -> None:
    replacements, checks = FAULTS[fault]
    check = fault.partition(":")[0]
    found = acme.plant(replacements if check in ("cancel", "concurrency") else (*replacements, ONE_SIDE))
    found.cases = found.cases[:1]
    scorecard = run(found, [check.name for check in all_checks() if check.name not in SLOW - checks])
    assert check in checks
    assert set(failed(scorecard)) == checks, failed(scorecard)


def test_a_core_that_forgets_what_is_enabled_is_caught(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records for a call after two `enable()`: no plugin can do that, so the fault is planted in the core."""
    forgotten: list[installed_plugin.InstalledPlugin] = []
    discover = instrumentation._discover

    def forgetful(*given: object) -> None:
        plugin = instrumentation.installed.get("acme")
        if plugin is not None and plugin.state == "patched":
            forgotten.append(instrumentation.installed.pop("acme"))
        discover(*given)  # type: ignore[arg-type]

    found = acme.plant((ONE_SIDE,))
    monkeypatch.setattr(instrumentation, "_discover", forgetful)
    try:
        assert set(failed(run(found, ["call", "double enable"]))) == {"double enable"}
    finally:
        for plugin in forgotten:
            plugin.disable()


def test_what_a_plugin_costs_is_a_figure_and_no_failure(acme: Acme) -> None:
    found = acme.plant(
        (
            in_route("time.sleep(0.03)"),
            on_top("import time"),
            ONE_SIDE,
        )
    )
    scorecard = run(found, ["overhead"])
    assert scorecard
    more = [int(re.findall(r"([+-]\d+)$", line)[0]) for line in scorecard.figures()]
    assert len(more) == 2
    assert min(more) > 2000


def test_a_check_that_there_is_none_of_is_named(acme: Acme) -> None:
    found = acme.plant(())
    with pytest.raises(DeclarationError, match=r"'earlyclose' is not a known check; did you mean 'early close'"):
        run(found, ["earlyclose"])
    found.cases[0].exempt["pickle"] = "why"
    with pytest.raises(DeclarationError, match="'pickle' is not a known check"):
        run(found)


def test_every_check_is_shown_to_catch_something() -> None:
    caught = {fault.partition(":")[0] for fault in FAULTS} | {"double enable", "overhead"}
    assert caught == {check.name for check in all_checks()}


def test_the_page_for_authors_lists_every_check() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
    rows = [f"| {check.name} | {check.description} |" for check in all_checks()]
    assert [row for row in rows if row not in page] == []


def test_what_covers_a_matrix_has_each_check_of_each_case_and_each_form(acme: Acme) -> None:
    library = acme.plant(())
    every, some = list(cells(library)), covering(library)
    assert len(some) < 0.75 * len(every)
    assert {(cell.case.name, cell.check.name) for cell in some} == {(cell.case.name, cell.check.name) for cell in every}
    for form in ("call", "stream", "raw"):
        assert {cell.name for cell in every if cell.check.name == form} <= {cell.name for cell in some}
    assert {cell.side.name for cell in some if cell.check.name not in ("call", "stream", "raw")} == {"sync", "async"}
