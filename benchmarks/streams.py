"""The cost of tracing for a stream: in total, per chunk, and before the first chunk. `python -m benchmarks.streams`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import autotrace
from benchmarks import clients, paired
from benchmarks.paired import Arm, Figure

SHORT, LONG = 20, 200
Make = Callable[[int], Callable[[], Iterable[Any]]]


def _openai(chunks: int) -> Callable[[], Iterable[Any]]:
    create = clients.openai_client(clients.openai_chunks(chunks)).chat.completions.create
    messages: Any = clients.SMALL
    return lambda: create(model="model-1", messages=messages, stream=True)


def _anthropic(chunks: int) -> Callable[[], Iterable[Any]]:
    create = clients.anthropic_client(clients.anthropic_events(chunks)).messages.create
    messages: Any = clients.SMALL
    return lambda: create(model="model-1", max_tokens=100, messages=messages, stream=True)


def _whole(start: Callable[[], Iterable[Any]]) -> Callable[[], object]:
    return lambda: deque(start(), maxlen=0)


def _slope(short: Figure, long: Figure) -> Figure:
    """The cost per chunk, from the differences at both lengths."""
    chunks = LONG - SHORT
    median, error = (long.median - short.median) / chunks, (long.error**2 + short.error**2) ** 0.5 / chunks
    return Figure(median, error, median - error, median + error)


def _first_chunk(start: Callable[[], Iterable[Any]], switch: clients.Switch, traced: bool) -> Arm:
    """An arm that reads up to the first chunk. The streams are closed between the batches, which is not measured."""

    def first() -> object:
        stream = start()
        item = next(iter(stream))
        kept.append(stream)
        return item

    def prepare() -> None:
        (switch.on if traced else switch.off)()
        while kept:
            kept.pop().close()

    kept: list[Any] = []
    return Arm(first, prepare)


def _measure(name: str, make: Make, switch: clients.Switch, pairs: int) -> None:
    print(f"  {name}")
    differences: dict[str, list[Figure]] = {"null control": [], "untraced, list()": [], "traced": []}
    for chunks in (SHORT, LONG):
        start = make(chunks)
        call = _whole(start)
        untraced, traced = Arm(call, switch.off), Arm(call, switch.on)
        kept = Arm(lambda start=start: list(start()), switch.off)  # type: ignore[misc]
        for arm, other in (("null control", untraced), ("untraced, list()", kept), ("traced", traced)):
            comparison = paired.compare(untraced, other, pairs, 100 // chunks or 1)
            paired.show(f"  {chunks} chunks, {arm}", comparison, elsewhere=other is traced)
            differences[arm].append(comparison.difference)
    for arm, (short, long) in differences.items():
        slope = _slope(short, long)
        print(f"  {f'  per chunk, {arm}':<36}{slope.median / 1000:+9.3f} ± {slope.error / 1000:.3f}")
    start = make(SHORT)
    untraced = _first_chunk(start, switch, traced=False)
    paired.show("  first chunk, null control", paired.compare(untraced, untraced, pairs))
    paired.show("  first chunk, traced", paired.compare(untraced, _first_chunk(start, switch, traced=True), pairs))


def main(pairs: int = 200) -> None:
    """Print the figures."""
    paired.begin("Streams: µs of the caller's CPU, against the unpatched SDK", "openai", "anthropic", "httpx2")
    switch = clients.Switch()
    _measure("OpenAI chat", _openai, switch, pairs)
    _measure("Anthropic message", _anthropic, switch, pairs)
    switch.on()
    autotrace.disable()


if __name__ == "__main__":
    main()
