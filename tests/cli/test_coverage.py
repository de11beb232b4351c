"""`autotrace coverage`: what of a library's public surface its plugin records, read off the source."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from autotrace import _instrumentation as instrumentation
from autotrace import surface
from autotrace._cli import coverage
from autotrace.plugin import DeclarationError, Instrumentor, Operation

SDK = """
from .wire import send


class Prompts:
    def sum_up(self, model, prompt):
        return self._request(dict, "/chat", json={"model": model})


class Client(Prompts):
    def _request(self, kind, path, json=None, stream=False):
        return send(path, json)

    def chat(self, model, messages):
        return self._helper("/chat", {"model": model})

    def _helper(self, path, body):
        return self._request(dict, "/chat", json=body)

    def rank(self, model, documents):
        return self._request(dict, "/rank", json={"model": model})

    def tune(self, model):
        return self._request(dict, f"/models/{model}/tune")

    def draw(self, model, prompt):
        return send("/draw", {})

    def elsewhere(self, model):
        return other()._request(dict, "/else")

    def describe(self, model, version):
        return self._request(*model)

    def close(self):
        return None


def ask(model, messages):
    return Client().chat(model, messages)
"""

PLUGIN = """
from autotrace.plugin import Instrumentor, Operation

CHAT = Operation("chat", request={{"model": "model", "input_messages": "messages"}})
OPERATIONS = {{"/chat": CHAT, "/rank": Operation("rerank", request={{"model": "model"}})}}


def route(call):
    return OPERATIONS.get(call.argument("path").strip())


instrumentor = Instrumentor(requires="{name}>=1", targets={{"{name}.client:Client._request": route}})
"""


@pytest.fixture
def sdk(library: Any) -> Any:
    library.write(f"{library.name}/client.py", SDK)
    library.write(f"{library.name}/wire.py", "def send(path, body): ...\n")
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    surface.functions.cache_clear()
    return library


def verdicts(library: Any, *arguments: str) -> dict[str, str]:
    plugin = instrumentation.named(library.name)
    found = coverage.findings(library.name, plugin.declared(), every="--all" in arguments)
    return {one.function.partition(":")[2]: one.verdict for one in found}


def test_each_way_has_the_verdict_that_the_source_allows(sdk: Any) -> None:
    assert verdicts(sdk) == {
        "Prompts.sum_up": "covered",
        "Client.chat": "covered",
        "Client.rank": "in part",
        "Client.tune": "not covered",
        "Client.draw": "not covered",
        "Client.elsewhere": "cannot tell",
        "Client.describe": "cannot tell",
        "ask": "covered",
    }


def test_what_is_not_covered_fails_unless_it_is_known(sdk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage.main([sdk.name]) == 0
    assert coverage.main([sdk.name, "--fail"]) == 1
    assert coverage.main([sdk.name, "--fail", "--known", "*:Client.draw"]) == 1
    assert coverage.main([sdk.name, "--fail", "--known", "*:Client.draw", "--known", "*.tune"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == f"{sdk.name}: 8 ways: 3 covered, 1 in part, 0 by option, 2 not covered (2 known), 2 cannot tell"
    assert any(line.startswith("not covered (known)") and "Client.draw" in line for line in told)
    assert not any(line.startswith("covered ") for line in told)


def test_the_listing_as_json_says_all(sdk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage.main([sdk.name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["package"] == sdk.name
    assert told["counts"] == {"covered": 3, "in part": 1, "by option": 0, "not covered": 2, "cannot tell": 2}
    rank = next(way for way in told["ways"] if way["function"].endswith("Client.rank"))
    assert (rank["verdict"], rank["operation"]) == ("in part", "rerank")


def test_of_a_library_whose_calls_cannot_be_followed_nothing_is_claimed(sdk: Any) -> None:
    source = "from autotrace.plugin import Instrumentor\ninstrumentor = Instrumentor(on_ready=lambda module: None)\n"
    sdk.write(f"{sdk.plugin}.py", source)
    assert set(verdicts(sdk).values()) == {"cannot tell"}


def test_a_library_without_a_plugin_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage.main(["no_such_library"]) == 2
    assert "no plugin for 'no_such_library' is installed" in capsys.readouterr().err


TRANSPORT = """
class SyncAPIClient:
    def request(self, cast_to, options): ...


class AsyncAPIClient:
    async def request(self, cast_to, options): ...
"""
GENERATED = """
class Completions:
    def create(self, *, model, messages):
        return self._post("/v1/chat/completions" if self.own else "https://fast.example/v1/chat/completions", body={})


class AsyncThings:
    async def make(self, *, model):
        return await self._post(path_template("/v1/things/{id}", id=1), body={})


class Realtime:
    def connect(self, *, model):
        return Socket()
"""


def test_the_family_of_stainless_says_itself_how_its_surface_is_enumerated(library: Any) -> None:
    library.write(f"{library.name}/_base_client.py", TRANSPORT)
    library.write(f"{library.name}/resources.py", GENERATED)
    library.write(
        f"{library.plugin}.py",
        "from autotrace.families import openai_api, stainless\n"
        "from autotrace.plugin import Instrumentor\n"
        f"targets = stainless.targets({library.name!r}, stainless.by_path(openai_api.OPERATIONS))\n"
        "instrumentor = Instrumentor(targets=targets, surface=stainless.surface)\n",
    )
    surface.functions.cache_clear()
    found = coverage.findings(library.name, instrumentation.named(library.name).declared())
    assert [(one.verdict, one.detail, one.operation) for one in found] == [
        ("not covered", "web socket", "reaches no target"),
        ("in part", "/v1/things/{id}", "things"),
        ("covered", "/v1/chat/completions", "chat"),
        ("covered", "https://fast.example/v1/chat/completions", "chat"),
    ]


HOOKED = """
from autotrace.plugin import Instrumentor, Invocation, Operation, Option

PING = Operation("ping", request={{"acme.method": "method"}})
ASK = Operation("ask", request={{"input_messages": "question"}})


def route(call):
    method = call.kwargs.pop("method")
    return {{"ask": ASK, "ping": PING if call.options["pings"] == "on" else None}}.get(method)


def ways(package):
    from autotrace.surface import Described, Way

    key = f"{{package}}.client:Client._request"
    for method in ("ask", "ping", "tell"):
        yield Way(Described("protocol", method), key, Invocation((), True, (None,), {{"method": method}}))
    yield Way(Described("protocol", "moved"), f"{{package}}.client:Client.gone", Invocation((), True, (None,), {{}}))
    yield Way(Described("events", "on_end"), "", hook="Handler.on_end")
    yield Way(Described("events", "on_thought"), "")


instrumentor = Instrumentor(
    on_ready=lambda module: None,
    options={{"pings": Option("off", "says whether pings are spans", choices=("off", "on"))}},
    targets={{"{name}.client:Client._request": route, "{name}.client:Client.gone": ASK}},
    surface=ways,
)
"""


def test_what_no_function_spells_out_is_listed_by_the_plugin(sdk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sdk.write(f"{sdk.plugin}.py", HOOKED.format(name=sdk.name))
    found = coverage.findings(sdk.name, instrumentation.named(sdk.name).declared())
    assert {one.function.partition(":")[2]: (one.verdict, one.operation) for one in found} == {
        "ask": ("covered", "ask"),
        "ping": ("by option", "ping, with pings='on'"),
        "tell": ("not covered", "the route ignores it"),
        "moved": ("not covered", f"{sdk.name}.client:Client.gone is not a target, or is not in the library"),
        "on_end": ("covered", "reported to Handler.on_end"),
        "on_thought": ("not covered", "reaches no target and calls no hook"),
    }
    assert coverage.main([sdk.name, "--fail", "--known", "*:tell", "--known", "*:moved"]) == 1
    assert coverage.main([sdk.name, "--fail", "--known", "*:tell", "--known", "*:moved", "--known", "*_thought"]) == 0
    assert "2 covered, 0 in part, 1 by option, 3 not covered" in capsys.readouterr().out


def test_a_library_that_is_unlike_all_that_its_plugin_knows_is_no_clean_bill(
    sdk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "from autotrace.plugin import Instrumentor\ninstrumentor = Instrumentor(on_ready=lambda module: None, "
    sdk.write(f"{sdk.plugin}.py", f"{source}surface=lambda package: ())\n")
    assert coverage.main([sdk.name, "--fail"]) == 2
    assert "does not recognize this version" in capsys.readouterr().err


def test_a_gap_that_the_plugin_declares_is_known_with_its_reason(sdk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    declared = PLUGIN.replace(
        "requires=", 'uncovered={{"*.draw": "pictures", "*:Client.d*": "never", "*.gone": "old"}}, requires='
    )
    sdk.write(f"{sdk.plugin}.py", declared.format(name=sdk.name))
    assert coverage.main([sdk.name, "--json"]) == 0
    (way,) = (one for one in json.loads(capsys.readouterr().out)["ways"] if one["function"].endswith("Client.draw"))
    assert (way["verdict"], way["operation"], way["known"]) == ("not covered", "pictures", True)
    coverage.main([sdk.name])
    assert capsys.readouterr().err == ""
    assert coverage.main([sdk.name, "--fail", "--known", "*.elsewhere", "--known", "*.tune"]) == 0
    shown = capsys.readouterr()
    assert re.search(r"not covered \(known\) +\S+:Client\.draw +pictures", shown.out)
    assert "uncovered '*.gone' matches no gap" in shown.err
    assert "2 not covered (2 known)" in shown.out
    assert "Client.d" not in shown.err


@pytest.mark.parametrize(
    ("uncovered", "reason"),
    [
        ({"*.draw": ""}, "uncovered '*.draw': '': expected the reason"),
        ({"*.draw": None}, "uncovered '*.draw': None: expected the reason"),
        ({" ": "pictures"}, "uncovered: an empty name"),
        ({1: "pictures"}, "uncovered: keys must be strings, got 1"),
        (["*.draw"], "uncovered: expected a mapping, got ['*.draw']"),
    ],
)
def test_what_is_uncovered_is_checked_when_it_is_declared(uncovered: Any, reason: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(reason)):
        Instrumentor(targets={"acme.client:Client.ask": Operation("chat")}, uncovered=uncovered)


@pytest.mark.parametrize("package", ["openai", "anthropic", "groq", "ollama"])
def test_the_installed_sdks_have_no_gap_that_is_not_known(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(package)
    found = coverage.main([package, "--fail"]), capsys.readouterr()
    assert (found[0], found[1].err) == (0, ""), found[1].out
