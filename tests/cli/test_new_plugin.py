"""`autotrace new-plugin`: what it writes installs, and its own tests pass, with no line changed."""

from __future__ import annotations

import ast
import importlib.util
import os
import runpy
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from autotrace._cli import new_plugin
from autotrace.plugin import Instrumentor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SDK = """
import json
import urllib.request


class Completions:
    def __init__(self, client):
        self._client = client

    def create(self, *, model, messages, **options):
        return self._client.post("/chat/completions", {"model": model, "messages": messages, **options})


class Chat:
    def __init__(self, client):
        self.completions = Completions(client)


class Failure(Exception):
    pass


class Acmeai:
    def __init__(self, *, base_url, api_key):
        self.base_url, self.api_key, self.chat = base_url, api_key, Chat(self)

    def post(self, path, body):
        headers = {"content-type": "application/json", "authorization": "Bearer " + self.api_key}
        request = urllib.request.Request(self.base_url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request) as response:
                return json.load(response)
        except OSError as exc:
            raise Failure(str(exc)) from None
"""


class Environment:
    """A virtual environment in which nothing is installed; it sees what the running interpreter sees, behind its own."""

    def __init__(self, root: Path) -> None:
        venv.create(root, with_pip=False)
        self.python = str(root / ("Scripts" if os.name == "nt" else "bin") / "python")
        paths = [path for path in sys.path if os.path.isdir(path) and not path.endswith(("lib-dynload", "tests"))]
        site = self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        self.site = Path(site)
        (self.site / "_seen.pth").write_text("\n".join(paths))
        ours = next(file for path in paths if (file := Path(path, "autotrace.pth")).exists())
        (self.site / "autotrace.pth").write_bytes(ours.read_bytes())

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        ours = ("AUTOTRACE", "PYTHON", "PYTEST")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        command = [self.python, *arguments]
        done = subprocess.run(command, cwd=cwd, env=inherited, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, tree: Path) -> None:
        self.run("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", str(tree))


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    return Environment(tmp_path / "venv")


def test_a_plugin_for_a_stainless_sdk_passes_its_own_tests_as_written(environment: Environment, tmp_path: Path) -> None:
    pytest.importorskip("groq")
    assert new_plugin.main(["groq", "--directory", str(tmp_path)]) == 0
    tree = tmp_path / "autotrace-groq"
    assert "stainless.by_path" in (tree / "src/autotrace_groq/__init__.py").read_text()
    environment.install(tree)
    told = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", cwd=tree)
    assert " passed" in told
    assert "failed" not in told
    plugins = environment.run("-m", "autotrace", "plugins", "groq", "--no-import")
    assert str(environment.site) in plugins


def test_a_plugin_for_a_sdk_that_speaks_openais_api_passes_its_own_tests_as_written(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (environment.site / "acmeai").mkdir()
    (environment.site / "acmeai/__init__.py").write_text(SDK)
    (environment.site / "acmeai-2.3.dist-info").mkdir()
    (environment.site / "acmeai-2.3.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: acmeai\nVersion: 2.3\n")
    environment.run("-m", "autotrace", "new-plugin", "acmeai", "--directory", str(tmp_path))
    tree = tmp_path / "autotrace-acmeai"
    source = (tree / "src/autotrace_acmeai/__init__.py").read_text()
    assert '"acmeai:Completions.create": CHAT' in source
    assert 'requires="acmeai>=2.3,<3"' in source
    assert 'sdk: ["acmeai==2.3", "acmeai"]' in (tree / ".github/workflows/ci.yml").read_text()
    environment.install(tree)
    told = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", cwd=tree)
    assert " passed" in told
    assert "failed" not in told


@pytest.mark.parametrize("kind", ["stainless", "openai", "client", "callbacks"])
def test_every_kind_is_a_valid_distribution(kind: str, tmp_path: Path) -> None:
    arguments = ["acme-x", "--package", "acme.client", "--sdk", "Acme-SDK", "--kind", kind, "--directory", str(tmp_path)]
    assert new_plugin.main(arguments) == 0
    tree = tmp_path / "autotrace-acme-x"
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["autotrace.instrumentors"] == {"acme.client": "autotrace_acme_x:instrumentor"}
    assert project["dependencies"][0].startswith("llm-autotrace>=")
    declared: Any = runpy.run_path(str(tree / "src/autotrace_acme_x/__init__.py"))["instrumentor"]
    assert isinstance(declared, Instrumentor)
    assert declared.requires == ("Acme-SDK",)
    ast.parse((tree / "tests/test_conformance.py").read_text())
    assert (tree / "src/autotrace_acme_x/py.typed").exists()
    assert "autotrace coverage acme.client --all --fail" in (tree / ".github/workflows/ci.yml").read_text()
    assert "${{ matrix.python }}" in (tree / ".github/workflows/ci.yml").read_text()
    assert 'sdk: ["Acme-SDK"]' in (tree / ".github/workflows/ci.yml").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["Acme Cloud"], "such as 'acme-cloud'"),
        (["../acme"], "not a valid plugin name"),
        (["autotrace-acme"], "autotrace new-plugin acme"),
        (["acme", "--package", "acme-sdk"], "not an import package"),
        (["acme", "--sdk", "acme sdk"], "not a distribution name"),
    ],
)
def test_a_wrong_name_is_one_line(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_plugin.main(arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_is_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = "new-plugin: no_such_package is not installed here, so nothing could be read from it"
    assert new_plugin.main(["acme", "--package", "no_such_package", "--directory", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert missing in told
    assert "fill in src/autotrace_acme/__init__.py and tests/test_conformance.py, which fails until then; pytest\n" in told
    assert new_plugin.main(["json", "--directory", str(tmp_path)]) == 0
    assert "not installed" not in capsys.readouterr().err
    assert new_plugin.main(["spoken", "--kind", "openai", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().err.endswith("pip install -e . --group test; pytest\n")


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "autotrace-acme" / "mine"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert new_plugin.main(["acme", "--directory", str(tmp_path)]) == 1
    assert "already exists" in capsys.readouterr().err
    assert list(mine.parent.iterdir()) == [mine]


def test_the_library_is_not_imported(tmp_path: Path) -> None:
    if importlib.util.find_spec("groq") is None:
        pytest.skip("groq is not installed")
    code = f"import sys; from autotrace._cli import new_plugin; new_plugin.main(['groq', '--directory', {str(tmp_path)!r}])"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('groq' in sys.modules)"], check=True, capture_output=True)
