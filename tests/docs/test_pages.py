"""What the documentation says is run: each page's programs, in order, as one, with an embedded provider to talk to.

The authors' guide is followed in an environment of its own: `test_guide.py`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import autotrace
from autotrace import _settings as settings
from autotrace import plugin
from autotrace._record import lines
from autotrace.testing.provider import Provider, serve

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from .pages import GUIDE, PAGES, ROOT, blocks

PROGRAMS = [page for page in PAGES if page != GUIDE and blocks(page, "python")]


def install(tree: Path, site: Path) -> None:
    """Install the distribution of a page as a user would, without the index."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(tree)], check=True, timeout=600)


def environment(provider: Provider, *paths: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    return {
        **ours,
        **provider.environment(),
        "AUTOTRACE_STRICT": "1",
        "AUTOTRACE_EXIT_TIMEOUT": "600",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONWARNINGS": "error",
    }


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    files, site = tmp_path / "files", tmp_path / "site"
    site.mkdir()
    program = []
    for block in blocks(page, "toml", "python"):
        if block.file is None:
            program += [block.text] if block.language == "python" else []
            continue
        path = files / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    if (files / "pyproject.toml").exists():
        install(files, site)
    script = tmp_path / "page.py"
    script.write_text("\n".join(program))
    with serve() as provider:
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environment(provider, site, files),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    validator = jsonschema.Draft202012Validator(lines.json_schema())
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            validator.validate(json.loads(line))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.name)
def test_the_tables_of_a_page_are_toml(page: Path) -> None:
    for block in blocks(page, "toml"):
        assert tomllib.loads(block.text), f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_record_is_a_valid_one_with_the_fields_of_a_real_one(page: str) -> None:
    (shown,) = (json.loads(block.text) for block in blocks(ROOT / page, "json"))
    jsonschema.Draft202012Validator(lines.json_schema()).validate(shown)
    assert list(shown) == list(lines.Span.__struct_fields__)


def test_all_that_authors_import_is_promised_to_them() -> None:
    promised = (ROOT / "docs/stability.md").read_text()
    assert [name for name in plugin.__all__ if f"`{name}`" not in promised] == []
    assert [name for name in autotrace.__all__ if not name.startswith("__") and f"`{name}`" not in promised] == []


def test_all_that_a_plugin_can_declare_is_explained() -> None:
    told = "".join((ROOT / "docs" / page).read_text() for page in ("declarations.md", "frameworks.md"))
    words = {name for name in plugin.__all__ if name[0].islower() or isinstance(getattr(plugin, name), type)}
    for made in (
        plugin.Dialect,
        plugin.Continues,
        plugin.Observer,
        plugin.RunsInside,
        plugin.Instrumentor,
        plugin.Operation,
        plugin.Option,
        plugin.StreamSeam,
        plugin.start,
    ):
        words |= {name for name, one in inspect.signature(made).parameters.items() if one.kind is one.KEYWORD_ONLY}
    words |= {name for name in plugin.Invocation.__slots__ if not name.startswith("_")}
    assert sorted(word for word in words if not re.search(rf"\b{word}\b", told)) == []
    (listed,) = re.findall(r"^## Call: .*?(?=^## )", told, re.MULTILINE | re.DOTALL)
    named = {name for row in re.findall(r"^\| (`.*?`) \|", listed, re.MULTILINE) for name in re.findall(r"`(\w+)", row)}
    assert len(named) >= 14
    assert sorted(name for name in named if not hasattr(plugin.Call, name)) == []


def test_links_between_pages_lead_somewhere() -> None:
    elsewhere = not (ROOT / "plugins").exists()  # in a source distribution of the core
    for page in [*PAGES, *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"))]:
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            plugin = link.removeprefix("../").startswith("plugins/")
            assert (plugin and elsewhere) or (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_setting_is_in_the_table_of_settings() -> None:
    table = (ROOT / "docs/activation.md").read_text().partition("\n## Settings\n")[2]
    assert [name for name in settings.KNOWN if f"`{name}`" not in table] == []
