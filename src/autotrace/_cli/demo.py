"""`autotrace demo`: runs the example program under `autotrace run`, against an embedded provider; prints lines, then a tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

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


def main(argv: Sequence[str]) -> int:
    """Run the demo. Return 1 if no model call was recorded or the program failed, 2 for `--real` without a key."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="autotrace demo",
        description="Run an example program with tracing on: print its records as lines of JSON, then as a tree.",
    )
    parser.add_argument("--real", action="store_true", help="call the real providers, with the keys in the environment")
    parser.add_argument("--lines-only", action="store_true", help="print the lines of JSON without the tree")
    options = parser.parse_args(argv)
    if options.real:
        if not os.environ.get("OPENAI_API_KEY"):
            complain("demo: --real calls OpenAI: set OPENAI_API_KEY")
            return 2
        return _show(_own_output(os.environ), options.lines_only)
    from autotrace.testing.provider import serve

    with serve(latency=LATENCY, chunk_delay=CHUNK_DELAY) as provider:
        return _show(_embedded(os.environ, provider.environment()), options.lines_only)


def _own_output(given: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables that would send the lines elsewhere."""
    elsewhere = ("AUTOTRACE_STDOUT", "AUTOTRACE_FD", "AUTOTRACE_FILE", "AUTOTRACE_DEMO")
    ours = {"AUTOTRACE_SINKS": "stdout", "AUTOTRACE_FORMAT": "json"}
    return {**{name: value for name, value in given.items() if name not in elsewhere}, **ours}


def _embedded(given: Mapping[str, str], provider: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the SDKs reach the embedded provider without any proxy."""
    left_out = (*PROXIES, *map(str.lower, ADDRESSES))
    variables = {name: value for name, value in _own_output(given).items() if name.lower() not in left_out}
    return {**variables, **provider, "NO_PROXY": "127.0.0.1", "AUTOTRACE_DEMO": "1"}


def _show(environment: dict[str, str], lines_only: bool) -> int:
    line = [sys.executable, "-m", "autotrace", "run", "-m", EXAMPLE]
    records = []
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        for text in program.stdout:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
            record = _record(text)
            if record is not None:
                records.append(record)
    if records and not lines_only:
        from autotrace.sinks import _terminal, _tree

        sys.stdout.write("\n" + _tree.render(records, color=_terminal.has_colors(1)))
        sys.stdout.flush()
    if not any(map(_is_model_call, records)):
        complain(f"demo: no model call was recorded{_why_nothing(environment)}")
        return 1
    return 1 if program.returncode else 0


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
