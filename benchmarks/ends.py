"""How much longer a process takes to end if it still has records to write: `python -m benchmarks.ends [pairs]`.

Each run is a new process that has written before, so that its imports are done. It then ends 200 spans, or calls, at once,
faster than the writer's thread can take them, and returns. The figure is the CPU time of the process from its last line until
our exit handler has returned, compared with the same process with nothing to write; stdout is a pipe that is read. In the last
arm a real SDK makes the calls, all at the same time: they end one after another, while the writer's thread takes them. What is
left when the last one has ended is what a real program can have pending.
"""

from __future__ import annotations

import os
import subprocess
import sys

from autotrace.testing.provider import serve
from benchmarks import paired
from benchmarks.paired import Arm, Cost

PENDING = 200

PROGRAM = """
import atexit, os, sys, time
begun = 0
atexit.register(lambda: os.write(2, str(time.process_time_ns() - begun).encode()))  # the first comes last
import autotrace
autotrace.enable()
from autotrace._capture import recording
from autotrace._writer.writer import writer
from benchmarks.core import OPERATION, ORIGIN, _answer, _body, _traced

call, body = _traced(_answer), _body(100)
def spans(number):
    for _ in range(number):
        recording.begin(OPERATION, ORIGIN).finish()
def calls(number):
    for _ in range(number):
        call(body)
def sdk_calls(number):
    import asyncio, openai
    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=os.environ["PROVIDER"], api_key="none", max_retries=0) as client:
            chat = client.chat.completions
            await asyncio.gather(*(chat.create(model="gpt-4o", messages=body["messages"]) for _ in range(number)))
    asyncio.run(all_at_once())
{work}(1)
while not (writer.thread.prepared and autotrace.flush()):
    time.sleep(0.01)
time.sleep(0.05)
{work}({number})
begun = time.process_time_ns()
"""


def _end(number: int, work: str, provider: str) -> float:
    """The CPU time in nanoseconds from the program's last line to the end of our exit handler."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    environment["PROVIDER"] = provider
    command = [sys.executable, "-c", PROGRAM.format(number=number, work=work)]
    return float(subprocess.run(command, env=environment, capture_output=True, check=True).stderr)


def _of_process(arm: Arm, calls: int) -> Cost:
    run = arm.call
    return Cost(sum(float(run()) for _ in range(calls)) / calls, 0)  # type: ignore[arg-type]


def main(pairs: int = 30) -> None:
    """Print the figures."""
    paired.begin(f"Ends: additional ms of CPU for the end of a process with {PENDING} pending, against nothing pending")
    form = {"unit": 1_000_000}
    with serve(record=False) as provider:
        nothing = Arm(lambda: _end(0, "spans", provider.openai_url))
        paired.show("null control", paired.compare(nothing, nothing, pairs, 1, _of_process), **form)
        for name, work in (
            ("spans without content", "spans"),
            ("calls of 100 B", "calls"),
            ("openai, all at once", "sdk_calls"),
        ):
            none, all_of_them = (
                Arm(lambda number=number, work=work: _end(number, work, provider.openai_url))  # type: ignore[misc]
                for number in (0, PENDING)
            )
            paired.show(name, paired.compare(none, all_of_them, pairs, 1, _of_process), **form)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
