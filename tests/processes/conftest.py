"""Programs of several processes, each run twice: as it is, and under ``AUTOTRACE=1``; and what has to hold of the two."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from autotrace._record import lines
from autotrace.testing.provider import Provider, serve

PROGRAMS = Path(__file__).parent / "programs"
FILE = "traces.jsonl"
"""For AUTOTRACE_FILE, in a program's own folder."""
PATIENCE = 600.0
"""Seconds after which something hangs."""

_VALIDATOR = Draft202012Validator(lines.json_schema())
_PID = re.compile(r"\(pid[ =](\d+)\)")


class Output:
    """What came out of one descriptor: `records`, what autotrace said about itself, and the lines of the program."""

    def __init__(self, data: bytes) -> None:
        self.records: list[dict[str, Any]] = []
        self.diagnostics: list[str] = []
        self.lines: list[str] = []
        for line in data.decode().splitlines():
            if '"schema":"autotrace.span/1"' in line:
                self.records.append(json.loads(line))
            elif '"event": "autotrace.' in line:
                self.diagnostics.append(line)
            elif line:
                self.lines.append(line)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The records of model calls."""
        return [span for span in self.records if span["attributes"].get("gen_ai.operation.name") == "chat"]

    @property
    def said(self) -> list[str]:
        """The program's lines, sorted, without what differs from run to run."""
        return sorted(without_pid(line) for line in self.lines)


class Outcome:
    """One run: the program's exit code, what came out of it, and what the provider was asked."""

    def __init__(self, code: int, out: bytes, err: bytes, file: bytes, provider: Provider) -> None:
        assert provider.failures == []
        self.code = code
        self.out = Output(out)
        self.err = Output(err)
        self.file = Output(file)
        self.asked = sorted(prompt_of(request.json) for request in provider.requests)

    def parents(self, label: str) -> set[str | None]:
        """The names of the spans that are parents of the calls which ask `label`; None for a call that has none."""
        names = {span["span_id"]: span["name"] for span in self.records}
        return {names.get(span["parent_id"]) for span in self.calls if label_of(recorded_prompt(span)) == label}

    def labels(self) -> Counter[str]:
        """How many calls are recorded, by what they ask."""
        return Counter(label_of(recorded_prompt(span)) for span in self.calls)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The records of model calls, wherever they came out."""
        return [*self.out.calls, *self.err.calls, *self.file.calls]

    @property
    def records(self) -> list[dict[str, Any]]:
        """All of them, wherever they came out."""
        return [*self.out.records, *self.err.records, *self.file.records]

    def check(self, unrecorded: Callable[[str], bool]) -> None:
        """Exactly one valid record for each call, by the process that made it, and nothing about ourselves."""
        assert self.out.diagnostics == self.err.diagnostics == []
        for span in self.records:
            _VALIDATOR.validate(span)
        recorded = sorted(map(recorded_prompt, self.calls))
        assert recorded == [prompt for prompt in self.asked if not unrecorded(prompt)]
        by_id = {span["span_id"]: span for span in self.records}
        assert len(by_id) == len(self.records)
        for span in self.calls:
            assert span["end_reason"] == "completed"
            parent = by_id.get(span["parent_id"] or "")
            assert (parent is None) == (span["parent_id"] is None)
            assert parent is None or parent["trace_id"] == span["trace_id"]
            assert span["resource"]["process.pid"] == int(_PID.findall(recorded_prompt(span))[-1])


def without_pid(text: str) -> str:
    return _PID.sub("(pid)", text)


def label_of(prompt: str) -> str:
    return _PID.sub("", prompt).strip()


def prompt_of(request: Any) -> str:
    return str(request["messages"][-1]["content"])


def recorded_prompt(span: dict[str, Any]) -> str:
    return str(span["attributes"]["gen_ai.input.messages"][-1]["parts"][0]["content"])


def environment(provider: Provider, folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """Ours without settings of autotrace, proxies, and what tears a program's own lines; on the way to `provider`."""
    others = ("PYTHONUNBUFFERED", "PYTHONWARNINGS")
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AUTOTRACE") and not name.lower().endswith("_proxy") and name not in others
    }
    return {**ours, "HOME": str(folder), **provider.environment(), "AUTOTRACE_EXIT_TIMEOUT": "600", **variables}


class Running:
    """A program under way, in a process group of its own."""

    def __init__(self, line: Sequence[str], folder: Path, provider: Provider, variables: dict[str, str]) -> None:
        self.folder = folder
        self.provider = provider
        self._process = subprocess.Popen(
            line,
            cwd=folder,
            env=environment(provider, folder, variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = ThreadPoolExecutor(1)
        self._output = self._reader.submit(self._process.communicate, timeout=PATIENCE)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the first process alone, as a supervisor does."""
        self._process.send_signal(number)

    def signal_all(self, number: int) -> None:
        """Send a signal to all its processes at once, as the end of a container does."""
        os.killpg(self._process.pid, number)

    def end(self) -> Outcome:
        """Wait until the last process that holds the output has ended."""
        out, err = self._output.result()
        here = os.fsencode(self.folder)  # another one for each run
        file = self.folder / FILE
        texts = (out.replace(here, b"HERE"), err.replace(here, b"HERE"), file.read_bytes() if file.exists() else b"")
        return Outcome(self._process.returncode, *texts, self.provider)

    def clear(self) -> None:
        """Leave no process behind, whatever has happened."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.shutdown()


Drive = Callable[[Running], None]


def _nothing(_: Running) -> None:
    """A program that ends by itself."""


@pytest.fixture
def run() -> Iterator[Callable[..., Outcome]]:
    """Run a Python command line beside copies of the programs, `drive` it, and wait for its end."""
    with tempfile.TemporaryDirectory(prefix="at") as folder:  # a short path: servers make their sockets here
        numbers = itertools.count()

        def run(line: Sequence[str], drive: Drive = _nothing, **variables: str) -> Outcome:
            here = Path(folder, str(next(numbers)))
            shutil.copytree(PROGRAMS, here, ignore=shutil.ignore_patterns("__pycache__"))
            with serve() as provider:
                running = Running([sys.executable, *line], here, provider, variables)
                try:
                    drive(running)
                    return running.end()
                finally:
                    running.clear()

        yield run


@pytest.fixture
def compare(run: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Run a command without autotrace and with it: the same to its user, and a record for each call. The second outcome.

    `switch` is the variable that makes the difference. `unrecorded` says of a prompt that nobody is to have recorded it. What a
    server logs, and how often it has to be asked, is its own affair: `exact=False`.
    """

    def compare(
        line: Sequence[str],
        drive: Drive = _nothing,
        *,
        switch: str = "AUTOTRACE",
        unrecorded: Callable[[str], bool] = lambda prompt: False,
        exact: bool = True,
        **variables: str,
    ) -> Outcome:
        with ThreadPoolExecutor(2) as both:
            switches: list[dict[str, str]] = [{}, {switch: "1"}]
            plain, traced = both.map(lambda on: run(line, drive, **variables, **on), switches)
        assert plain.calls == []
        assert (traced.code, traced.out.said) == (plain.code, plain.out.said), (traced.err.lines, plain.err.lines)
        if exact:
            assert traced.err.said == plain.err.said
            assert sorted(map(without_pid, traced.asked)) == sorted(map(without_pid, plain.asked))
        traced.check(unrecorded)
        return traced

    return compare
