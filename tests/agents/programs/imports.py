"""One history of imports that several agents watch: ``imports.py HISTORY AGENT…``, the agents in the order of installation.

Prints, as one line of JSON, what each agent was told, what the modules look like afterwards, and the same again after
`hooks.uninstall()`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import sys
import tempfile
import threading
import traceback
import types
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

BODY = "value = 1\n"
"""The last line of a module's body: a callback that finds no `value` was called too early."""
THREADS = 8


def _ours(name: str, callback: Callable[[Any], None]) -> None:
    from autotrace import hooks

    hooks.when_imported(name, callback)


def _wrapt(name: str, callback: Callable[[Any], None]) -> None:
    import wrapt

    wrapt.register_post_import_hook(callback, name)


def _ddtrace(name: str, callback: Callable[[Any], None]) -> None:
    from ddtrace.internal.module import ModuleWatchdog

    ModuleWatchdog.register_module_hook(name, callback)


def _newrelic(name: str, callback: Callable[[Any], None]) -> None:
    from newrelic.api import import_hook

    import_hook.register_import_hook(name, callback)
    import_hook.enable_import_hook_finder()


AGENTS = {"ours": _ours, "wrapt": _wrapt, "ddtrace": _ddtrace, "newrelic": _newrelic}


class World:
    """A directory of modules, and the agents that watch some of them."""

    def __init__(self, directory: Path, agents: list[str]) -> None:
        self.directory = directory
        self.agents = agents
        self.told: dict[str, list[Any]] = {agent: [] for agent in agents}
        self.watched: list[str] = []

    def write(self, **files: str) -> None:
        """Modules by name; ``a__b`` is the submodule `b` of the package `a`, ``a__`` the package's own body."""
        for name, body in files.items():
            package, dots, module = name.partition("__")
            path = self.directory / package / f"{module or '__init__'}.py" if dots else self.directory / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(body)
        importlib.invalidate_caches()

    def watch(self, *names: str, failing: bool = False) -> None:
        """Have all agents watch these modules. With `failing`, our callback raises."""
        self.watched += names
        for agent in self.agents:
            for name in names:
                AGENTS[agent](name, self._callback(agent, name, failing and agent == "ours"))

    def _callback(self, agent: str, name: str, failing: bool) -> Callable[[Any], None]:
        def called(module: Any) -> None:
            right = module is sys.modules.get(name)
            self.told[agent].append([name, right, module.__dict__.get("value"), module.__dict__.get("executions")])
            if failing:
                raise RuntimeError("a callback that fails")

        return called

    def taken(self) -> dict[str, list[Any]]:
        """What each agent was told since this was asked for; in no order, as threads have none."""
        told = {agent: sorted(events, key=repr) for agent, events in self.told.items()}
        for events in self.told.values():
            events.clear()
        return told


def plain(world: World) -> None:
    world.write(one=BODY)
    world.watch("one")
    importlib.import_module("one")


def package(world: World) -> None:
    world.write(one__="from one.leaf import value\n", one__leaf=BODY)
    world.watch("one", "one.leaf")
    importlib.import_module("one")


def submodule(world: World) -> None:
    world.write(one__=BODY, one__leaf=BODY)
    world.watch("one.leaf")
    importlib.import_module("one.leaf")


def reload(world: World) -> None:
    world.write(one="executions = globals().get('executions', 0) + 1\n" + BODY)
    world.watch("one")
    importlib.reload(importlib.import_module("one"))


def deleted(world: World) -> None:
    world.write(one__="", one__leaf=BODY)
    world.watch("one.leaf")
    importlib.import_module("one.leaf")
    del sys.modules["one.leaf"]
    importlib.import_module("one.leaf")


def zipped(world: World) -> None:
    archive = world.directory / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("one/__init__.py", BODY)
        file.writestr("one/leaf.py", BODY)
    sys.path.insert(0, str(archive))
    world.watch("one", "one.leaf")
    importlib.import_module("one.leaf")


def namespace(world: World) -> None:
    world.write(one__leaf=BODY)
    world.watch("one", "one.leaf")
    importlib.import_module("one.leaf")


def extension(world: World) -> None:
    sys.modules.pop("cmath", None)
    world.watch("cmath")
    importlib.import_module("cmath")


def lazy(world: World) -> None:
    asked = "asked = []\ndef __getattr__(name):\n    asked.append(name)\n    raise AttributeError(name)\n"
    world.write(one=asked + BODY)
    world.watch("one")
    importlib.import_module("one")


def already(world: World) -> None:
    world.write(one__="", one__leaf=BODY)
    importlib.import_module("one.leaf")
    world.watch("one.leaf")


def running(world: World) -> None:
    """Watched while the body runs: the others call at once and with half a module, we when it is whole."""
    world.write(one="import half\nhalf.watch('one')\n" + BODY)
    half: Any = types.ModuleType("half")
    half.watch = world.watch
    sys.modules["half"] = half
    importlib.import_module("one")
    half.watch = str  # the body will be run again


def failed(world: World) -> None:
    """The body raises, and is run again with success."""
    again = "import half\nhalf.executions += 1\nif half.executions == 1:\n    raise ValueError('first')\n"
    world.write(one=again + BODY)
    half: Any = types.ModuleType("half")
    half.executions = 0
    sys.modules["half"] = half
    world.watch("one")
    try:
        importlib.import_module("one")
    except ValueError as exc:
        frames = traceback.extract_tb(exc.__traceback__)
        world.told["frames"] = [[Path(frame.filename).name, frame.name] for frame in frames if frame.filename[:1] != "<"]
    importlib.import_module("one")


def callback(world: World) -> None:
    """Our callback fails."""
    world.write(one=BODY)
    world.watch("one", failing=True)
    importlib.import_module("one")


def missing(world: World) -> None:
    world.watch("one")
    try:
        importlib.import_module("one")
    except ModuleNotFoundError as exc:
        world.told["error"] = [str(exc), exc.name]


def threads(world: World) -> None:
    """Each thread imports a module of its own, one that all import, and a submodule of a slow package."""
    world.write(one__="import time\ntime.sleep(0.05)\n" + BODY, one__leaf=BODY, two="import time\ntime.sleep(0.05)\n" + BODY)
    own = {f"own_{number}": BODY for number in range(THREADS)}
    world.write(**own)
    world.watch("one", "one.leaf", "two", *own)
    together = threading.Barrier(THREADS)
    wrong = world.told.setdefault("wrong", [])

    def work(name: str) -> None:
        together.wait(600)
        for each in (name, "two", "one.leaf"):
            if vars(importlib.import_module(each)).get("value") != 1:
                wrong.append(each)

    started = [threading.Thread(target=work, args=[name], daemon=True) for name in own]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(600)
        if thread.is_alive():
            wrong.append("deadlock")


HISTORIES = [
    plain,
    package,
    submodule,
    reload,
    deleted,
    zipped,
    namespace,
    extension,
    lazy,
    already,
    running,
    failed,
    callback,
    missing,
    threads,
]


def described(thing: Any) -> Any:
    """A loader, and those that it holds: its class, and what was put on it."""
    held: dict[str, Any] = {}
    with contextlib.suppress(AttributeError):  # built-in, or with slots
        held = object.__getattribute__(thing, "__dict__")
    inner = {name: described(value) for name, value in held.items() if name in ("loader", "__wrapped__")}
    kind = thing if isinstance(thing, type) else type(thing)
    return [f"{kind.__module__}.{kind.__qualname__}", sorted(held) if not isinstance(thing, type) else [], inner]


def state(world: World) -> dict[str, Any]:
    """All that somebody could see of an import hook: what was told, the modules, the import system."""
    modules: dict[str, Any] = {}
    for name in world.watched:
        module = sys.modules.get(name)
        if module is None:
            modules[name] = None
            continue
        spec = object.__getattribute__(module, "__dict__")["__spec__"]
        modules[name] = {
            "types": [type(module).__name__, type(spec).__name__],
            "spec": sorted(vars(spec)),
            "loader": described(spec.loader),
            "same loader": vars(module).get("__loader__") is spec.loader,
            "namespace": sorted(vars(module)),
            "asked": list(vars(module).get("asked", ())),
        }
    finders = [f"{type(one).__module__}.{type(one).__qualname__}" for one in sys.meta_path if not isinstance(one, type)]
    return {"told": world.taken(), "modules": modules, "meta_path": finders, "path_hooks": len(sys.path_hooks)}


def main(history: str, *agents: str) -> None:
    faulthandler.dump_traceback_later(600, exit=True)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sys.path.insert(0, directory)
        world = World(Path(directory), list(agents))
        ways = {each.__name__: each for each in HISTORIES}
        ways[history](world)
        during = state(world)
        if "ours" in agents:
            from autotrace import hooks

            hooks.uninstall()
        after = state(world)
        for name in [name for name in world.watched if sys.modules.get(name) is not None]:
            importlib.reload(sys.modules[name])
            del sys.modules[name]
            importlib.import_module(name)
        later = state(world)
        warned = sorted({str(one.message) for one in caught})
    print(json.dumps({"during": during, "after": after, "later": later, "warnings": warned}))


if __name__ == "__main__":
    main(*sys.argv[1:])
