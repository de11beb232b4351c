"""A traced program of three processes whose stdout a collector reads: records in are records out, within the collector's limit.

On demand: ``nox -s collectors``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.collectors.daemons import COLLECTORS, LAST, Collected, Collector, Start

BEGINNING = 'é \t\x7f ‰ "schema":"autotrace.span/1" '
PROGRAM = (
    f"""
BEGINNING, LAST = {BEGINNING!r}, {LAST!r}
"""
    + """
import os, sys, time, autotrace
autotrace.enable()

def record(name, size):
    with autotrace.span(name, attributes={"text": BEGINNING + "x" * size}):
        pass

for number in range(10):
    print(f"line {number}", flush=True)
    print(flush=True)
    record(f"parent {number}", 100)
    autotrace.flush()
children = []
for child in range(3):
    children.append(os.fork())
    if not children[-1]:
        for number, size in enumerate(map(int, sys.argv[1:])):
            record(f"{child}.{number}", size)
        sys.exit()
for child in children:
    os.waitpid(child, 0)
autotrace.flush()
time.sleep(0.1)
print(LAST, flush=True)
"""
)
PRINTED = [*(f"line {number}" for number in range(10)), LAST]
SIZES = 16


def sizes(collector: Collector) -> list[int]:
    """Texts that are short, nearly as long as a line may be, and much longer."""
    limit = collector.limit
    return [10, 1000, limit - 1000, limit, 2 * limit, 5 * limit, 300, collector.longest] * (SIZES // 8)


NAMES = sorted(
    [*(f"parent {number}" for number in range(10)), *(f"{child}.{number}" for child in range(3) for number in range(SIZES))]
)


@pytest.fixture(params=COLLECTORS, ids=lambda collector: collector.name)
def collector(request: pytest.FixtureRequest) -> Collector:
    found: Collector = request.param
    return found


@pytest.fixture
def run(tmp_path: Path, collector: Collector) -> Iterator[Callable[..., Collected]]:
    """What the collector makes of the program, with its own limit, or the page's (`raised`), and settings of autotrace."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), *map(str, sizes(collector))]
    started: list[subprocess.Popen[bytes]] = []

    def run(raised: bool, **settings: str) -> Collected:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}

        def start(before: list[str] | None = None, stdout: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
            started.append(subprocess.Popen([*(before or []), *command], env={**ours, **settings}, stdout=stdout))
            return started[-1]

        program: Start = start
        return collector.collect(tmp_path, program, "" if raised else collector.raised)

    yield run
    for process in started:
        process.kill()
        process.wait()


def records(lines: list[str]) -> list[dict[str, Any]]:
    """Those of `lines` that are JSON, which are to be records."""
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    for record in found:
        jsonschema.Draft202012Validator(lines.json_schema()).validate(record)
    return found


def test_every_record_arrives_whole_and_once_within_the_limit(run: Callable[..., Collected], collector: Collector) -> None:
    came = run(raised=False, AUTOTRACE_MAX_LINE_BYTES=str(collector.limit))
    assert sorted(record["name"] for record in records(came.records)) == NAMES
    assert len(came.records) == len(NAMES)
    assert [line for line in came.others if line.strip()] == PRINTED


def test_without_the_setting_longer_records_are_broken(run: Callable[..., Collected]) -> None:
    came = run(raised=False)
    assert 0 < len(records(came.records)) < len(NAMES)


def test_with_the_limit_raised_as_the_page_says_nothing_is_cut(run: Callable[..., Collected], collector: Collector) -> None:
    came = run(raised=True)
    found = records(came.records)
    assert sorted(record["name"] for record in found) == NAMES
    texts = {BEGINNING + "x" * size for size in (100, *sizes(collector))}
    assert {record["attributes"]["text"] for record in found} == texts
    assert [line for line in came.others if line.strip()] == PRINTED
