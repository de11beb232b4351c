"""The file sink: every line once and whole, whoever else writes to the file, rotates it, moves it away or fills the disk."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import autotrace
from autotrace import _settings as settings
from autotrace._settings.sink_settings import duration
from autotrace.errors import SettingsError
from autotrace.sinks import Entry, FileSink, _file, rotation
from autotrace.sinks.compression import Compressor

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def names(folder: Path, pattern: str = "app*") -> list[str]:
    """The names of the spans in the files of a folder, each line parsed."""
    return [json.loads(line)["name"] for path in folder.glob(pattern) for line in content(path).splitlines()]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_made_for_its_owner_and_stdout_stays_empty(run: Callable[..., Any], tmp_path: Path) -> None:
    ran = run("os.umask(0); span('a'); span('b')", AUTOTRACE_FILE="traces/today/app.jsonl")
    assert (ran.out, ran.err) == ("", "")
    assert names(tmp_path / "traces/today") == ["a", "b"]
    assert [mode(tmp_path / path) for path in ("traces", "traces/today", "traces/today/app.jsonl")] == [0o700, 0o700, 0o600]


def test_lines_are_appended_and_a_half_one_is_ended(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.jsonl").write_text('{"name":"before"}\n{"name":"torn by a ki')
    run("span('a')", AUTOTRACE_SINKS="file,stdout", AUTOTRACE_FILE="app.jsonl")
    before, torn, after = (tmp_path / "app.jsonl").read_text().splitlines()
    assert (before, torn, json.loads(after)["name"]) == ('{"name":"before"}', '{"name":"torn by a ki', "a")


STORM = """
def storm(who):
    for number in range({each}):
        span(f"{{who}}-{{number}}", text="x" * (number * 37 % 900))
        if number % 10 == 0:
            time.sleep(0.001)
if len(sys.argv) > 1:
    storm(sys.argv[1])
    sys.exit()
import subprocess
others = [subprocess.Popen([sys.executable, __file__, f"spawned {{n}}"]) for n in range(2)]
span("first")
autotrace.flush()
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        storm(f"forked {{number}}")
        sys.exit()
    children.append(child)
storm("parent")
codes = [os.waitpid(child, 0)[1] for child in children] + [other.wait() for other in others]
assert codes == [0] * 5, codes
"""


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_six_processes_that_rotate_one_file_lose_no_line(run: Callable[..., Any], tmp_path: Path, compression: str) -> None:
    each = 200
    variables = {
        "AUTOTRACE_FILE": "traces/app.jsonl",
        "AUTOTRACE_FILE_MAX_BYTES": "20000",
        "AUTOTRACE_FILE_COMPRESSION": compression,
    }
    ran = run(STORM.format(each=each), **variables)
    assert (ran.code, ran.out, ran.said) == (0, "", [])
    run("span('last')", **variables)  # compresses what is left
    folder = tmp_path / "traces"
    who = ["parent", *(f"forked {n}" for n in range(3)), *(f"spawned {n}" for n in range(2))]
    assert Counter(names(folder)) == Counter(["first", "last", *(f"{one}-{number}" for one in who for number in range(each))])
    files = sorted(folder.iterdir())
    assert len(files) > 40
    assert all(len(content(path)) <= 20_000 for path in files)
    plain = [path for path in files if path.suffix != ".gz" and path.name != "app.jsonl"]
    assert len(plain) == (len(files) - 1 if compression == "none" else 0)
    assert {mode(path) for path in files} == {0o600}


def test_what_is_moved_or_removed_from_outside_is_made_anew(run: Callable[..., Any], tmp_path: Path) -> None:
    ran = run(
        """
        import shutil
        for number in range(6):
            span(f"s{number}")
            autotrace.flush()
            if number == 1:
                os.rename("traces/app.jsonl", "traces/app.old")  # logrotate
            if number == 3:
                shutil.copy("traces/app.jsonl", "traces/app.copy")  # logrotate's copytruncate
                os.truncate("traces/app.jsonl", 0)
            if number == 4:
                shutil.move("traces", "moved")
        """,
        AUTOTRACE_FILE="traces/app.jsonl",
    )
    assert (ran.code, ran.err) == (0, "")
    assert names(tmp_path / "moved", "app.old") == ["s0", "s1"]
    assert names(tmp_path / "moved", "app.copy") == ["s2", "s3"]
    assert names(tmp_path / "moved", "app.jsonl") == ["s4"]
    assert names(tmp_path / "traces") == ["s5"]


def test_a_link_stays_and_the_file_behind_it_is_rotated(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    (tmp_path / "app.jsonl").symlink_to("traces/real.jsonl")
    ran = run(
        "for number in range(9): span(f'{number}', text='x' * 500)", AUTOTRACE_FILE="app.jsonl", AUTOTRACE_FILE_MAX_BYTES="999"
    )
    assert ran.err == ""
    assert (tmp_path / "app.jsonl").is_symlink()
    assert sorted(names(tmp_path / "traces", "real*")) == list("012345678")
    assert len(list((tmp_path / "traces").glob("real.2*.jsonl.gz"))) == 8


def test_what_a_program_prints_without_a_stdout_does_not_land_in_the_file(run: Callable[..., Any], tmp_path: Path) -> None:
    ran = run(
        """
        for fd in (0, 1):
            os.close(fd)
        for number in range(9):
            span(f"{number}", text="x" * 500)
            autotrace.flush()
            try:
                os.write(1, b"printed")
            except OSError:
                pass
        """,
        AUTOTRACE_FILE="app.jsonl",
        AUTOTRACE_FILE_MAX_BYTES="999",
    )
    assert ran.said == []
    assert sorted(names(tmp_path)) == list("012345678")


def test_children_that_work_elsewhere_write_to_the_same_file(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    ran = run(
        """
        import subprocess
        if len(sys.argv) == 1:
            answer = subprocess.check_output([sys.executable, __file__, "child"], cwd="elsewhere")
            assert answer == b"answer\\n"
            os.chdir("elsewhere")
        else:
            print("answer")
        span("child" if len(sys.argv) > 1 else "parent")
        """,
        AUTOTRACE_FILE="app.jsonl",
    )
    assert (ran.code, ran.err) == (0, "")
    assert names(tmp_path) == ["child", "parent"]


@pytest.mark.parametrize("given", ["file='app.jsonl'", "sinks={'file': {'path': 'app.jsonl'}}"])
def test_a_path_is_that_of_the_directory_in_which_it_was_given(run: Callable[..., Any], tmp_path: Path, given: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    ran = run("os.chdir('elsewhere'); span('a')", f"autotrace.enable({given})")
    assert (ran.code, ran.err) == (0, "")
    assert names(tmp_path) == ["a"]


def test_a_file_whose_first_line_is_old_is_rotated(run: Callable[..., Any], tmp_path: Path) -> None:
    for age, expected in ((7100, 0), (7300, 1)):
        path = tmp_path / str(age) / "app.jsonl"
        path.parent.mkdir()
        path.write_text(json.dumps({"name": "old", "end_ns": time.time_ns() - age * 10**9}) + "\n")
        run("span('a'); autotrace.flush(); span('b')", AUTOTRACE_FILE=str(path), AUTOTRACE_FILE_MAX_AGE="2h")
        assert len(list(path.parent.iterdir())) == 1 + expected
        assert sorted(names(path.parent)) == ["a", "b", "old"]


def test_the_latest_are_kept(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces/app.notes.jsonl").write_text('{"name":"the user\'s own"}\n')
    ran = run(
        "for number in range(60): span(f'{number:02}', text='x' * 500)",
        "autotrace.enable(file='traces/app.jsonl', file_max_bytes=3000, file_keep=3)",
    )
    assert ran.err == ""
    files = sorted(path.name for path in (tmp_path / "traces").glob("app.2*"))
    assert (len(files), {name.rpartition(".")[2] for name in files}) == (3, {"gz"})
    kept = sorted(names(tmp_path / "traces", "app.2*") + names(tmp_path / "traces", "app.jsonl"))
    assert kept == [f"{number:02}" for number in range(60 - len(kept), 60)]
    assert names(tmp_path / "traces", "app.notes.jsonl") == ["the user's own"]


def test_what_a_killed_process_has_not_compressed_the_next_one_does(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_text('{"name":"before"}\n')
    rotated = Path(rotation.rotate(str(path)))
    Path(f"{rotated}.gz.part").write_bytes(b"half a fi")
    run("span('a')", AUTOTRACE_FILE="app.jsonl")
    assert sorted(names(tmp_path)) == ["a", "before"]
    assert [one.name for one in sorted(tmp_path.glob("app.2*"))] == [f"{rotated.name}.gz"]


# ------------------------------------------------------------------------------------------------- what others put there


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_what_stands_where_a_compressed_file_is_made_is_not_written_to(tmp_path: Path, what: str) -> None:
    path, victim = tmp_path / "app.jsonl", tmp_path / "victim"
    victim.write_text("precious")
    path.write_text('{"name":"a"}\n')
    rotated = rotation.rotate(str(path))
    if what == "link":
        os.symlink(victim, f"{rotated}.gz.part")
    else:
        os.mkfifo(f"{rotated}.gz.part")
    Compressor(str(path), "gzip").work(float("inf"))
    assert victim.read_text() == "precious"
    assert names(tmp_path) == ["a"]
    assert stat.S_ISREG(os.lstat(f"{rotated}.gz").st_mode)


def test_a_link_under_the_name_of_a_rotated_file_is_left_alone(tmp_path: Path) -> None:
    path, victim = tmp_path / "app.jsonl", tmp_path / "victim"
    victim.write_text("precious")
    path.write_text('{"name":"a"}\n')
    rotated = rotation.rotate(str(path))
    os.rename(rotated, tmp_path / "kept")
    os.symlink(victim, rotated)
    Compressor(str(path), "gzip").work(float("inf"))
    assert (victim.read_text(), sorted(one.name for one in tmp_path.iterdir())) == (
        "precious",
        sorted(["victim", "kept", os.path.basename(rotated)]),
    )


class Line:
    line = b'{"name":"a"}\n'


LINE = Line()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("target", ["victim", "missing"])
def test_a_link_of_another_user_is_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "victim").write_text("precious\n")
    (tmp_path / "app.jsonl").symlink_to(tmp_path / target)
    os.chown(tmp_path / "app.jsonl", 12345, 12345, follow_symlinks=False)
    with pytest.raises(OSError, match="it is a link that belongs to another user"):
        FileSink(tmp_path / "app.jsonl").write(cast(list[Entry], [LINE]))
    assert (tmp_path / "victim").read_text() == "precious\n"
    assert not (tmp_path / "missing").exists()


def test_a_link_of_ones_own_leads_to_the_file_that_is_created(tmp_path: Path) -> None:
    (tmp_path / "app.jsonl").symlink_to("real.jsonl")
    sink = FileSink(tmp_path / "app.jsonl")
    assert sink.write(cast(list[Entry], [LINE])) == 1
    sink.close(0)
    assert ((tmp_path / "real.jsonl").read_bytes(), mode(tmp_path / "real.jsonl")) == (LINE.line, 0o600)


@pytest.mark.parametrize(
    ("permissions", "said"),
    [
        (0o600, ""),
        (0o640, ""),
        (0o644, "can be read"),
        (0o602, "can be written to"),
        (0o666, "can be read by other users, and"),
    ],
)
def test_a_file_that_others_can_read_is_said_once(tmp_path: Path, diagnosed: Any, permissions: int, said: str) -> None:
    path = tmp_path / "app.jsonl"
    path.touch()
    path.chmod(permissions)
    for _ in range(2):
        sink = FileSink(path)
        assert sink.write(cast(list[Entry], [LINE])) == 1
        sink.close(0)
    lines = diagnosed()
    assert [said in line["message"] and str(path) in line["message"] for line in lines] == [True] * bool(said)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_said(tmp_path: Path, diagnosed: Any) -> None:
    path = tmp_path / "app.jsonl"
    path.touch(0o600)
    os.chown(path, 12345, 12345)
    sink = FileSink(path)
    sink.write(cast(list[Entry], [LINE]))
    sink.close(0)
    assert ["belongs to another user" in line["message"] for line in diagnosed()] == [True]


DIRECT = """
import resource, signal
from autotrace.sinks import FileSink
class Line:
    def __init__(self, text):
        self.line = text.encode() + b"\\n"
"""


def test_a_disk_that_is_full_takes_whole_lines_or_none(run: Callable[..., Any], tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the disk: a write that reaches it is cut, the next one fails."""
    ran = run(
        DIRECT
        + """
sink = FileSink("app.jsonl")
assert sink.write([Line("a" * 500)]) == 1
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    sink.write([Line("b" * 700), Line("c" * 10)])
except OSError as exc:
    print(exc.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(sink.write([Line("b" * 700), Line("c" * 10)]))
sink.close(0)
""",
        enable="",
    )
    assert (ran.out.split(), ran.err) == (["27", "2"], "")
    assert (tmp_path / "app.jsonl").read_text().split() == ["a" * 500, "b" * 700, "c" * 10]


def test_a_directory_that_cannot_be_written_costs_the_rotation_and_no_line(run: Callable[..., Any], tmp_path: Path) -> None:
    if os.geteuid() == 0:
        (tmp_path / "app.jsonl").touch(0o600)
        attributes = subprocess.run(["chattr", "+a", str(tmp_path / "app.jsonl")], capture_output=True, check=False)
        if attributes.returncode:
            pytest.skip("root may rename anything here")
    else:
        (tmp_path / "app.jsonl").touch(0o600)
        tmp_path.chmod(0o500)
    try:
        ran = run(
            "for number in range(9): span(f'{number}', text='x' * 500)",
            AUTOTRACE_FILE="app.jsonl",
            AUTOTRACE_FILE_MAX_BYTES="999",
        )
        assert names(tmp_path) == list("012345678")
        assert ["cannot be rotated" in line["message"] for line in ran.said] == [True]
    finally:
        subprocess.run(["chattr", "-a", str(tmp_path / "app.jsonl")], capture_output=True, check=False)
        tmp_path.chmod(0o700)


def test_a_lock_that_is_not_given_back_costs_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that was stopped in the middle of a write: the batch is not taken, then refused, and comes again."""
    import fcntl

    class Line:
        line = b"a\n"

    monkeypatch.setattr(_file, "_STUCK", 0.2)
    sink, batch = FileSink(tmp_path / "app.jsonl"), cast(list[Entry], [Line()])
    with open(tmp_path / "app.jsonl", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert sink.write(batch) == 0
        time.sleep(0.2)
        with pytest.raises(OSError, match="holds its lock"):
            sink.write(batch)
    assert sink.write(batch) == 1
    sink.close(0)
    assert (tmp_path / "app.jsonl").read_text() == "a\n"


@pytest.mark.parametrize("cause", ["full", "removed", "read-only"])
def test_what_cannot_be_written_is_written_when_the_cause_is_gone(run: Callable[..., Any], tmp_path: Path, cause: str) -> None:
    ran = run(
        f"""
        import resource, shutil
        cause = {cause!r}
        span("before")
        autotrace.flush()
        infinity = resource.RLIM_INFINITY
        if cause == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize("traces/app.jsonl") + 100, infinity))
        elif cause == "removed":
            shutil.rmtree("traces")
            open("traces", "w").close()  # it cannot be made again
        else:
            os.rename("traces/app.jsonl", "traces/app.old")
            os.mkdir("traces/app.jsonl")  # as root may write to any file
        for number in range(3):
            span(f"meanwhile {{number}}")
        assert not autotrace.flush(0.5)
        if cause == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (infinity, infinity))
        elif cause == "removed":
            os.unlink("traces")
        else:
            os.rmdir("traces/app.jsonl")
        span("after")
        """,
        AUTOTRACE_FILE="traces/app.jsonl",
    )
    assert ran.code == 0, ran.err
    before = [] if cause == "removed" else ["before"]
    assert sorted(names(tmp_path / "traces")) == sorted([*before, *(f"meanwhile {n}" for n in range(3)), "after"])
    failing, works = ran.said
    assert f"sink file: {tmp_path / 'traces'}" in failing["message"]
    waits = ". Records wait in memory (setting queue_bytes) and are tried again; check the directory and its permissions."
    assert failing["message"].endswith(waits)
    assert "works again" in works["message"]


def test_a_pipe_and_a_device_are_written_to_as_they_are(run: Callable[..., Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "read", "wb") as read, subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=read):
        run("span('a'); span('b', text='x' * 300_000)", AUTOTRACE_FILE="pipe", AUTOTRACE_FILE_MAX_BYTES="100")
    assert names(tmp_path, "read") == ["a", "b"]
    ran = run("span('a')", AUTOTRACE_FILE="/dev/stderr")
    assert [json.loads(line)["name"] for line in ran.err.splitlines()] == ["a"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sinks": ["file"]}, r"set AUTOTRACE_FILE=PATH, enable\(file=PATH\), or sinks={'file': {'path': PATH}}$"),
        ({"sinks": {"file": {"path": "x", "max_byte": 1}}}, "did you mean 'max_bytes'"),
        (
            {"sinks": {"file": {"path": "x", "max_bytes": "many"}}},
            "sinks.file.max_bytes: expected a whole number of at least 1, or 0 for no limit, got 'many'",
        ),
        ({"file": 7}, "expected a path, got 7"),
        ({"sinks": {"file": {"path": 7}}}, "sinks.file.path: expected a path, got 7"),
        ({"file": "x", "file_max_age": "1w"}, "expected a duration"),
        ({"file": "x", "file_max_age": -1}, "expected a duration"),
        ({"file": "x", "file_compression": "bz2"}, "expected one of gzip, zstd, none, got 'bz2'"),
    ],
)
def test_what_cannot_be_is_one_error_and_changes_nothing(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        autotrace.enable(**given)
    assert settings.current.given("sinks") == settings.current.given("file") == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), (1.5, 1.5), ("15m", 900), (" 12H ", 43_200), ("1d", 86_400), ("off", 0)]
)
def test_durations(text: Any, seconds: float) -> None:
    assert duration("file_max_age", text) == seconds


def test_zstd(run: Callable[..., Any], tmp_path: Path) -> None:
    if sys.version_info < (3, 14):
        pytest.importorskip("zstandard")
    ran = run(
        "span('a'); autotrace.flush(); span('b')",
        "autotrace.enable(file='app.jsonl', file_compression='zstd', file_max_bytes=100)",
    )
    assert ran.err == ""
    (compressed,) = tmp_path.glob("app.2*.jsonl.zst")
    assert compressed.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="zstd is always there")
def test_zstd_where_it_is_not_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name in [name for name in sys.modules if name.partition(".")[0] == "zstandard"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SettingsError, match=r"zstd needs Python 3\.14 or `pip install zstandard`"):
        autotrace.enable(file="app.jsonl", file_compression="zstd")
