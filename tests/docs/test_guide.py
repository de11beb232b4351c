"""A stranger's plugin: the authors' guide, followed where nothing of this repository is in sight but the wheel of the core.

It begins with a new environment, and ends with a plugin for an invented SDK, installed from its own wheel. To users it has to
be what ours are. The session `wheels` runs this; `WHEELS` is the directory in which it has built the core's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .following import Step, follow
from .pages import GUIDE, ROOT, blocks

WHEELS = os.environ.get("WHEELS", "")
if not WHEELS:
    pytest.skip("needs the wheel of the core, which the session `wheels` builds", allow_module_level=True)

USES = """
import json, sys

sys.path.insert(0, "tests")
import autotrace
from acme_server import ACME
from autotrace.testing.provider import serve

def use(acme_ai, url):
    client = acme_ai.Client(url)
    client.chat("acme-1", [{"role": "user", "content": "Hi"}])
    client.embed("embed-2", "Hi")
    client.close()

with serve(formats=[ACME]) as provider:
"""


class Stranger:
    """Who has followed the guide, in the end: in the directory of the plugin, with the environment activated."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.tree = home / "autotrace-acme"
        ours = ("AUTOTRACE", "NOX", "PIP_CONSTRAINT", "PYTEST", "PYTHON", "VIRTUAL_ENV", "WHEELS")
        self._inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        links = f"{WHEELS} {self._inherited.get('PIP_FIND_LINKS', '')}".strip()
        self._inherited |= {"PIP_FIND_LINKS": links, "PIP_CONSTRAINT": str(ROOT / "constraints/newest.txt"), "PIP_QUIET": "1"}

    def follow(self) -> list[Step]:
        """Follow the guide from its beginning, with the Python that runs the tests."""
        python = self.home.parent / "bin"
        python.mkdir()
        (python / "python").symlink_to(sys.executable)
        path = f"{python}{os.pathsep}{self._inherited['PATH']}"
        return follow(GUIDE, self.home, {**self._inherited, "PATH": path})

    def run(self, *command: str, **variables: str) -> str:
        """What a command prints on stdout."""
        path = f"{self.home / 'env/bin'}{os.pathsep}{self._inherited['PATH']}"
        environment = {**self._inherited, "PATH": path, "AUTOTRACE_STRICT": "1", "AUTOTRACE_EXIT_TIMEOUT": "600", **variables}
        done = subprocess.run(command, cwd=self.tree, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def program(self, body: str, **variables: str) -> list[Any]:
        """The lines that a program prints, as JSON; `body` has a `provider`, and `use(acme_ai, url)` to make two calls."""
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        return [json.loads(line) for line in self.run("python", "-c", USES + lines, **variables).splitlines()]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    home = tmp_path_factory.mktemp("stranger") / "home"
    home.mkdir()
    assert ROOT not in home.parents
    return Stranger(home)


@pytest.fixture(scope="module")
def steps(stranger: Stranger) -> list[Step]:
    return stranger.follow()


@pytest.fixture
def author(stranger: Stranger, steps: list[Step]) -> Stranger:
    """The stranger, when the guide has been followed."""
    assert steps
    return stranger


def names(lines: list[Any]) -> list[str]:
    return [line["name"] for line in lines if "event" in line and line["event"] == "span"]


def test_every_command_of_the_guide_prints_what_the_guide_shows(steps: list[Step]) -> None:
    shown = [step for step in steps if step.shown is not None]
    assert len(shown) >= 7
    for step in shown:
        assert step.as_shown, f"line {step.block.line}:\n{step.printed}"


def test_all_of_the_guide_is_run(steps: list[Step]) -> None:
    run = {step.block for step in steps}
    left = [block for block in blocks(GUIDE, "sh", "python", "toml") if block not in run]
    assert {(block.language, block.file) for block in left} == {("toml", None)}, "only a part of a file is not run"


def test_nothing_of_this_repository_is_in_sight(author: Stranger) -> None:
    code = "import sys, autotrace, autotrace_acme; print(autotrace.__file__, autotrace_acme.__file__, *sys.path, sep='\\n')"
    core, plugin, *path = author.run("python", "-c", code).splitlines()
    assert str(author.home / "env") in core
    assert str(author.home / "env") in plugin, "the plugin is installed from its wheel, not from its tree"
    assert [entry for entry in path if str(ROOT) in entry] == []


@pytest.mark.parametrize("enabled", ["enable()", "enable('acme')", "enable('acme_ai')"])
def test_it_is_enabled_and_disabled_like_any_other(author: Stranger, enabled: str) -> None:
    body = f"""
import acme_ai
before = vars(acme_ai.Client)["request"], vars(acme_ai.AsyncClient)["request"]
autotrace.{enabled}
use(acme_ai, provider.url)
autotrace.flush()
print(json.dumps(autotrace.status()["acme_ai"], default=str))
autotrace.disable("acme")
use(acme_ai, provider.url)
after = vars(acme_ai.Client)["request"], vars(acme_ai.AsyncClient)["request"]
print(json.dumps([autotrace.status()["acme_ai"]["state"], all(map(lambda a, b: a is b, before, after))]))
"""
    lines = author.program(body)
    assert names(lines) == ["chat acme-1", "embeddings embed-2"]
    status, ending = lines[-2:]
    assert (status["state"], {target["state"] for target in status["targets"].values()}) == ("patched", {"patched"})
    assert ending == ["disabled", True]


@pytest.mark.parametrize(
    ("enabled", "variables"),
    [
        ("autotrace.enable('acme', embeddings=False)", {}),
        ("autotrace.enable('acme_ai', embeddings=False)", {}),
        ("autotrace.enable()", {"AUTOTRACE_ACME_EMBEDDINGS": "off"}),
        ("", {"AUTOTRACE": "1", "AUTOTRACE_ACME_AI_EMBEDDINGS": "off"}),
    ],
)
def test_its_option_is_given_like_any_other(author: Stranger, enabled: str, variables: dict[str, str]) -> None:
    assert names(author.program(f"{enabled}\nimport acme_ai\nuse(acme_ai, provider.url)", **variables)) == ["chat acme-1"]


def test_its_records_are_valid_and_keep_content_out_where_that_is_asked(author: Stranger) -> None:
    schema = json.loads(author.run("autotrace", "schema"))
    for content, said in (("on", True), ("off", False)):
        lines = author.program("import acme_ai\nuse(acme_ai, provider.url)", AUTOTRACE="1", AUTOTRACE_CONTENT=content)
        for line in lines:
            jsonschema.Draft202012Validator(schema).validate(line)
        assert ("You said: Hi" in json.dumps(lines)) is said
        assert lines[0]["scope"] == {
            "name": "autotrace-acme",
            "version": "0.1.0",
            "library": "acme_ai",
            "library_version": "2.1",
        }


def test_the_commands_know_it(author: Stranger) -> None:
    (listed,) = json.loads(author.run("autotrace", "plugins", "--json"))
    assert (listed["distribution"], listed["package"], listed["state"]) == ("autotrace-acme", "acme_ai", "patched")
    assert listed["options"]["embeddings"]["about"] == "records calls for embeddings, too"
    assert "autotrace-acme 0.1.0: acme_ai 2.1, 2 of 2 targets patched" in author.run("autotrace", "doctor")


def test_its_scorecard_is_green(author: Stranger) -> None:
    readme = (author.tree / "README.md").read_text()
    assert "| early activation | ✓ | ✓ |" in readme
    assert "✗ |" not in readme
