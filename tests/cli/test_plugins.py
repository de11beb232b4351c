"""`autotrace plugins`: real processes, over an invented library and its plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrace
from autotrace._cli import libraries, main, plugins, table

SOURCE = str(Path(autotrace.__file__).parents[1])


def command(library: Any, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`autotrace plugins NAME …` where the invented library is installed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    environment = {**inherited, "PYTHONPATH": os.pathsep.join([SOURCE, str(library.site)]), **variables}
    line = [sys.executable, "-m", "autotrace", "plugins", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=600, check=False)


def views(library: Any, *arguments: str, **variables: str) -> list[dict[str, Any]]:
    done = command(library, library.name, "--json", *arguments, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def view(library: Any, *arguments: str, **variables: str) -> dict[str, Any]:
    (found,) = views(library, *arguments, **variables)
    return found


def test_what_is_installed_where_and_what_became_of_each_target(library: Any) -> None:
    found = view(library)
    assert (found["distribution"], found["version"], found["origin"]) == (library.distribution, "0.3", str(library.site))
    assert (found["library"]["version"], found["library"]["installed"]) == ("1.2", True)
    assert (found["state"], found["reason"], found["outside"]) == ("patched", None, False)
    assert len(found["targets"]) == 6
    assert {target["state"] for target in found["targets"].values()} == {"patched"}


def test_a_plugins_own_options_are_listed_with_what_they_do_and_are(library: Any) -> None:
    source = (library.site / f"{library.plugin}.py").read_text()
    options = '{"loud": Option(False, "says it aloud"), "tone": Option("a", "is the tone", choices=("a", "b"))}'
    source = source.replace("import Instrumentor,", "import Option, Instrumentor,")
    library.write(f"{library.plugin}.py", source.replace("    provider=", f"    options={options},\n    provider="))
    variable = {f"AUTOTRACE_{library.name}_LOUD".upper(): "on"}
    loud = {"default": False, "kind": "bool", "about": "says it aloud", "value": True}
    assert view(library, **variable)["options"]["loud"] == loud
    first, second = (row for row in command(library, library.name, **variable).stdout.splitlines() if "=" in row)
    assert (first.split()[:2], second.split()[:2]) == (["loud=True", "option"], ["tone=a", "option"])
    assert first.endswith("says it aloud (bool, False unless set)")
    assert second.endswith("is the tone ('a' or 'b', a unless set)")


def test_the_table_has_a_row_for_each_plugin_and_target_and_aligned_columns(library: Any) -> None:
    done = command(library, library.name)
    header, plugin, *targets = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    state = header.index("state")
    assert plugin.startswith(f"{library.distribution} 0.3 ")
    assert f"{library.name} 1.2" in plugin
    assert str(library.site) in plugin
    assert len(targets) == 6
    assert {line[state : state + 7] for line in (plugin, *targets)} == {"patched"}


@pytest.mark.parametrize("known_as", ["package", "plugin", "distribution"])
def test_a_plugin_is_known_by_each_of_its_names(library: Any, known_as: str) -> None:
    library.install("autotrace-acmecloud")
    (library.site / f"{library.distribution.replace('-', '_')}-0.3.dist-info" / "entry_points.txt").unlink()
    name = {"package": library.name, "plugin": "acmecloud", "distribution": "autotrace-acmecloud"}[known_as]
    assert command(library, name, "--no-import").stdout.splitlines()[1].startswith("autotrace-acmecloud 0.3 ")


def test_a_name_that_nobody_answers_to_is_one_line_and_2(library: Any) -> None:
    done = command(library, library.name + "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"autotrace: plugins: '{library.name}x' is not an installed plugin; did you mean '{library.name}'?\n"
    )


def test_an_option_that_nobody_knows_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--nonsense"]) == 2
    assert capsys.readouterr().out == ""


def test_what_a_library_prints_while_it_is_imported_is_not_in_the_listing(library: Any) -> None:
    noise = """
        import os, sys
        for out in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            print("printed", file=out)
        os.write(1, b"written")
        os.write(2, b"written")
        """
    library.write(f"{library.name}/__init__.py", noise)
    assert view(library)["state"] == "patched"


def without_the_library(library: Any) -> None:
    (library.site / library.name).rename(library.site / "elsewhere")


def declare(library: Any, *targets: str) -> None:
    """Let the plugin have these targets of the library, and no others."""
    path = library.site / f"{library.plugin}.py"
    before = path.read_text().partition("instrumentor =")[0]
    keys = [f"{library.name}.{target}" for target in targets]
    library.write(path.name, f"{before}\ninstrumentor = Instrumentor(targets=dict.fromkeys({keys!r}, CHAT))\n")


WRONG = {
    "a plugin that raises": (lambda library: library.write(f"{library.plugin}.py", "1 / 0"), "failed", "ZeroDivisionError"),
    "a plugin that is none": (
        lambda library: library.write(f"{library.plugin}.py", "instrumentor = 3"),
        "failed",
        "expected an Instrumentor",
    ),
    "a library that raises": (
        lambda library: library.write(f"{library.name}/__init__.py", "raise OSError('no disk')"),
        "failed",
        "cannot be imported: OSError: no disk",
    ),
    "a library that exits": (
        lambda library: library.write(f"{library.name}/__init__.py", "raise SystemExit(3)"),
        "failed",
        "cannot be imported: ImportError: SystemExit: 3",
    ),
    "a library that lacks something": (
        lambda library: library.write(f"{library.name}/__init__.py", "import not_there_at_all"),
        "failed",
        "No module named 'not_there_at_all'",
    ),
    "no library": (without_the_library, "waiting", "is not installed"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_plugin_or_its_library_is_said(library: Any, wrong: str) -> None:
    break_it, state, reason = WRONG[wrong]
    break_it(library)
    found = view(library)
    assert found["state"] == state
    assert reason in found["reason"]
    assert found["library"]["installed"] is (wrong != "no library")


def test_a_broken_plugin_is_seen_even_where_its_library_is_not_installed(library: Any) -> None:
    without_the_library(library)
    assert len(view(library)["targets"]) == 6
    library.write(f"{library.plugin}.py", "1 / 0")
    found = view(library)
    assert found["state"] == "failed"
    assert "ZeroDivisionError" in found["reason"]


def test_targets_that_are_not_there_say_so_and_the_others_are_seen(library: Any) -> None:
    library.write(f"{library.name}/broken.py", "raise KeyError('x')")
    declare(library, "broken:f", "client:Client.chat", "client:Client.gone", "removed:Chat.create")
    targets = {key.partition(".")[2]: target for key, target in view(library)["targets"].items()}
    assert {key: target["state"] for key, target in targets.items()} == {
        "broken:f": "failed",
        "client:Client.chat": "patched",
        "client:Client.gone": "missing",
        "removed:Chat.create": "missing",
    }
    assert targets["broken:f"]["reason"] == f"{library.name}.broken cannot be imported: KeyError: 'x'"
    assert targets["removed:Chat.create"]["reason"] == f"module {library.name}.removed not found"
    assert "Client has no gone" in targets["client:Client.gone"]["reason"]


def test_a_library_outside_the_range_is_said(library: Any) -> None:
    library.write(f"{library.name}/__init__.py", "__version__ = '0.9'")
    assert view(library)["outside"] is True
    row = command(library, library.name).stdout.splitlines()[1]
    assert row.endswith(f"made for {library.name}>=1")


def test_of_two_plugins_for_one_library_the_second_is_listed_as_refused(library: Any) -> None:
    library.install("zz-other")
    first, second = views(library)
    assert {first["distribution"], second["distribution"]} == {library.distribution, "zz-other"}
    assert first["state"] == "patched"
    assert (second["state"], second["targets"]) == ("refused", {})
    assert second["reason"] == f"{first['distribution']} answers for {library.name}; uninstall one of the two"


def test_the_operators_word_is_kept(library: Any) -> None:
    library.write(f"{library.name}/__init__.py", "raise RuntimeError('it was imported')")
    found = view(library, AUTOTRACE="off")
    assert (found["state"], found["reason"]) == ("disabled", "AUTOTRACE=off is set")


def test_without_imports_the_metadata_tells_and_nothing_is_run(library: Any) -> None:
    for path in (f"{library.name}/__init__.py", f"{library.plugin}.py"):
        library.write(path, f"open({str(library.site / 'imported')!r}, 'w').close()")
    folder = f"{library.name}_sdk-4.5.dist-info"
    library.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {library.name}-sdk\nVersion: 4.5\n")
    library.write(f"{folder}/top_level.txt", library.name)
    found = view(library, "--no-import")
    assert not (library.site / "imported").exists()
    assert (found["state"], found["targets"], found["outside"]) == (None, {}, None)
    assert found["library"] == {
        "distribution": f"{library.name}-sdk",
        "version": "4.5",
        "installed": True,
        "error": None,
    }


def test_a_library_without_the_plugin_that_there_is_for_it_is_known_from_metadata(library: Any) -> None:
    try:
        importlib_metadata.distribution(libraries.CORE)
    except importlib_metadata.PackageNotFoundError:
        pytest.skip("run from a source tree, without metadata")
    library.write("ollama.py", "raise RuntimeError('it was imported')")
    assert "ollama" in libraries.without_plugin([])
    assert "ollama" not in libraries.without_plugin(["autotrace-ollama"])
    library.write("google_genai-3.4.dist-info/METADATA", "Metadata-Version: 2.1\nName: google-genai\nVersion: 3.4\n")
    assert "google-genai" in libraries.without_plugin([])  # whose package is google.genai


@pytest.mark.parametrize(
    ("package", "found"),
    [("apart.one", "apart-one"), ("apart.two", "apart-two"), ("apart.none", None), ("single", "single-sdk")],
)
def test_of_the_distributions_that_share_a_namespace_the_one_with_the_files_counts(
    library: Any, package: str, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "_distributions_by_package", {})
    files = {"apart-one": "apart/one/__init__.py", "apart-two": "apart/two.py", "single-sdk": "single/__init__.py"}
    for distribution, file in files.items():
        folder = f"{distribution.replace('-', '_')}-1.dist-info"
        library.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
        library.write(f"{folder}/RECORD", f"{file},,\n{folder}/METADATA,,\n")
        library.write(file, "")
    assert libraries.distribution_of(package) == found
    assert libraries.can_be_found(package) is (found is not None)


def test_nothing_installed_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert plugins.main(["--no-import"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("autotrace: plugins: no plugin is installed")


def test_another_agent_on_the_same_function_is_named() -> None:
    assert plugins.neighbours({"state": "patched"}) == ""
    assert plugins.neighbours({"below": "one", "above": "two"}) == "one is below ours and two is above ours"


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=6))
def test_columns_start_at_the_same_place_in_every_row(rows: list[list[str]]) -> None:
    lines = table.render(rows).split("\n")
    assert len(lines) == len(rows) + 1
    widths = [max(len(row[i]) for row in rows if len(row) > i) for i in range(max(map(len, rows), default=0))]
    for row, line in zip(rows, lines, strict=False):
        for i, cell in enumerate(row):
            start = sum(widths[:i]) + 2 * i
            assert line[start : start + len(cell)].rstrip() == table.on_one_line(cell).rstrip()
