"""Our reader of entry points, held against `importlib_metadata` and `importlib.metadata` over generated site directories.

There is one declared difference. Where they raise on a broken file, or give an entry point that is no plugin (no name, no
attribute), ours leaves out what is broken, says one line about that file, and goes on: it then finds what they find once the
file has been repaired. About files that do not name the group it says nothing.

A second one is between the judges: distributions without metadata come last and hide nothing for version 10 of the
backport, which is ours; older ones and the standard library treat them as all others.
"""

from __future__ import annotations

import operator
import string
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import importlib_metadata
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrace import _diagnostics as diagnostics
from autotrace._discovery import distributions as discovery

GROUP = "autotrace.generated"
"""Nothing that is really installed."""

JUDGES = pytest.mark.parametrize("judge", [metadata, importlib_metadata], ids=["standard library", "backport"])
VERSION = int(metadata.version("importlib_metadata").partition(".")[0])


class Distribution(NamedTuple):
    """One entry of a site directory."""

    name: str
    metadata_file: str
    metadata: bytes | None
    entry_points: bytes | None

    def files(self) -> dict[str, bytes | None]:
        """Relative names and contents; None is a directory."""
        if self.metadata_file == "":
            return {self.name: self.metadata or b""}
        found: dict[str, bytes | None] = {self.name + "/": None}
        if self.metadata is not None:
            found[f"{self.name}/{self.metadata_file}"] = self.metadata
        if self.entry_points is not None:
            found[f"{self.name}/entry_points.txt"] = self.entry_points
        return found


class Site(NamedTuple):
    """One entry of the path."""

    name: str
    kind: str
    distributions: list[Distribution]

    def write(self, root: Path) -> str:
        path = root / self.name
        contents = {name: content for one in self.distributions for name, content in one.files().items()}
        if self.kind == "directory":
            path.mkdir()
            for name, content in contents.items():
                file = path / name
                if content is None:
                    file.mkdir()
                elif not file.is_dir():
                    file.write_bytes(content)
        elif self.kind == "archive":
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in contents.items():
                    archive.writestr(name, content or b"")
        elif self.kind == "file":
            path.write_bytes(b"nothing")
        return str(path)


NAMES = ["acme", "Acme", "ACME", "a.c_me", "a__c.me", "A_c-me", "autotrace_x", "autotrace.x", "caf\xe9", "\u0130x", "_x", "x_"]
word = st.text(string.ascii_letters + string.digits + "_\xe9", min_size=1, max_size=5)
dotted = st.lists(word, min_size=1, max_size=3).map(".".join)
space = st.sampled_from(["", "", " ", "  ", "\t", "\x0c"])
extras = st.sampled_from(["", "", "", " [extra]", "[a, b]", "[]", "[a] [b]"])
good = st.builds("{}{}={}{}{}:{}{}{}".format, dotted, space, space, dotted, space, space, dotted, extras)
odd_line = st.sampled_from(
    "acme|acme = a|= a:b|acme =|a key = b:c|a-b = c:d|x = a:b c|x = a:b [c|x = a:b ] [c]|x = :b|x = a:|x = a.:b|x = .:.|"
    "x = a-b:c|x = a:b:c|x = a:b = c|[half|half]|; x = a:b|x: a:b|=|[|x = a:b # c|\ufeffx = a:b|\u3000x = a:b\u3000|"
    "x = a\u2003:b|\xb2 = \xb2:\xb2|x = a : b|x = a:b]|x = [a:b]|# x = a:b".split("|")
)
noise = st.sampled_from(["", "  ", "# comment", f"# [{GROUP}]", "#[x]", f"{GROUP} = a:b"])
header = st.sampled_from([f"[{GROUP}]"] * 8 + [f"[ {GROUP} ]", f"[[{GROUP}]]", f"  [{GROUP}]  ", "[]", "[console_scripts]"])
other_header = st.sampled_from([f"[{GROUP}.x]", "[console_scripts]", f"[{GROUP}", f"{GROUP}]", f"[{GROUP.upper()}]"])
line_end = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\n\n"])


@st.composite
def entry_points_files(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(good | good | header | other_header | noise | odd_line, max_size=8))
    if draw(st.booleans()):
        lines.insert(0, f"[{GROUP}]")
    end = draw(line_end)
    content = (end.join(lines) + draw(st.sampled_from(["", end]))).encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.sampled_from([b"\xff", b"\xe9", b"\xc3", b"\x00"])) + content[at:]
    return content


@st.composite
def distributions(draw: st.DrawFn) -> Distribution:
    name, version = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["1.0", "2", "1!2.0+local.1", "1.0_rc1"]))
    kinds = ["-{}.dist-info"] * 6 + ["-{}-py3.11.egg-info", ".egg-info", "-{}.egg-info", "-{}.DIST-INFO", ".Egg-Info"]
    kinds += [".dist-info", "-{}.dist-info.egg-info", "-info", ".info"]
    kind = draw(st.sampled_from(kinds))
    stem = draw(st.sampled_from([name] * 8 + ["", ".", "..", "-", "_", name + ".dist-info"]))
    stated = draw(st.sampled_from([name] * 6 + [name.upper(), "stated.Name"]))
    fields = [f"Metadata-Version: 2.1\nName: {stated}\nVersion: {version}"] * 7
    fields += [f"NAME:{stated}\nversion:\t{version}  ", f"Version: 3\nSummary: a\n  Name: b\nName: {stated}"]
    fields += ["", "Version: 1", f"\nName: {stated}\n", f"Name: {stated}"]
    rest = draw(st.sampled_from(["\n", "\nX: y\n\nName: other\nVersion: 7\n"]))
    files = ["METADATA", "METADATA", "PKG-INFO"] + [""] * ("egg" in kind)
    return Distribution(
        stem + kind.format(version),
        draw(st.sampled_from(files)),
        draw(st.sampled_from([(draw(st.sampled_from(fields)) + rest).encode()] * 7 + [None])),
        draw(st.none() | entry_points_files() | entry_points_files()),
    )


@st.composite
def sites(draw: st.DrawFn, kinds: tuple[str, ...] = ("directory",)) -> list[Site]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        content = {one.name: one for one in draw(st.lists(distributions(), max_size=6))}
        name = draw(st.sampled_from([f"site{number}"] * 3 + [f"Eg_g{number}-1.0-py3.11.egg", f"EGG{number}.EGG"]))
        if ".egg" in name.lower():
            own = draw(distributions())._replace(name=draw(st.sampled_from(["EGG-INFO", "EGG-INFO", "egg-info"])))
            content[own.name] = own._replace(metadata_file=own.metadata_file and "PKG-INFO")
        found.append(Site(name, draw(st.sampled_from(kinds)), list(content.values())))
    return found


@contextmanager
def written(content: list[Site]) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as root:
        yield [site.write(Path(root)) for site in content]


def field(distribution: Any, name: str) -> str:
    try:
        return (distribution.metadata[name] or "").strip()
    except Exception:  # no such file, no such field: the judges disagree on how to say it
        return ""


def in_archive(distribution: Any) -> bool:
    return not isinstance(distribution._path, Path)


def own_name(distribution: Any) -> str:
    path = distribution._path
    return path.parent.name if path.name.lower() == "egg-info" else path.name


def key(judge: Any, distribution: Any) -> str | None:
    """What the judge tells distributions apart by; where it raises, the name of the directory."""
    try:
        return str(distribution._normalized_name)
    except Exception:  # as above
        if in_archive(distribution):
            return None
        return judge.Prepared.normalize(own_name(distribution).rpartition(".")[0].partition("-")[0]) or None


def has_metadata(distribution: Any) -> bool:
    """What the judges can read, by which they prefer distributions: not an ``.egg-info`` that is a file in an archive."""
    path = distribution._path
    is_readable_file = path.is_file() and not in_archive(distribution)
    return path.joinpath("METADATA").exists() or path.joinpath("PKG-INFO").exists() or is_readable_file


def problem(distribution: Any) -> Exception | None:
    """What the judge raises for the whole file."""
    try:
        list(distribution.entry_points)
    except (TypeError, ValueError) as exc:
        return exc
    return None


def repair(judge: Any, distribution: Any) -> None:
    """Take out of `entry_points.txt` what a judge raises on: lines in a section that are no entry, bytes that are no text."""
    file = distribution._path / "entry_points.txt"
    kept, section = [], False
    for line in map(str.strip, file.read_bytes().decode("utf-8", "replace").splitlines()):
        is_header = line.startswith("[") and line.endswith("]")
        section = section or is_header
        _, equals, value = line.partition("=")
        if is_header or not section or line.startswith("#") or (equals and judge.EntryPoint.pattern.match(value.strip())):
            kept.append(line)
    file.write_text("\n".join(kept), encoding="utf-8")


def is_plugin(entry_point: Any) -> bool:
    try:
        return bool(entry_point.name and entry_point.module and entry_point.attr)
    except (ValueError, AttributeError, AssertionError):  # the value is no reference
        return False


Row = tuple[str, str, str, str, str]


def expected(judge: Any, paths: list[str], prefer_metadata: bool = True) -> tuple[list[Row], int]:
    """The judge's entry points, and how many files it could not read or gave what is no plugin from."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a field that is not there is a DeprecationWarning of some
        finder, rows, seen, broken = judge.MetadataPathFinder(), [], set(), 0
        found = list(finder.find_distributions(judge.DistributionFinder.Context(path=paths)))
        if prefer_metadata:
            found.sort(key=has_metadata, reverse=True)
        for one in found:
            name = key(judge, one)
            if name is None or name in seen:
                continue
            seen.add(name)
            text = one._path.joinpath("entry_points.txt")
            ours = text.is_file() and GROUP.encode() in text.read_bytes()
            wrong = problem(one)
            if wrong and in_archive(one):
                continue
            if wrong:
                repair(judge, one)
            group = [entry for entry in one.entry_points if entry.group == GROUP]
            # Version 9 raises a plain ValueError on values that others leave to whoever uses them, in any group.
            broken += ours and (isinstance(wrong, (TypeError, UnicodeDecodeError)) or not all(map(is_plugin, group)))
            stated = judge.Prepared.normalize(field(one, "Name") or name).replace("_", "-")
            version = field(one, "Version")
            if not version and not in_archive(one):
                version = one._path.name.rpartition(".")[0].partition("-")[2].partition("-")[0]
            rows += [
                (entry.name, f"{entry.module}:{entry.attr}", stated, version, str(one._path.parent).rstrip("/"))
                for entry in group
                if is_plugin(entry)
            ]
        finder.invalidate_caches()
    return rows, broken


def rows(paths: list[str] | None, group: str = GROUP) -> list[Row]:
    read = operator.attrgetter("package", "value", "distribution", "version", "origin")
    return [read(one) for one in discovery.scan(paths, group)]


relaxed = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", params=[True, False], ids=["relative", "whole names"])
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both ways to name a file: relative to an open directory where the system can, in full elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "_RELATIVE", request.param and discovery._RELATIVE)
        yield


@JUDGES
@pytest.mark.usefixtures("_way")
@relaxed
@given(content=sites())
def test_directories_are_read_as_importlib_metadata_reads_them(judge: Any, content: list[Site]) -> None:
    with written(content) as paths:
        diagnostics.forget()
        found = rows(paths)
        said = [message for event, message in diagnostics._written if event == "discovery"]
        wanted, broken = expected(judge, paths)
    assert found == wanted
    assert said or not broken  # what is said of two files may be the same, and is then said once
    assert diagnostics.failures == {}


# A judge leaves archives to the garbage collector, which may find the file before what would have closed it (seen on 3.10).
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@relaxed
@given(content=sites(("directory", "archive", "archive", "file", "missing")))
def test_archives_are_left_to_importlib_metadata(content: list[Site]) -> None:
    with written(content) as paths:
        diagnostics.forget()
        found = rows(paths)
        wanted, _ = expected(importlib_metadata, paths)
    assert found == wanted
    assert diagnostics.failures == {}


@relaxed
@given(content=sites())
def test_what_entry_points_returns_is_what_we_find(content: list[Site]) -> None:
    with written(content) as paths, pytest.MonkeyPatch.context() as patch:
        found = rows(paths)
        patch.setattr(sys, "path", [*paths, *sys.path])
        importlib_metadata.MetadataPathFinder().invalidate_caches()
        try:
            entry_points = importlib_metadata.entry_points(group=GROUP)
        except Exception:  # a broken file, where the judge gives nothing at all
            return
        bare = any(not has_metadata(one) for one in importlib_metadata.distributions(path=paths))
    if VERSION >= 10 or not bare:
        wanted = [(one.name, f"{one.module}:{one.attr}") for one in entry_points if is_plugin(one)]
        assert [row[:2] for row in found] == wanted


def test_every_group_that_is_installed_here_is_found() -> None:
    installed = importlib_metadata.entry_points()
    assert len(installed.groups) > 1
    for group in installed.groups:
        wanted = [(one.name, f"{one.module}:{one.attr}", one.dist.version) for one in installed.select(group=group) if one.attr]
        assert [(package, value, version) for package, value, _, version, _ in rows(None, group)] == wanted
