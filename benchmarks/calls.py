"""The cost of a traced call for the program: `python -m benchmarks.calls`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autotrace
from benchmarks import clients, paired
from benchmarks.paired import Arm


def _calls() -> dict[str, Callable[[], object]]:
    chat = clients.openai_client(clients.OPENAI_CHAT).chat.completions.create
    embed = clients.openai_client(clients.OPENAI_EMBEDDING).embeddings.create
    message = clients.anthropic_client(clients.ANTHROPIC_MESSAGE).messages.create
    long: Any = clients.EIGHT_KB
    small: Any = clients.SMALL
    return {
        "OpenAI chat, small": lambda: chat(model="model-1", messages=small),
        "OpenAI chat, 8 KB": lambda: chat(model="model-1", messages=long),
        "OpenAI embeddings, 1536 dimensions": lambda: embed(model="model-1", input="What is the capital of France?"),
        "Anthropic message, small": lambda: message(model="model-1", max_tokens=100, messages=small),
        "Anthropic message, 8 KB": lambda: message(model="model-1", max_tokens=100, messages=long),
    }


def _suppressed(call: Callable[[], object]) -> Callable[[], object]:
    def suppressed() -> object:
        with autotrace.suppress():
            return call()

    return suppressed


def main(pairs: int = 200) -> None:
    """Print the figures."""
    paired.begin("Calls: µs of the caller's CPU per call, against the unpatched SDK", "openai", "anthropic", "httpx2")
    switch = clients.Switch()
    for name, call in _calls().items():
        untraced = Arm(call, switch.off)
        null = paired.compare(untraced, untraced, pairs)
        print(f"  {name}: {null.first / 1000:.1f} µs untraced")
        paired.show("  null control", null)
        paired.show("  patched, suppressed", paired.compare(untraced, Arm(_suppressed(call), switch.on), pairs))
        paired.show("  traced", paired.compare(untraced, Arm(call, switch.on), pairs), elsewhere=True)
    switch.on()
    autotrace.disable()


if __name__ == "__main__":
    main()
