"""Finding entry points in site directories."""

from __future__ import annotations

import json
import operator
import os
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest

from autotrace import _diagnostics as diagnostics
from autotrace._discovery import distributions

GROUP = distributions.GROUP


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
    return [
        (one.package, one.value, one.distribution, one.version) for one in distributions.scan([str(path) for path in paths])
    ]


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
def test_without_metadata_name_and_version_come_from_the_name_of_the_directory(
    tmp_path: Path, directory: str, name: str, version: str
) -> None:
    path = distribution(tmp_path, directory, f"[{GROUP}]\nopenai = autotrace_openai:instrumentor\n")
    for file in ("METADATA", "PKG-INFO"):
        (path / file).unlink(missing_ok=True)
    assert found(tmp_path) == [("openai", "autotrace_openai:instrumentor", name, version)]


@pytest.mark.parametrize("file", ["METADATA", "PKG-INFO"])
def test_name_and_version_are_those_that_the_metadata_state(tmp_path: Path, file: str) -> None:
    path = distribution(tmp_path, "acme_tracing-1.0_rc1.egg-info", f"[{GROUP}]\nacme = a:b\n")
    (path / "PKG-INFO").unlink()
    (path / file).write_text("Metadata-Version: 2.1\nname: Acme.Tracing\nVersion: 1.0-rc1\n\nName: other\nVersion: 2\n")
    assert found(tmp_path) == [("acme", "a:b", "acme-tracing", "1.0-rc1")]


@pytest.mark.parametrize(
    ("directory", "alias"), [("autotrace_langchain-1.dist-info", "langchain"), ("acme_tracing-1.dist-info", "langchain_core")]
)
def test_a_plugin_answers_to_the_rest_of_its_distributions_name_too(tmp_path: Path, directory: str, alias: str) -> None:
    distribution(tmp_path, directory, f"[{GROUP}]\nlangchain_core = a:b\n")
    assert [entry.alias for entry in distributions.scan([str(tmp_path)])] == [alias]


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
        ("[{group}]\nacme = a.b : c.d\n", [("acme", "a.b:c.d")]),
        ("[ {group} ]\nacme = a:b\n", []),
        ("[{group}]\nacme.genai = a:b\nother = c:d\n", [("acme.genai", "a:b"), ("other", "c:d")]),
        ("[{group}]\nacme = a:b [extra]\nother = c:d[x,y]\n", [("acme", "a:b"), ("other", "c:d")]),
        ("[{group}]\n# acme = a:b\n  # other = a:b\nacme = c:d\n", [("acme", "c:d")]),
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


@pytest.mark.parametrize(
    "line", ["acme", "acme = a", "= a:b", "acme = :b", "acme = a:", "acme = [x:y]", "acme = a:b [x", "acme = a b:c", "[half"]
)
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


def test_all_that_is_wrong_with_a_file_is_said_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = f"[console_scripts]\nno script\n[{GROUP}]\nacme = caf\xe9:b:c\nacme\ngood = c:d\n"
    distribution(tmp_path, "acme-1.dist-info", content.encode("latin-1"))
    distribution(tmp_path, "other-1.dist-info", "[console_scripts]\nno script \xe9\n".encode("latin-1"))
    assert found(tmp_path) == [("good", "c:d", "acme", "1")]
    (said,) = capfd.readouterr().err.splitlines()
    message = json.loads(said)["message"]
    for part in ("not valid UTF-8", "'no script'", "'acme'", "caf", str(tmp_path)):
        assert part in message


def test_bytes_that_are_no_utf_8_stand_in_nobodys_way(tmp_path: Path) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"# caf\xe9\n[{GROUP}]\nacme = a:b\n".encode("latin-1"))
    distribution(tmp_path, "b\udce9-1.dist-info", f"[{GROUP}]\nother = c:d\n")
    assert sorted((package, value) for package, value, *_ in found(tmp_path)) == [("acme", "a:b"), ("other", "c:d")]


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
    assert [entry.package for entry in distributions.scan([odd, str(tmp_path)])] == ["acme"]


def test_a_directory_without_permission_is_passed_over(tmp_path: Path, modules: Any) -> None:
    closed = tmp_path / "closed"
    distribution(closed, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    closed.chmod(0)
    try:
        modules.run(
            f"""
            import os
            from autotrace._discovery import distributions
            if os.getuid() == 0:
                os.setuid(65534)
            try:
                os.listdir({str(closed)!r})
            except PermissionError:
                assert distributions.scan([{str(closed)!r}]) == []
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
    assert [entry.package for entry in distributions.scan()] == ["acme", "other"]


def test_another_group_can_be_asked_for(tmp_path: Path) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n[others]\nx = c:d\n")
    assert [(entry.package, entry.value) for entry in distributions.scan([str(tmp_path)], "others")] == [("x", "c:d")]


def test_a_plugin_is_found_without_being_imported(modules: Any) -> None:
    name = modules.new("raise AssertionError\n")
    distribution(modules.directory, "acme-1.dist-info", f"[{GROUP}]\nacme = {name}:b\n")
    assert name in [entry.value.partition(":")[0] for entry in distributions.scan()]
    assert name not in sys.modules


def test_of_two_with_one_name_in_a_directory_the_file_systems_first_counts_and_metadata_count_more(tmp_path: Path) -> None:
    for number in range(8):
        distribution(tmp_path, f"acme-{number}.dist-info", f"[{GROUP}]\nacme = v{number}:x\n")
    first = next(entry for entry in os.listdir(tmp_path))
    (version,) = [version for *_, version in found(tmp_path)]
    assert f"acme-{version}.dist-info" == first
    (tmp_path / first / "METADATA").unlink()
    (version,) = [version for *_, version in found(tmp_path)]
    assert f"acme-{version}.dist-info" == os.listdir(tmp_path)[1]


@pytest.mark.parametrize("left_over", ["acme-1.dist-info", "Acme-1-py3.9.egg-info"])
def test_what_an_uninstallation_left_behind_hides_nothing(tmp_path: Path, left_over: str) -> None:
    (tmp_path / "first" / left_over / "__pycache__").mkdir(parents=True)
    distribution(tmp_path / "second", "acme-2.dist-info", f"[{GROUP}]\nacme = a:b\n")
    assert found(tmp_path / "first", tmp_path / "second") == [("acme", "a:b", "acme", "2")]


def test_an_entry_point_tells_where_its_distribution_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path / "site", "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    egg = tmp_path / "other-1-py3.11.egg"
    distribution(egg, "EGG-INFO", f"[{GROUP}]\nother = c:d\n")
    (egg / "EGG-INFO" / "PKG-INFO").write_text("Name: other\nVersion: 1\n")
    monkeypatch.chdir(tmp_path / "site")
    assert [one.origin for one in distributions.scan(["", str(egg)])] == [str(tmp_path / "site"), str(egg)]


def test_editable_installs_are_found_where_their_metadata_are(tmp_path: Path) -> None:
    site, source, developed = tmp_path / "site", tmp_path / "source", tmp_path / "developed"
    distribution(site, "acme-1.dist-info", f"[{GROUP}]\nacme = acme_plugin:b\n")  # PEP 660; the code is in `source`
    (site / "__editable__.acme-1.pth").write_text(f"{source}\n")
    distribution(developed, "other.egg-info", f"[{GROUP}]\nother = other_plugin:b\n")  # setup.py develop
    (site / "other.egg-link").write_text(f"{developed}\n.")
    distribution(source, "acme.egg-info", f"[{GROUP}]\nacme = stale:b\n")  # what the build left in the source
    entry_points = distributions.scan([str(site), str(source), str(developed)])
    assert [(one.value, one.origin) for one in entry_points] == [
        ("acme_plugin:b", str(site)),
        ("other_plugin:b", str(developed)),
    ]


def archive(path: Path, **distributions: str) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name, text in distributions.items():
            file.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
            file.writestr(f"{name}-1.dist-info/entry_points.txt", text)
    return str(path)


def test_plugins_in_an_archive_are_found_in_its_place(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    distribution(first, "a-1.dist-info", f"[{GROUP}]\na = a:b\n")
    packed = archive(
        tmp_path / "p.zip", a=f"[{GROUP}]\na = hidden:b\n", c_d=f"[{GROUP}]\nc = c:d[x]\nwrong\n", e=f"[{GROUP}]\ne = e:f"
    )
    distribution(second, "e-2.dist-info", f"[{GROUP}]\ne = hidden:f\n")
    assert [(one.value, one.distribution, one.origin) for one in distributions.scan([str(first), packed, str(second)])] == [
        ("a:b", "a", str(first)),
        ("e:f", "e", packed),
    ]
    with zipfile.ZipFile(packed, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr("c_d-1.dist-info/entry_points.txt", f"[{GROUP}]\nc = c:d[x]\n= e:f\n")
    assert [(one.value, one.distribution, one.origin) for one in distributions.scan([packed])] == [
        ("hidden:b", "a", packed),
        ("c:d", "c-d", packed),
        ("e:f", "e", packed),
    ]


class Told(metadata.Distribution):
    """A distribution that has no files."""

    def __init__(self, name: str | None, text: str) -> None:
        self._files = {"METADATA": f"Name: {name}\nVersion: 7\n" if name else None, "entry_points.txt": text}

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError


class Teller:
    """A meta path finder that imports nothing and tells of distributions."""

    def __init__(self, *told: Any) -> None:
        self.told = told
        self.contexts: list[Any] = []

    def find_spec(self, *_: Any) -> None:
        return None

    def find_distributions(self, context: Any) -> Iterator[Any]:
        self.contexts.append(context)
        for one in self.told:
            if isinstance(one, Exception):
                raise one
            yield one


def test_distributions_that_a_foreign_finder_tells_of_are_found_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        distribution(tmp_path, f"{name}-1.dist-info", f"[{GROUP}]\n{name} = path:{name}\n")
    before = Teller(Told("A", f"[{GROUP}]\na = before:a\n[x]\ny = z:z\n"), Told("d.d", f"[{GROUP}]\nd = before:d[x]\n"))
    after = Teller(Told("b", f"[{GROUP}]\nb = after:b\n"), Told("e", f"[{GROUP}]\ne = after:e\n"))
    monkeypatch.setattr(sys, "meta_path", [before, *sys.meta_path, after])
    entry_points = distributions.scan([str(tmp_path)])
    on_path = [name for name in map(operator.itemgetter(0), os.listdir(tmp_path)) if name in "bc"]
    assert [one.value for one in entry_points] == ["before:a", "before:d", *(f"path:{name}" for name in on_path), "after:e"]
    teller = f"{__name__}.Teller"
    assert [(one.distribution, one.version, one.origin) for one in entry_points[:2]] == [
        ("a", "7", teller),
        ("d-d", "7", teller),
    ]
    assert [list(context.path) for context in before.contexts] == [[str(tmp_path)]]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    judged = importlib_metadata.entry_points(group=GROUP)
    assert [(one.name, f"{one.module}:{one.attr}") for one in judged] == [
        (one.package, one.value) for one in distributions.scan()
    ]


def test_a_foreign_finder_that_raises_is_said_once_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    distribution(tmp_path, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")

    class Odd:
        find_distributions = None

    class Hostile:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    tellers = [Teller(RuntimeError("no such luck")), Teller(object(), Told(None, ""), Told("good", f"[{GROUP}]\ngood = c:d\n"))]
    monkeypatch.setattr(sys, "meta_path", [*tellers, Teller(Told("bad", "[x]\ny\n")), Odd, Hostile(), None, *sys.meta_path])
    for _ in range(2):
        assert [one.package for one in distributions.scan([str(tmp_path)])] == ["good", "acme"]
    said = [json.loads(text)["message"] for text in capfd.readouterr().err.splitlines()]
    assert sum("no such luck" in message for message in said) == 1
    assert len(said) == 4
    assert diagnostics.failures == {}


@pytest.mark.parametrize(
    "finder",
    [
        "type('Quiet', (), {'find_spec': lambda *_: None})()",
        "type('Nothing', (), {'find_spec': lambda *_: None, 'find_distributions': None})()",
        "type('Heir', (PathFinder,), {})",
        "type('Wrapper', (), {'__getattr__': lambda self, name: getattr(PathFinder, name)})()",
    ],
)
def test_importlib_metadata_is_not_loaded_where_our_reader_knows_all(modules: Any, finder: str) -> None:
    distribution(modules.directory, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    modules.run(
        f"""
        import os, sys
        from importlib.machinery import PathFinder
        sys.meta_path.insert(0, {finder})
        sys.path += ["/nowhere/python399.zip", sys.executable + "/x"]
        before = set(sys.modules)
        from autotrace._discovery import distributions
        assert "acme" in [one.package for one in distributions.scan()]
        added = {{name for name in set(sys.modules) - before if not name.startswith("autotrace")}}
        assert added <= {{"__future__"}}, added
        assert "autotrace._discovery.metadata" not in sys.modules
        """,
        "-S",
    )


def test_without_importlib_metadata_what_is_on_the_path_is_found_all_the_same(modules: Any, tmp_path: Path) -> None:
    distribution(modules.directory, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    packed = archive(tmp_path / "p.zip", other=f"[{GROUP}]\nother = c:d\n")
    result = modules.run(
        f"""
        import sys
        sys.modules["importlib_metadata"] = None
        sys.path.insert(0, {packed!r})
        from autotrace._discovery import distributions
        assert "acme" in [one.package for one in distributions.scan()]
        sys.meta_path.append(type("Teller", (), {{"find_distributions": lambda context: []}}))
        assert "acme" in [one.package for one in distributions.scan()]
        """
    )
    (said,) = result.stderr.splitlines()
    assert "importlib_metadata cannot be imported" in said


def test_where_no_file_can_be_named_relative_to_a_directory_nothing_changes(modules: Any) -> None:
    """As on Windows."""
    distribution(modules.directory, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    modules.run(
        """
        import os
        os.supports_dir_fd, os.supports_fd = set(), set()
        del os.O_DIRECTORY
        open_, access = os.open, os.access
        def without(function):
            def call(*arguments, dir_fd=None):
                if dir_fd is not None:
                    raise NotImplementedError
                return function(*arguments)
            return call
        os.open, os.access = without(open_), without(access)
        from autotrace._discovery import distributions
        assert [one.value for one in distributions.scan() if one.package == "acme"] == ["a:b"]
        """
    )


def test_whatever_is_on_the_path_nothing_is_raised_and_no_descriptor_stays_open(tmp_path: Path, modules: Any) -> None:
    good = tmp_path / "good"
    distribution(good, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    (distribution(good, "loop-1.dist-info", None) / "entry_points.txt").symlink_to("entry_points.txt")
    (good / "round-1.dist-info").symlink_to("round-1.dist-info")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    modules.run(
        f"""
        import json, os, sys  # a path with a null character breaks imports, not only ours
        from autotrace._discovery import distributions
        class Odd(str):
            __hash__ = None
        odd = [chr(0), "a" + chr(0), chr(0xDCFF), chr(0xD800), "x" * 5000, "x/" * 5000, Odd("x"), [], {{}}, object(), 1, b"."]
        odd.append({str(tmp_path / "pipe")!r})
        sys.path[:] = [*odd, {str(good)!r}, *odd]
        openings = lambda: len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
        before = openings()
        assert [one.package for one in distributions.scan()] == ["acme"]
        assert openings() == before
        for hooks in (None, [], [None, 1]):
            sys.meta_path = hooks
            assert [one.package for one in distributions.scan()] == ["acme"]
        def hook(event, arguments):
            if event in ("open", "os.listdir"):
                raise RuntimeError(event)
        sys.addaudithook(hook)
        distributions.scan()
        """
    )


def test_a_huge_directory_costs_one_listing(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    distribution(huge, "acme-1.dist-info", f"[{GROUP}]\nacme = a:b\n")
    for number in range(5_000):
        (huge / f"file-{number}.txt").touch()

    def cost(function: Callable[[], object]) -> int:
        taken = []
        for _ in range(7):
            start = time.thread_time_ns()
            function()
            taken.append(time.thread_time_ns() - start)
        return min(taken)

    assert found(huge) == [("acme", "a:b", "acme", "1")]
    assert cost(lambda: distributions.scan([str(huge)])) < 6 * cost(lambda: os.listdir(huge))
