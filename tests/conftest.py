"""An invented library and its plugin, made on disk for one test."""

from __future__ import annotations

import importlib
import itertools
import os
import re
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autotrace
from autotrace import _instrumentation as instrumentation

SOURCE = '''
class Stream:
    """A stream object with a seam, as many SDKs have one."""
    def __init__(self, items):
        self._iterator = iter_items(items)
        self.closed = 0
    def __iter__(self):
        return self
    def __next__(self):
        return next(self._iterator)
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        self.close()
    def close(self):
        self.closed += 1


class AsyncStream:
    def __init__(self, items):
        self._iterator = aiter_items(items)
        self.closed = 0
    def __aiter__(self):
        return self
    async def __anext__(self):
        return await self._iterator.__anext__()
    async def aclose(self):
        self.closed += 1


def iter_items(items):
    for item in items:
        if isinstance(item, BaseException):
            raise item
        yield item


async def aiter_items(items):
    for item in items:
        if isinstance(item, BaseException):
            raise item
        yield item


class Client:
    def chat(self, model, messages=(), *, answer=None):
        """Ask."""
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def achat(self, model, messages=(), *, answer=None):
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def later(self, model, messages=(), *, answer=None):
        return self.achat_plain(model, messages, answer=answer)

    async def achat_plain(self, model, messages=(), *, answer=None):
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @classmethod
    def made(cls, model, *, answer=None):
        return answer

    @staticmethod
    def alone(model, *, answer=None):
        return answer


def ask(model, *, answer=None):
    return answer
'''

PLUGIN = """
from autotrace.plugin import Instrumentor, Operation, StreamSeam

CHAT = Operation(
    "chat",
    request={{"model": "model", "input_messages": "messages"}},
    response={{"id": "id", "output_messages": "text"}},
    usage={{"input_tokens": "usage.input"}},
    reduce=lambda chunks: {{"id": "reduced", "text": "".join(chunk["text"] for chunk in chunks)}},
    stream=StreamSeam("_iterator", close=("close", "aclose")),
)
instrumentor = Instrumentor(
    provider="acme",
    requires="{name}>=1",
    targets={{
        "{name}.client:" + name: CHAT
        for name in ("Client.chat", "Client.achat", "Client.later", "Client.made", "Client.alone", "ask")
    }},
)
"""
_numbers = itertools.count()
# A shell starts a job in the background with this signal ignored, and the programs that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


INSTALLED = {_normal(distribution.metadata["Name"]): distribution for distribution in metadata.distributions()}


class Library:
    """Where the library is, and how to have it: `name`, `plugin` (the plugin's module name), `client` (its leaf module)."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.name = f"acme{next(_numbers)}"
        self.plugin = f"autotrace_{self.name}"
        self.distribution = f"autotrace-{self.name}"
        self.write(f"{self.name}/__init__.py", "__version__ = '1.2'\n")
        self.write(f"{self.name}/client.py", SOURCE)
        self.write(f"{self.plugin}.py", PLUGIN.format(name=self.name))
        self.install(self.distribution)

    def write(self, path: str, text: str) -> None:
        file = self.site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()

    def install(self, distribution: str, value: str | None = None) -> None:
        """A distribution with an entry point for this library."""
        folder = f"{distribution.replace('-', '_')}-0.3.dist-info"
        self.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.3\n")
        value = value or f"{self.plugin}:instrumentor"
        self.write(f"{folder}/entry_points.txt", f"[autotrace.instrumentors]\n{self.name} = {value}\n")

    @property
    def client(self) -> ModuleType:
        return importlib.import_module(f"{self.name}.client")

    def function(self, name: str) -> Any:
        """The raw attribute ``Client.name`` or ``name``."""
        *outer, last = name.split(".")
        return vars(vars(self.client)[outer[0]] if outer else self.client)[last]

    @property
    def status(self) -> dict[str, Any]:
        return autotrace.status()[self.name]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    made = Library(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield made
    autotrace.disable()
    instrumentation.installed.pop(made.name, None)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in (made.name, made.plugin):
            del sys.modules[name]


@pytest.fixture
def diagnosed(capfd: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """What autotrace said about itself since it was last asked, as parsed lines of stderr."""
    import json

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]

    return read


@pytest.fixture(scope="session")
def without_plugins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A path for `python -S`: this tree and what it depends on. It has no plugin of ours, and no library that one watches."""
    place = tmp_path_factory.mktemp("without-plugins")
    waiting, seen = ["llm-autotrace"], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in INSTALLED:
            continue
        seen.add(name)
        distribution = INSTALLED[name]
        required = (requirement for requirement in distribution.requires or () if "extra ==" not in requirement)
        waiting += (_normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in required)
        for top in {file.parts[0] for file in distribution.files or () if file.suffix in (".py", ".so")}:
            if name != "llm-autotrace" and top != "..":
                (place / top).symlink_to(str(distribution.locate_file(top)))
    return os.pathsep.join([str(Path(autotrace.__file__).parents[1]), str(place)])
