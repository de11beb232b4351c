"""The cost of the parts of autotrace, without an SDK: `python -m benchmarks.core`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from autotrace._capture import recording, replacement, streams
from autotrace._declaration.operation import Operation
from autotrace._record import freezing
from autotrace._record.origin import Origin
from autotrace.dialects.openai_chat import openai_chat
from benchmarks import paired
from benchmarks.paired import Arm

OPERATION = Operation("chat", dialect=openai_chat)
ORIGIN = Origin("benchmark", library="benchmark", provider="benchmark")
CHUNKS = 1000


def _body(size: int) -> dict[str, Any]:
    """A request with about `size` bytes of text in messages of at most 1 KB."""
    texts = ["x" * min(1024, size)] * max(1, size // 1024)
    return {"model": "model-1", "messages": [{"role": "user", "content": text} for text in texts]}


def _answer(_body: Any = None) -> dict[str, Any]:
    return {"id": "1", "model": "model-1", "choices": [{"index": 0, "finish_reason": "stop"}]}


def _empty(*_args: Any, **_kwargs: Any) -> None:
    return


def _span() -> None:
    recording.begin(OPERATION, ORIGIN).finish()


def _traced(function: Callable[..., Any]) -> Callable[..., Any]:
    target = replacement.TracedTarget("benchmark", OPERATION, ORIGIN, {})
    replaced: Callable[..., Any] = replacement.replace(function, target, False)
    return replaced


def _read(count: int, traced: bool) -> Callable[[], object]:
    """A function that reads a generator of `count` chunks."""
    chunks = [{"choices": []}] * count

    def source() -> Any:
        yield from chunks

    def plain() -> object:
        return deque(source(), maxlen=0)

    def observed() -> object:
        return deque(streams.observe(source(), lambda: recording.begin(OPERATION, ORIGIN)), maxlen=0)

    return observed if traced else plain


def main(pairs: int = 100) -> None:
    """Print the figures."""
    paired.begin("Core: µs of the caller's CPU per call, against a call that does nothing")
    nothing = Arm(_empty)
    paired.show("null control", paired.compare(nothing, nothing, pairs, 1000), digits=3)
    paired.show("begin + finish, no content", paired.compare(nothing, Arm(_span), pairs, 200), elsewhere=True)
    for name, size, count in (("100 B", 100, 1000), ("8 KB", 8 << 10, 500), ("1 MB", 1 << 20, 5)):
        body = _body(size)
        roots = OPERATION.request_roots
        frozen = Arm(lambda body=body, roots=roots: freezing.freeze(body, roots))  # type: ignore[misc]
        paired.show(f"freeze {name}", paired.compare(nothing, frozen, pairs, count))
    untraced, traced = _answer, _traced(_answer)
    body = _body(100)
    own, ours = Arm(lambda: untraced(body)), Arm(lambda: traced(body))
    paired.show("replaced function", paired.compare(own, ours, pairs, 200), elsewhere=True)
    plain, observed = (Arm(_read(CHUNKS, traced)) for traced in (False, True))
    in_chunks = {"unit": 1000 * CHUNKS, "digits": 3}
    paired.show("per chunk, null control", paired.compare(plain, plain, pairs, 5), **in_chunks)
    paired.show("per chunk", paired.compare(plain, observed, pairs, 5), elsewhere=True, **in_chunks)


if __name__ == "__main__":
    main()
