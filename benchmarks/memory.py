"""The memory that is kept after calls have ended: `python -m benchmarks.memory [calls]`, by default 20,000 of each kind.

Each kind of call runs in its own process, without autotrace and with it. *Objects* are the bytes that Python has allocated and
not freed (tracemalloc), after a collection; *resident* is the growth of the process, in whole pages, with the allocator's
reserve. Both are per 1,000 calls. The first tenth of the calls does not count, as caches fill then. There is a collection every
1,000 calls: an OpenAI stream that is dropped half read is a cycle, and one in a hundred would wait in the oldest generation for
a full collection, which the interpreter puts off until such objects are a quarter of all.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc
from collections import deque
from collections.abc import Callable
from pathlib import Path

CALLS = 20_000
LIMIT = 25_000
CHUNKS = 20


def _call(kind: str) -> Callable[[], object]:
    """A function that makes one call of this kind, with a real SDK whose transport answers without a server."""
    from typing import Any

    from benchmarks import clients

    messages: Any = clients.SMALL
    if kind.startswith("anthropic"):
        send: Any = clients.anthropic_client(clients.ANTHROPIC_MESSAGE).messages.create
        return lambda: send(model="model-1", max_tokens=100, messages=messages)
    body = clients.OPENAI_CHAT if kind == "openai value" else clients.openai_chunks(CHUNKS)
    create: Any = clients.openai_client(body).chat.completions.create
    if kind == "openai value":
        return lambda: create(model="model-1", messages=messages)
    if kind == "openai stream":
        return lambda: deque(create(model="model-1", messages=messages, stream=True), maxlen=0)
    return lambda: next(iter(create(model="model-1", messages=messages, stream=True)))


KINDS = ("openai value", "openai stream", "openai stream, left", "anthropic value")


def _resident() -> int:
    """The resident memory of this process in bytes; 0 if the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def _measure(kind: str, traced: bool, objects: bool, calls: int) -> float:
    """The bytes that are kept per 1,000 calls."""
    import autotrace
    from autotrace._writer.writer import writer
    from benchmarks.paired import Drop

    call = _call(kind)
    if traced:
        autotrace.enable("openai", "anthropic")
        writer.sinks = [Drop()]

    def some(count: int) -> int:
        for number in range(count):
            call()
            if number % 200 == 199:
                autotrace.flush()
            if number % 1000 == 999:
                gc.collect()
        gc.collect()  # it ends the calls of dropped streams, which become records
        autotrace.flush()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] if objects else _resident()

    if objects:
        tracemalloc.start()
    before = some(calls // 10)
    return (some(calls) - before) * 1000 / calls


def main(calls: int = CALLS) -> None:
    """Print the figures."""
    print(f"Memory: bytes that stay per 1,000 calls, over {calls:,} calls; at most {LIMIT:,} are allowed")
    print(f"  {'':<22}{'objects, untraced':>20}{'traced':>10}{'resident, untraced':>22}{'traced':>10}")
    for kind in KINDS:
        figures = []
        for objects in (True, False):
            for traced in (False, True):
                arguments = json.dumps([kind, traced, objects, calls])
                child = [sys.executable, "-m", "benchmarks.memory", "--one", arguments]
                figures.append(float(subprocess.run(child, check=True, capture_output=True, text=True).stdout))
        print(f"  {kind:<22}{figures[0]:>20,.0f}{figures[1]:>10,.0f}{figures[2]:>22,.0f}{figures[3]:>10,.0f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(_measure(*json.loads(sys.argv[2])))
    else:
        main(*map(int, sys.argv[1:]))
