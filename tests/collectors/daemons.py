"""Collectors as they are installed here, each run in the foreground for one program: what of its stdout comes out of them.

Debian's rsyslog and syslog-ng exclude each other, so they are also found below ``COLLECTORS``: a folder with a folder for each
of them, into which packages were unpacked (``dpkg -x``). Configurations are those of ``docs/collectors.md``, with paths moved.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

PAGE = Path(__file__).parents[2] / "docs/collectors.md"
LAST = "the last line"
"""What the program prints at its end."""
PATIENCE = 600.0
"""Seconds after which a collector is taken not to say any more."""

Start = Callable[..., "subprocess.Popen[bytes]"]
"""Starts the traced program: `stdout` is its stdout, `before` are words before its command."""


class Collected(NamedTuple):
    """What came out: lines that are records by the rule of the page, and all others."""

    records: list[str]
    others: list[str]


class Collector(NamedTuple):
    """`limit` is the `max_line_bytes` that the page names; `raised` what its configuration says to take longer lines, and
    `longest` how long a text these may hold."""

    name: str
    limit: int
    longest: int
    raised: str
    collect: Callable[[Path, Start, str], Collected]
    """Called with a folder, the program, and what to leave out of the configuration."""


def configuration(block: str, at: Path, without: str) -> Path:
    """The page's block of that name in a file, with its paths in `at`."""
    found = re.search(rf"^```{block}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{PAGE.name} has no block {block}"
    text = found[1]
    assert without in text, f"{without!r} is not in the block {block} of {PAGE.name}"
    for place in ("/var/log/app", "/var/spool/rsyslog", "/run/app"):
        text = text.replace(place, str(at))
    file = at / f"{block}.conf"
    file.write_text(text.replace(without, "") if without else text)
    return file


def find(package: str, program: str) -> tuple[str, dict[str, str], Path]:
    """The path of a daemon, its environment, and what its files lie below. Skips the test if it is not here."""
    root = Path(os.environ.get("COLLECTORS", "/nonexistent")) / package
    unpacked = root / "usr/sbin" / program
    if unpacked.exists():
        libraries = [*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*"), *root.glob("usr/lib/syslog-ng")]
        return str(unpacked), {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}, root
    installed = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if installed is None:
        pytest.skip(f"no {package} here; `nox -s collectors` unpacks it where Debian's packages are to be had")
    return installed, dict(os.environ), Path("/")


@contextmanager
def running(command: list[str], environment: dict[str, str], is_up: Callable[[], bool]) -> Iterator[None]:
    """The daemon, from when it is up to the end of the block."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as daemon:
        try:
            _await(is_up, f"{command[0]} does not come up")
            yield
        finally:
            daemon.terminate()
            daemon.communicate(timeout=PATIENCE)


def _await(is_so: Callable[[], bool], or_else: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < give_up, or_else
        time.sleep(0.05)


def _written(at: Path) -> Collected:
    """What is in the two files of the page when the last line is."""
    records, others = at / "spans.jsonl", at / "other.log"
    _await(lambda: others.exists() and LAST in others.read_text(), "the last line does not come out")
    time.sleep(0.3)  # the two files are not written in step
    return Collected(records.read_text().splitlines() if records.exists() else [], others.read_text().splitlines())


def _rsyslog(block: str, at: Path, without: str) -> tuple[list[str], dict[str, str]]:
    program, environment, root = find("rsyslog", "rsyslogd")
    modules = next(root.glob("usr/lib/*/rsyslog"))
    file = configuration(block, at, without)
    return [program, "-n", "-f", str(file), "-i", str(at / "pid"), "-M", str(modules)], environment


def rsyslog_file(at: Path, start: Start, without: str) -> Collected:
    """rsyslog follows the file that is the program's stdout."""
    with (at / "stdout.log").open("ab") as stdout, running(*_rsyslog("rsyslog", at, without), (at / "pid").exists):
        assert start(stdout=stdout).wait(PATIENCE) == 0
        return _written(at)


def rsyslog_logger(at: Path, start: Start, without: str) -> Collected:
    """The program's stdout is a pipe to `logger`, which writes to rsyslog's socket."""
    logger = ["logger", "--socket", str(at / "log"), "--size", "100000", "--tag", "app"]
    daemon = running(*_rsyslog("rsyslog-socket", at, without), (at / "log").exists)
    with daemon, subprocess.Popen(logger, stdin=subprocess.PIPE) as pipe:
        assert start(stdout=pipe.stdin).wait(PATIENCE) == 0
        pipe.communicate(timeout=PATIENCE)
        return _written(at)


def syslog_ng(at: Path, start: Start, without: str) -> Collected:
    """The program's stdout is a named pipe that syslog-ng reads."""
    program, environment, root = find("syslog-ng", "syslog-ng")
    modules = next((root / "usr/lib/syslog-ng").glob("3.*"))
    file = configuration("syslog-ng", at, without)
    state = ["--persist-file", str(at / "persist"), "--pidfile", str(at / "pid"), "--control", str(at / "control")]
    command = [program, "--foreground", "--no-caps", "--cfgfile", str(file), "--module-path", str(modules), *state]
    os.mkfifo(at / "stdout")
    with running(command, environment, (at / "control").exists), (at / "stdout").open("wb") as stdout:
        assert start(stdout=stdout).wait(PATIENCE) == 0
        return _written(at)


_JOURNAL = """
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journald.conf.d /run/log/journal
cp "$1" /run/systemd/journald.conf.d/app.conf
"$2" 2> /dev/null &
daemon=$!
until [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
out=$3
shift 3
systemd-cat --identifier app "$@"
journalctl --sync
journalctl --identifier app --all --output json > "$out"
kill $daemon
wait
"""


def journald(at: Path, start: Start, without: str) -> Collected:
    """The program's stdout is a socket of journald, as in a service; with a /run of their own."""
    daemon = Path("/lib/systemd/systemd-journald")
    private = ["unshare", "--mount", "--propagation", "private"]
    if not (daemon.exists() and shutil.which("unshare") and shutil.which("systemd-cat")):
        pytest.skip("no systemd-journald here")
    if subprocess.run([*private, "mount", "-t", "tmpfs", "none", "/run"], capture_output=True, check=False).returncode:
        pytest.skip("systemd-journald needs a /run of its own, which only root can make here")
    script = at / "journal.sh"
    script.write_text(_JOURNAL)
    file, out = configuration("journald", at, without), at / "out.jsonl"
    before = [*private, "sh", str(script), str(file), str(daemon), str(out)]
    assert start(before=before).wait(PATIENCE) == 0
    found = [json.loads(entry)["MESSAGE"] for entry in out.read_text().splitlines()]
    # Bytes that are no text to journalctl come as a list of their numbers.
    texts = [text if isinstance(text, str) else bytes(text).decode() for text in found]
    is_record = '"schema":"autotrace.span/1"'
    return Collected([text for text in texts if is_record in text], [text for text in texts if is_record not in text])


COLLECTORS = (
    Collector("rsyslog, a file", 8_000, 400_000, ' maxMessageSize="1m"', rsyslog_file),
    Collector("rsyslog, logger", 7_900, 90_000, ' maxMessageSize="1m"', rsyslog_logger),
    Collector("syslog-ng, a pipe", 65_000, 400_000, "options { log-msg-size(1048576); };", syslog_ng),
    Collector("journald", 49_000, 400_000, "LineMax=1M", journald),
)
