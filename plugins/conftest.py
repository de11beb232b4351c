"""What the tests of all plugins share: a provider that remembers what it said, and one way to write sync and async tests.

A plugin describes its SDK in `tests/sdk.py`: how a client is made, a value and a stream are asked for, and, read from the
bytes that went over the wire, what a record has to say (`expected`). `plugins/tests` holds for every SDK that is described
so and installed.

A test that is a coroutine function and asks for `world` runs twice: with the SDK's synchronous side (no event loop
anywhere) and with its asynchronous one.
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autotrace._record import lines
from autotrace.testing._sides import Side
from autotrace.testing.provider import FORMATS, Answer, Call, Provider, WireFormat, serve

HERE = Path(__file__).parent
PLUGINS = {path.parent.name: path.parent for path in HERE.glob("autotrace-*/pyproject.toml")}
"""Where each plugin is. In the source distribution of a plugin this file lies in a folder of it, and there is but that one."""
if not PLUGINS:
    _name = re.search(r'^name = "(autotrace-.+)"$', (HERE.parent / "pyproject.toml").read_text(), re.MULTILINE)
    assert _name is not None, f"{HERE.parent} is not the tree of a plugin"
    PLUGINS[_name[1]] = HERE.parent
FINISH = {
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "end_turn": "stop",
    "completed": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
}


def _plugin_of(path: Path) -> str:
    """The plugin whose test this is; an empty string for those of all plugins."""
    return next((name for name, tree in PLUGINS.items() if tree in path.parents), "")


def _installed(plugin: str) -> bool:
    """Whether the library is there that this plugin is for: the name of its entry point."""
    declared = (PLUGINS[plugin] / "pyproject.toml").read_text()
    package = re.search(r'"autotrace\.instrumentors"\]\n"?([\w.]+)', declared)
    assert package is not None, plugin
    try:
        return importlib.util.find_spec(package[1]) is not None
    except ImportError:  # a namespace that nothing is in
        return False


def _described() -> dict[str, ModuleType]:
    """The SDKs that are installed, by plugin: `tests/sdk.py` of each."""
    found = {}
    for plugin, tree in sorted(PLUGINS.items()):
        path = tree / "tests/sdk.py"
        name = plugin.removeprefix("autotrace-")
        if path.exists() and _installed(plugin):
            spec = importlib.util.spec_from_file_location(f"sdk_{name}", path)
            assert spec is not None
            assert spec.loader is not None
            found[name] = sys.modules[f"sdk_{name}"] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(found[name])
    return found


SDKS = _described()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`sdk` is each SDK, or the one of the plugin whose test this is; `form` each of its ways to a stream.

    `ending` is each of the module's `ENDINGS` that it says fits (`can_end`).
    """
    plugin = _plugin_of(metafunc.definition.path)
    names = [plugin.removeprefix("autotrace-")] if plugin else list(SDKS)
    if "form" in metafunc.fixturenames:
        pairs = [(SDKS[name], form) for name in names for form in SDKS[name].FORMS]
        if "ending" in metafunc.fixturenames:
            fits, endings = metafunc.module.can_end, metafunc.module.ENDINGS
            rows = [(sdk, form, ending) for sdk, form in pairs for ending in endings if fits(sdk, form, ending)]
            metafunc.parametrize(("sdk", "form", "ending"), rows, ids=["-".join((row[0].PACKAGE, *row[1:])) for row in rows])
            return
        metafunc.parametrize(("sdk", "form"), pairs, ids=[f"{sdk.PACKAGE}-{form}" for sdk, form in pairs])
    elif "sdk" in metafunc.fixturenames:
        metafunc.parametrize("sdk", [SDKS[name] for name in names], ids=names)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The tests of a plugin need its SDK: without it there is nothing to test (and `sdk.py` cannot be imported).

    Those of a plugin without an `sdk.py`, for a framework that speaks to no provider itself, see to that by themselves.
    """
    plugin = _plugin_of(collection_path)
    if collection_path.name.startswith("test_") and plugin:
        return not _installed(plugin) or None
    return None


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def world(request: pytest.FixtureRequest) -> Side:
    return Side(request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in its world."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    pyfuncitem.funcargs["world"].run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


class Exchange:
    """One request and the bytes that answered it."""

    def __init__(self, call: Call, answer: Answer) -> None:
        self.call = call
        self.request = call.json
        self.headers = dict(answer.headers)
        self.content_type = answer.content_type
        self.body = answer.body

    @property
    def streamed(self) -> bool:
        return self.content_type.startswith(("text/event-stream", "application/x-ndjson"))

    @property
    def said(self) -> Any:
        """The JSON of the body; the list of it for a stream; None for anything else."""
        text = self.body.decode("utf-8", "replace")
        if self.content_type.startswith("text/event-stream"):
            return [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
        if self.content_type.startswith("application/x-ndjson"):
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text) if self.content_type.startswith("application/json") else None


class Wire:
    """A provider and all that passed over its wire."""

    def __init__(self) -> None:
        self.provider: Provider
        self.exchanges: list[Exchange] = []
        self.on_request: Callable[[], object] | None = None
        """Called once, when the next request has been read and before it is answered."""

    @property
    def url(self) -> str:
        return self.provider.url

    def recorded(self, form: WireFormat) -> WireFormat:
        def answer(call: Call) -> Answer | None:
            told, self.on_request = self.on_request, None
            if told is not None:
                told()
            made = form.answer(call)
            if made is None:
                return None
            exchange = Exchange(call, made)
            self.exchanges.append(exchange)
            return made if made.pieces is None else made._replace(pieces=self._kept(made.pieces, exchange))

        return form._replace(answer=answer)

    def _kept(self, pieces: Any, exchange: Exchange) -> Iterator[bytes]:
        for piece in pieces:
            exchange.body += piece
            yield piece


@pytest.fixture(scope="session")
def _wire() -> Iterator[Wire]:
    gc.freeze()  # the SDKs are a million objects that every collection of a test would look at
    wire = Wire()
    with serve(formats=[wire.recorded(form) for form in FORMATS], hang_seconds=10.0) as wire.provider:
        yield wire
    gc.unfreeze()
    assert wire.provider.failures == []


@pytest.fixture
def wire(_wire: Wire) -> Wire:
    """The provider of the plugins' tests, with nothing said yet."""
    _wire.exchanges.clear()
    _wire.provider.requests.clear()
    _wire.on_request = None
    return _wire


@pytest.fixture
def captured(captured: Any) -> Iterator[Any]:
    """The records of this test; every one has to be valid by the published schema."""
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(lines.json_schema())
    yield captured
    for span in captured.spans:
        validator.validate(span)


def messages_of(messages: Any) -> list[tuple[Any, ...]]:
    """Recorded messages as a flat list: `(role, kind of part, what it holds…)`."""
    kinds: dict[str, tuple[str, ...]] = {
        "text": ("content",),
        "reasoning": ("content",),
        "tool_call": ("id", "name", "arguments"),
        "tool_call_response": ("id", "response"),
    }
    return [
        (message["role"], part["type"], *(part.get(key) for key in kinds.get(part["type"], tuple(part))))
        for message in messages or ()
        for part in message["parts"]
    ]


class Records:
    """Checks of records against what passed over the wire."""

    finish = FINISH
    messages = staticmethod(messages_of)

    def check(
        self, span: dict[str, Any], exchange: Exchange, sdk: ModuleType, *, streamed: bool | None = None, **other: Any
    ) -> None:
        """That `span` says of `exchange` what `sdk.expected` reads from the bytes, or `other`, and nothing beyond."""
        attributes = dict(span["attributes"])
        got = {key: attributes.get(key) for key in self.read}
        for key in ("gen_ai.input.messages", "gen_ai.output.messages"):
            got[key] = messages_of(got[key])
        tools = attributes.get("gen_ai.tool.definitions")
        got["gen_ai.tool.definitions"] = [tool["name"] for tool in tools] if tools else None
        raw = sdk.expected(exchange).get("gen_ai.response.finish_reasons")
        host, port = exchange.call.headers["host"].split(":")
        expected = {
            **dict.fromkeys(self.read),
            "gen_ai.provider.name": sdk.PACKAGE,
            "server.address": host,
            "server.port": int(port),
            "autotrace.request.id": exchange.headers.get(sdk.REQUEST_ID),
            **sdk.expected(exchange),
            "gen_ai.response.finish_reasons": [self.finish.get(reason, reason) for reason in raw] if raw else None,
            **other,
        }
        assert got == expected
        operation, asked = expected["gen_ai.operation.name"], expected["gen_ai.request.model"]
        assert span["name"] == (f"{operation} {asked}" if asked else operation)
        assert (span["kind"], span["level"], span["status"]) == ("CLIENT", "info", {"code": "UNSET"})
        assert span["end_reason"] == "completed"
        streamed = exchange.streamed if streamed is None else streamed
        assert (attributes.get("gen_ai.response.time_to_first_chunk") is not None) == streamed
        assert span["scope"]["name"] == f"autotrace-{sdk.PACKAGE}"
        assert span["scope"]["library"] == sdk.PACKAGE
        assert span["scope"]["library_version"] == sdk.VERSION
        assert "Omit" not in json.dumps(span)
        assert span["end_ns"] == span["start_ns"] + span["duration_ns"]
        assert span["duration_ns"] > 0

    read = (
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.request.max_tokens",
        "gen_ai.request.choice.count",
        "gen_ai.request.stop_sequences",
        "gen_ai.system_instructions",
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.tool.definitions",
        "autotrace.request.id",
        "server.address",
        "server.port",
        "error.type",
    )


@pytest.fixture(scope="session")
def records() -> Records:
    return Records()


@pytest.fixture
def worlds() -> type[Side]:
    """For a test that makes sense on one side only."""
    return Side
