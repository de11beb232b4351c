"""In a subinterpreter the hook works; where msgspec does not load, recording is off, which is said once."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import Any

import pytest

INTERPRETERS = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
RUN = """
import {interpreters} as interpreters
import faulthandler, sys
faulthandler.enable()
program = {program!r}
for number in range({times}):
    one = interpreters.create()
    failed = interpreters.run_string(one, program)
    assert failed is None, failed
    interpreters.destroy(one)
{then}
"""


def run(modules: Any, program: str, then: str = "", times: int = 1) -> Any:
    """Run `program` in `times` subinterpreters, one after the other, and `then` in the main one."""
    if importlib.util.find_spec(INTERPRETERS) is None:  # not imported: whether it is makes a difference to the hook
        pytest.skip(f"no {INTERPRETERS}")
    head = f"import sys\nsys.path[:0] = {modules.python_path.split(os.pathsep)!r}\n"
    return modules.run(RUN.format(interpreters=INTERPRETERS, program=head + program, times=times, then=then))


def test_the_hook_works_in_subinterpreters_beside_each_other_and_the_main_one(modules: Any) -> None:
    name = modules.new(leaf="value = 1")
    watch = f"""
from autotrace import hooks
before = list(sys.meta_path)
seen = []
for name in ({name!r}, {name + ".leaf"!r}):
    hooks.when_imported(name, lambda module: seen.append(module.__name__))
import importlib, {name}.leaf
importlib.reload({name}.leaf)
assert seen == [{name!r}, {name + ".leaf"!r}, {name + ".leaf"!r}], seen
hooks.uninstall()
assert sys.meta_path == before
importlib.reload({name}.leaf)
assert len(seen) == 3
"""
    output = run(
        modules,
        watch + "import os; os.write(1, b'sub ')",
        watch + "os.write(1, b'main') if 'os' in globals() else print('main')",
        3,
    )
    assert output.stdout.split() == ["sub", "sub", "sub", "main"]
    assert output.stderr == ""


def test_a_library_in_a_subinterpreter_works_and_what_cannot_be_recorded_is_said_once(modules: Any) -> None:
    names = [modules.new("def ask(model): return model\n") for _ in range(2)]
    for name in names:
        modules.write(f"{name}_plugin", PLUGIN.format(name=name))
        folder = modules.directory / f"autotrace_{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: autotrace-{name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[autotrace.instrumentors]\n{name} = {name}_plugin:instrumentor\n")
    program = f"""
import autotrace
autotrace.enable()
import {names[0]} as first, {names[1]} as second
with autotrace.span("manual") as span, autotrace.suppress("nothing"), autotrace.attributes(user="u"):
    span.set_attribute("a", 1)
    assert (first.ask("m"), second.ask("m")) == ("m", "m")
states = {{one["state"] for name, one in autotrace.status().items() if name in {names!r}}}
autotrace.flush()
import os
os.write(1, (",".join(states) + "\\n").encode())
autotrace.disable()
"""
    output = run(modules, program)
    *lines, state = output.stdout.splitlines()
    said = [json.loads(line) for line in output.stderr.splitlines()]
    if state == "patched":  # where msgspec loads, up to 3.11
        assert [json.loads(line)["name"] for line in lines] == ["chat m", "chat m", "manual"]
        assert said == []
    else:
        assert (state, lines) == ("failed", [])
        assert [line["event"] for line in said] == ["autotrace.recording"]
        assert "recording is off in this interpreter" in said[0]["message"]


PLUGIN = """
from autotrace.plugin import Instrumentor, Operation

instrumentor = Instrumentor(
    provider="acme", requires="{name}>=1", targets={{"{name}:ask": Operation("chat", request={{"model": "model"}})}}
)
"""
