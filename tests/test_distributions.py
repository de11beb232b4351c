"""What stands in every distribution of this repository: a licence, a changelog, addresses, and what its tests need.

A source distribution of the core has none of the plugins; there it is held to this alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/autotrace-*/pyproject.toml"))

each = pytest.mark.parametrize("tree", [ROOT, *PLUGINS], ids=lambda tree: "core" if tree == ROOT else tree.name)
each_plugin = pytest.mark.parametrize("tree", PLUGINS, ids=lambda tree: tree.name)


def declared(tree: Path) -> dict[str, Any]:
    return tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))


@each
def test_a_distribution_has_the_licence_that_it_names(tree: Path) -> None:
    project = declared(tree)["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert (tree / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@each
def test_a_changelog_begins_with_the_version_of_its_distribution(tree: Path) -> None:
    headings = re.findall(r"^## (\S+) \((?:unreleased|\d{4}-\d\d-\d\d)\)$", (tree / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:1] == [declared(tree)["project"]["version"]]


@each
def test_the_addresses_of_a_distribution_are_those_of_the_project(tree: Path) -> None:
    address = declared(ROOT)["tool"]["release"]["address"]
    name = tree.name.removeprefix("autotrace-")
    plugin = {
        "Documentation": f"{address}/libraries/{name}.html",
        "Changelog": f"{address}/libraries/{name}.html#changelog",
    }
    core = {"Documentation": f"{address}/index.html", "Changelog": f"{address}/project/changelog.html"}
    both = {"Source": f"{address}/source", "Issues": f"{address}/issues"}
    assert declared(tree)["project"]["urls"] == {**(core if tree == ROOT else plugin), **both}


@each_plugin
def test_a_source_distribution_has_what_the_tests_of_all_plugins_share(tree: Path) -> None:
    shared = declared(tree)["tool"]["hatch"]["build"]["targets"]["sdist"]["force-include"]
    assert {(tree / path).resolve(): name for path, name in shared.items()} == {
        ROOT / "conftest.py": "shared/conftest_of_all.py",
        ROOT / "plugins/conftest.py": "shared/conftest_of_plugins.py",
        ROOT / "plugins/sdist/conftest.in": "conftest.py",
        ROOT / "plugins/sdist/pytest.ini": "pytest.ini",
    }
    assert [path for path in shared if not (tree / path).exists()] == []


@pytest.mark.skipif(not PLUGINS, reason="a source distribution of the core has no plugins")
def test_the_tests_of_a_source_distribution_run_as_those_of_the_repository_do() -> None:
    here = declared(ROOT)["tool"]["pytest"]["ini_options"]
    there = dict(re.findall(r"^(\w+) = (.+)$", (ROOT / "plugins/sdist/pytest.ini").read_text(), re.MULTILINE))
    places = {"testpaths": "tests", "pythonpath": "shared"}
    same = {name: " ".join(value) if isinstance(value, list) else str(value) for name, value in here.items()}
    assert {name: value.lower() for name, value in there.items()} == {
        **{name: value.lower() for name, value in same.items()},
        **places,
    }


def test_what_the_source_distribution_of_the_core_lists_is_there() -> None:
    listed = declared(ROOT)["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert [path for path in listed if not (ROOT / path).exists()] == []


@pytest.mark.skipif(not PLUGINS, reason="a source distribution of the core has no plugins")
def test_an_extra_pulls_each_plugin() -> None:
    extras = declared(ROOT)["project"]["optional-dependencies"]
    pulled = {re.split("[<>=]", one)[0] for name, extra in extras.items() for one in extra if name != "all"}
    assert {tree.name for tree in PLUGINS} - pulled == set()
    (everything,) = re.findall(r"\[(.+)\]", extras["all"][0])
    assert set(everything.split(",")) == {tree.name.removeprefix("autotrace-") for tree in PLUGINS}
