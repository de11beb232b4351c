"""The command as a whole: help, version, what is imported, `schema` and `demo`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotrace
from autotrace._cli import demo, main, schema
from autotrace.testing.provider import serve

SOURCE = str(Path(autotrace.__file__).parents[1])


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    path = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))
    environment = {**inherited, "PYTHONPATH": path, "AUTOTRACE_EXIT_TIMEOUT": "600", **variables}
    line = [sys.executable, *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=600, check=False)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("run", "demo", "schema"))
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"autotrace {autotrace.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["schema", "extra"], ["demo", "--nonsense"]])
def test_what_cannot_be_understood_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err


def test_run_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    assert "PROGRAM" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["", ".run", ".activation", ".demo", ".schema"])
def test_a_command_is_cheap_to_import(module: str) -> None:
    heavy = "argparse subprocess asyncio http.server msgspec structlog wrapt shutil importlib.metadata".split()
    if module == ".demo":
        heavy.remove("subprocess")  # what it is about
    code = f"import sys, autotrace._cli{module}; print(sorted(set({heavy!r}) & set(sys.modules)))"
    before = f"import sys; print(sorted(set({heavy!r}) & set(sys.modules)))"
    assert python("-c", code).stdout == python("-c", before).stdout


def test_schema_is_the_file_byte_for_byte() -> None:
    result = python("-m", "autotrace", "schema")
    assert result.returncode == 0
    assert result.stdout == Path(schema.FILE).read_text(encoding="utf-8")


def test_schema_that_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(schema, "FILE", "/no/such/schema.json")
    assert main(["schema"]) == 1
    assert "/no/such/schema.json" in capsys.readouterr().err


def test_real_needs_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["demo", "--real"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "OPENAI_API_KEY" in captured.err


def test_the_demo_goes_past_proxies_and_to_nobody_else() -> None:
    given = {
        "https_proxy": "x",
        "ALL_PROXY": "x",
        "HTTP_PROXY": "x",
        "AUTOTRACE_FILE": "x",
        "OPENAI_API_KEY": "real",
        "HOME": "/",
    }
    made = demo._embedded(given, {"OPENAI_API_KEY": "dummy"})
    ours = {
        "AUTOTRACE_DEMO": "1",
        "AUTOTRACE_SINKS": "stdout",
        "AUTOTRACE_FORMAT": "json",
        "AUTOTRACE_SERVICE_NAME": "demo",
    }
    assert made == {"OPENAI_API_KEY": "dummy", "HOME": "/", "NO_PROXY": "127.0.0.1", **ours}


def test_the_demo_leaves_an_sdk_alone_that_the_embedded_provider_does_not_serve() -> None:
    """As where its plugin is not installed: the example skips it, and does not ask the server that the shell names."""
    made = demo._embedded({"OLLAMA_HOST": "http://gpu.example:11434", "PATH": "/bin"}, {"OPENAI_API_KEY": "dummy"})
    assert "OLLAMA_HOST" not in made
    assert (made["PATH"], made["OPENAI_API_KEY"]) == ("/bin", "dummy")


def test_demo_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.setattr(demo, "EXAMPLE", "this")  # prints, and calls no model
    monkeypatch.setattr(demo, "_has_sdk", lambda name: name != "ollama")
    monkeypatch.setattr(demo, "_has_plugin", lambda name: name == "openai")
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    assert main(["demo"]) == 1
    captured = capfdbinary.readouterr()
    assert captured.out.startswith(b"The Zen of Python")
    assert captured.err.decode() == (
        "Records, one line each, between what the program prints:\n"
        "autotrace: demo: no model call was recorded; missing: plugin anthropic, SDK ollama, plugin ollama. "
        "Install them: pip install 'llm-autotrace[openai,anthropic,ollama]' openai anthropic ollama\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="pipes")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    large = tmp_path / "schema.json"
    large.write_text("x" * 1_000_000)
    code = f"import sys; from autotrace._cli import main, schema; schema.FILE = {str(large)!r}; sys.exit(main(['schema']))"
    line = [sys.executable, "-c", code]
    with subprocess.Popen(
        line, env={**os.environ, "PYTHONPATH": SOURCE}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as shown:
        assert shown.stdout is not None
        assert shown.stderr is not None
        shown.stdout.read(1)
        shown.stdout.close()
        assert shown.stderr.read() == b""
    assert shown.returncode == 0


@pytest.mark.parametrize("sdk", ["", "openai", "anthropic", "ollama"])
def test_the_example_does_what_it_has_keys_for(sdk: str) -> None:
    for name in demo.SDKS:
        pytest.importorskip(name)
    with serve() as provider:
        given = {name: value if sdk and name.lower().startswith(sdk) else "" for name, value in provider.environment().items()}
        result = python("-m", "autotrace._cli.example", **given)
        paths = {request.path for request in provider.requests}
    assert (result.returncode, result.stdout) == (0, "")
    skipped = [line for line in result.stderr.splitlines() if line.startswith("skipped: ")]
    assert len(skipped) == (2 if sdk else 3)
    assert not any(sdk and line.startswith(f"skipped: {sdk}") for line in skipped)
    assert bool(paths) == bool(sdk)
    assert all("fault" not in str(request.json) for request in provider.requests)


def test_demo_with_the_operator_against_it() -> None:
    result = python("-m", "autotrace", "demo", AUTOTRACE="0")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "AUTOTRACE=0 is set" in result.stderr


def test_demo_shows_lines_and_then_their_tree() -> None:
    pytest.importorskip("openai")
    if not any(map(demo._has_plugin, demo.SDKS)):
        pytest.skip("no plugin is installed")
    result = python("-m", "autotrace", "demo")
    assert result.returncode == 0, result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]  # stdout is for programs such as jq
    names = [record["name"] for record in records]
    assert "plan_trip" in names
    assert {record["resource"]["service.name"] for record in records} == {"demo"}
    first, *_ = result.stderr.splitlines()
    assert first == "Records, one line each, between what the program prints:"
    _, heading, tree = result.stderr.partition("The same as a tree: durations, and tokens (input → output)\n")
    assert heading
    assert len(tree.splitlines()) == len(names)
    assert "\x1b" not in tree
    only = python("-m", "autotrace", "demo", "--lines-only")
    assert sorted(json.loads(line)["name"] for line in only.stdout.splitlines()) == sorted(names)
    assert "tree" not in only.stderr
    pretty = python("-m", "autotrace", "demo", "--pretty")
    assert pretty.stdout.startswith("plan_trip")
    assert len(pretty.stdout.splitlines()) == len(names)
    assert "Its records as a tree" in pretty.stderr
