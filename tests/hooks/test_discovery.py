"""Finding entry points in site directories."""

from __future__ import annotations

import json
import string
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrace import diagnostics
from autotrace.hooks import discovery

GROUP = discovery.GROUP


def distribution(site: Path, directory: str, entry_points: str | bytes | None) -> Path:
    """Write a distribution's metadata."""
    path = site / directory
    path.mkdir(parents=True)
    name, version = f"{directory.rpartition('.')[0]}-".split("-")[:2]
    (path / ("PKG-INFO" if directory.endswith("egg-info") else "METADATA")).write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version or 0}\n", errors="surrogateescape"
    )
    if entry_points is not None:
        content = entry_points.encode() if isinstance(entry_points, str) else entry_points
        (path / "entry_points.txt").write_bytes(content)
    return path


def found(*paths: Path | str) -> list[tuple[str, str, str, str]]:
    return [(one.package, one.value, one.distribution, one.version) for one in discovery.scan([str(path) for path in paths])]


@pytest.mark.parametrize(
    ("directory", "name", "version"),
    [
        ("autotrace_openai-1.2.dist-info", "autotrace-openai", "1.2"),
        ("Autotrace.OpenAI-1.2.dist-info", "autotrace-openai", "1.2"),
        ("autotrace__openai-1!2.0+local.1.dist-info", "autotrace-openai", "1!2.0+local.1"),
        ("autotrace_openai-1.2-py3.11.egg-info", "autotrace-openai", "1.2"),
        ("autotrace_openai.egg-info", "autotrace-openai", ""),
    ],
)
def test_name_and_version_come_from_the_name_of_the_directory(tmp_path: Path, directory: str, name: str, version: str) -> None:
    distribution(tmp_path, directory, f"[{GROUP}]\nopenai = autotrace_openai:instrumentor\n")
    assert found(tmp_path) == [("openai", "autotrace_openai:instrumentor", name, version)]


@pytest.mark.parametrize(
    ("directory", "alias"), [("autotrace_langchain-1.dist-info", "langchain"), ("acme_tracing-1.dist-info", "langchain_core")]
)
def test_a_plugin_answers_to_the_rest_of_its_distributions_name_too(tmp_path: Path, directory: str, alias: str) -> None:
    distribution(tmp_path, directory, f"[{GROUP}]\nlangchain_core = a:b\n")
    assert [entry.alias for entry in discovery.scan([str(tmp_path)])] == [alias]


def test_the_first_distribution_of_a_name_on_the_path_hides_the_others(tmp_path: Path) -> None:
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    distribution(first, "Acme_Tracing-2.dist-info", f"[{GROUP}]\nacme = new:one\n")
    distribution(second, "acme.tracing-1.egg-info", f"[{GROUP}]\nacme = old:one\n")
    distribution(second, "other-1.dist-info", f"[{GROUP}]\nother = other:one\n")
    distribution(third, "other-2.dist-info", None)
    assert found(first, second, third) == [("acme", "new:one", "acme-tracing", "2"), ("other", "other:one", "other", "1")]
    assert found(third, second) == [("acme", "old:one", "acme-tracing", "1")]


def test_a_path_given_twice_is_read_once(tmp_path: Path) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    assert found(tmp_path, tmp_path) == [("acme", "a:b", "acme", "1")]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("[{group}]\nacme = a:b\n", [("acme", "a:b")]),
        ("[{group}]\r\nacme = a:b\r\n", [("acme", "a:b")]),
        ("[{group}]\nacme=a:b", [("acme", "a:b")]),
        ("  [{group}]  \n\n  acme  =  a.b.c:d.e  \n", [("acme", "a.b.c:d.e")]),
        ("[{group}]\nacme.genai = a:b\nother = c:d\n", [("acme.genai", "a:b"), ("other", "c:d")]),
        ("[{group}]\nacme = a:b [extra]\nother = c:d[x,y]\n", [("acme", "a:b"), ("other", "c:d")]),
        ("[{group}]\n# acme = a:b\n; other = a:b\nacme = c:d\n", [("acme", "c:d")]),
        ("[console_scripts]\nx = a:b\n[{group}]\nacme = a:b\n[gui_scripts]\ny = c:d\n", [("acme", "a:b")]),
        ("[{group}]\nacme = a:b\n[other]\nx = y:z\n[{group}]\nmore = c:d\n", [("acme", "a:b"), ("more", "c:d")]),
        ("[{group}.more]\nacme = a:b\n[{group}]\n", []),
        ("acme = {group}:b\n", []),
        ("# {group}\n[console_scripts]\nx = a:b\n", []),
        ("", []),
    ],
)
def test_of_a_file_only_our_group_is_read(tmp_path: Path, text: str, entries: list[tuple[str, str]]) -> None:
    distribution(tmp_path, "acme-1.dist-info", text.format(group=GROUP))
    assert [(package, value) for package, value, *_ in found(tmp_path)] == entries


@pytest.mark.parametrize("line", ["acme", "acme = a", "= a:b", "acme = :b", "acme = a:", "acme = [x:y]", "[half"])
def test_a_malformed_line_is_said_once_and_the_rest_is_read(
    tmp_path: Path, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"[{GROUP}]\n{line}\ngood = c:d\n")
    expected = [("good", "c:d", "acme", "1")]
    assert found(tmp_path) == expected
    assert found(tmp_path) == expected
    said = [json.loads(text) for text in capfd.readouterr().err.splitlines()]
    assert [one["event"] for one in said] == ["autotrace.discovery"]
    assert "acme 1" in said[0]["message"]
    assert repr(line) in said[0]["message"]


def test_bytes_that_are_no_utf_8_stand_in_nobodys_way(tmp_path: Path) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"# caf\xe9\n[{GROUP}]\nacme = a:b\n".encode("latin-1"))
    distribution(tmp_path, "b\udce9-1.dist-info", f"[{GROUP}]\nother = c:d\n")
    assert [(package, value) for package, value, *_ in found(tmp_path)] == [("acme", "a:b"), ("other", "c:d")]


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    good = tmp_path / "good"
    distribution(good, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    (good / "egg-1.egg-info").write_text("Name: egg\n")
    (distribution(good, "odd-1.dist-info", None) / "entry_points.txt").mkdir()
    (good / "dangling-1.dist-info").symlink_to(tmp_path / "nowhere")
    (good / "dist-info").mkdir()
    (good / ".dist-info").mkdir()
    file = tmp_path / "archive.zip"
    file.write_bytes(b"")
    too_long = "x" * 5000
    assert found(tmp_path / "missing", file, too_long, good) == [("acme", "a:b", "acme", "1")]
    assert diagnostics.failures == {}


@pytest.mark.parametrize("odd", [None, 0, b".", Path()])
def test_an_entry_of_the_path_that_is_no_text_is_ignored_as_by_the_import_system(tmp_path: Path, odd: Any) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    assert [entry.package for entry in discovery.scan([odd, str(tmp_path)])] == ["acme"]


def test_a_directory_without_permission_is_passed_over(tmp_path: Path, modules: Any) -> None:
    closed = tmp_path / "closed"
    distribution(closed, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    closed.chmod(0)
    try:
        modules.run(
            f"""
            import os
            from autotrace.hooks import discovery
            if os.getuid() == 0:
                os.setuid(65534)
            try:
                os.listdir({str(closed)!r})
            except PermissionError:
                assert discovery.scan([{str(closed)!r}]) == []
            else:
                raise AssertionError
            """
        )
    finally:
        closed.chmod(0o700)


def test_without_paths_the_import_path_is_read_and_its_empty_entry_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    distribution(here, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    distribution(there, "other-1.dist-info", f"[{GROUP}]\nother = c:d\n")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", str(there)])
    assert [entry.package for entry in discovery.scan()] == ["acme", "other"]


def test_another_group_can_be_asked_for(tmp_path: Path) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n[others]\nx = c:d\n")
    assert [(entry.package, entry.value) for entry in discovery.scan([str(tmp_path)], "others")] == [("x", "c:d")]


def test_a_plugin_is_found_without_being_imported(modules: Any) -> None:
    name = modules.new("raise AssertionError\n")
    distribution(modules.directory, "acme-1.dist-info", f"[{GROUP}]\nacme = {name}:b\n")
    assert name in [entry.value.partition(":")[0] for entry in discovery.scan()]
    assert name not in sys.modules


word = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=6).filter(str.isidentifier)
dotted = st.lists(word, min_size=1, max_size=3).map(".".join)
distribution_name = st.sampled_from(["acme", "Acme", "autotrace_x", "autotrace.x", "Autotrace_X", "other", "o_t.h_er"])
group = st.sampled_from([GROUP, "console_scripts", GROUP + ".x", "autotrace"])
line = st.builds(
    "{}{}={}{}:{}{}".format,
    dotted,
    st.sampled_from(["", " "]),
    st.sampled_from(["", "  "]),
    dotted,
    dotted,
    st.sampled_from(["", " [extra]", "[a,b]", "  "]),
)
noise = st.sampled_from(["", "   ", "# a comment", f"# [{GROUP}]"])
section = st.builds(lambda name, lines: [f"[{name}]", *lines], group, st.lists(line | noise, max_size=4))
entry_points_file = st.none() | st.lists(section, max_size=3).map(lambda parts: "\n".join(map("\n".join, parts)) + "\n")
kind = st.sampled_from(["-1.0.dist-info", "-2.dist-info", "-1.0.egg-info", "-1.0-py3.10.egg-info"])
site_directory = st.dictionaries(distribution_name, st.tuples(kind, entry_points_file), max_size=4)


def normal(name: str) -> str:
    return discovery._normal(name)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(sites=st.lists(site_directory, min_size=1, max_size=3))
@pytest.mark.parametrize("judge", [metadata, importlib_metadata], ids=["standard library", "backport"])
def test_regular_distributions_are_read_as_importlib_metadata_reads_them(judge: Any, sites: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as root:
        paths = [Path(root, str(number)) for number in range(len(sites))]
        for path, content in zip(paths, sites, strict=True):
            path.mkdir()
            taken = set()
            for name, (ending, text) in content.items():
                if normal(name) not in taken:  # which of two in one directory is the first, nobody says
                    taken.add(normal(name))
                    distribution(path, name + ending, text)
        expected, seen = [], set()
        for one in judge.distributions(path=[str(path) for path in paths]):
            name = normal(one.metadata["Name"])
            if name not in seen:
                seen.add(name)
                expected += [
                    (entry.name, f"{entry.module}:{entry.attr}", name, one.version)
                    for entry in one.entry_points
                    if entry.group == GROUP
                ]
        assert sorted(found(*paths)) == sorted(expected)
