"""The ways out of a process after which no Python runs: what was recorded is written before.

Forked children leave by `os._exit` (multiprocessing, billiard, whoever follows the documentation of `os.fork`), programs
that restart themselves by `exec`, and servers by raising the signal again that they have handled (uvicorn). None of these
runs `atexit`.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from autotrace import _diagnostics as diagnostics

_WAYS = ((os, "_exit"), (os, "execv"), (os, "execve"), (os, "kill"), (signal, "raise_signal"))


def watch(before: Callable[[bool], object]) -> None:
    """Have `before` called when the process is about to be left; with True where its open spans end here, too.

    For good: the functions stay replaced, as others may have taken them by name.
    """
    for module, name in _WAYS:
        original = getattr(module, name, None)
        if callable(original):
            setattr(module, name, _after(original, before, name))


def _after(original: Callable[..., Any], before: Callable[[bool], object], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        if name != "kill" or (args and args[0] == os.getpid()):
            try:
                before(name == "_exit")
            except Exception as exc:  # ours: the process is left all the same
                diagnostics.failed(f"writer: before {name}", exc, aside=True)
        return original(*args, **kwargs)

    return replaced
