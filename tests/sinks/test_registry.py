"""Which sinks are in force: names, objects, options, and distributions that bring their own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrace
from autotrace.errors import SettingsError
from autotrace.sinks import Entry, MemorySink

TO_FILE = """
import json

class ToFile:
    def __init__(self, options):
        self.path = options["path"]
        self.closed = False
    def write(self, batch):
        with open(self.path, "ab") as file:
            for entry in batch:
                assert json.loads(entry.line)["name"] == entry.record.name
                file.write(entry.line)
    def close(self, deadline):
        with open(self.path, "ab") as file:
            file.write(b'{"event":"closed"}\\n')
"""
BROKEN = """
class Broken:
    def __init__(self, options): ...
    def write(self, batch):
        raise RuntimeError("it is broken")
    def close(self, deadline):
        raise RuntimeError("and stays so")
"""


@pytest.fixture
def mine(site: Any) -> None:
    site.write("mine.py", TO_FILE)
    site.install("acme-sink", "mine", "mine:ToFile")


def written(tmp_path: Path) -> list[str]:
    return [json.loads(line).get("name", "closed") for line in (tmp_path / "mine.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("enable", "variables"),
    [
        ("autotrace.enable(sinks={'stdout': {}, 'mine': {'path': 'mine.jsonl'}})", {}),
        ("autotrace.enable(sinks={'mine': {'path': 'mine.jsonl'}, 'stdout': {}})", {"AUTOTRACE_SINKS": "stderr"}),
        ("autotrace.enable()", {"AUTOTRACE_SINKS": '{"mine": {"path": "mine.jsonl"}, "stdout": {}}'}),
        ("autotrace.enable(sinks=['mine', 'stdout'])", {"AUTOTRACE_SINKS": '{"mine": {"path": "mine.jsonl"}}'}),
        ("", {"AUTOTRACE": "1", "AUTOTRACE_SINKS": '{"mine": {"path": "mine.jsonl"}, "stdout": {}}'}),
    ],
    ids=["argument", "argument over variable", "variable", "options of both", "no code"],
)
def test_sinks_are_named_by_any_source(run: Callable[..., Any], tmp_path: Path, enable: str, variables: dict[str, str]) -> None:
    ran = run("span('a'); span('b')", enable, **variables)
    assert (ran.code, ran.err) == (0, "")
    assert ran.names == ["a", "b"]
    assert written(tmp_path) == ["a", "b", "closed"]


@pytest.mark.usefixtures("mine")
def test_a_file_names_sinks_by_their_tables_and_a_variable_chooses_among_them(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.autotrace.sinks.stdout]\n[tool.autotrace.sinks.mine]\npath = "mine.jsonl"\n'
    )
    ran = run("span('a')")
    assert (ran.names, written(tmp_path), ran.err) == (["a"], ["a", "closed"], "")
    ran = run("span('b')", AUTOTRACE_SINKS="mine")
    assert (ran.out, written(tmp_path)[2:], ran.err) == ("", ["b", "closed"], "")


@pytest.mark.usefixtures("mine")
def test_a_sink_is_imported_with_the_first_record_and_not_before(run: Callable[..., Any]) -> None:
    ran = run(
        "import sys; print('mine' in sys.modules, 'msgspec' in sys.modules)",
        "autotrace.enable(sinks={'mine': {'path': 'mine.jsonl'}})",
    )
    assert (ran.out.split()[0], ran.err) == ("False", "")


def test_one_that_fails_does_no_harm_to_the_others(run: Callable[..., Any], site: Any) -> None:
    site.write("broken.py", BROKEN)
    site.install("acme-broken", "broken", "broken:Broken")
    site.install("acme-gone", "gone", "no_such_module:Sink")
    ran = run("span('a'); autotrace.flush(); span('b')", AUTOTRACE_SINKS="broken,gone,stdout")
    assert (ran.code, ran.names) == (0, ["a", "b"])
    assert {name for line in ran.said for name in ("broken", "gone") if name in line["message"]} == {"broken", "gone"}


def test_a_name_that_nobody_knows_is_one_error_with_the_nearest(
    run: Callable[..., Any], site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="'stdot' is not a known sink; did you mean 'stdout'"):
        autotrace.enable(sinks=["stdot"])
    monkeypatch.setenv("AUTOTRACE_SINKS", "stdout,stder")
    with pytest.raises(SettingsError, match="'stder' is not a known sink; did you mean 'stderr'"):
        autotrace.enable()
    site.install("acme-sink", "mine", "mine:ToFile")
    ran = run("span('a')", "", AUTOTRACE="1", AUTOTRACE_SINKS="mime")
    assert (ran.code, ran.names) == (0, ["a"])
    assert ["did you mean 'mine'? Or install" in line["message"] for line in ran.said] == [True]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "no sink is named"),
        ("", "no sink is named"),
        (7, "7 is not a sink"),
        ([MemorySink], "MemorySink is a class"),
        ([io.StringIO()], "is a file object"),
        ({"stdout": 7}, "the options of 'stdout' must be a table"),
        ('{"stdout"', "is not valid JSON"),
    ],
)
def test_what_cannot_be_a_sink_is_an_error(given: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        autotrace.enable(sinks=given)


def test_two_distributions_of_one_name(run: Callable[..., Any], site: Any) -> None:
    site.write("mine.py", TO_FILE)
    site.install("a-sink", "mine", "mine:ToFile")
    site.install("b-sink", "mine", "other:ToFile")
    site.install("c-sink", "stdout", "other:ToFile")
    ran = run("span('a')", "autotrace.enable(sinks={'mine': {'path': 'mine.jsonl'}, 'stdout': {}})")
    assert ran.names == ["a"]
    assert sorted(line["message"] for line in ran.said) == [
        "b-sink: its sink mine is refused: a-sink already has a sink with that name.",
        "c-sink: its sink stdout is refused: autotrace already has a sink with that name.",
    ]


def test_a_sink_holds_for_all_libraries(library: Any) -> None:
    with pytest.raises(SettingsError, match="applies to all libraries"):
        autotrace.enable(library.name, sinks=["stdout"])


def record(name: str) -> None:
    with autotrace.span(name):
        pass


def test_memory_beside_others_until_it_is_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = MemorySink(), MemorySink(max_records=2)
    autotrace.enable(sinks=["stderr", first])
    record("a")
    autotrace.enable(sinks=[first, second])
    for name in "bcd":
        record(name)
    autotrace.disable()
    assert [span["name"] for span in first.spans] == ["a", "b", "c", "d"]
    assert [span["name"] for span in second.spans] == ["c", "d"]
    assert first.spans[0]["end_reason"] == "completed"
    assert [json.loads(line)["name"] for line in capfd.readouterr().err.splitlines()] == ["a"]
    first.clear()
    assert first.spans == []


def test_a_sink_that_is_stuck_gives_way_to_the_next() -> None:
    class Stuck:
        def write(self, batch: list[Entry]) -> int:
            return 0

        def close(self, deadline: float) -> None: ...

    memory = MemorySink()
    autotrace.enable(sinks=[Stuck()])
    record("a")
    autotrace.enable(sinks=[memory])
    record("b")
    assert autotrace.flush()
    assert [span["name"] for span in memory.spans] == ["b"]


def test_a_record_is_encoded_once() -> None:
    class Lines:
        def __init__(self) -> None:
            self.lines: list[bytes] = []

        def write(self, batch: list[Entry]) -> None:
            self.lines += [entry.line for entry in batch]

        def close(self, deadline: float) -> None: ...

    one, other = Lines(), Lines()
    autotrace.enable(sinks=[one, other])
    record("a")
    autotrace.disable()
    assert one.lines[0] is other.lines[0]


def test_a_forked_child_has_sinks_of_its_own(run: Callable[..., Any], site: Any) -> None:
    site.write(
        "pids.py",
        """
        import os
        class Pids:
            def __init__(self, options):
                self.made_by = os.getpid()
            def write(self, batch):
                assert self.made_by == os.getpid()
            def close(self, deadline): ...
        """,
    )
    site.install("acme-pids", "pids", "pids:Pids")
    ran = run(
        """
        span("a")
        autotrace.flush()
        child = os.fork()
        span("b")
        autotrace.flush()
        if child:
            os.waitpid(child, 0)
        """,
        AUTOTRACE_SINKS="pids,stdout",
    )
    assert (ran.code, sorted(ran.names), ran.said) == (0, ["a", "b", "b"], [])


@pytest.mark.usefixtures("mine")
def test_the_commands_show_the_sinks_and_where_lines_go(
    tmp_path: Path, environment: Callable[..., dict[str, str]], without_plugins: str
) -> None:
    variables = environment(AUTOTRACE_FILE="traces/app.jsonl", AUTOTRACE_SINKS="file,mine,stderr,nope")
    variables["PYTHONPATH"] += os.pathsep + without_plugins

    def command(*arguments: str) -> str:
        line = [sys.executable, "-S", "-m", "autotrace", *arguments]
        done = subprocess.run(line, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, text=True, timeout=600, check=False)
        return done.stdout

    path = str(tmp_path / "traces/app.jsonl")
    found = json.loads(command("doctor", "--json"))
    sinks = found["process"]["output"]["sinks"]
    assert {name: sink["where"] for name, sink in sinks.items()} == {
        "file": path,
        "mine": "the sink mine of acme-sink 1.0",
        "stderr": "stderr",
        "nope": "the sink nope",
    }
    assert [name for name, sink in sinks.items() if sink["problem"]] == ["nope"]
    assert "'nope' is not a known sink" in str([one for one in found["findings"] if one["mark"] == "problem"])
    listing = command("plugins", "--no-import")
    if "autotrace-" in listing:  # else no plugin is installed here
        table = listing.partition("\nsink ")[2].splitlines()[1:]
        rows = {name: rest.strip() for name, _, rest in (line.partition(" ") for line in table)}
        assert rows.keys() == {"file", "mine", "nope", "stderr", "stdout"}
        assert rows["file"].split() == ["in", "use", path]
        assert rows["mine"].startswith("in use  acme-sink 1.0")
