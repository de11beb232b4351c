"""What activation costs: `python -m benchmarks.activation`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import autotrace
from benchmarks import paired
from benchmarks.paired import Arm, Cost

MODULES = 500
MILLISECONDS = {"unit": 1_000_000}
BARE = "import colorsys"
"""A program with one import of a small module: the import at which AUTOTRACE=1 takes effect."""
ENABLE = "import autotrace; autotrace.enable()"


class Fresh:
    """A program that is run in a new interpreter; the call of an arm."""

    def __init__(self, code: str, **environment: str) -> None:
        self._code = code + "\nimport sys; print(len(sys.modules))"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
        self._environment = {**inherited, **environment}
        self.modules = 0

    def __call__(self) -> float:
        """Run it; nanoseconds of CPU."""
        with subprocess.Popen([sys.executable, "-c", self._code], env=self._environment, stdout=subprocess.PIPE) as process:
            output = process.stdout.read() if process.stdout else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self._code!r} failed")
        self.modules = int(output)
        return (usage.ru_utime + usage.ru_stime) * 1e9


def _whole_process(arm: Arm, calls: int) -> Cost:
    fresh = arm.call
    assert isinstance(fresh, Fresh)
    return Cost(sum(fresh() for _ in range(calls)) / calls, 0)


def _start_up(name: str, one: Fresh, other: Fresh, pairs: int) -> None:
    found = paired.compare(Arm(one), Arm(other), pairs, 1, _whole_process)
    paired.show(name, found, **MILLISECONDS)
    print(f"  {'':<36}{other.modules - one.modules:+6} modules (to {one.modules}, {found.first / 1e6:.1f} ms)")


def _imports(directory: str) -> Arm:
    """An import of all modules in `directory`, which are taken out again before each batch."""
    names = [f"unwatched_{number}" for number in range(MODULES)]
    for name in names:
        Path(directory, f"{name}.py").write_text("x = 1\n")
    sys.path.insert(0, directory)

    def run() -> None:
        for name in names:
            __import__(name)
        for name in names:
            del sys.modules[name]

    return Arm(run)


def _finder(pairs: int) -> None:
    before = list(sys.meta_path)
    autotrace.enable()
    ours = [finder for finder in sys.meta_path if finder not in before]
    for finder in ours:
        find = finder.find_spec

        nothing, watching = Arm(lambda: None), Arm(lambda find=find: find("unwatched", None))  # type: ignore[misc]
        paired.show("find_spec of another name, ns", paired.compare(nothing, watching, pairs, 10_000), unit=1, digits=1)
    enabled = list(sys.meta_path)

    def use(finders: list[object]) -> None:
        sys.meta_path[:] = finders  # type: ignore[assignment]

    with tempfile.TemporaryDirectory() as directory:
        run = _imports(directory).call
        without, with_finder = Arm(run, lambda: use(before)), Arm(run, lambda: use(enabled))
        null = paired.compare(without, without, pairs, 1)
        found = paired.compare(without, with_finder, pairs, 1)
        sys.path.remove(directory)
    use(enabled)
    print(f"  {MODULES} imports of other modules: {found.first / 1e6:.1f} ms")
    paired.show("  null control, ms", null, **MILLISECONDS)
    paired.show("  with the finder, ms", found, **MILLISECONDS)
    for name, one in (("null control", null), ("with the finder", found)):
        print(f"  {f'  {name}, ratio':<36}{one.ratio.text(unit=1, digits=4)}")
    autotrace.disable()


def main(pairs: int = 30) -> None:
    """Print the figures."""
    paired.begin("Activation: ms of the CPU of a new process", "openai")
    bare, sdk = Fresh(BARE), Fresh("import openai")
    _start_up("null control", bare, Fresh(BARE), pairs)
    _start_up("import autotrace; enable()", bare, Fresh(f"{ENABLE}; {BARE}"), pairs)
    _start_up("AUTOTRACE=1", bare, Fresh(BARE, AUTOTRACE="1"), pairs)
    _start_up("import openai: null control", sdk, Fresh("import openai"), pairs // 2)
    _start_up("import openai: after enable()", sdk, Fresh(ENABLE + "; import openai"), pairs // 2)
    _finder(pairs)


if __name__ == "__main__":
    main()
