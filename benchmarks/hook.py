"""The cost of import hooks, ours and others, for imports that they do not watch: `python -m benchmarks.hook`.

Each hook runs in its own process and watches `WATCHED` names. It is repeatedly added to and removed from `sys.meta_path` around
the import of `MODULES` modules that are not watched.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import paired
from benchmarks.paired import Arm, Cost

MODULES = 500
GROUP = 25
"""How many of them a batch imports. A batch takes a millisecond, so that a disturbance affects one pair and not the next."""
REPEATS = 8
"""How often a batch imports its group. The fastest counts, as other processes can only make it slower."""
WATCHED = [f"watched_{number}" for number in range(40)]
SILENT = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
    "DD_TRACE_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
}
"""Settings that keep the agents from sending anything while they are measured."""


def _ours() -> None:
    from autotrace import hooks

    for name in WATCHED:
        hooks.when_imported(name, str)


def _wrapt() -> None:
    import wrapt

    for name in WATCHED:
        wrapt.register_post_import_hook(str, name)


def _newrelic() -> None:
    from newrelic.api import import_hook

    for name in WATCHED:
        import_hook.register_import_hook(name, str)
    import_hook.enable_import_hook_finder()


def _ddtrace() -> None:
    from ddtrace.internal.module import ModuleWatchdog

    for name in WATCHED:
        ModuleWatchdog.register_module_hook(name, str)


HOOKS: dict[str, tuple[str, Callable[[], None]]] = {
    "autotrace": ("llm-autotrace", _ours),
    "wrapt": ("wrapt", _wrapt),
    "newrelic": ("newrelic", _newrelic),
    "ddtrace": ("ddtrace", _ddtrace),
}
"""The distribution of each hook, and how it is installed."""


def _modules(directory: str) -> list[str]:
    """Write `MODULES` tiny modules and make them importable. Returns their names."""
    names = [f"unwatched_{number}" for number in range(MODULES)]
    for name in names:
        Path(directory, f"{name}.py").write_text("x = 1\n")
    sys.path.insert(0, directory)
    return names


def _arm(names: list[str], finders: list[Any]) -> Arm:
    """An arm that imports the next `GROUP` modules with `finders` on `sys.meta_path`, each group `REPEATS` times."""
    groups = itertools.cycle([names[start : start + GROUP] for start in range(0, MODULES, GROUP) for _ in range(REPEATS)])

    def run() -> None:
        group = next(groups)
        for name in group:
            __import__(name)
        for name in group:
            del sys.modules[name]

    def use() -> None:
        sys.meta_path[:] = finders

    return Arm(run, use)


def _group(arm: Arm, _calls: int) -> Cost:
    """The thread's CPU time for the import of one module, from the fastest import of a group."""
    arm.switch()
    fastest = float("inf")
    for _ in range(REPEATS):
        started = time.thread_time_ns()
        arm.call()
        fastest = min(fastest, time.thread_time_ns() - started)
    return Cost(fastest / GROUP, 0)


def measure(name: str, pairs: int) -> None:
    """Measure one hook in this process and print its line."""
    before = list(sys.meta_path)
    HOOKS[name][1]()
    hooked = list(sys.meta_path)
    added = [finder for finder in hooked if not any(finder is other for other in before)]
    if len(added) != 1:
        raise SystemExit(f"{name}: expected one new finder on sys.meta_path, found {added}")

    with tempfile.TemporaryDirectory() as directory:
        names = _modules(directory)
        find: Any = added[0].find_spec
        nothing, search = Arm(lambda: None), Arm(lambda: find(names[0], None))
        lookup = paired.compare(nothing, search, 60, 100 if name == "ddtrace" else 2_000)
        control = paired.compare(_arm(names, before), _arm(names, before), pairs, cost=_group)
        cost = paired.compare(_arm(names, before), _arm(names, hooked), pairs, cost=_group)
        sys.path.remove(directory)
    for label, figures in (("no hook twice", control), (name, cost)):
        ratio = figures.ratio
        line = (
            f"{ratio.median:8.4f} ± {ratio.error:.4f}   {figures.difference.median:+9.0f} ± {figures.difference.error:.0f} ns"
        )
        if label == name:
            line += f"   find_spec {lookup.difference.median:9.0f} ± {lookup.difference.error:.0f} ns"
        else:
            line += f"   of {figures.first:.0f} ns"
        print(f"  {label if label == name else '  ' + label:<20}{line}", flush=True)


def main(pairs: int = 300) -> None:
    """Print the figures of all installed hooks."""
    paired.begin(
        f"Import hooks: CPU of {MODULES} imports that are not watched, with and without the hook; {len(WATCHED)} others are",
        *(distribution for name, (distribution, _) in HOOKS.items() if name != "autotrace"),
    )
    print(f"  {'':<20}{'ratio':>8}{'per import':>23}")
    for name, (distribution, _) in HOOKS.items():
        try:
            version(distribution)
        except PackageNotFoundError:
            print(f"  {name:<20}skipped: {distribution} is not installed")
            continue
        environment = {**os.environ, **SILENT}
        code = f"from benchmarks import hook; hook.measure({name!r}, {pairs})"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)


if __name__ == "__main__":
    main()
