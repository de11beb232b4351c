"""`autotrace demo`: runs the example program under `autotrace run`, against an embedded provider; prints lines, then a tree.

`autotrace demo | jq` works: headings go to stderr, and so does the tree if another program reads the lines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

from autotrace._cli import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SDKS = ("openai", "anthropic", "ollama")
EXAMPLE = "autotrace._cli.example"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ADDRESSES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_HOST")
"""What the example looks for before it uses an SDK. Only the embedded provider sets these: an SDK whose plugin is not installed
is skipped, and never reaches a real server."""
LATENCY = 0.02
CHUNK_DELAY = 0.005
"""Seconds, so that the tree shows durations."""


class Shown(NamedTuple):
    """Which parts are printed."""

    lines: bool
    tree: bool


def main(argv: Sequence[str]) -> int:
    """Run the demo. Return 1 if no model call was recorded or the program failed, 2 for `--real` without a key."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="autotrace demo",
        description="Run an example program with tracing on: print its records as lines of JSON, then as a tree.",
    )
    parser.add_argument("--real", action="store_true", help="call the real providers, with the keys in the environment")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--lines-only", action="store_true", help="print the lines of JSON without the tree")
    parts.add_argument("--pretty", action="store_true", help="print the tree without the lines of JSON")
    options = parser.parse_args(argv)
    shown = Shown(lines=not options.pretty, tree=not options.lines_only)
    if options.real:
        if not os.environ.get("OPENAI_API_KEY"):
            complain("demo: --real calls OpenAI: set OPENAI_API_KEY")
            return 2
        return _show(_own_output(os.environ), shown)
    from autotrace.testing.provider import serve

    with serve(latency=LATENCY, chunk_delay=CHUNK_DELAY) as provider:
        return _show(_embedded(os.environ, provider.environment()), shown)


def _own_output(given: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables that would send the lines elsewhere."""
    elsewhere = ("AUTOTRACE_STDOUT", "AUTOTRACE_FD", "AUTOTRACE_FILE", "AUTOTRACE_DEMO")
    ours = {"AUTOTRACE_SINKS": "stdout", "AUTOTRACE_FORMAT": "json"}
    return {"AUTOTRACE_SERVICE_NAME": "demo", **{name: value for name, value in given.items() if name not in elsewhere}, **ours}


def _embedded(given: Mapping[str, str], provider: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the SDKs reach the embedded provider without any proxy."""
    left_out = (*PROXIES, *map(str.lower, ADDRESSES))
    variables = {name: value for name, value in _own_output(given).items() if name.lower() not in left_out}
    return {**variables, **provider, "NO_PROXY": "127.0.0.1", "AUTOTRACE_DEMO": "1"}


def _show(environment: dict[str, str], shown: Shown) -> int:
    line = [sys.executable, "-m", "autotrace", "run", "-m", EXAMPLE]
    records = []
    _heading("Records, one line each, between what the program prints:" if shown.lines else "What the program prints:")
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        for text in program.stdout:
            if shown.lines:
                sys.stdout.buffer.write(text)
                sys.stdout.buffer.flush()
            record = _record(text)
            if record is not None:
                records.append(record)
    if records and shown.tree:
        _print_tree(records, shown)
    if not any(map(_is_model_call, records)):
        complain(f"demo: no model call was recorded{_why_nothing(environment)}")
        return 1
    return 1 if program.returncode else 0


def _print_tree(records: list[dict[str, Any]], shown: Shown) -> None:
    from autotrace.sinks import _terminal, _tree

    what = "The same as a tree" if shown.lines else "Its records as a tree"
    _heading(f"\n{what}: durations, and tokens (input → output)")
    to = sys.stderr if shown.lines and not sys.stdout.isatty() else sys.stdout
    to.write(_tree.render(records, color=_terminal.has_colors(to.fileno())))
    to.flush()


def _heading(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _record(text: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("event") == "span" else None


def _is_model_call(record: Mapping[str, Any]) -> bool:
    attributes = record.get("attributes")
    return isinstance(attributes, dict) and "gen_ai.operation.name" in attributes


def _why_nothing(environment: Mapping[str, str]) -> str:
    from autotrace import _settings as settings

    if settings.switched_off():
        return f": AUTOTRACE={environment['AUTOTRACE']} is set"
    missing = [
        f"{kind} {name}"
        for name in SDKS
        for kind, there in (("SDK", _has_sdk(name)), ("plugin", _has_plugin(name)))
        if not there
    ]
    if not missing:
        return ", although SDKs and plugins are installed; run `AUTOTRACE_STRICT=1 autotrace demo` to see an error"
    install = "pip install 'llm-autotrace[openai,anthropic,ollama]' openai anthropic ollama"
    return f"; missing: {', '.join(missing)}. Install them: {install}"


def _has_sdk(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None


def _has_plugin(name: str) -> bool:
    from importlib import metadata

    return any(entry.name == name for entry in metadata.entry_points(group="autotrace.instrumentors"))
