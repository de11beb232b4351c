"""The cost of activation in a new process: `python -m benchmarks.activation`.

`import autotrace; autotrace.enable()` is measured from inside: the CPU time of the process between the line before and the line
after, the modules that it loads, and memory. The path has only the standard library, autotrace and one directory of generated
distributions, so that their number is known; `site` has run, but without the site directories.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import autotrace
from benchmarks import paired
from benchmarks.paired import Arm, Cost

SOURCE = str(Path(autotrace.__file__).parents[1])
PLUGINS = (0, 10, 50)
OTHERS = 300
FORBIDDEN = "wrapt msgspec structlog asyncio logging typing inspect threading tomllib importlib.metadata".split()
"""Modules that activation must not load."""

MILLISECONDS: dict[str, Any] = {"unit": 1_000_000}
BARE = "import colorsys"
"""A program that imports one small module: AUTOTRACE=1 takes effect at that import."""
ENABLE = "import autotrace; autotrace.enable()"

INSIDE = """
import site, sys, time
sys.path += {path!r}
known = set(sys.modules)
{prepare}
started = time.process_time_ns()
{statement}
spent = time.process_time_ns() - started
loaded = sorted(set(sys.modules) - known)
memory = {memory}
import json
print(json.dumps([spent, loaded, memory]))
"""
RESIDENT = "int(open('/proc/self/statm').read().split()[1]) * 4096"
"""The resident memory of this process in bytes: all pages, whatever allocated them."""
ALLOCATED = "tracemalloc.get_traced_memory()"
"""The bytes of Python objects, now and at the peak: exact, and the same in each run."""


def _distributions(directory: Path, plugins: int, others: int) -> None:
    """Write the metadata of distributions as an installer does: `plugins`, and `others`, a third of which have commands."""
    entry_point = "[autotrace.instrumentors]\ngenerated_{0} = generated:plugin\n"
    made = [(f"autotrace_generated_{number}", entry_point.format(number)) for number in range(plugins)]
    for number in range(others):
        name = f"other_{number}"
        made.append((name, f"[console_scripts]\n{name} = {name}.cli:main\n" if number % 3 == 0 else ""))
    for name, entry_points in made:
        metadata = directory / f"{name}-1.{len(name)}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.{len(name)}\n" + "x" * 2000)
        (metadata / "RECORD").write_text("".join(f"{name}/module_{one}.py,,\n" for one in range(20)))
        if entry_points:
            (metadata / "entry_points.txt").write_text(entry_points)


def _environment(**more: str) -> dict[str, str]:
    """The environment without settings of autotrace."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}, **more}


class Inside:
    """Runs a statement that measures itself in a new interpreter. It is the call of an arm."""

    def __init__(self, statement: str, site: Path, prepare: str = "", memory: str = "0") -> None:
        form = {"statement": statement, "prepare": prepare, "memory": memory}
        self._code = INSIDE.format(path=[SOURCE, str(site)], **form)
        self.loaded: list[str] = []
        self.memory: Any = 0

    def __call__(self) -> float:
        """Run the statement. Returns its CPU time in nanoseconds."""
        command = [sys.executable, "-S", "-E", "-s", "-c", self._code]
        output = subprocess.run(command, env=_environment(), cwd=SOURCE, stdout=subprocess.PIPE, check=True).stdout
        spent, self.loaded, self.memory = json.loads(output)
        return float(spent)


class Fresh:
    """Runs a program in a new interpreter, in the environment installed here. It is the call of an arm."""

    def __init__(self, code: str, **environment: str) -> None:
        self._code = code + "\nimport sys; print(len(sys.modules))"
        self._environment = _environment(**environment)
        self.modules = 0

    def __call__(self) -> float:
        """Run the program. Returns the CPU time of the whole process in nanoseconds."""
        with subprocess.Popen([sys.executable, "-c", self._code], env=self._environment, stdout=subprocess.PIPE) as process:
            output = process.stdout.read() if process.stdout else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self._code!r} failed")
        self.modules = int(output)
        return (usage.ru_utime + usage.ru_stime) * 1e9


def _of_process(arm: Arm, calls: int) -> Cost:
    run: Any = arm.call
    return Cost(sum(run() for _ in range(calls)) / calls, 0)


def _whole(name: str, one: Fresh, other: Fresh, pairs: int) -> None:
    comparison = paired.compare(Arm(one), Arm(other), pairs, 1, _of_process)
    paired.show(name, comparison, **MILLISECONDS)
    print(f"  {'':<36}{other.modules - one.modules:+6} modules (to {one.modules}, {comparison.first / 1e6:.1f} ms)")


def _inside(name: str, one: Inside, other: Inside, pairs: int) -> None:
    paired.show(name, paired.compare(Arm(one), Arm(other), pairs, 1, _of_process), **MILLISECONDS)


def _memory(site: Path, times: int) -> str:
    """The memory that `ENABLE` takes: bytes of Python objects, and the growth of the process."""
    traced = Inside(ENABLE, site, "import tracemalloc; tracemalloc.start()", ALLOCATED)
    traced()
    kept, peak = traced.memory
    grown = []
    for _ in range(times):
        both = [Inside(statement, site, memory=RESIDENT) for statement in ("pass", ENABLE)]
        for one in both:
            one()
        grown.append(both[1].memory - both[0].memory)
    resident = f", resident {statistics.median(grown) / 1024:+.0f} KB" if Path("/proc/self/statm").exists() else ""
    return f"objects {kept / 1024:.0f} KB, at most {peak / 1024:.0f} KB{resident}"


def _enable(pairs: int) -> None:
    for plugins, others in [(0, 0), *((number, OTHERS) for number in PLUGINS)]:
        with tempfile.TemporaryDirectory() as directory:
            site = Path(directory).resolve()
            _distributions(site, plugins, others)
            nothing, enabling = Inside("pass", site), Inside(ENABLE, site)
            name = f"{plugins} plugins, {others} others"
            if not others:
                _inside("null control", nothing, Inside("pass", site), pairs)
            _inside(name, nothing, enabling, pairs)
            memory = _memory(site, pairs // 4)
            forbidden = [one for one in FORBIDDEN if one in enabling.loaded] or "none"
            print(f"  {'':<36}{len(enabling.loaded):+6} modules, forbidden ones: {forbidden}; {memory}", flush=True)
    print(f"\n  modules: {' '.join(enabling.loaded)}\n")


def main(pairs: int = 40) -> None:
    """Print the figures."""
    paired.begin("Activation: ms of CPU of import autotrace; autotrace.enable(), from inside", "openai")
    _enable(pairs)
    print("# Activation: ms of the CPU of a whole process, as autotrace is installed here\n")
    bare, sdk = Fresh(BARE), Fresh("import openai")
    _whole("null control", bare, Fresh(BARE), pairs)
    _whole("import autotrace; enable()", bare, Fresh(f"{ENABLE}; {BARE}"), pairs)
    _whole("AUTOTRACE=1", bare, Fresh(BARE, AUTOTRACE="1"), pairs)
    try:
        sdk()
    except SystemExit:
        print("  import openai: skipped, it is not installed")
        return
    _whole("import openai: null control", sdk, Fresh("import openai"), pairs // 2)
    _whole("import openai: after enable()", sdk, Fresh(ENABLE + "; import openai"), pairs // 2)


if __name__ == "__main__":
    main()
